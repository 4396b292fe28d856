"""The known word that is nearest to an unknown one, and where that one is on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["SECRET_FLAGS", "has_only_known_flags", "nearest", "position"]

SECRET_FLAGS = frozenset(("-p", "--password"))  # a word after one of these is a password


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like ``word``, in any case; None if none is like it."""
    from difflib import get_close_matches  # only a wrong command line needs it, and it takes a millisecond to load

    spellings = {each.lower(): each for each in known}
    found = get_close_matches(word.lower(), spellings, n=1)
    return spellings[found[0]] if found else None


def position(words: Sequence[str], wrong: str, flags: Collection[str] = ()) -> int | None:
    """Return where ``wrong`` is among words, alone or as in ``--flag=wrong``; None if it is not there.

    ``flags``: the names of the flag that ``wrong`` is the value of; empty if it is an argument or the flag is not known.
    """
    for at, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if word == wrong and (not flags or words[at - 1] in flags):
            return at
        if equals and value == wrong and (not flags or flag in flags):
            return at
    return None


def has_only_known_flags(words: Iterable[str], known: Collection[str]) -> bool:
    """Return whether each flag is known and is followed by no secret: then the words can be printed.

    After a flag that is not known any word may be a password.
    """
    flags = {word.partition("=")[0] for word in words if word.startswith("-") and word != "--"}
    return flags <= {*known} - SECRET_FLAGS
