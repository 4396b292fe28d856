"""A flood by one grant leaves the lines of others in the audit log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from shorepass.agent.audit_log import KEPT, SIZE_LIMIT, AuditLog, log_path, records
from shorepass.agent.call import Answer
from shorepass.agent.grant_lines import BURST
from shorepass.agent.uses import uses
from shorepass.contexts.caller import Caller
from shorepass.contexts.local import LocalContext

ID, OTHER = "0123abcd", "fedcba98"
LONG = "\N{GRINNING FACE}" * 1000  # twelve bytes each in the log
GIVEN, REFUSED = Answer(0, b"{}"), Answer(1, b"")


class Asked(NamedTuple):
    """What a target asks."""

    server_url: str
    verb: str = "get"
    name: str = "shorepass"


@pytest.fixture
def path() -> str:
    """Where the log is."""
    return log_path(LocalContext.current())


def flood(log: AuditLog, text: str, answer: Answer, grant: str) -> int:
    """Ask until the log would have been rotated away, and return how often that was."""
    line = 400 + len(text[:200].encode("unicode_escape"))
    times = 5 * (KEPT + 1) * SIZE_LIMIT // (4 * line)
    caller = Caller(1, 2, container="c" * 64)
    for _ in range(times):
        log.write(caller, Asked(text), answer, 0.0, grant=grant)
    return times


@pytest.mark.parametrize("text", ["registry.example", LONG], ids=["short", "long"])
def test_a_flood_leaves_the_lines_of_others(path: str, text: str) -> None:
    """The first line remains, also a later one and the user's answers; the number of the left out requests is exact."""
    log = AuditLog(path)
    log.write(Caller(os.getpid(), 1), Asked("first.example"), GIVEN, 0.0)
    log.write(Caller(os.getpid(), 1), Asked("lent.example"), GIVEN, 0.0, grant=OTHER)
    times = flood(log, text, REFUSED, ID)
    log.write(Caller(1, 2), Asked("registry.example", "confirm"), REFUSED, 0.0, grant=ID)
    log.write(Caller(1, 2), Asked("lent.example"), GIVEN, 0.0, grant=OTHER)
    log.end(ID)
    found = list(records(path))
    assert [line["registry"] for line in found[:2]] == ["first.example", "lent.example"]
    assert len([line for line in found if line["grant"] == OTHER]) == 2
    assert len([line for line in found if line["verb"] == "confirm"]) == 1
    of_flood = [line for line in found if line["grant"] == ID and line["verb"] == "get"]
    assert sum(line.get("requests", 1) for line in of_flood) == times
    assert not Path(f"{path}.1").exists()
    assert os.stat(path).st_size < BURST + 20_000


def test_a_login_that_is_given_in_a_flood(path: str) -> None:
    """The count has how many requests gave a login; ``grants`` sees the last use and its container."""
    log = AuditLog(path)
    times = flood(log, "registry.example", REFUSED, ID)
    log.write(Caller(1, 2, container="d" * 64), Asked("given.example"), GIVEN, 0.0, grant=ID)
    log.write(Caller(1, 2, container="c" * 64), Asked("registry.example", "list"), GIVEN, 0.0, grant=ID)
    log.end(ID)
    *_, last = records(path)
    assert (last["registry"], last["container"], last["given"]) == ("given.example", "d" * 64, 1)
    assert times > last["requests"] > times // 2
    assert uses(LocalContext.current())[ID].containers == ("d" * 64,)


def test_a_count_is_written_before_the_end(path: str) -> None:
    """While the grant is used, a count is written as soon as the grant may have a line again."""
    now = [100.0]
    log = AuditLog(path, lambda: now[0])
    flood(log, "registry.example", REFUSED, ID)
    log.write_counts()
    assert not [line for line in records(path) if "requests" in line]
    now[0] += 60.0
    log.write_counts()
    *_, last = records(path)
    assert last["requests"] > 1
    log.write(Caller(1, 2), Asked("next.example"), REFUSED, 0.0, grant=ID)
    *_, last = records(path)
    assert (last["registry"], "requests" in last) == ("next.example", False)
