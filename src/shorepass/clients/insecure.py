"""Which registries a client may talk to in plain http, or without a look at the certificate: its own list of them.

docker leaves that to its engine (``insecure-registries`` in ``daemon.json``, and 127.0.0.0/8), which tells it in ``docker
info``; podman, skopeo and buildah read ``insecure = true`` in ``registries.conf``.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from shorepass.bounded_json import loads
from shorepass.errors import SourceError
from shorepass.names import split_host_port
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.config.registries_conf import RegistriesConf
    from shorepass.contexts import Context
    from shorepass.names import Reference

__all__ = ["is_listed_by_conf", "is_listed_by_engine"]

ENGINE_SECONDS = 5.0  # for the engine to answer: one that hangs lists nothing
ENGINE_LIMIT = 1024 * 1024  # bytes


def is_listed_by_conf(load: Callable[[], RegistriesConf], reference: Reference) -> bool:
    """Tell whether ``registries.conf`` lists a registry. ``load`` reads it as the client does, and may raise SourceError."""
    try:
        conf = load()
    except SourceError:
        return False
    found = conf.registry(reference.name)
    return found is not None and found.insecure


def is_listed_by_engine(context: Context, registry: str, seconds: float) -> bool:
    """Ask the engine that docker talks to, for ``seconds`` at most.

    A name is not looked up for the networks listed: addresses alone are found.
    """
    docker = context.which("docker")
    if docker is None:
        return False
    argv = [docker, "info", "--format", "{{json .RegistryConfig}}"]
    try:
        done = context.run(argv, b"", timeout=min(seconds, ENGINE_SECONDS), limit=ENGINE_LIMIT)
        known = loads(done.stdout)
        index = known["IndexConfigs"].get(registry)
        networks = known["InsecureRegistryCIDRs"] or []
        return not index["Secure"] if index else _is_in(networks, registry)
    except (ProcessError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _is_in(networks: list[str], registry: str) -> bool:

    try:
        address = ipaddress.ip_address(split_host_port(registry)[0].strip("[]"))
        return any(address in ipaddress.ip_network(network) for network in networks)
    except ValueError:
        return False
