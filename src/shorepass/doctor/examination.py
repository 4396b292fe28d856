"""What the checks look at: one context, and what its clients say, each asked once."""

from __future__ import annotations

from functools import cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.clients import Client, Entry
    from shorepass.contexts import Context
    from shorepass.contexts.local import LocalContext
    from shorepass.names import Reference
    from shorepass.registry.client import Access
    from shorepass.resolution import Resolution

__all__ = ["Examination"]

FAMILIES = ("docker", "podman")  # skopeo and buildah read what podman reads


class Examination:
    """One context under examination.

    ``here`` is the context that we run in. ``reference``: the image or registry somebody has trouble with, None for all
    logins. ``push``: it is to be pushed. ``access``: how to talk with registries; None forbids all network.
    """

    def __init__(
        self,
        context: Context,
        here: LocalContext,
        *,
        reference: Reference | None = None,
        push: bool = False,
        access: Access | None = None,
        clients: tuple[str, ...] = FAMILIES,
    ) -> None:
        self.context = context
        self.here = here
        self.reference = reference
        self.push = push
        self.access = access
        self._names = clients

    @cached_property
    def clients(self) -> tuple[Client, ...]:
        """The clients whose logins are examined."""
        from shorepass.clients import find

        return tuple(find(name) for name in self._names)

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """The stored logins by client, broken places included as entries with an error."""
        return {client.name: client.entries(self.context) for client in self.clients}

    @cached_property
    def resolutions(self) -> dict[str, Resolution]:
        """What each client does about ``reference``; empty where there is none."""
        if self.reference is None:
            return {}
        return {client.name: client.resolve(self.context, self.reference) for client in self.clients}
