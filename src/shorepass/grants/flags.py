"""The flags with which docker and podman start a container that has a grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.errors import UsageError, printable
from shorepass.grants.contents import contents

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant
    from shorepass.grants.start import Start

__all__ = ["flags", "mount", "with_flags"]


def flags(here: LocalContext, grant: Grant, platform: str = "") -> list[str]:
    """Return the flags for docker and podman. ``platform``: of the container, ``linux/arm64``; "" for this machine's.

    Raises UsageError: there is no forwarder for that platform, or a path that the flags cannot have.
    """
    mounts, variables, passed = contents(here, grant, platform)
    found = [f"--mount={mount(source, target)}" for target, source in mounts.items()]
    found += [f"--env={name}={value}" for name, value in variables.items()]
    return [*found, *(f"--env={name}" for name in passed)]


def mount(source: str, target: str) -> str:
    """Return the value of ``--mount`` for a bind mount that is read only. Raises UsageError."""
    if any(character in source for character in ',"\n'):
        raise UsageError(f"{printable(source)}: neither docker nor podman can mount a path with a comma or a quote")
    return f"type=bind,source={source},target={target},readonly"


def with_flags(here: LocalContext, grant: Grant, start: Start) -> list[str]:
    """Return a command of docker or podman with the flags right behind its verb, so that its own override them.

    Raises UsageError.
    """
    platform = "".join(start.values("--platform")[:1])
    return [*start.before, start.verb, *flags(here, grant, platform), *start.after]
