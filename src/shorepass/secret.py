"""A secret that cannot be printed, logged, formatted or pickled by accident.

The one way out is :meth:`Secret.reveal`; grep for it to see every place where a secret leaves.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Secret"]


class Secret:
    """Text that must not be shown. Equal to another Secret of the same text; false when empty."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. The caller answers for where it goes."""
        return self._text

    def fingerprint(self) -> str:
        """Return the first 8 hex digits of the SHA-256 of the text: tells two secrets apart, gives none away."""
        import hashlib  # not needed on the hot path: 2 ms

        return hashlib.sha256(self._text.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "Secret(...)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")
