"""A client behind the engine socket uses a lent login through a real dockerd, and never gets a byte of it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from client_files import auth
from e2e import programs
from shorepass.contexts.caller import Caller
from shorepass.credential import Basic, Credential
from shorepass.secret import Secret
from shorepass.share.engine_logins import Lent
from shorepass.share.engine_socket import EngineSocket

PASSWORD = "alice's password"


class Place:
    """A client with no login of its own, and a socket in the place of the engine's."""

    def __init__(self, path: str, registry: str, folder: Path) -> None:
        self.path = path
        self.registry = registry
        self.folder = folder
        self.lent: list[Lent] = []
        self.seen = bytearray()
        self.push = True

    def lend(self, repository: str, *, push: bool, caller: Caller) -> Credential | None:
        assert caller.pid
        host, _, path = repository.partition("/")
        if host != self.registry or path not in ("", "team/private", "team/pushed") or (push and not self.push):
            return None
        return Basic("alice", Secret(PASSWORD))

    def tell(self, lent: Lent, _: Caller) -> None:
        self.lent.append(lent)

    def docker(self, *words: str, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
        docker = programs.require(programs.docker_programs()[0])
        environ = {"HOME": str(self.folder), "PATH": programs.SYSTEM_PATH, "DOCKER_BUILDKIT": "0", **env}
        argv = [docker, "-H", f"unix://{self.path}", *words]
        return subprocess.run(argv, input=stdin, capture_output=True, env=environ, check=False, timeout=300)


@pytest.fixture
def place(dockerd: str, registry: str, tmp_path: Path) -> Iterator[Place]:
    """The socket, with the login of one repository lent to whoever connects."""
    found = Place(str(tmp_path / "engine.sock"), registry, tmp_path)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(found.path)
    listening.listen(64)
    server = EngineSocket(
        listening,
        dockerd.removeprefix("unix://"),
        found.lend,
        lambda: [registry],
        found.tell,
    )
    server.start()
    yield found
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def test_pull_and_push_with_a_lent_login(place: Place, private_image: str, busybox_image: str) -> None:
    """The private image is pulled and pushed; what is outside of the grant is refused by the registry."""
    done = place.docker("pull", private_image)
    assert done.returncode == 0, done.stderr
    assert place.lent[-1] == Lent(f"{place.registry}/team/private", push=False)
    target = f"{place.registry}/team/pushed:from-a-container"
    assert place.docker("tag", busybox_image, target).returncode == 0
    pushed = place.docker("push", target)
    assert pushed.returncode == 0, pushed.stderr
    assert place.lent[-1].push is True
    place.push = False
    refused = place.docker("push", target)
    assert refused.returncode == 1
    assert b"no basic auth credentials" in refused.stderr
    other = place.docker("pull", f"{place.registry}/other/app:1")
    assert other.returncode == 1
    assert b"no basic auth credentials" in other.stderr
    everything = [done, pushed, refused, other]
    assert not any(PASSWORD.encode() in part for one in everything for part in (one.stdout, one.stderr))


def test_a_classic_build_from_a_private_image(place: Place, private_image: str) -> None:
    """A build pulls its base with the login, and the context and the output pass unharmed."""
    place.docker("image", "rm", "--force", private_image)
    dockerfile = f"FROM {private_image}\nLABEL made=here\n".encode()
    done = place.docker("build", "-t", "local/built:1", "-", stdin=dockerfile)
    assert done.returncode == 0, done.stderr
    assert b"Successfully built" in done.stdout


def test_its_own_login_is_not_replaced(place: Place, private_image: str, users: dict[str, str]) -> None:
    """A client that has logged in sends its own login, and that one is used."""
    (place.folder / ".docker").mkdir()
    own = {"auths": {place.registry: auth(f"bob:{users['bob']}")}}
    (place.folder / ".docker/config.json").write_text(json.dumps(own))
    assert place.docker("pull", private_image).returncode == 0
    assert place.lent == []


@pytest.mark.parametrize(
    "sent", [None, b"", b"{}", b"null", b'{"serveraddress": "x"}', b'{"username": "", "auth": ""}']
)
def test_each_way_to_send_no_login(place: Place, private_image: str, sent: bytes | None) -> None:
    """Clients leave the field out, or send an empty one, or an object without a login; each gets the lent one."""
    name = private_image.removesuffix(":1")
    field = b"" if sent is None else b"X-Registry-Auth: " + base64.urlsafe_b64encode(sent) + b"\r\n"
    line = f"POST /v1.41/images/create?fromImage={name}&tag=1 HTTP/1.1\r\nHost: a\r\n".encode()
    answer = exchange(place.path, line + field + b"\r\n")
    assert b"Status: " in answer, answer
    assert place.lent[-1].repository == name


def test_streams_pass_unharmed(place: Place, busybox_image: str) -> None:
    """Hijacked connections, half-closed input, chunked uploads and archives are what they were."""
    noise = os.urandom(3_000_000)
    name = f"streams-{os.getpid()}"
    run = place.docker("run", "-i", "--rm", "--network=none", busybox_image, "/bin/busybox", "cat", stdin=noise)
    assert (run.returncode, run.stdout == noise) == (0, True), run.stderr
    try:
        assert (
            place.docker("create", "--name", name, "--network=none", busybox_image, "/bin/busybox", "true").returncode
            == 0
        )
        source = place.folder / "noise"
        source.write_bytes(noise)
        assert place.docker("cp", str(source), f"{name}:/noise").returncode == 0
        copied = place.docker("cp", f"{name}:/noise", "-")
        assert noise in copied.stdout
    finally:
        place.docker("rm", "-f", name)
    archive = place.folder / "saved.tar"
    assert place.docker("save", "-o", str(archive), busybox_image).returncode == 0
    loaded = place.docker("load", "-i", str(archive))
    assert loaded.returncode == 0, loaded.stderr


@pytest.mark.parametrize(
    "data",
    [
        b"GET /_ping HTTP/1.0\r\n\r\n",
        b"GET  /_ping HTTP/1.1\r\n\r\n",
        b"GET /_ping HTTP/1.1\nHost: a\n\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost : a\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        b"GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"POST /images/create?fromImage=a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST //images/create?fromImage=a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /images/create?a=1;fromImage=a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /images/create?fromImage=%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /images/a/../../containers/x/json HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /v1.41/containers/%2E%2e/containers/create HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /containers/x/./start HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Type: Multipart/Form-Data; boundary=a\r\n\r\n",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(place: Place, data: bytes) -> None:
    """An unusual head does not reach the engine."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(place.path)
        wire.sendall(data)
        answer = wire.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("upgrade", [b"", b"Upgrade: tcp\r\n", b"Upgrade: h2c\r\n"])
def test_a_second_request_behind_the_first_is_not_answered(place: Place, upgrade: bytes) -> None:
    """The engine closes the connection after one answer, so no request passes without a look."""
    data = exchange(place.path, (b"GET /_ping HTTP/1.1\r\nHost: a\r\n" + upgrade + b"\r\n") * 2)
    assert data.count(b"HTTP/1.1") == 1
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_web_form_sends_no_login_to_another_registry(place: Place) -> None:
    """An engine prefers values in a form. A form with the attacker's registry behind a lent one gets no login."""
    with password_thief() as (thief, stolen):
        form = f"fromImage={thief}/team/private&tag=1".encode()
        head = (
            f"POST /v1.41/images/create?fromImage={place.registry}/team/private&tag=1 HTTP/1.1\r\nHost: a\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
        ).encode()
        answer = exchange(place.path, head + form)
        assert place.docker("pull", f"{thief}/team/private:1").returncode == 1  # the engine does ask this registry
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert set(stolen) == {None}  # what that pull sent


def exchange(path: str, data: bytes) -> bytes:
    """Send bytes to a socket, and return all that comes back."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)
        wire.settimeout(60)
        wire.sendall(data)
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return answer


@contextlib.contextmanager
def password_thief() -> Iterator[tuple[str, list[str | None]]]:
    """Run a registry that asks for a password; yield its name, and a list of the passwords that it gets."""
    stolen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stolen.append(self.headers.get("Authorization"))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="thief"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815  # as http.server names it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", stolen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
