"""``shorepass doctor`` as the tests of findings use it, and the real programs beside it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from conftest import Done

__all__ = ["Doctor", "Finding", "Program", "found", "log_in", "one", "release"]

Finding = dict[str, Any]


class Doctor(Protocol):
    """The type of the ``doctor`` fixture: runs ``shorepass doctor --json`` with these words."""

    def __call__(self, *words: str, client: str = "") -> Done: ...


class Program(Protocol):
    """The type of fixtures that run a real program in the test's environment."""

    def __call__(self, *words: str, stdin: str = "") -> CompletedProcess[str]: ...


def found(done: Done, *, notes: bool = False) -> list[Finding]:
    """Return the findings that doctor printed; without ``notes`` those alone that make a place unhealthy."""
    assert done.status in (0, 1), done.stderr
    findings: list[Finding] = json.loads(done.stdout)["findings"]
    return [finding for finding in findings if notes or finding["severity"] != "note"]


def one(done: Done, *, notes: bool = False) -> Finding:
    """Return the finding that doctor has, which is the only one."""
    (finding,) = found(done, notes=notes)
    return finding


def release(docker: Program) -> tuple[int, int]:
    """Return the release of a docker."""
    major, minor = re.findall(r"[0-9]+", docker("--version").stdout)[:2]
    return int(major), int(minor)


def log_in(docker: Program, registry: str, user: str, password: str) -> None:
    """Log in with the real docker."""
    done = docker("login", "-u", user, "--password-stdin", registry, stdin=password)
    assert done.returncode == 0, done.stderr
