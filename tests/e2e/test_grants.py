"""A grant's socket gives what was lent and nothing else, whatever is sent to it, and nothing after its end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import agents
from agents import Answered, ask
from e2e import programs
from e2e.lending import NOT_FOUND, Shared, end_agent, share
from shorepass.agent_client.connection import Connection, ConnectionLost
from shorepass.agent_client.frames import Frame, Kind

if TYPE_CHECKING:
    from conftest import RunShorepass

LENT, OTHER = "lent.example", "other.example"
SECRETS = {LENT: "the-secret-that-is-lent", OTHER: "the-secret-that-is-not"}
CONNECTIONS = 32  # as docs/reference/agent-protocol.md


@pytest.fixture(autouse=True)
def vault(nothing_set: None, our_helper: str, home: Path, run_shorepass: RunShorepass) -> Iterator[None]:
    """Docker's logins for two registries in the vault; the agent that a grant starts ends with the test."""
    assert nothing_set is None
    assert run_shorepass("vault", "init").status == 0
    for registry, secret in SECRETS.items():
        login = json.dumps({"ServerURL": registry, "Username": "alice", "Secret": secret})
        assert programs.run([our_helper, "store"], env=os.environ, stdin=login).returncode == 0
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "shorepass"}')
    yield
    end_agent()


@pytest.fixture
def grant(run_shorepass: RunShorepass) -> Shared:
    """A grant for one registry."""
    return share(run_shorepass, "--registry", LENT)


def get(grant: Shared, registry: str = LENT) -> Answered:
    return ask("get", registry.encode(), path=grant.socket)


def gives(grant: Shared, registry: str = LENT) -> bool:
    """Tell whether a login is given; if not, the answer must be that there is none, with one line on standard error."""
    answer = get(grant, registry)
    if answer.status == 0:
        assert json.loads(answer.output)["Secret"] == SECRETS[LENT]
        return True
    assert (answer.output.decode(), answer.errors.count(b"\n")) == (NOT_FOUND, 1)
    return False


def helper(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run docker-credential-shorepass itself, on the lender's side."""
    program = [sys.executable, "-m", "shorepass.docker_credential", *words]
    return subprocess.run(program, capture_output=True, input=OTHER.encode(), check=False)


@pytest.mark.parametrize(
    "key",
    [LENT, f"https://{LENT}", f"https://{LENT}/v1/", f"{LENT}/v2/", f"http://{LENT}", f"{LENT}\n"],
)
def test_the_lent_login_by_each_of_its_keys(grant: Shared, key: str) -> None:
    """A client may ask for the registry by its name or by a URL, as docker's and others' configurations have it."""
    assert gives(grant, key)


@pytest.mark.parametrize(
    "key",
    [
        *(OTHER, f"https://{OTHER}/", "", "*", "\0", f"{OTHER}\n{LENT}", f"{LENT}\n{OTHER}", f"{OTHER}/{LENT}"),
        *(f"{LENT}.{OTHER}", f"https://{LENT}@{OTHER}", f"https://{OTHER}#{LENT}", f"{LENT}:8443", f"x{LENT}"),
        *(f"{LENT}@{OTHER}", "https://index.docker.io/v1/", "../" + LENT, "\udcff", "x" * 5000),
    ],
)
def test_no_other_login(grant: Shared, key: str) -> None:
    """Other registries are not lent, whatever the key looks like: the answer is that there is no login."""
    answer = ask("get", key.encode("utf-8", "surrogateescape"), path=grant.socket)
    assert (answer.status, answer.output.decode()) == (1, NOT_FOUND)
    assert SECRETS[OTHER].encode() not in answer.errors


def test_the_callers_environment_does_not_count(grant: Shared, tmp_path: Path) -> None:
    """A target cannot lead the agent to another config file, home or helper of its own."""
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {LENT: "evil"}}))
    evil = tmp_path / "docker-credential-evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    evil.chmod(0o755)
    env = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path), "PATH": str(tmp_path)}
    answer = ask("get", LENT.encode(), path=grant.socket, env=env)
    assert json.loads(answer.output)["Secret"] == SECRETS[LENT]
    assert not (tmp_path / "ran").exists()
    assert ask("get", LENT.encode(), path=grant.socket, name="evil", env=env).status == 0


def test_store_and_erase_do_not_reach_the_lender(grant: Shared) -> None:
    """Both fail with a sentence, and the lender's logins are as before; ``list`` has only what is lent."""
    before = helper("list").stdout
    forged = json.dumps({"ServerURL": LENT, "Username": "mallory", "Secret": "m"}).encode()
    for verb, stdin in (("store", forged), ("erase", LENT.encode()), ("erase", OTHER.encode()), ("drop", b"")):
        answer = ask(verb, stdin, path=grant.socket)
        assert (answer.status, answer.output.count(b"\n")) == (1, 1)
        assert b"this login is lent" in answer.output
    assert helper("list").stdout == before
    assert json.loads(ask("list", path=grant.socket).output) == {LENT: ""}


@pytest.mark.parametrize(
    "verb", ["stop", "unlock", "lock", "status", "grants", "keys", "decrypt", "questions", "answer"]
)
def test_no_management(grant: Shared, verb: str) -> None:
    """A target cannot stop or unlock the agent, use its keys, or read its state."""
    with Connection.to(grant.socket, owner=None, seconds=agents.SECONDS) as connection:
        connection.send(Frame(Kind.MANAGE, (json.dumps({"do": verb}).encode(), b"")))
        frame = connection.receive()
        assert frame is not None
        assert frame.kind is Kind.DECLINE
    assert gives(grant)


def test_garbage_and_floods_harm_no_one_else(grant: Shared, run_shorepass: RunShorepass) -> None:
    """The lender's own calls and other grants are answered while a target keeps all its connections and sends garbage."""
    other = share(run_shorepass, "--registry", LENT)
    garbage = (
        b"\xff" * 64,
        b"\x01C\0\0\xff\xff\xff\xff",
        b"\x01C\0\0\x00\x70\x00\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01",
    )
    wires = []
    for number in range(3 * CONNECTIONS):
        wire = socket.socket(socket.AF_UNIX)
        wire.settimeout(agents.SECONDS)
        wire.connect(grant.socket)
        wires.append(wire)
        try:
            wire.sendall(garbage[number % len(garbage)])
        except OSError:  # it was refused
            continue
    asking = [threading.Thread(target=lambda: [get_or_none(grant) for _ in range(20)]) for _ in range(8)]
    for thread in asking:
        thread.start()
    assert gives(other)
    assert json.loads(ask("get", OTHER.encode()).output)["Secret"] == SECRETS[OTHER]
    assert run_shorepass("grants").status == 0
    for thread in asking:
        thread.join()
    for wire in wires:
        wire.close()
    programs.wait_until(lambda: get_or_none(grant), "the grant to answer again")


def get_or_none(grant: Shared) -> bool | None:
    """Return True if a login is given, None if the agent has no connection left or has no answer."""
    try:
        return get(grant).status == 0 or None
    except (AssertionError, ConnectionLost):
        return None


def test_each_grant_has_its_own_socket(grant: Shared, run_shorepass: RunShorepass) -> None:
    """Two grants lend what each names; the folder above them is closed to other users."""
    other = share(run_shorepass, "--registry", OTHER)
    assert (gives(grant), gives(grant, OTHER)) == (True, False)
    assert (gives(other), get(other, OTHER).status) == (False, 0)
    folder = Path(grant.socket).parents[1]
    assert folder == Path(other.socket).parents[1]
    assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, os.getuid())


def test_without_a_login(run_shorepass: RunShorepass, our_helper: str) -> None:
    """Nothing is lent, and the error has the command that logs in; a pattern is also for logins that come later."""
    words = ("share", "flags", "--registry", LENT, "--registry", "nothing.example")
    done = run_shorepass(*words)
    assert (done.status, done.stdout) == (1, "")
    why = "nothing is lent: nothing.example: you have no login for it\nhint: shorepass login nothing.example\n"
    assert done.stderr.endswith(why)
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    assert run_shorepass("share", "flags", "--registry", "*.example").status == 0
    login = json.dumps({"ServerURL": "nothing.example", "Username": "alice", "Secret": "secret"})
    assert programs.run([our_helper, "store"], env=os.environ, stdin=login).returncode == 0
    assert run_shorepass(*words).status == 0


def test_a_helper_that_fails_at_the_start(home: Path, world: Path, run_shorepass: RunShorepass) -> None:
    """No one knows whether there is a login, so it is lent: each use asks again."""
    helper = world / "bin/docker-credential-odd"
    helper.write_text("#!/bin/sh\necho 'the store is closed'; exit 1\n")
    helper.chmod(0o755)
    (home / ".docker/config.json").write_text('{"credHelpers": {"odd.example": "odd"}}')
    grant = share(run_shorepass, "--registry", "odd.example")
    answer = json.dumps({"ServerURL": "odd.example", "Username": "alice", "Secret": SECRETS[LENT]})
    helper.write_text(f"#!/bin/sh\necho '{answer}'\n")
    assert gives(grant, "odd.example")


def test_revoke_ends_what_waits_for_an_answer(
    home: Path, world: Path, run_shorepass: RunShorepass, tmp_path: Path
) -> None:
    """A client that waits gets the end of its connection, and not the login that the helper prints afterwards."""
    begun, go = tmp_path / "begun", tmp_path / "go"
    os.mkfifo(begun)
    os.mkfifo(go)
    answer = json.dumps({"ServerURL": "slow.example", "Username": "alice", "Secret": "late"})
    slow = world / "bin/docker-credential-slow"
    slow.write_text(f"#!/bin/sh\necho > {begun}\nread line < {go}\necho '{answer}'\n")
    slow.chmod(0o755)
    (home / ".docker/config.json").write_text('{"auths": {"slow.example": {"auth": "YWxpY2U6c29vbg=="}}}')
    grant = share(run_shorepass, "--registry", "slow.example")
    (home / ".docker/config.json").write_text('{"credHelpers": {"slow.example": "slow"}}')
    with Connection.to(grant.socket, owner=None, seconds=agents.SECONDS) as connection:
        connection.send(agents.call("get", b"slow.example"))
        begun.read_text()
        assert run_shorepass("revoke", grant.id).status == 0
        assert connection.receive() is None
    go.write_text("\n")
    assert not Path(grant.socket).parent.exists()


def test_it_ends_by_its_time_its_uses_and_a_lock(run_shorepass: RunShorepass) -> None:
    """After a second, after two answers, and while the agent is locked, there is no login; nothing else fails."""
    short = share(run_shorepass, "--registry", LENT, "--for", "1s")
    programs.wait_until(lambda: None if lives(short) else True, "the end of the grant")
    twice = share(run_shorepass, "--registry", LENT, "--max-uses", "2")
    assert [gives(twice) for _ in range(4)] == [True, True, False, False]
    locked = share(run_shorepass, "--registry", LENT)
    assert run_shorepass("agent", "lock").status == 0
    assert not gives(locked)
    assert b"locked" in get(locked).errors
    assert run_shorepass("agent", "unlock").status == 0
    assert gives(locked)


def lives(grant: Shared) -> bool:
    """Tell whether a grant still gives its login; its socket may have ended, too."""
    return Path(grant.socket).exists() and bool(get_or_none(grant))


def test_a_killed_agent_serves_its_grants_again(grant: Shared, run_shorepass: RunShorepass) -> None:
    """The folder stays the same file, so that a container that has it mounted finds the new socket."""
    folder = Path(grant.socket).parent
    before = folder.stat().st_ino
    assert gives(grant)
    end_agent()
    assert run_shorepass("agent", "start").status == 0
    assert gives(grant)
    assert folder.stat().st_ino == before


def test_a_broken_file_refuses_everything(grant: Shared, home: Path, run_shorepass: RunShorepass) -> None:
    """The agent lends nothing, and the verbs name the file and the line; the lender's own calls still work."""
    file = home / ".local/state/shorepass/grants.json"
    whole = file.read_text()
    file.write_text(whole.replace("]}", "", 1))
    assert not gives(grant)
    done = run_shorepass("grants")
    assert done.status == 3
    assert "grants.json: line 4 is not JSON, so no login is lent" in done.stderr
    assert run_shorepass("share", "flags", "--registry", OTHER).status == 3
    assert ask("get", OTHER.encode()).status == 0
    file.write_text(whole)
    assert gives(grant)


def test_uninteresting_words_are_refused(run_shorepass: RunShorepass) -> None:
    """A repository, a pattern of everything, a time that is none, and no registry at all are refused with a hint."""
    for words in (("--registry", "ghcr.io/acme"), ("--registry", "*"), ("--registry", LENT, "--for", "soon"), ()):
        done = run_shorepass("share", "flags", *words)
        assert (done.status, "hint: " in done.stderr) == (2, True), done.stderr
    assert run_shorepass("revoke", "00000000").status == 2
