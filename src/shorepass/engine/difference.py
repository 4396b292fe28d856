"""Why an engine has another answer than this shell, and the command that helps."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.clients import find
from shorepass.contexts.local import LocalContext
from shorepass.engine.known_errors import Kind
from shorepass.errors import ShorepassError, SourceError, UsageError
from shorepass.foreign_text import quoted
from shorepass.http import parse_url
from shorepass.http.proxy import proxy_for
from shorepass.names import HUB_API, HUB_REGISTRY, split_host_port
from shorepass.registry import certs_d

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.engine.info import EngineInfo
    from shorepass.engine.question import EngineAnswer

__all__ = ["Cause", "Difference", "difference", "folder_of", "is_in_daemon_file", "route_difference"]

FILE_LIMIT = 1024 * 1024  # bytes of daemon.json
DESKTOP_PROXIES = ".docker.internal"  # Docker Desktop's own, which lead to those of its settings
DESKTOP = "docker-desktop"  # the host name of Docker Desktop's machine
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Cause(Enum):
    """What differs."""

    PROXY = "the engine and this shell use different proxies"
    TRUST = "the engine does not trust an authority that this user trusts"
    LIST = "the engine has not read its list of insecure registries again"
    REACH = "the engine does not reach the registry"


class Difference(NamedTuple):
    """``text``: one sentence, lower case. ``evidence``: lines. ``advice``: the command."""

    cause: Cause
    text: str
    evidence: tuple[str, ...]
    advice: str


def difference(context: Context, client: str, registry: str, answer: EngineAnswer) -> Difference:
    """Return why the engine fails at a registry, with what this shell has and the engine does not."""
    said = (f"the engine ({answer.name}) says: {answer.words}",)
    kinds = {Kind.AUTHORITY: _trust, Kind.CERTIFICATE: _trust, Kind.PLAIN: _listed}
    compare = kinds.get(answer.kind, _reach)
    return compare(context, client, registry, answer, said)


def _trust(context: Context, client: str, registry: str, answer: EngineAnswer, said: tuple[str, ...]) -> Difference:
    if is_in_daemon_file(context, registry, answer.info):
        return _listed(context, client, registry, answer, said)
    read = folder_of(context, registry, answer.info)
    try:
        found = certs_d.find(context, find(client), registry)
    except ShorepassError:
        found = certs_d.Certificates()
    if found.authorities and found.folder != read:
        text = f"the engine does not read {found.folder}"
        return Difference(Cause.TRUST, text, (*said, f"read: {read}/*.crt"), _copy(found.folder, read, answer.info))
    variable = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if context.getenv(name)), "")
    if variable:
        text = f"{variable} is set in this shell, and the engine does not see it"
        source = f'"${variable}"' if variable == "SSL_CERT_FILE" else "AUTHORITY.crt"
        if registry == HUB_REGISTRY:
            return Difference(Cause.TRUST, text, said, _install_for_all(source, answer.info))
        return Difference(Cause.TRUST, text, said, _install(source, read, answer.info))
    text = "this machine trusts the authority, and the engine has not read the system's authorities again"
    return Difference(Cause.TRUST, text, said, _restart(answer.info))


def _listed(context: Context, client: str, registry: str, answer: EngineAnswer, said: tuple[str, ...]) -> Difference:
    if is_in_daemon_file(context, registry, answer.info):
        path = _daemon_file(context, answer.info)
        text = f"{path} lists it as insecure, and the engine has not read that file again"
        return Difference(Cause.LIST, text, said, _restart(answer.info, verb="reload"))
    text = "the engine does not list it as insecure"
    return Difference(Cause.LIST, text, said, find(client).facts.plain_http_advice.format(registry=registry))


def _reach(context: Context, client: str, registry: str, answer: EngineAnswer, said: tuple[str, ...]) -> Difference:  # noqa: ARG001
    info = answer.info
    proxies = route_difference(context, registry, info)
    if proxies is not None:
        advice = proxies.advice if proxy_of(context, registry) else _set_no_proxy(info, registry)
        return proxies._replace(evidence=said, advice=advice)
    if answer.kind is Kind.PROXY:
        text = f"the engine's proxy {proxy_of(_as_engine(context, info), registry)} fails"
        return Difference(Cause.REACH, text, said, _edit(info))
    text = "the engine does not reach it, but this shell does"
    if answer.kind is Kind.NAME:
        text = "the engine cannot resolve its name, but this shell can"
    at = (f"the engine runs on {info.host}",) if info.host else ()
    advice = _restart(info)
    if info.host and info.host != LocalContext.host_name():
        advice = (
            f"give {quoted(info.host)}, where the engine runs, the name, the VPN or the route to {quoted(registry)}"
        )
    return Difference(Cause.REACH, text, (*said, *at), advice)


def route_difference(context: Context, registry: str, info: EngineInfo) -> Difference | None:
    """Return how the engine's proxy for a registry differs from this shell's; None if it does not, or is not known."""
    here, there = proxy_of(context, registry), proxy_of(_as_engine(context, info), registry)
    if here == there or there.partition("://")[2].partition(":")[0].endswith(DESKTOP_PROXIES):
        return None
    if not here:
        text = f"the engine goes through the proxy {there}, and this shell uses no proxy for it"
        return Difference(Cause.PROXY, text, (), f"export HTTPS_PROXY={quoted(there)}")
    way = f"goes through {there}" if there else "uses no proxy"
    return Difference(
        Cause.PROXY, f"this shell goes through the proxy {here}, and the engine {way}", (), _set_proxy(info)
    )


def proxy_of(context: Context, registry: str) -> str:
    """Return the address of the proxy by which a context reaches a registry, "" for none."""
    host = HUB_API if registry == HUB_REGISTRY else registry
    try:
        proxy = proxy_for(parse_url(f"https://{host}/v2/"), context)
    except UsageError:
        return "(not a URL)"
    return str(proxy.url).rstrip("/") if proxy else ""


def _as_engine(context: Context, info: EngineInfo) -> Context:
    """Return a context with the engine's proxies, for the rules that both share."""
    proxies = dict(info.proxies)
    variables = {name: proxies.get(name, "") for name in VARIABLES}
    return context.with_env(**variables, **{name.lower(): value for name, value in variables.items()})


def _home(context: Context) -> str:
    return context.getenv("XDG_CONFIG_HOME") or f"{context.home() or ''}/.config"


def folder_of(context: Context, registry: str, info: EngineInfo) -> str:
    """Return the folder of certificates that the engine reads: moby registry/config.go ``CertsDir``."""
    root = f"{_home(context)}/docker" if info.is_rootless else "/etc/docker"
    return f"{root}/certs.d/{registry}"


def _daemon_file(context: Context, info: EngineInfo) -> str:
    return f"{_home(context)}/docker/daemon.json" if info.is_rootless else "/etc/docker/daemon.json"


def is_in_daemon_file(context: Context, registry: str, info: EngineInfo) -> bool:
    """Tell whether the engine's file lists a registry as insecure, whether the engine has read it or not."""
    try:
        content = context.read(_daemon_file(context, info), FILE_LIMIT)
        said = loads(content.data) if content else {}
    except (SourceError, ValueError):
        return False
    listed = said.get("insecure-registries") if isinstance(said, dict) else None
    return isinstance(listed, list) and registry in listed


def _sudo(info: EngineInfo) -> str:
    return "" if info.is_rootless else "sudo "


def _copy(folder: str, read: str, info: EngineInfo) -> str:
    sudo = _sudo(info)
    return f"{sudo}mkdir -p {quoted(read)} && {sudo}cp {quoted(folder)}/*.crt {quoted(read)}/"


def _install(source: str, read: str, info: EngineInfo) -> str:
    sudo = _sudo(info)
    return f"{sudo}mkdir -p {quoted(read)} && {sudo}cp {source} {quoted(f'{read}/ca.crt')}"


def _install_for_all(source: str, info: EngineInfo) -> str:
    """Return the command that adds an authority to the system's: docker reads no folder for Docker Hub."""
    place = "/usr/local/share/ca-certificates/shorepass-added.crt"
    return f"sudo cp {source} {place} && sudo update-ca-certificates && {_restart(info)}"


def _systemctl(info: EngineInfo) -> str:
    return "systemctl --user" if info.is_rootless else "sudo systemctl"


def _restart(info: EngineInfo, verb: str = "restart") -> str:
    return "docker desktop restart" if info.host == DESKTOP else f"{_systemctl(info)} {verb} docker"


def _edit(info: EngineInfo) -> str:
    """Return the command that changes the engine's variables."""
    if info.host == DESKTOP:
        return "docker desktop: Settings, Resources, Proxies"
    return f"{_systemctl(info)} edit docker && {_restart(info)}"


def _set_proxy(info: EngineInfo) -> str:
    """Return the command that gives the engine this shell's proxies. It shows no password of a proxy."""
    names = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
    lines = " ".join(f'"{name}=%s"' for name in names)
    values = " ".join(f'"${{{name}:-${name.lower()}}}"' for name in names)
    return _drop_in(info, "proxy.conf", lines, values)


def _set_no_proxy(info: EngineInfo, registry: str) -> str:
    """Return the command that lets the engine reach a registry without its proxy."""
    known = dict(info.proxies).get("NO_PROXY", "")
    hosts = ",".join(filter(None, (known, split_host_port(registry)[0])))
    return _drop_in(info, "no-proxy.conf", '"NO_PROXY=%s"', quoted(hosts))


def _drop_in(info: EngineInfo, name: str, lines: str, values: str) -> str:
    if info.host == DESKTOP:
        return _edit(info)
    folder = "~/.config/systemd/user/docker.service.d" if info.is_rootless else "/etc/systemd/system/docker.service.d"
    sudo, systemctl = _sudo(info), _systemctl(info)
    return (
        f"{sudo}mkdir -p {folder} && printf '[Service]\\nEnvironment={lines}\\n' {values} | {sudo}tee {folder}/{name}"
        f" && {systemctl} daemon-reload && {systemctl} restart docker"
    )
