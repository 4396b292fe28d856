"""The kinds of container engines. An engine is not a client: any program may talk with either."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Family"]


class Family(StrEnum):
    """Whose engine it is; the word stands before the colon of a container's context."""

    DOCKER = "docker"
    PODMAN = "podman"
