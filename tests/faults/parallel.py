"""Many logins at once to many names of one registry, all kept in one file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from e2e import programs

__all__ = ["PASSWORD", "USER", "Client", "kept", "log_in_at_once", "names_of", "repeatedly", "shorepass_login"]

USER, PASSWORD = "alice", "a password"
Client = Callable[[str, Path], list[str]]  # a registry's name and an auth file: the command line of a login


def shorepass_login(client: str) -> Client:
    """Return ``shorepass login --client CLIENT`` as a Client."""
    run = [sys.executable, "-m", "shorepass", "login", "--store", "file", "--client", client, "--tls-verify=false"]
    place = {
        "docker": lambda file: ["--config", str(file.parent)],
        "podman": lambda file: ["--authfile", str(file)],
    }[client]
    return lambda name, file: [*run, *place(file), "-u", USER, "--password-stdin", name]


@contextlib.contextmanager
def names_of(registry: str, count: int) -> Iterator[list[str]]:
    """Make a registry on 127.0.0.1 reachable on the next addresses too; yield its ``count`` names."""
    port = int(registry.rpartition(":")[2])
    loop = asyncio.new_event_loop()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        registry_reader, registry_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, registry_writer), copy(registry_reader, writer))

    async def listen() -> list[asyncio.Server]:
        addresses = [f"127.0.0.{number}" for number in range(2, count + 1)]
        return [await asyncio.start_server(relay, address, port, backlog=512) for address in addresses]

    async def end(servers: list[asyncio.Server]) -> None:
        for server in servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    servers = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield [f"127.0.0.{number}:{port}" for number in range(1, count + 1)]
    finally:
        asyncio.run_coroutine_threadsafe(end(servers), loop).result(programs.STOP_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def environment(file: Path) -> dict[str, str]:
    """Return the environment of a login to ``file``: no PATH, or the machine's own credential helpers would be used."""
    source = ":".join(entry for entry in sys.path if entry.endswith("/src"))
    home = str(file.parent)
    variables = {"HOME": home, "XDG_RUNTIME_DIR": home, "DOCKER_CONFIG": home, "DOCKER_HOST": f"unix://{home}/none"}
    return {**variables, "PATH": "/nonexistent", "PYTHONPATH": source}


def start(client: Client, name: str, file: Path) -> subprocess.Popen[bytes]:
    """Start a login that waits for its password."""
    return subprocess.Popen(
        client(name, file),
        env=environment(file),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    """Give a login its password and wait for its success."""
    stderr = process.communicate(PASSWORD.encode(), timeout=120)[1]
    assert process.returncode == 0, stderr.decode()


def log_in_at_once(client: Client, names: Sequence[str], file: Path) -> None:
    """Log in to all names at the same time; each of the logins has to succeed."""
    running = [start(client, name, file) for name in names]
    for process in running:
        assert process.stdin
        process.stdin.write(PASSWORD.encode())
        process.stdin.close()
        process.stdin = None
    errors = []
    for process in running:
        stderr = process.communicate(timeout=120)[1]
        if process.returncode != 0:
            errors.append(stderr.decode())
    assert not errors, errors


@contextlib.contextmanager
def repeatedly(client: Client, name: str, file: Path) -> Iterator[None]:
    """Log in to one name again and again, from before the block until it ends."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                finish(start(client, name, file))
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised again in the test's own thread
            failures.append(error)

    finish(start(client, name, file))
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]


def kept(names: Sequence[str], file: Path) -> int:
    """Return how many of the logins are in the file."""
    auths = json.loads(file.read_bytes())["auths"]
    return sum(bool(auths.get(name, {}).get("auth")) for name in names)
