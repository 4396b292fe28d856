"""A context that discovery found, and how to open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts import Context

__all__ = ["Place"]


class Place(NamedTuple):
    """A context that discovery found, not opened yet.

    ``name`` is the word for ``--in``. ``inside``: what it is in, as ``docker`` or ``lima:default``; empty for this machine.
    ``state``: ``running``, ``exited`` ..., empty for a kind that has no states. ``trouble``: why it cannot be opened
    (``no answer within 3 s``), and ``hint`` the next step; then ``open`` is None. ``open`` raises ContextError.
    """

    name: str
    inside: str = ""
    state: str = ""
    open: Callable[[], Context] | None = None
    trouble: str | None = None
    hint: str | None = None
