"""Migrations that are killed, or refused by the disk: at every moment each login is in at least one place.

More than that: at every moment each client sends what it sent before.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.interrupted import Migration


@pytest.mark.parametrize("undo", [False, True])
def test_killed_at_every_change(tmp_path: Path, *, undo: bool) -> None:
    """Before each call that changes the disk in turn: no client notices, and the next run finishes the work."""
    migration = Migration(tmp_path, undo=undo)
    migration.prepare()
    said = migration.said()
    calls = migration.changes()
    done = migration.content()
    assert {"linkat", "rename", "fsync"} <= {call.name for call in calls}
    for call in calls:
        migration.prepare()
        assert migration.run_with(call, "signal=KILL").status == -9, call.text
        assert migration.said() == said, call.text
        migration.repeat()
        assert (migration.content(), migration.left()) == (done, []), call.text
        assert migration.said() == said


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("undo", [False, True])
def test_error_at_every_change(tmp_path: Path, error: str, *, undo: bool) -> None:
    """The system refuses each in turn: it says so, no client notices, and the next run finishes the work."""
    migration = Migration(tmp_path, undo=undo)
    migration.prepare()
    said = migration.said()
    calls = migration.changes()
    done = migration.content()
    failed = 0
    for call in calls:
        migration.prepare()
        refused = migration.run_with(call, f"error={error}")
        assert "Traceback" not in refused.said, call.text
        assert migration.said() == said, call.text
        failed += refused.status != 0
        migration.repeat()
        assert (migration.content(), migration.left()) == (done, []), call.text
    assert failed > len(calls) // 2
