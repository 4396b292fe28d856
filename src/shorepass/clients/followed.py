"""The release whose rules a client follows in a context: the one asked for, the one on PATH there, or the newest known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.clients.on_path import release_on_path
from shorepass.clients.packaged import Packaged, release_in_packages
from shorepass.clients.release import Release, Rule, full_name
from shorepass.contexts import is_untouched
from shorepass.contexts.once import once
from shorepass.resolution import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shorepass.contexts import Context

__all__ = ["Followed"]


class Followed:
    """Which release of ``program`` counts in ``context``. The program is started only when the first rule is asked for.

    ``asked``: the release that the user named. ``newest``: the newest one whose rules are known.
    """

    def __init__(self, context: Context, program: str, asked: Release | None, newest: Release) -> None:
        self.program = program
        self._context = context
        self._asked = asked
        self._newest = newest

    def has(self, rule: Rule | Mapping[str, Rule]) -> bool:
        """Tell whether that release follows a rule, or the one of its program where each has releases of its own."""
        of_program = rule if isinstance(rule, Rule) else rule.get(self.program)
        return of_program is not None and of_program.holds(self.release)

    @once
    def release(self) -> Release | None:
        """Return the release; None: the newest."""
        return self._asked or (self._found.release if self._found else None)

    @once
    def _found(self) -> Packaged | None:
        """Return what the program says of itself; in a container, where none is run, what its package database says."""
        if is_untouched(self._context.name):
            return release_in_packages(self._context, self.program)
        release = release_on_path(self._context, self.program)
        return Packaged(release, "on PATH") if release else None

    def step(self) -> Step:
        """Return which release it is, and where that is known from."""
        if self._asked:
            return self._said(self._asked, f"--client {full_name(self.program, self._asked)}")
        if self._found:
            return self._said(*self._found)
        why = "its program tells no release"
        if self._context.which(self.program) is None:
            why = "its program is not on PATH"
        elif is_untouched(self._context.name):
            why = "no package there tells its release, and nothing is run in a container"
        return self._said(self._newest, f"the newest rules known: {why}")

    def _said(self, release: Release, why: str) -> Step:
        return Step("release", Outcome.OK, f"{self.program} {release}", why)
