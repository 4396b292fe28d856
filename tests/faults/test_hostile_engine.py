"""An engine that answers wrongly, too much, or not at all: always an error of ours, and soon."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shorepass.contexts.containers.container import discover, find
from shorepass.contexts.local import LocalContext
from shorepass.errors import ContextError, FileError

GOOD = {"Id": "a" * 64, "Name": "/web", "State": {"Running": False, "Status": "exited"}, "Config": {}, "HostConfig": {}}


@contextlib.contextmanager
def engine(path: Path, answers: dict[str, bytes | None]) -> Iterator[LocalContext]:
    """Serve a socket: each request whose line holds a word is answered with these bytes; None: never."""
    held: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        held.append(connection)
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                line = data.partition(b"\r\n")[0].decode()
                answer = next((answers[word] for word in answers if word in line), http(b"", 404))
                if answer is None:
                    return
                connection.sendall(answer)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=accept, daemon=True).start()
        yield LocalContext({"DOCKER_HOST": f"unix://{path}", "HOME": str(path.parent)})
        listener.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def http(body: bytes, status: int = 200, header: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{header}Content-Length: {len(body)}\r\n\r\n".encode() + body


def stat(**said: object) -> str:
    text = base64.b64encode(json.dumps({"name": "x", "linkTarget": "", "mtime": "", **said}).encode()).decode()
    return f"X-Docker-Container-Path-Stat: {text}\r\n"


ODD = ["", "[", "[]", "1", '"text"', "null", "{}", '{"Id": 1}', "[1]", '[{"Names": 1}]', '[{"Id": "a", "Labels": [1]}]']
ODD += [json.dumps({**GOOD, name: value}) for name in GOOD for value in (1, [1], "text") if name not in ("Id", "Name")]
ODD += [json.dumps({**GOOD, "Config": {"Env": 1}}), json.dumps({**GOOD, "HostConfig": {"CapDrop": 1, "Tmpfs": [[]]}})]
ODD += [json.dumps({**GOOD, "Mounts": [1]}), json.dumps({**GOOD, "State": {"Pid": "x"}})]


@pytest.mark.parametrize("body", ODD)
def test_odd_answers(tmp_path: Path, body: str) -> None:
    """What is no list and no container is an error of ours, or an empty list; never a traceback."""
    with engine(tmp_path / "s", {"json": http(body.encode())}) as here:
        for place in discover(here, 3.0):
            assert place.trouble or place.name
        with contextlib.suppress(ContextError, FileError):
            context = find(here, "docker", "web")
            context.home()
            context.read("/root/.docker/config.json", 100)


@pytest.mark.parametrize(
    "header",
    [
        "X-Docker-Container-Path-Stat: %%%\r\n",
        "X-Docker-Container-Path-Stat: e30=\r\n",
        stat(size=1, mode="rwx"),
        stat(size="large", mode=0o644),
    ],
)
def test_odd_status(tmp_path: Path, header: str) -> None:
    """A status header that is none is an error that names the file."""
    answers = {"HEAD": http(b"", 200, header), "json": http(json.dumps(GOOD).encode())}
    with engine(tmp_path / "s", answers) as here, pytest.raises(FileError, match="malformed"):
        find(here, "docker", "web").read("/etc/passwd", 100)


@pytest.mark.parametrize("tar", [b"", b"\0" * 1024, b"no tar" * 200])
def test_odd_archive(tmp_path: Path, tar: bytes) -> None:
    """An archive that is none is an error, and not an empty file."""
    folder, file = stat(size=0, mode=1 << 31 | 0o755), stat(size=5, mode=0o644)
    answers = {
        "HEAD /containers/" + "a" * 64 + "/archive?path=%2Fetc%2Fpasswd": http(b"", 200, file),
        "HEAD": http(b"", 200, folder),
        "archive": http(tar),
        "json": http(json.dumps({**GOOD, "Config": {"User": "", "Env": ["HOME=/"]}}).encode()),
    }
    with engine(tmp_path / "s", answers) as here, pytest.raises(FileError, match="archive of it is malformed"):
        find(here, "docker", "web").read("/etc/passwd", 100)


def test_silence(tmp_path: Path) -> None:
    """An engine that never answers is a place with a trouble after the time that it was given."""
    with engine(tmp_path / "s", {"json": None}) as here:
        (place,) = [place for place in discover(here, 0.3) if place.inside == "docker" and place.trouble]
    assert "no answer within 0.3 seconds" in str(place.trouble)
