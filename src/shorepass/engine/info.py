"""The settings by which an engine reaches registries, as it reports them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.errors import UsageError, printable
from shorepass.http import parse_url

if TYPE_CHECKING:
    from typing import Any

__all__ = ["EngineInfo", "read"]


class EngineInfo(NamedTuple):
    """An engine's settings.

    ``host``: the name of its machine. ``proxies``: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, empty where it has none; the engine
    masks a password in them. ``mirrors``: the URLs of Docker Hub's mirrors. ``is_rootless``: a user runs it.
    ``manages_swarm``: it can list the services of a swarm.
    """

    host: str = ""
    release: str = ""
    proxies: tuple[tuple[str, str], ...] = ()
    mirrors: tuple[str, ...] = ()
    is_rootless: bool = False
    manages_swarm: bool = False

    def mirror_at(self, address: str) -> str:
        """Return the mirror at an address (``host[:port]``), "" for none."""
        return next((url for url in self.mirrors if address_of(url) == address), "")


def address_of(url: str) -> str:
    """Return ``host[:port]`` of a URL, "" if it is not one."""
    try:
        return parse_url(url).authority
    except UsageError:
        return ""


def read(said: dict[str, Any]) -> EngineInfo:
    """Return what an engine says about itself. What is missing or of another type is empty."""
    registries, swarm = said.get("RegistryConfig"), said.get("Swarm")
    registries = registries if isinstance(registries, dict) else {}
    swarm = swarm if isinstance(swarm, dict) else {}
    names = (("HTTP_PROXY", "HttpProxy"), ("HTTPS_PROXY", "HttpsProxy"), ("NO_PROXY", "NoProxy"))
    return EngineInfo(
        host=printable(str(said.get("Name") or "")),
        release=printable(str(said.get("ServerVersion") or "")),
        proxies=tuple((variable, str(said.get(name) or "")) for variable, name in names),
        mirrors=tuple(_texts(registries.get("Mirrors"))),
        is_rootless="name=rootless" in ",".join(_texts(said.get("SecurityOptions"))),
        manages_swarm=swarm.get("LocalNodeState") == "active" and swarm.get("ControlAvailable") is True,
    )


def _texts(found: object) -> list[str]:
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
