"""Whatever an agent does, a call ends with a clear answer: the original program's, or a sentence and status 1."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.programs import require
from forwarder.conftest import SANITISERS, Forwarder, checked
from forwarder.fake_agent import Connection, answer, declined, fake_agent, frame

NOT_FOUND = b"credentials not found in native keychain\n"
WRONG = b"Shorepass's agent has sent a wrong answer"
LIMIT = 8 << 20
LATE = b"Shorepass's agent has not answered within 1 seconds\n"


def header(size: int, kind: bytes = b"A") -> bytes:
    """Return a header that announces a body of so many bytes."""
    return b"\1" + kind + b"\0\0" + size.to_bytes(4, "big")


def body(*parts: bytes) -> bytes:
    """Return a frame ``A`` with a body of these bytes as they are."""
    data = b"".join(parts)
    return header(len(data)) + data


def field(data: bytes, size: int | None = None) -> bytes:
    """Return a field, with a size of its own or with a false one."""
    return (len(data) if size is None else size).to_bytes(4, "big") + data


GOOD = answer(0, b"out", b"err")
WRONG_ANSWERS = {
    "half a header": GOOD[:5],
    "a header alone": GOOD[:8],
    "half a body": GOOD[:-2],
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "another version": b"\2" + GOOD[1:],
    "a reserved byte": GOOD[:3] + b"\1" + GOOD[4:],
    "another kind": frame(b"J", b"{}"),
    "a small letter": frame(b"a", b"\0", b"", b""),
    "4 GiB": header(0xFFFFFFFF) + bytes(65536),
    "2 GiB": header(0x80000000) + bytes(65536),
    "a byte too much": header(LIMIT + 1) + bytes(LIMIT + 1),
    "no fields": frame(b"A"),
    "no fields of D": frame(b"D"),
    "one field": frame(b"A", b"\0"),
    "two fields": frame(b"A", b"\0", b""),
    "four fields": frame(b"A", b"\0", b"", b"", b""),
    "two fields of D": frame(b"D", b"a", b"b"),
    "two million fields": body(bytes(LIMIT)),
    "no status": frame(b"A", b"", b"", b""),
    "a long status": frame(b"A", b"\0\0", b"", b""),
    "a field past the end": body(field(b"\0"), field(b"out", 100), field(b"")),
    "a field of 4 GiB": body(field(b"\0"), field(b"out", 0xFFFFFFFF), field(b"")),
    "a field that wraps around": body(field(b"\0"), field(b"out", 0xFFFFFFF8), field(b"")),
    "a size past the end": body(field(b"\0"), field(b""), b"\0\0\0"),
    "bytes behind the fields": body(field(b"\0"), field(b""), field(b""), b"x"),
}


def sends(data: bytes) -> Callable[[Connection], None]:
    """Return a behaviour: read the call, send this, close the connection."""

    def behave(connection: Connection) -> None:
        connection.call()
        connection.send(data)

    return behave


def close_at_once(_: Connection) -> None:
    pass


def read_half(connection: Connection) -> None:
    connection.link.recv(20)


def read_and_close(connection: Connection) -> None:
    connection.call()


SILENT = {"close at once": close_at_once, "read half": read_half, "read and close": read_and_close}


@pytest.mark.parametrize("name", WRONG_ANSWERS)
def test_a_wrong_answer(forwarder: Forwarder, socket_path: Path, original: Path, name: str) -> None:
    """The original program runs with the same input; without one, the forwarder prints the reason."""
    with fake_agent(socket_path, sends(WRONG_ANSWERS[name])):
        for verb in ("get", "list", "store", "erase", "version"):
            done = forwarder(verb, stdin=b"registry.example")
            assert (done.returncode, done.stdout) == (1, WRONG + b", and there is no original program\n")
            assert done.stderr == b"docker-credential-harbour: " + done.stdout
        forwarder.put_before(original)
        done = forwarder("get", stdin=b"registry.example")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"original get\nregistry.example", b"aside\n")


@pytest.mark.parametrize("name", SILENT)
def test_an_agent_that_ends_before_its_answer(
    forwarder: Forwarder, socket_path: Path, original: Path, name: str
) -> None:
    """As if there were no agent."""
    with fake_agent(socket_path, SILENT[name]):
        done = forwarder("get", stdin=b"registry.example")
        assert (done.returncode, done.stdout) == (1, NOT_FOUND)
        assert b"Shorepass's agent has ended before its answer" in done.stderr
        forwarder.put_before(original)
        for data in (b"registry.example", bytes(1 << 20)):
            done = forwarder("store", stdin=data)
            assert (done.returncode, done.stdout == b"original store\n" + data) == (7, True)


def test_the_largest_answer(native: Forwarder, socket_path: Path) -> None:
    """A body of exactly 8 MiB is one."""
    output = b"x" * (LIMIT - 3 * 4 - 1)
    with fake_agent(socket_path, sends(answer(3, output))):
        done = native("get")
    assert (done.returncode, done.stdout == output) == (3, True)


@pytest.mark.parametrize("first", [GOOD, declined(b"no")])
def test_what_follows_an_answer_is_ignored(native: Forwarder, socket_path: Path, original: Path, first: bytes) -> None:
    """One request gets one answer: the first."""
    native.put_before(original)
    with fake_agent(socket_path, sends(first + answer(5, b"second"))):
        done = native("get", stdin=b"x")
    expected = (0, b"out", b"err") if first is GOOD else (7, b"original get\nx", b"aside\n")
    assert (done.returncode, done.stdout, done.stderr) == expected


def test_a_reason_cannot_command_a_terminal(native: Forwarder, socket_path: Path) -> None:
    """The reason of D is one line without control characters, and not without an end."""
    with fake_agent(socket_path, sends(declined(b"\x1b]0;title\x07\nsecond line\x7f" + b"long " * 1000))):
        done = native("get")
    assert (done.returncode, done.stdout) == (1, NOT_FOUND)
    assert done.stderr.startswith(b"docker-credential-harbour: ?]0;title??second line?long ")
    assert len(done.stderr) < 1200
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", done.stderr) is None


@pytest.mark.parametrize(
    ("verb", "status", "output"),
    [
        ("get", 1, NOT_FOUND),
        ("list", 0, b"{}\n"),
        ("store", 1, b"REASON\n"),
        ("erase", 1, b"REASON\n"),
        ("version", 0, b"docker-credential-harbour (shorepass forwarder) "),
        ("other", 1, b"REASON\n"),
    ],
)
@pytest.mark.parametrize("agent", ["none", "declines"])
def test_without_an_agent_and_without_an_original(
    forwarder: Forwarder, socket_path: Path, verb: str, status: int, output: bytes, agent: str
) -> None:
    """Each verb has an answer that clients know; the reason is on standard error."""
    why = b"no Shorepass agent is running" if agent == "none" else b"the vault is locked"
    reason = why + b", and there is no original program"
    path = socket_path if agent == "declines" else socket_path.with_name("other")
    with fake_agent(path, sends(declined(b"the vault is locked"))):
        done = forwarder(verb, stdin=b"registry.example")
    assert done.returncode == status
    assert done.stderr == b"docker-credential-harbour: " + reason + b"\n"
    assert done.stdout.startswith(output.replace(b"REASON", reason))
    assert done.stdout.count(b"\n") == 1


def test_a_dead_agents_socket(forwarder: Forwarder, socket_path: Path, original: Path) -> None:
    """The socket is left, and nothing listens: the original program runs."""
    socket_path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))
    forwarder.put_before(original)
    assert forwarder("get", stdin=b"x").stdout == b"original get\nx"


def hang(connection: Connection) -> None:
    connection.call()
    connection.stay()


def hang_in_the_header(connection: Connection) -> None:
    connection.call()
    connection.send(GOOD[:7])
    connection.stay()


def hang_in_the_body(connection: Connection) -> None:
    connection.call()
    connection.send(GOOD[:-1])
    connection.stay()


def drip(connection: Connection) -> None:
    connection.call()
    connection.drip(answer(0, bytes(1000)))


def never_read(connection: Connection) -> None:
    connection.wait()


SLOW = {
    "hang": hang,
    "hang in the header": hang_in_the_header,
    "hang in the body": hang_in_the_body,
    "drip": drip,
    "never read": never_read,
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_agent(impatient: Forwarder, socket_path: Path, original: Path, name: str) -> None:
    """The time for the whole call is limited. Then there is no time for the original program."""
    impatient.put_before(original)
    with fake_agent(socket_path, SLOW[name]):
        done = impatient("store", stdin=bytes(4 << 20))
    assert (done.returncode, done.stdout) == (1, LATE)
    assert done.stderr == b"docker-credential-harbour: " + LATE


def test_an_agent_that_accepts_nobody(impatient: Forwarder, socket_path: Path) -> None:
    """Its queue is full, so that connect waits."""
    socket_path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(socket_path))
        listener.listen(0)
        first.connect(str(socket_path))
        done = impatient("get")
    assert (done.returncode, done.stdout) == (1, LATE)


def test_an_installed_forwarder_waits_55_seconds(installed: Forwarder, socket_path: Path, tmp_path: Path) -> None:
    """Each wait of the installed program ends before BuildKit gives up."""
    trace = tmp_path / "trace"
    strace = [require("strace"), "-e", "trace=ppoll", "-o", str(trace)]
    with fake_agent(socket_path, sends(GOOD)):
        done = checked([*strace, *installed.command("get")], stdin=b"x")
    assert (done.returncode, done.stdout) == (0, b"out")
    seconds = [int(found) for found in re.findall(r"tv_sec=(\d+), tv_nsec=\d+}, NULL", trace.read_text())]
    assert seconds
    assert all(50 <= limit <= 55 for limit in seconds)
    assert trace.read_text().count("ppoll(") == len(seconds)


def test_many_calls_while_an_agent_is_killed(native: Forwarder, tmp_path: Path, original: Path) -> None:
    """Each call gets the agent's answer or the original's, whatever the moment."""
    native.put_before(original)
    script = tmp_path / "agent.py"
    path = tmp_path / "s"
    script.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from pathlib import Path\n"
        "from forwarder.fake_agent import answer, fake_agent\n"
        "def behave(connection):\n"
        "    call = connection.call()\n"
        "    if int(call.input) % 5 == 4:\n"
        "        connection.send(answer(0, b'agent')[:9])\n"
        "        os._exit(0)\n"
        "    connection.send(answer(0, b'agent'))\n"
        f"with fake_agent(Path({str(path)!r}), behave):\n"
        "    print(flush=True)\n"
        "    sys.stdin.read()\n"
    )
    answers = []
    for start in range(0, 15, 5):
        path.unlink(missing_ok=True)
        agent = subprocess.Popen(
            [require("python3"), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
        )
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdout.readline()
        calls = [
            subprocess.Popen(
                native.command("get"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **SANITISERS, "SHOREPASS_SOCK": str(path)},
            )
            for _ in range(5)
        ]
        for number, call in enumerate(calls, start):
            answers.append((number, call.communicate(str(number).encode())[0], call.returncode))
        agent.stdin.close()
        agent.wait()
        agent.stdout.close()
    for number, output, status in answers:
        assert (output, status) in [(b"agent", 0), (b"original get\n%d" % number, 7)]
    assert {output for _, output, _ in answers} > {b"agent"}
