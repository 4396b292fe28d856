"""What a container tries in mode ``engine`` is in the audit log, and a lock ends what it gets."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shorepass.agent.audit_log import AuditLog, log_path, records
from shorepass.agent.lender import Lender
from shorepass.agent.lent_engine import LentEngine
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.grants import file, folder
from shorepass.grants.grant import ENGINE, Grant
from stand_in_engine import engine


@pytest.fixture
def path() -> Iterator[str]:
    """The socket of a grant with ``--deny``."""
    here = LocalContext.current()
    id_ = "0123abcd"
    folder_ = folder.folder_of(here, id_)
    grant = Grant(id_, "flags", ENGINE, ("ghcr.io",), folder_, "", 0.0, 9e9, engine="/none", deny=True)
    file.add(here, grant)
    folder.make(grant)
    lender = Lender(here, AuditLog(log_path(here)), memory=Memory, is_locked=lambda: False)
    served = LentEngine(lender, grant)
    yield folder.socket_of(grant)
    served.close()


def ask(path: str, line: str, body: str = "") -> str:
    """Send a request; return the whole answer, after which the audit log has its line."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(60)
        wire.connect(path)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        wire.sendall(f"{line} HTTP/1.1\r\nHost: a\r\n{length}\r\n{body}".encode())
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return answer.decode()


def denied() -> list[str]:
    """Return the reasons in the audit log."""
    found = records(log_path(LocalContext.current()))
    return [record["source"] for record in found if (record["grant"], record["verb"]) == ("0123abcd", "denied")]


def test_a_refused_call_is_logged(path: str) -> None:
    """With what was asked for; text of the container cannot control a terminal."""
    assert " 403 " in ask(path, "POST /v1.41/containers/prune")
    assert denied() == ["POST /containers/prune"]
    assert " 403 " in ask(path, "GET /v1.41/%1b[2J")
    assert "\x1b" not in denied()[1]
    assert "[2J" in denied()[1]
    assert " 400 " in ask(path, "GET /v1.41/../info")
    assert len(denied()) == 3


@pytest.mark.parametrize("lock", [False, True])
def test_a_lock_while_the_user_is_asked(home: Path, *, lock: bool) -> None:
    """A yes after the lock gives nothing to the engine; without the lock it gives the login."""
    (home / ".docker").mkdir()
    auth = base64.b64encode(b"alice:correct-horse").decode()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth}}}))
    here = LocalContext.current()
    locked: list[bool] = []
    lender = Lender(here, AuditLog(log_path(here)), memory=Memory, is_locked=lambda: bool(locked))
    with engine({}, (200, "{}")) as (its_context, seen), ThreadPoolExecutor() as callers:
        behind = str(its_context.getenv("DOCKER_HOST")).removeprefix("unix://")
        id_ = "4567abcd"
        folder_ = folder.folder_of(here, id_)
        grant = Grant(id_, "flags", ENGINE, ("ghcr.io",), folder_, "", 0.0, 9e9, engine=behind, confirm=True)
        file.add(here, grant)
        folder.make(grant)
        served = LentEngine(lender, grant)
        line = "POST /v1.41/images/create?fromImage=ghcr.io%2Facme%2Fapp&tag=1"
        answer = callers.submit(ask, folder.socket_of(grant), line, "{}")
        assert lender.confirmations.waiting(id_, 60)
        if lock:
            locked.append(True)
        assert lender.confirmations.answer(id_, {}, yes=True, by="test") == 1
        assert " 200 " in answer.result(60)
        served.close()
    assert (b"x-registry-auth" in seen[0]) is not lock
