"""Cases that were diagnosed before the others were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases.acts import login
from cases.case import Case
from cases.repairs import then_login

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]


def with_the_authority(stage: Stage, offer: str) -> None:
    """Type the line, with the name of the authority's file."""
    stage.shell(offer.replace("AUTHORITY.crt", stage.ground.authority))


def at_its_own_address(stage: Stage, offer: str) -> None:
    """The administrator names the token server by the address that clients reach."""
    assert f"the administrator of {stage.registry}" in offer
    stage.build_again(REALM=f"http://{stage.registry}/token")


def by_its_folder(stage: Stage, offer: str) -> None:
    """Whoever started the container mounts the folder instead of the file."""
    del offer
    file = stage.facts["BIND"]
    stage.shell(f"umount {file}; mount --bind {stage.home} {stage.home}")


ROWS = [
    Case(
        "docker-25",
        fails="certificate signed by unknown authority",
        asks="doctor --check",
        code="SP507",
        cause="docker trusts no authority that signed its certificate",
        offers="/etc/docker/certs.d/registry.example:5443",
        repair=with_the_authority,
        ground="net",
    ),
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
        "other-21",
        fails="gitea",
        asks="doctor --check",
        code="SP506",
        cause="gitea:3000",
        offers="ask the administrator of {registry}",
        act=login,
        repair=at_its_own_address,
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
