"""The builder of ``docker buildx``: BuildKit in a container, with its own certificates, lists and network.

Sources: docker/buildx store/store.go (``current``, ``instances/NAME``) and store/nodegroup.go; moby/buildkit
util/resolver/config. The driver ``docker`` is the engine itself.
"""

from __future__ import annotations

import binascii
import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.config.locations import docker_config_path
from shorepass.errors import SourceError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shorepass.contexts import Context

__all__ = ["Builder", "current_builder"]

FILE_LIMIT = 1024 * 1024  # bytes of a builder's description
CONFIG = "buildkitd.toml"
OWN_MACHINE = frozenset(("docker-container", "kubernetes", "remote"))  # the drivers that do not build in the engine


class Builder(NamedTuple):
    """``registries``: the tables of its configuration by registry. ``shares_network``: it has the network of the engine."""

    name: str
    driver: str
    registries: Mapping[str, Any]
    shares_network: bool

    def knows(self, registry: str, *fields: str) -> bool:
        """Tell whether its configuration sets one of these fields for a registry."""
        table = self.registries.get(registry)
        return isinstance(table, dict) and any(table.get(field) for field in fields)


def current_builder(context: Context) -> Builder | None:
    """Return the builder that ``docker buildx build`` uses, None if that is the engine itself or not known."""
    folder = context.getenv("BUILDX_CONFIG") or os.path.join(os.path.dirname(docker_config_path(context)[0]), "buildx")
    name = context.getenv("BUILDX_BUILDER") or str(_json(context, os.path.join(folder, "current")).get("Name") or "")
    if not name or "/" in name:
        return None
    said = _json(context, os.path.join(folder, "instances", name.lower()))
    driver, nodes = str(said.get("Driver") or ""), said.get("Nodes")
    node = nodes[0] if isinstance(nodes, list) and nodes else None
    if driver not in OWN_MACHINE or not isinstance(node, dict):
        return None
    options = node.get("DriverOpts")
    shares = isinstance(options, dict) and options.get("network") == "host"
    return Builder(printable(name), printable(driver), _registries(node.get("Files")), shares)


def _json(context: Context, path: str) -> dict[str, Any]:
    try:
        content = context.read(path, FILE_LIMIT)
        found = loads(content.data) if content else {}
    except (SourceError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _registries(files: object) -> Mapping[str, Any]:
    import tomllib  # only where there is such a file

    encoded = files.get(CONFIG) if isinstance(files, dict) else None
    try:
        found = tomllib.loads(binascii.a2b_base64(encoded).decode()) if isinstance(encoded, str) else {}
    except ValueError:  # binascii.Error, UnicodeDecodeError and TOMLDecodeError
        return {}
    registries = found.get("registry")
    return registries if isinstance(registries, dict) else {}
