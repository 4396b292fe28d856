"""The release of a client's program, and the rules that came with a release."""

from typing import NamedTuple, Self

from shorepass.errors import UsageError
from shorepass.foreign_text import quoted
from shorepass.numbers import whole

__all__ = ["Release", "Rule", "full_name"]

LARGEST_NUMBER = 99_999  # of a part of a release; some programs have the date there
PARTS = 3


class Release(NamedTuple):
    """A release by its numbers, which compare as releases do: ``Release(29, 5) < Release(29, 5, 1)``."""

    major: int
    minor: int = 0
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the release that a user has written: ``29``, ``20.10``, ``29.5.1``. Raises UsageError.

        >>> Release.parse("20.10")
        Release(major=20, minor=10, patch=0)
        """
        numbers = [whole(part, LARGEST_NUMBER) for part in text.split(".")]
        known = [number for number in numbers if number is not None]
        if len(known) < len(numbers) or len(known) > PARTS:
            raise UsageError(f"not a release: {quoted(text)}", hint="write its numbers, as in docker@28.2")
        return cls(*known)

    def __str__(self) -> str:
        """Return the release as a user writes it; without a third number where that is 0."""
        return f"{self.major}.{self.minor}" + (f".{self.patch}" if self.patch else "")


def full_name(program: str, release: Release | None) -> str:
    """Return the name by which ``find`` finds a client of that release: ``docker@20.10``."""
    return f"{program}@{release}" if release else program


class Rule(NamedTuple):
    """A rule that a client follows ``since`` a release, that one included; those before it do not.

    ``source``: the file of the real program, or the change, that has the rule.
    """

    name: str
    since: Release
    source: str

    def holds(self, release: Release | None) -> bool:
        """Tell whether a release follows the rule. None is the newest release, which follows every rule."""
        return release is None or release >= self.since
