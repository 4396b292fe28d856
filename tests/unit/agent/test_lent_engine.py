"""What a container tries in mode ``engine`` is in the audit log."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from shorepass.agent.audit_log import AuditLog, log_path, records
from shorepass.agent.lender import Lender
from shorepass.agent.lent_engine import LentEngine
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.grants import file, folder
from shorepass.grants.grant import ENGINE, Grant


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


def ask(path: str, line: str) -> str:
    """Send a request without a body; return the whole answer, after which the audit log has its line."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(60)
        wire.connect(path)
        wire.sendall(f"{line} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
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
