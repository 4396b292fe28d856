"""What a grant's socket answers while the user locks, unlocks or changes the policy."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shorepass.agent.audit_log import AuditLog, log_path
from shorepass.agent.lender import Lender
from shorepass.agent.lent_helper import LentHelper
from shorepass.agent_client.connection import Connection
from shorepass.agent_client.frames import Frame, Kind
from shorepass.contexts import FileContent
from shorepass.contexts.local import LocalContext
from shorepass.contexts.memory import Memory
from shorepass.grants import file, folder, policy_file
from shorepass.grants.grant import FORWARD, Grant

REGISTRY = "registry.example"
SECRET = "correct-horse"  # of nobody
OPEN = '[defaults]\nconfirm_within = "1s"\n'


@pytest.fixture
def here(home: Path) -> LocalContext:
    """A user with a login, and a policy that waits a second for a yes."""
    (home / ".docker").mkdir()
    auth = base64.b64encode(f"alice:{SECRET}".encode()).decode()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: {"auth": auth}}}))
    here = LocalContext.current()
    Path(policy_file.path_of(here)).write_text(OPEN)
    return here


@pytest.fixture
def grant(here: LocalContext) -> Grant:
    """A grant that asks before its first use."""
    id_ = "0123abcd"
    made = Grant(id_, "flags", FORWARD, (REGISTRY,), folder.folder_of(here, id_), "", 0.0, 9e9, confirm=True)
    file.add(here, made)
    folder.make(made)
    return made


@pytest.fixture
def ask(here: LocalContext, grant: Grant) -> Iterator[Callable[[Callable[[], bool]], bytes]]:
    """Return a function that asks for the login, and gets what tells whether the agent is locked at each look."""
    served: list[LentHelper] = []

    def ask(is_locked: Callable[[], bool]) -> bytes:
        lender = Lender(here, AuditLog(log_path(here)), memory=Memory, is_locked=is_locked)
        served.append(LentHelper(lender, grant))
        with Connection.to(folder.socket_of(grant), owner=None, seconds=60.0) as connection:
            connection.send(Frame(Kind.CALL, (b"shorepass", b"get", REGISTRY.encode(), b"/", b"")))
            answer = connection.receive()
        assert answer is not None
        return b" ".join(answer.fields[1:])

    yield ask
    for one in served:
        one.close()


def test_who_asks_while_it_is_locked_gets_nothing_by_the_unlock(ask: Callable[[Callable[[], bool]], bytes]) -> None:
    """A call that comes before the unlock, and is answered after it, has nobody's yes."""
    looks = iter([True])
    answer = ask(lambda: next(looks, False))
    assert SECRET.encode() not in answer
    assert b"locked" in answer


def test_who_asks_while_the_policy_is_written_gets_nothing(
    here: LocalContext, ask: Callable[[Callable[[], bool]], bytes]
) -> None:
    """A call that comes while the policy refuses it, and is answered when it does not, has nobody's yes."""
    policy = Path(policy_file.path_of(here))
    policy.write_text(f'never = ["{REGISTRY}"]\n{OPEN}')
    looks = iter([False])

    def is_locked() -> bool:
        if next(looks, True):
            policy.write_text(OPEN)  # at the second look
        return False

    answer = ask(is_locked)
    assert SECRET.encode() not in answer
    assert b"never lends" in answer


@pytest.mark.parametrize("confirm", [False, True])
def test_a_get_reads_the_grants_and_the_policy_once(here: LocalContext, grant: Grant, *, confirm: bool) -> None:
    """A lent get has to be quick. Only who has waited for the user reads them again."""
    file.remove(here, [grant.id])
    file.add(here, grant._replace(confirm=confirm))
    read: list[str] = []

    class Counting(LocalContext):
        def read(self, path: str, limit: int) -> FileContent | None:
            read.append(Path(path).name)
            return super().read(path, limit)

    lender = Lender(here, AuditLog(log_path(here)), memory=Memory, is_locked=lambda: False)
    lender.here = Counting(here.environment(), directory="/", memory=Memory())
    served = LentHelper(lender, grant)
    try:
        with Connection.to(folder.socket_of(grant), owner=None, seconds=60.0) as connection:
            connection.send(Frame(Kind.CALL, (b"shorepass", b"get", REGISTRY.encode(), b"/", b"")))
            if confirm:
                assert lender.confirmations.waiting(grant.id, 60)
                lender.confirmations.answer(grant.id, {}, yes=True, by="test")
            answer = connection.receive()
    finally:
        served.close()
    assert answer is not None
    assert SECRET.encode() in answer.fields[1]
    expected = 3 if confirm else 1
    assert (read.count("grants.json"), read.count("policy.toml")) == (expected, expected)
