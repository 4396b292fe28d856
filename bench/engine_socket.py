"""What the engine socket of `share --mode engine` adds to an API call, and what it leaves of the throughput.

Starts a dockerd of its own. A call is `GET /_ping` on a new connection, by turns straight and through the socket. The
throughput is that of `docker cp` of a file of 1 GB, to the engine and back.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import statistics
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from e2e import programs
from shorepass.credential import Basic
from shorepass.secret import Secret
from shorepass.share.engine_socket import EngineSocket

if TYPE_CHECKING:
    from shorepass.contexts.caller import Caller

CALLS = 300
GIGABYTE = 1_000_000_000
PING = b"GET /_ping HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


def lend_nothing(repository: str, *, push: bool, caller: Caller) -> None:  # noqa: ARG001  # as a grant that does not fit
    return None


def ping(path: str) -> float:
    start = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)
        wire.sendall(PING)
        while wire.recv(65536):
            pass
    return (time.perf_counter() - start) * 1000


def download(path: str, container: str) -> float:
    request = (
        f"GET /containers/{container}/archive?path=/big HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode()
    )
    size = 0
    buffer = bytearray(1 << 20)
    start = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)
        wire.sendall(request)
        while count := wire.recv_into(buffer):
            size += count
    assert size > GIGABYTE, size
    return time.perf_counter() - start


def upload(path: str, container: str, archive: Path) -> float:
    head = (
        f"PUT /containers/{container}/archive?path=/ HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n"
        f"Content-Type: application/x-tar\r\nContent-Length: {archive.stat().st_size}\r\n\r\n"
    ).encode()
    start = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as wire, archive.open("rb") as source:
        wire.connect(path)
        wire.sendall(head)
        wire.sendfile(source)
        answer = wire.recv(65536)
    assert b" 200 " in answer.splitlines()[0], answer
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, programs.docker_daemon(Path(name)) as address:
        folder = Path(name)
        direct, through = address.removeprefix("unix://"), f"{name}/engine.sock"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(through)
        listening.listen(64)
        server = EngineSocket(listening, direct, lend_nothing, list, print)
        server.start()
        ping(direct)
        pairs = [(ping(direct), ping(through)) for _ in range(CALLS)]
        added = statistics.median(b - a for a, b in pairs)
        print(f"added to a call: {added:.2f} ms (goal 5); straight {statistics.median(a for a, _ in pairs):.2f} ms")
        docker = [programs.require(programs.docker_programs()[0]), "-H", address]
        done = programs.run(
            [*docker, "import", str(programs.busybox_archive(folder)), "local/bench:1"], env={"HOME": name}
        )
        assert done.returncode == 0, done.stderr
        done = programs.run([*docker, "create", "--name", "bench", "local/bench:1", "/bin/busybox"], env={"HOME": name})
        assert done.returncode == 0, done.stderr
        archive = folder / "big.tar"
        programs.shell(
            [], f"head -c {GIGABYTE} /dev/zero >{name}/big && tar -C {name} -cf {archive} big && rm {name}/big"
        )
        for word, transfer in (
            ("to the engine", lambda path: upload(path, "bench", archive)),
            ("from the engine", lambda path: download(path, "bench")),
        ):
            times = [(transfer(direct), transfer(through)) for _ in range(3)]
            ratio = statistics.median(a / b for a, b in times)
            print(f"1 GB {word}: {ratio:.2f} of the direct socket's throughput (goal 0.8)")
        with programs.htpasswd_registry(folder, {"alice": "secret"}) as registry:
            registry_and_back(folder, registry, direct, archive)


def registry_and_back(folder: Path, registry: str, direct: str, archive: Path) -> None:
    """Push and pull an image of 1 GB once: with a login of the client, and with a lent one through the socket."""
    through = f"{folder}/lending.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(through)
    listening.listen(64)
    EngineSocket(listening, direct, lend_alice, list, lambda *_: None).start()
    auth = base64.b64encode(b"alice:secret").decode()
    (folder / "own").mkdir()
    (folder / "own/config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
    seconds = {}
    for name, path, config in (("straight", direct, "own"), ("lent", through, "none")):
        docker = [programs.docker_programs()[0], "--config", f"{folder}/{config}", "-H", f"unix://{path}"]
        image = f"{registry}/{name}:1"
        with tarfile.open(archive, "a") as tar:  # so that the registry does not have this layer
            tar.addfile(tarfile.TarInfo(name))
        run(docker, "import", str(archive), image)
        start = time.perf_counter()
        run(docker, "push", image)
        pushed = time.perf_counter()
        run(docker, "rmi", image)
        removed = time.perf_counter()
        run(docker, "pull", image)
        seconds[name] = (pushed - start, time.perf_counter() - removed)
        run(docker, "rmi", image)
    for word, straight, lent in zip(("push", "pull"), seconds["straight"], seconds["lent"], strict=True):
        print(f"1 GB by {word}, once: {straight / lent:.2f} of the direct socket's throughput (goal 0.8)")


def lend_alice(repository: str, *, push: bool, caller: Caller) -> Basic:  # noqa: ARG001  # as a grant for all
    return Basic("alice", Secret("secret"))


def run(docker: list[str], *words: str) -> None:
    done = programs.run([*docker, *words])
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    os.environ.pop("DOCKER_HOST", None)
    main()
