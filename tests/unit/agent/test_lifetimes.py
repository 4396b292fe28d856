"""A grant ends in time although this machine's clock is set back."""

from __future__ import annotations

import os
import time

import pytest

from shorepass.agent.audit_log import AuditLog, log_path
from shorepass.agent.grants import Lending
from shorepass.agent.lender import Lender, NotLent
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.grants import file, folder
from shorepass.grants.grant import FORWARD, Grant

ID = "0123abcd"
CREATED, SECONDS = 1_000_000.0, 100.0


class Clocks:
    """``wall`` can be set; ``boot`` only goes on."""

    def __init__(self) -> None:
        self.wall = CREATED
        self.boot = 5.0

    def pass_time(self, seconds: float) -> None:
        """Let both go on."""
        self.wall += seconds
        self.boot += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """The two clocks of this machine."""
    found = Clocks()
    monkeypatch.setattr(time, "time", lambda: found.wall)
    return found


@pytest.fixture
def grant() -> Grant:
    """A grant for a hundred seconds."""
    here = LocalContext.current()
    until = CREATED + SECONDS
    made = Grant(ID, "flags", FORWARD, ("registry.example",), folder.folder_of(here, ID), "", CREATED, until)
    file.add(here, made)
    return made


def lender_of(clocks: Clocks) -> Lender:
    """Return what an agent that starts now has."""
    here = LocalContext.current()
    log = AuditLog(log_path(here))
    return Lender(here, log, memory=Memory, is_locked=lambda: False, clock=lambda: clocks.boot)


def test_a_clock_that_is_set_back_again_and_again(clocks: Clocks, grant: Grant) -> None:
    """The grant has its time and no more, and then its folder and its row in the list are removed."""
    lender = lender_of(clocks)
    lending = Lending(lender)
    assert lending.refresh() == {}
    for _ in range(10):
        assert lender.terms(ID).grant == grant
        clocks.pass_time(SECONDS / 10 - 0.01)
        clocks.wall = CREATED
    clocks.pass_time(0.2)
    with pytest.raises(NotLent, match="its time is over"):
        lender.terms(ID)
    assert (lending.refresh(), len(lending)) == ({}, 0)
    assert not os.path.exists(grant.folder)
    assert file.load(LocalContext.current()) == {}


def test_a_clock_that_goes_forward_and_back(clocks: Clocks, grant: Grant) -> None:
    """A grant that has ended by a wrong clock is there again with the right one, and ends in its time."""
    lender = lender_of(clocks)
    lending = Lending(lender)
    lending.refresh()
    clocks.wall += 2 * SECONDS
    lending.refresh()
    assert len(lending) == 0
    clocks.wall = CREATED
    clocks.boot += SECONDS / 2
    lending.refresh()
    assert (len(lending), lender.terms(ID).grant) == (1, grant)
    clocks.boot += SECONDS / 2
    lending.refresh()
    assert len(lending) == 0


def test_an_agent_that_starts_after_the_clock_was_set_back(clocks: Clocks, grant: Grant) -> None:
    """It knows only the wall's clock: the grant has the rest by that, and never more than its whole time."""
    clocks.pass_time(SECONDS - 1)
    clocks.wall = CREATED
    lender = lender_of(clocks)
    assert lender.terms(ID).grant == grant
    clocks.boot += SECONDS
    with pytest.raises(NotLent):
        lender.terms(ID)
