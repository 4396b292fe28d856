"""The flags with which docker and podman start a container that has a grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.errors import UsageError, printable
from shorepass.grants.contents import contents
from shorepass.grants.image_of_command import platform_of

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.contents import Contents
    from shorepass.grants.grant import Grant
    from shorepass.grants.start import Start

__all__ = ["flags", "mounts", "with_flags"]


def flags(here: LocalContext, grant: Grant, platform: str = "") -> list[str]:
    """Return the flags for docker and podman. ``platform``: of the container, ``linux/arm64``; "" for this machine's.

    Raises UsageError: there is no forwarder for that platform, or a path that the flags cannot have.
    """
    lent = contents(here, grant, platform)
    found = [f"--mount={value}" for value in mounts(lent)]
    found += [f"--env={name}={value}" for name, value in lent.variables.items()]
    return [*found, *(f"--env={name}" for name in lent.passed)]


def mounts(lent: Contents) -> list[str]:
    """Return the values of ``--mount`` for what a container gets. Raises UsageError."""
    return [_mount(source, target, writable=target in lent.writable) for target, source in lent.mounts.items()]


def _mount(source: str, target: str, *, writable: bool) -> str:
    if any(character in source for character in ',"\n'):
        raise UsageError(f"{printable(source)}: neither docker nor podman can mount a path with a comma or a quote")
    found = f"type=bind,source={source},target={target}"
    return found if writable else f"{found},readonly"


def with_flags(here: LocalContext, grant: Grant, start: Start) -> list[str]:
    """Return a command of docker or podman with the flags right behind its verb, so that its own override them.

    Raises UsageError.
    """
    return [*start.before, start.verb, *flags(here, grant, platform_of(start)), *start.after]
