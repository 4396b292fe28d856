"""The kinds of container engines.

An engine is not a client: any program may talk with either.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Family"]


class Family(StrEnum):
    """The kind of an engine.

    It is the first word of a container's context: ``docker:web``.
    """

    DOCKER = "docker"
    PODMAN = "podman"
