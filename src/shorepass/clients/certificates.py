"""The certificate folders (certs.d) that docker, and podman with its kin, keep for each registry.

Sources: moby registry/config.go ``CertsDir``; containers/image docker/docker_client.go ``dockerCertDir``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.names import HUB_REGISTRY

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["containers_folders", "docker_folders"]


def docker_folders(context: Context, host: str) -> list[str]:
    """Return rootless docker's own folder for a user, then the system's. Docker reads none for Docker Hub."""
    if host == HUB_REGISTRY:
        return []
    if context.platform == "windows":
        data = context.getenv("ProgramData") or r"C:\ProgramData"
        return [rf"{data}\docker\certs.d\{host.replace(':', '')}"]
    own = _config_home(context) if context.uid != 0 else None
    system = f"/etc/docker/certs.d/{host}"
    return [system] if own is None else [f"{own}/docker/certs.d/{host}", system]


def containers_folders(context: Context, host: str) -> list[str]:
    """Return the user's folder, then the system's, then docker's."""
    # containers looks below ~/.config whatever XDG_CONFIG_HOME says.
    home = context.home()
    own = [f"{home}/.config/containers/certs.d/{host}"] if home else []
    return [*own, f"/etc/containers/certs.d/{host}", f"/etc/docker/certs.d/{host}"]


def _config_home(context: Context) -> str | None:
    home = context.home()
    return context.getenv("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)
