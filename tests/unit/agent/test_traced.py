"""An answer holds as long as everything that led to it is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shorepass.agent.traced import TracedContext


def touch(path: Path) -> None:
    path.write_text("other")


CHANGES: dict[str, tuple[Callable[[TracedContext, Path], object], Callable[[Path], object]]] = {
    "a file that changes": (lambda here, folder: here.read(str(folder / "file"), 100), lambda f: touch(f / "file")),
    "a file that appears": (lambda here, folder: here.read(str(folder / "new"), 100), lambda f: touch(f / "new")),
    "a file that goes": (lambda here, folder: here.status(str(folder / "file")), lambda f: (f / "file").unlink()),
    "the head of a file": (lambda here, folder: here.head(str(folder / "file"), 3), lambda f: touch(f / "file")),
    "a folder that goes": (lambda here, folder: here.is_folder(str(folder / "d")), lambda f: (f / "d").rmdir()),
    "a name in a folder": (lambda here, folder: here.names(str(folder / "d")), lambda f: touch(f / "d/new")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_ends_it(name: str, tmp_path: Path) -> None:
    """After a change of what was read, the answer no longer holds; before, it does."""
    (tmp_path / "file").write_text("first")
    (tmp_path / "d").mkdir()
    look, change = CHANGES[name]
    here = TracedContext({"HOME": str(tmp_path)}, directory="/")
    look(here, tmp_path)
    assert here.trace.is_whole
    assert here.trace.holds({}.get, "/")
    change(tmp_path)
    assert not here.trace.holds({}.get, "/")


def test_variables_and_folder_of_another_caller() -> None:
    """A variable that was read must have the same value, and one that was not read may differ."""
    here = TracedContext({"A": "1", "B": "2"}, directory="/src")
    here.getenv("A")
    here.getenv("MISSING")
    assert here.trace.holds({"A": "1", "B": "3"}.get, "/elsewhere")
    assert not here.trace.holds({"A": "2"}.get, "/src")
    assert not here.trace.holds({"A": "1", "MISSING": ""}.get, "/src")
    here.cwd()
    assert not here.trace.holds({"A": "1"}.get, "/elsewhere")


@pytest.mark.parametrize(
    "act",
    [
        lambda here: here.environment(),
        lambda here: here.which("docker"),
        lambda here: here.run(["/bin/true"], b"", timeout=60, limit=10),
        lambda here: here.with_env(A="2"),
    ],
)
def test_what_it_cannot_see_is_never_remembered(act: Callable[[TracedContext], object]) -> None:
    """An answer that depends on a program or on all variables is not given again."""
    here = TracedContext({"A": "1", "PATH": "/usr/bin"}, directory="/")
    act(here)
    assert not here.trace.is_whole
