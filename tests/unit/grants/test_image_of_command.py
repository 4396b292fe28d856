"""Which word of a command of docker or podman is the image."""

from __future__ import annotations

import re

import pytest

from e2e import programs
from shorepass.errors import InvalidReference, UsageError
from shorepass.grants.image_of_command import SWITCHES, VALUED, image_of
from shorepass.grants.starters import find_starter


def image(command: str) -> str:
    """Return the image of a command."""
    words = command.split()
    return image_of(find_starter(f"/usr/bin/{words[0]}", words)[1])


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("docker run alpine", "docker.io/library/alpine"),
        ("docker run ghcr.io/acme/app:1 other/image", "ghcr.io/acme/app"),
        ("docker run -it --rm ghcr.io/acme/app@sha256:" + "a" * 64, "ghcr.io/acme/app"),
        ("docker run -itp 80:80 -v/a:/b -eA=B -w /x ghcr.io/acme/app", "ghcr.io/acme/app"),
        ("docker run -e ghcr.io/a/b --name=x --network none ghcr.io/acme/app sh", "ghcr.io/acme/app"),
        ("docker run --rm=false -d=true -- ghcr.io/acme/app", "ghcr.io/acme/app"),
        ("docker container create --entrypoint sh ghcr.io/acme/app", "ghcr.io/acme/app"),
        ("podman --log-level debug run --replace --name a ghcr.io/acme/app", "ghcr.io/acme/app"),
    ],
)
def test_the_image(command: str, name: str) -> None:
    """Flags and their values are passed over; the name has its registry and no tag."""
    assert image(command) == name


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("docker run --rm", "names no image"),
        ("docker run --name ghcr.io/acme/app", "names no image"),
        ("docker run --new evil ghcr.io/acme/app", "--new is not known"),
        ("docker run -iZ evil ghcr.io/acme/app", "-Z is not known"),
        ("docker run ghcr.io", "is not an image"),
        ("podman run --rootfs /x ghcr.io/acme/app", "--rootfs is not known"),
        ("podman run acme/app", "looks for the registry"),
        ("docker run docker-archive:/x", "invalid reference"),
    ],
)
def test_what_cannot_be_told(command: str, reason: str) -> None:
    """Behind a flag that is not known, another word may be the image; then there is no row for it."""
    with pytest.raises((UsageError, InvalidReference), match=reason):
        image(command)


@pytest.mark.parametrize("program", [*programs.docker_programs(), programs.require("podman")])
def test_the_tables_are_those_of_the_programs(program: str) -> None:
    """Each flag that the program lists is in the right table."""
    listed = ""
    for verb in ("run", "create"):
        listed += programs.run([program, verb, "--help"], env={"HOME": "/"}).stdout
    flags = re.findall(r"^ +(?:(-\w), )?(--[\w-]+)( [\w<>:]+)?(?: {2}|$)", listed, re.MULTILINE)
    assert len(flags) > 100
    for short, name, value in flags:
        for flag in filter(None, (short, name)):
            assert flag == "--rootfs" or flag in (VALUED if value else SWITCHES), (program, flag)
