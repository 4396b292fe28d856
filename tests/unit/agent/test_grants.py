"""Which grants an agent serves if a file system fails for one of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shorepass.agent.agent import Agent
from shorepass.agent.audit_log import AuditLog, log_path
from shorepass.agent.grants import Lending
from shorepass.agent.lender import Lender
from shorepass.agent.process import _refresh
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.errors import ShorepassError
from shorepass.grants import file, folder
from shorepass.grants.grant import EXPORT, FORWARD, Grant
from shorepass.settings import AgentSettings

GOOD, BAD = "0123abcd", "fedcba98"
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
FAULTS = [FULL, RuntimeError("can't start new thread"), RecursionError(), ValueError("embedded null byte")]


def add(id_: str, mode: str = FORWARD) -> Grant:
    """Store a grant, and return it."""
    here = LocalContext.current()
    grant = Grant(id_, "flags", mode, ("registry.example",), folder.folder_of(here, id_), "", 0.0, 9e9)
    file.add(here, grant)
    return grant


@pytest.fixture
def lending() -> Iterator[Lending]:
    """What serves the grants of an agent."""
    here = LocalContext.current()
    served = Lending(Lender(here, AuditLog(log_path(here)), memory=Memory, is_locked=lambda: False))
    yield served
    served.close()


def fail_for(monkeypatch: pytest.MonkeyPatch, verb: str, id_: str, fault: Exception) -> None:
    """Let a verb of the folders fail for one grant."""
    real = getattr(folder, verb)

    def failing(grant: Grant, *rest: object) -> None:
        if grant.id == id_:
            raise fault
        real(grant, *rest)

    monkeypatch.setattr(folder, verb, failing)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_grant_whose_folder_fails(lending: Lending, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """Another grant is served, the reason is told, and the grant is served when its folder can be made."""
    add(GOOD)
    add(BAD)
    with monkeypatch.context() as full:
        fail_for(full, "make", BAD, fault)
        troubles = lending.refresh()
    assert list(troubles) == [BAD]
    assert troubles[BAD].startswith(type(fault).__name__)
    assert len(lending) == 1
    assert (lending.refresh(), len(lending)) == ({}, 2)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_end_that_fails(lending: Lending, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """The other grants end, too, and their folders go."""
    here = LocalContext.current()
    good, bad = add(GOOD), add(BAD)
    assert lending.refresh() == {}
    fail_for(monkeypatch, "remove", BAD, fault)
    file.remove(here, [GOOD, BAD])
    assert list(lending.refresh()) == [BAD]
    assert len(lending) == 0
    assert not os.path.exists(good.folder)
    assert not os.path.exists(folder.socket_of(bad))


def test_a_lock_withdraws_from_all(lending: Lending, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the secret of one grant cannot be removed, the lock says so, and those of the others are removed."""
    add(GOOD)
    add(BAD)
    lending.refresh()
    asked: list[str] = []

    def withdraw(served: object) -> None:
        asked.append(served._id)  # type: ignore[attr-defined]  # of a grant in mode forward
        if served._id == BAD:  # type: ignore[attr-defined]
            raise FULL

    monkeypatch.setattr("shorepass.agent.served.Served.withdraw", withdraw)
    with pytest.raises(ShorepassError, match=f"the grant {BAD} remains in its target: .*No space"):
        lending.withdraw()
    assert sorted(asked) == [GOOD, BAD]


def test_a_file_that_cannot_be_written_at_first(lending: Lending, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread of a grant with a secret goes on: who shares hears of the trouble."""
    add(GOOD, EXPORT)

    def fail(*_: object) -> None:
        raise FULL

    monkeypatch.setattr("shorepass.agent.lent_file.LentFile._renew", fail)
    lending.refresh()
    assert lending.troubles() == {GOOD: "OSError"}


def test_the_agent_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the grants that the file system cannot read is a line in its output, and not its end."""
    here = LocalContext.current()
    agent = Agent(here, AgentSettings(), AuditLog(log_path(here)), stop=lambda: None)
    said: list[str] = []

    def fail(_: LocalContext) -> None:
        raise FULL

    monkeypatch.setattr(file, "load", fail)
    _refresh(agent, said.append)
    assert said == ["the grants are not read: OSError: [Errno 28] No space left on device"]


def test_a_folder_elsewhere_gets_no_login(lending: Lending, home: Path) -> None:
    """In a home that several machines share, another program could name a folder that others read."""
    grant = add(GOOD, EXPORT)
    elsewhere = home / "shared/grants" / GOOD
    file.add(LocalContext.current(), grant._replace(folder=str(elsewhere)))
    assert "is not in a run folder of this agent" in lending.refresh()[GOOD]
    assert not elsewhere.exists()
