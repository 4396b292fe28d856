"""The file with secrets of a grant ends also if the disk takes no new file."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shorepass.agent.audit_log import AuditLog, log_path
from shorepass.agent.lender import Lender
from shorepass.agent.lent_file import LentFile
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.errors import WriteError
from shorepass.grants import file, folder
from shorepass.grants.grant import EXPORT, Grant

REGISTRY = "registry.example"
AUTH = base64.b64encode(b"alice:correct-horse").decode()
SECONDS = 60.0


@pytest.fixture
def grant(home: Path) -> Grant:
    """A grant in mode ``export``, which every user of its target can read."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: {"auth": AUTH}}}))
    here = LocalContext.current()
    id_ = "0123abcd"
    made = Grant(id_, "flags", EXPORT, (REGISTRY,), folder.folder_of(here, id_), "", 0.0, 9e9, any_user=True)
    file.add(here, made)
    folder.make(made)
    return made


@pytest.fixture
def lent(grant: Grant) -> Iterator[LentFile]:
    """The grant as an agent serves it, with its first file."""
    here = LocalContext.current()
    lender = Lender(here, AuditLog(log_path(here)), memory=Memory, is_locked=lambda: False)
    served = LentFile(lender, grant)
    assert served.trouble() == ""
    yield served
    served.close()


def is_there(path: str) -> bool:
    return os.path.exists(path) and AUTH in Path(path).read_text()


def test_a_full_disk_keeps_no_secret(grant: Grant, lent: LentFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock removes the login although no file can be written; after the unlock, every user can read the file again."""
    path = folder.config_of(grant)
    assert is_there(path)

    seen: list[bool] = []

    def fail(*_: object, **__: object) -> bool:
        seen.append(is_there(path))
        raise WriteError(path, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("shorepass.files.update", fail)
        lent.withdraw()
        assert not is_there(path)
        assert seen == [False]  # a save waits for a lock, which the target can hold
    lent.wake()
    pause = threading.Event()
    while not is_there(path):
        pause.wait(0.02)
    assert os.stat(path).st_mode & 0o777 == 0o644
