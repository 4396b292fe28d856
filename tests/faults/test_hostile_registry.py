"""Registries and token servers that mean harm, or merely break: an error of ours, in time, with nothing given away."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic, Credential, IdentityToken
from shorepass.errors import NotARegistry, RealmRefused, RegistryError, ShorepassError, Unreachable
from shorepass.names import parse
from shorepass.registry.client import Access, RegistryClient
from shorepass.secret import Secret
from shorepass.testing import Failure, Registry

CANARY = "c4n4ry-s3cret"
ALICE = Basic("alice", Secret(CANARY))
HERE = LocalContext({"HOME": "/nonexistent"}, uid=1000)
TIMEOUT = 1.0
PATIENCE = 60.0  # seconds: far more than needed, since machines rest at times, and far less than for ever
ROUNDS = 150


def visit(host: str, credential: Credential = ALICE, **access: object) -> str:
    """Log in and look at permissions; return all that a user would be shown."""
    shown = []
    steps: tuple[Callable[[RegistryClient], object], ...] = (
        lambda client: client.check_login(credential),
        lambda client: client.permissions(parse(f"{host}/team/app:1"), credential, ("pull", "push"), probe_push=True),
    )
    for step in steps:
        with RegistryClient(host, Access(timeout=TIMEOUT)._replace(**access), HERE) as client:  # type: ignore[arg-type]
            try:
                shown.append(repr(step(client)))
            except ShorepassError as error:
                shown += [error.message, error.hint or "", repr(error)]
    return "\n".join(shown)


@contextmanager
def saying(data: bytes) -> Iterator[str]:
    """A server that answers every connection with the same bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.settimeout(1)
                    connection.recv(65536)
                    connection.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


HEAD = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: "


@pytest.mark.parametrize(
    "realm",
    [
        "https://evil.example/token",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2130706433:1/",
        "http://0x7f000001:1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1#@evil.example/",
        "//evil.example/token",
        "http://127.0.0.2:1/token",
        "x" * 10_000,
    ],
)
def test_realms_of_an_attacker(realm: str) -> None:
    """No realm outside the policy is connected to, in the log-in check or anywhere else."""
    with Registry(users={"alice": CANARY}, auth="bearer", realm=realm) as registry:
        with RegistryClient(registry.host, Access(timeout=TIMEOUT), HERE) as client:
            with pytest.raises((RealmRefused, NotARegistry)):
                client.check_login(ALICE)
            assert set(client._transports) <= {("http", "127.0.0.1", registry.port)}
        shown = visit(registry.host)
        assert CANARY not in shown
        assert {r.authorization for r in registry.requests} == {""}


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred\x1b[0m", "a\x07b", "\u202egnp.exe", "line\\nline", "\u009b31m", "é" * 10_000, "\\u001b[2J"],
)
def test_terminal_escapes(text: str) -> None:
    """Nothing that a server says moves a cursor, rings a bell or turns text around; and it is short."""
    body = json.dumps(
        {"errors": [{"code": text, "message": text, "detail": [{"Action": text, "Name": text}]}]}
    ).encode()
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        for status in (400, 401, 403, 404, 429, 500):
            registry.fail("/token", Failure(status, body))
            with pytest.raises(RegistryError) as caught, RegistryClient(registry.host, Access(), HERE) as client:
                client.check_login(ALICE)
            assert caught.value.message.isprintable()
            assert (caught.value.hint or "").isprintable()
            assert len(caught.value.message) < 600


@pytest.mark.parametrize("where", ["/v2/", "/token"])
@pytest.mark.parametrize(
    "failure",
    [
        Failure(200, b"{" * 5_000_000),
        Failure(200, b'{"token":"' + b"x" * 5_000_000 + b'"}'),
        Failure(401, b"x" * 5_000_000),
        Failure(200, b"[" * 100_000 + b"]" * 100_000),
        Failure(200, b'{"expires_in":1e999,"token":"t"}'),
        Failure(200, b'{"token":null,"access_token":[]}'),
        Failure(200, b"\xff\xfe\x00"),
        Failure(delay=30),
        Failure(drop=True),
        Failure(raw=b""),
        Failure(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}"),
        Failure(raw=b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"),
        Failure(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        Failure(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n"),
        Failure(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
        Failure(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000),
        Failure(raw=b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        Failure(raw=b"HTTP/2 200\r\n\r\n"),
        Failure(raw=b"\x16\x03\x01" + b"\x00" * 100),
        Failure(308, b"", (("Location", "/v2/"),)),
        Failure(302, b"", (("Location", "//evil.example/"),)),
        Failure(302, b"", (("Location", "\x01"),)),
    ],
    ids=lambda failure: repr(failure)[:60] if isinstance(failure, Failure) else str(failure),
)
def test_broken_answers(where: str, failure: Failure) -> None:
    """Whatever comes instead of an answer: an error of ours in about the timeout, and no secret in it."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        registry.fail(where, failure, times=8)
        begin = time.monotonic()
        shown = visit(registry.host)
        assert time.monotonic() - begin < PATIENCE
        assert CANARY not in shown


def test_answers_that_drip() -> None:
    """A byte every now and then does not keep us beyond the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def drip() -> None:
            with suppress(OSError):
                while not done.is_set():
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                        while not done.wait(0.05):
                            connection.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        begin = time.monotonic()
        try:
            host = f"127.0.0.1:{listener.getsockname()[1]}"
            with (
                pytest.raises(Unreachable, match="no answer"),
                RegistryClient(host, Access(timeout=TIMEOUT), HERE) as client,
            ):
                client.check_login(ALICE)
            assert time.monotonic() - begin < PATIENCE
        finally:
            done.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def test_realm_that_changes_between_requests() -> None:
    """A second challenge that names another realm gets nothing: the first one is kept for the whole visit."""
    with (
        Registry(users={"alice": CANARY}, auth="bearer") as evil,
        Registry(users={"alice": CANARY}, auth="bearer") as registry,
    ):
        again = Failure(401, headers=(("WWW-Authenticate", f'Bearer realm="http://localhost:{evil.port}/token"'),))
        registry.fail("/v2/", again, authorization="bearer", times=9)
        assert CANARY not in visit(registry.host)
        assert evil.requests == []


def test_refresh_token_stays_with_its_realm() -> None:
    """An identity token is in no request to the registry and in no URL."""
    with Registry(users={"alice": CANARY}, auth="bearer") as registry:
        token = registry.identity_token("alice")
        visit(registry.host, IdentityToken(Secret(token), "alice"))
        assert all(token not in r.path for r in registry.requests)
        assert {r.path for r in registry.requests if r.method == "POST"} >= {"/token"}


SEEDS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    HEAD + b'Bearer realm="/token",service="s"\r\n\r\n',
    HEAD + b'Basic realm="x"\r\n\r\n',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{"token":"t"}\r\n0\r\n\r\n',
    b'HTTP/1.1 403 x\r\n\r\n{"errors":[{"code":"DENIED","message":"m"}]}',
    b"HTTP/1.1 301 x\r\nLocation: /v2/\r\nContent-Length: 0\r\n\r\n",
)


def test_random_answers() -> None:
    """Random and mutated answers give results or errors of ours, and no secret comes back."""
    chance = random.Random(1)
    for _ in range(ROUNDS):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(data) + 1)
            data[place : place + chance.randrange(3)] = chance.choice(
                (b"", b"\r\n", b'"', b",", b"\x00", b"\xff", b"9", b": ")
            )
        with saying(bytes(data)) as host:
            assert CANARY not in visit(host, tls_verify=None, timeout=0.5)
