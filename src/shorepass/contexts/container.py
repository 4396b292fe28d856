"""Not built yet."""

from __future__ import annotations

from shorepass.errors import ContextError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context, Place
    from shorepass.contexts.local import LocalContext


def find(here: LocalContext, kind: str, rest: str) -> Context:  # noqa: ARG001
    """Raise ContextError."""
    raise ContextError(f"{kind}:{rest}", "not built yet")


def discover(here: LocalContext, timeout: float) -> Iterator[Place]:  # noqa: ARG001
    """Find nothing."""
    return iter(())
