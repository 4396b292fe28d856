"""Which server of the standard library should the agent use? Round trips per second and memory with idle connections.

Each server answers 200 bytes with 200 bytes on a unix socket. A client opens one connection for each question, as the
forwarder does. Then 1,000 connections stay open while the client asks again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import socketserver
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shorepass.http.unix_server import UnixServer

QUESTION = b"q" * 200
ROUNDS = 1500
IDLE = 1000


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def streams_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()
    writer.close()


async def with_protocol(path: str) -> None:
    server = await asyncio.get_running_loop().create_unix_server(Echo, path, backlog=1024)
    await server.serve_forever()


async def with_streams(path: str) -> None:
    server = await asyncio.start_unix_server(streams_echo, path, backlog=1024)
    await server.serve_forever()


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(4096):
            self.request.sendall(data)


class Threads(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 1024


class Pool(Threads):
    pool = ThreadPoolExecutor(2000)

    def process_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        self.pool.submit(self.process_request_thread, request, client_address)


def with_pool(path: str) -> None:
    Pool(path, Handler).serve_forever()


class Accepting(UnixServer):
    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        while data := self.next_of(connection):
            connection.sendall(data)

    def next_of(self, connection: socket.socket) -> bytes:
        try:
            return connection.recv(4096)
        except BlockingIOError:
            self.hand_over()
            connection.settimeout(None)
            return connection.recv(4096)


def with_accepting_threads(path: str) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(1024)
    Accepting(listening, connections=2000).start()
    signal.pause()


def with_threads(path: str) -> None:
    Threads(path, Handler).serve_forever()


SERVERS = {
    "asyncio, a Protocol": lambda path: asyncio.run(with_protocol(path)),
    "asyncio, streams": lambda path: asyncio.run(with_streams(path)),
    "socketserver, threads": with_threads,
    "socketserver, a pool of threads": with_pool,
    "one thread at a time accepts": with_accepting_threads,
}


def ask(path: str) -> float:
    start = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(QUESTION)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    return time.perf_counter() - start


def resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def measure(name: str, folder: str) -> None:
    path = os.path.join(folder, f"{list(SERVERS).index(name)}.sock")
    pid = os.fork()
    if pid == 0:
        SERVERS[name](path)
    while not os.path.exists(path):
        time.sleep(0.01)
    time.sleep(0.2)
    times = [ask(path) for _ in range(ROUNDS)]
    idle = [socket.socket(socket.AF_UNIX) for _ in range(IDLE)]
    for one in idle:
        one.connect(path)
    beside = [ask(path) for _ in range(ROUNDS)]
    print(
        f"{name:32} {statistics.median(times) * 1e6:6.0f} us   beside {IDLE} idle connections "
        f"{statistics.median(beside) * 1e6:6.0f} us   {resident(pid):5.0f} MB"
    )
    os.kill(pid, 9)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as folder:
        for name in SERVERS:
            measure(name, folder)
