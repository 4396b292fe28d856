"""What programs print for ``--version``: those that only root can change are asked once, for all users."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from shorepass.contexts import versions
from shorepass.contexts.versions import SystemVersions, only_root_can_change

if TYPE_CHECKING:
    from shorepass.processes import Completed


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that are started for all users, in their order."""
    started = []
    run = versions.run

    def recorded(argv: list[str], *args: object, **options: object) -> Completed:
        started.append(argv[0])
        return run(argv, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(versions, "run", recorded)
    return started


def test_a_program_is_started_once(starts: list[str]) -> None:
    """However many threads ask for it, for however many users."""
    known, cat = SystemVersions(), os.path.realpath(programs.require("cat"))
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: known.of(cat), range(40)))
    assert starts == [cat]
    assert {answer.stdout for answer in said if answer} == {programs.run([cat, "--version"]).stdout.encode()}
    assert None not in said


def test_a_program_that_fails(starts: list[str]) -> None:
    """It says nothing for all users, so each user's own answer counts; and it is not started again."""
    known, false = SystemVersions(), os.path.realpath(programs.require("false"))
    assert [known.of(false), known.of(false)] == [None, None]
    assert starts == [false]


PARTS = ["/", "/opt", "/opt/tools", "/opt/tools/client"]


def entry(kind: int, mode: int, uid: int) -> os.stat_result:
    return os.stat_result((kind | mode, 1, 1, 1, uid, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("place", PARTS)
@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"uid": 1000}, False),
        ({"mode": 0o775}, False),
        ({"mode": 0o757}, False),
        ({"mode": 0o1777}, False),
        ({"kind": stat.S_IFLNK, "mode": 0o777}, False),
    ],
    ids=["root's", "a user's", "a group may write", "others may write", "sticky", "a symlink"],
)
def test_what_only_root_can_change(
    monkeypatch: pytest.MonkeyPatch, starts: list[str], place: str, change: dict[str, int], kept: bool
) -> None:
    """Each folder on the way counts, as the file itself does. A program that others can change is not started as root."""
    entries = {path: entry(stat.S_IFDIR, 0o755, 0) for path in PARTS} | {PARTS[-1]: entry(stat.S_IFREG, 0o755, 0)}
    kind = stat.S_IFMT(entries[place].st_mode)
    entries[place] = entry(**{"kind": kind, "mode": 0o755, "uid": 0, **change})
    monkeypatch.setattr(os, "lstat", entries.__getitem__)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result([0] * 10))
    assert only_root_can_change(PARTS[-1]) is kept
    assert SystemVersions().of(PARTS[-1]) is None  # it is not really there
    assert starts == ([PARTS[-1]] if kept else [])


@pytest.mark.parametrize("path", ["/usr", "/dev/null", "/nonexistent/client", "/proc/self/exe"])
def test_what_is_no_regular_file(path: str) -> None:
    """It is nobody's program."""
    assert not only_root_can_change(path)
