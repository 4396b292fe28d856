"""A command that starts containers."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Start"]


class Start(NamedTuple):
    """The words of a command, such as ``docker compose up -d``.

    ``program``: the absolute path of ``argv[0]``. ``at``: the position behind the verb. ``services``: those of a compose
    project that get the grant, empty for all. ``private``: a folder of mode 0700 that exists while the command runs.
    """

    program: str
    argv: tuple[str, ...]
    at: int
    services: tuple[str, ...] = ()
    private: str = ""

    @property
    def verb(self) -> str:
        """The word that starts a container: ``up``."""
        return self.argv[self.at - 1]

    @property
    def before(self) -> tuple[str, ...]:
        """The words before the verb, with ``argv[0]``."""
        return self.argv[: self.at - 1]

    @property
    def after(self) -> tuple[str, ...]:
        """The words behind the verb."""
        return self.argv[self.at :]

    def values(self, *names: str) -> list[str]:
        """Return the values of a flag, in the order of the command.

        >>> Start("/bin/devcontainer", ("devcontainer", "up", "--config", "a.json"), 2).values("--config")
        ['a.json']
        """
        return _values(self.argv, names)

    def values_before(self, *names: str) -> list[str]:
        """Return the values of a flag in front of the verb; behind it, the word may be of a command in the container.

        >>> Start("/bin/docker", ("docker", "compose", "-f", "a.yaml", "run", "web", "rm", "-f", "x"), 5).values_before("-f")
        ['a.yaml']
        """
        return _values(self.before, names)


def _values(argv: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    found = []
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if word in names:
            found.append(following)
        elif equals and name in names:
            found.append(value)
        elif word[:2] in names:  # -fa.yaml
            found.append(word[2:])
    return found
