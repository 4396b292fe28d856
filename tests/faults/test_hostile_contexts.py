"""Contexts whose owner is the attacker: their paths lead nowhere else, their numbers and files harm no one but themselves."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from e2e import programs
from e2e.people import Person, new_person

if TYPE_CHECKING:
    from conftest import RunShorepass

AUTH = {"auths": {"REGISTRY": {"auth": "YTpi"}}}


@pytest.fixture(scope="module")
def alice() -> Iterator[Person]:
    """The attacker: an ordinary user, into whose context root looks."""
    with new_person() as person:
        yield person


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that no system knows."""
    return trustme.CA()


class TlsServer:
    """A registry behind TLS that asks for a client certificate, and remembers whose it was shown."""

    def __init__(self, authority: trustme.CA) -> None:
        self.shown: list[object] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._tls)
        authority.configure_trust(self._tls)
        self._tls.verify_mode = ssl.CERT_OPTIONAL
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            with contextlib.suppress(OSError), self._tls.wrap_socket(connection, server_side=True) as secure:
                self.shown.append(secure.getpeercert())
                secure.recv(4096)
                secure.sendall(
                    b'HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
                )

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[TlsServer]:
    """Such a registry, while the test runs."""
    found = TlsServer(authority)
    try:
        yield found
    finally:
        found.close()


def as_root(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run shorepass as root; a hang fails the test."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    assignments = [
        f"{name}={value}" for name, value in {"HOME": "/root", "PATH": "/usr/bin:/bin", **kept, **env}.items()
    ]
    return programs.run(programs.as_root(["env", *assignments, sys.executable, "-m", "shorepass", *words]), timeout=60)


# Certificates


def test_a_users_symlink_to_roots_key_is_not_used(alice: Person, authority: trustme.CA, server: TlsServer) -> None:
    """Root looks into alice's context: her client.key leads to root's own key, and no server is shown root's certificate."""
    pair = authority.issue_cert(common_name="ROOTS-CERTIFICATE")
    secret = alice.folder / "root-secret"
    alice.as_root("install", "-d", "-m", "0711", str(secret))
    alice.as_root(
        "install", "-m", "0600", "/dev/stdin", str(secret / "key"), stdin=pair.private_key_pem.bytes().decode()
    )
    folder = f".config/docker/certs.d/{server.name}"
    alice.write(f"{folder}/client.cert", pair.cert_chain_pems[0].bytes().decode())
    alice.write(f"{folder}/ca.crt", authority.cert_pem.bytes().decode())
    alice.write(".docker/config.json", json.dumps(AUTH).replace("REGISTRY", server.name))
    assert alice.run("ln", "-sf", str(secret / "key"), str(alice.home / folder / "client.key")).returncode == 0
    done = as_root("explain", "--in", f"user:{alice.name}", server.name)
    assert "Traceback" not in done.stderr
    assert [shown for shown in server.shown if shown] == []
    assert "permission denied" in done.stdout + done.stderr
    alice.run("rm", "-rf", str(alice.home / ".config"))


def test_the_users_own_pair_still_works(alice: Person, authority: trustme.CA, server: TlsServer) -> None:
    """Alice's own key, which only she can read, is shown to her registry."""
    pair = authority.issue_cert(common_name="ALICES-CERTIFICATE")
    folder = f".config/docker/certs.d/{server.name}"
    alice.write(f"{folder}/client.cert", pair.cert_chain_pems[0].bytes().decode())
    alice.write(f"{folder}/client.key", pair.private_key_pem.bytes().decode())
    alice.write(f"{folder}/ca.crt", authority.cert_pem.bytes().decode())
    alice.write(".docker/config.json", json.dumps(AUTH).replace("REGISTRY", server.name))
    as_root("explain", "--in", f"user:{alice.name}", server.name)
    assert "ALICES-CERTIFICATE" in str(server.shown)
    alice.run("rm", "-rf", str(alice.home / ".config"))


@pytest.mark.parametrize("name", ["client.key", "client.cert", "ca.crt"])
@pytest.mark.parametrize(
    "words", [["explain", "REGISTRY"], ["doctor", "--check"], ["who", "--check"]], ids=lambda words: words[0]
)
def test_a_fifo_among_certificates_hangs_nothing(
    alice: Person, authority: trustme.CA, server: TlsServer, name: str, words: list[str]
) -> None:
    """Every verb that connects comes back: what is no regular file is an error with its path."""
    pair = authority.issue_cert(common_name="x")
    folder = alice.home / f".config/docker/certs.d/{server.name}"
    files = {"client.cert": pair.cert_chain_pems[0], "client.key": pair.private_key_pem, "ca.crt": authority.cert_pem}
    for file, blob in files.items():
        if file != name:
            alice.write(str(folder / file), blob.bytes().decode())
    assert alice.run("mkfifo", str(folder / name)).returncode == 0
    alice.write(".docker/config.json", json.dumps(AUTH).replace("REGISTRY", server.name))
    verb, *rest = [server.name if word == "REGISTRY" else word for word in words]
    done = as_root(verb, "--in", f"user:{alice.name}", *rest)
    assert "not a regular file" in done.stdout + done.stderr
    alice.run("rm", "-rf", str(alice.home / ".config"))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_fifo_in_a_variable_hangs_nothing(variable: str, server: TlsServer, tmp_path: Path) -> None:
    """SSL_CERT_FILE and SSL_CERT_DIR are read by the context: a FIFO there is passed over, or is an error."""
    os.mkfifo(tmp_path / "fifo.pem")
    value = tmp_path / "fifo.pem" if variable == "SSL_CERT_FILE" else tmp_path
    done = as_root("explain", server.name, **{variable: str(value), "HOME": str(tmp_path)})
    assert "Traceback" not in done.stderr
    assert "certificates can be read" in done.stdout + done.stderr or "not a regular file" in done.stdout + done.stderr


# Numbers


NUMBERS = ["9" * 6000, "-1", "1_0", "\u0661", "", "0x10", "1e9", " 7"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: repr(number[:8]))
@pytest.mark.parametrize(
    "words",
    [
        ["who", "--in", "me"],
        ["doctor", "--in", "me"],
        ["get", "r.example/x"],
        ["explain", "--offline", "r.example/x"],
        ["list"],
    ],
    ids=lambda words: words[0],
)
def test_a_hostile_host_is_its_own_trouble(
    world: Path, run_shorepass: RunShorepass, words: list[str], number: str
) -> None:
    """A host behind ssh whose ``id`` prints what is no number: no traceback, and the other contexts are shown."""
    shell = world / "bin/ssh"
    shell.write_text('#!/bin/sh\nfor word; do :; done\nPATH="${0%/*}/hostile:/usr/bin:/bin" exec /bin/sh -c "$word"\n')
    shell.chmod(0o755)
    (world / "bin/hostile").mkdir()
    (world / "bin/hostile/id").write_text(f"#!/bin/sh\nprintf '%s' '{number}'\n")
    (world / "bin/hostile/id").chmod(0o755)
    folder = world / "home/.docker"
    folder.mkdir(mode=0o700)
    (folder / "config.json").write_text(json.dumps({"auths": {"mine.example": {"auth": "YTpi"}}}))
    (folder / "config.json").chmod(0o600)
    done = run_shorepass(words[0], "--in", "ssh:h", *words[1:])
    assert "Traceback" not in done.stderr
    assert done.status in (0, 1, 3)
    if words[0] == "who":
        assert "mine.example" in done.stdout


# Memory


def limited(megabytes: int, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code that may use so much memory and no more."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    return subprocess.run(
        [sys.executable, "-c", code], preexec_fn=limit, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("line", [b"::::::\n", b"a:x:1:1::/:\n", b":" * 70_000 + b"\n", b"\n", b"\xff" * 10 + b"\n"])
def test_a_large_user_database_needs_little_memory(line: bytes) -> None:
    """16 MiB of lines in a container's /etc/passwd, the most that is read of it, are looked at one by one."""
    code = (
        f"from shorepass.contexts.containers import passwd; data = {line!r} * (16 * 1024 * 1024 // {len(line)}); "
        "passwd.names(data); passwd.account('nobody:nogroup', data, data); passwd.account('1', data, data)"
    )
    done = limited(200, code)
    assert done.returncode == 0, done.stderr[-500:]


def test_a_body_of_tiny_chunks_needs_little_memory() -> None:
    """A body of 128 KiB in chunks of one byte costs not much more than one in a single piece."""
    code = """
import socket, threading
from shorepass.http import Request, Url
from shorepass.contexts.local import LocalContext
from shorepass.http.pooled import PooledTransport
from shorepass.registry.certs_d import Certificates
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    connection = listener.accept()[0]
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
    try:
        for _ in range(140):
            connection.sendall(b"1\\r\\nx\\r\\n" * 1000)
        connection.sendall(b"0\\r\\n\\r\\n")
    except OSError:
        pass
threading.stack_size(256 * 1024)
threading.Thread(target=serve, daemon=True).start()
url = Url("http", "127.0.0.1", listener.getsockname()[1], "/v2/")
import tracemalloc
tracemalloc.start()
transport = PooledTransport(LocalContext({}), Certificates())
body = transport.send(Request("GET", url), limit=1 << 17, timeout=110).body
print(len(body), tracemalloc.get_traced_memory()[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    size, peak = map(int, done.stdout.split())
    assert size == 1 << 17
    assert peak < 1 << 20
