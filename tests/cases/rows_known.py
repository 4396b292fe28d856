"""Cases that were diagnosed before the others were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases.acts import login
from cases.case import Case
from cases.repairs import then_login

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]


def by_its_folder(stage: Stage, offer: str) -> None:
    """Whoever started the container mounts the folder instead of the file."""
    del offer
    file = stage.facts["BIND"]
    stage.shell(f"umount {file}; mount --bind {stage.home} {stage.home}")


ROWS = [
    Case(
        "other-19",
        fails="unauthorized",
        asks="doctor {ref}",
        code="SP302",
        cause="*.azurecr.io",
        offers="shorepass login --client podman acme.azurecr.io",
        env={"SSL_CERT_FILE": "{bundle}"},
        ground="net",
        remains=True,
    ),
    Case(
        "other-25",
        fails="unauthorized",
        asks="doctor --client podman {ref}",
        code="SP510",
        cause="the registry requires a login, but the client has none",
        offers="shorepass login",
    ),
    Case(
        "other-29",
        fails="is a directory",
        asks="doctor",
        code="SP104",
        cause="docker creates such a folder for a mount whose file is missing",
        offers="rmdir {home}/.docker/config.json",
        repair=then_login,
    ),
    Case(
        "other-35",
        fails="device or resource busy",
        asks="login --client podman -u alice --password-stdin {registry}",
        types="wonderland",
        code="",
        cause="device or resource busy",
        offers="mount its folder instead",
        act=login,
        repair=by_its_folder,
        ground="net",
    ),
]
