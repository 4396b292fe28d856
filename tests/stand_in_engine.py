"""An engine that answers one thing, behind a unix socket: a stand-in for engines that are not on this machine."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shorepass.contexts.local import LocalContext

__all__ = ["engine"]


@contextmanager
def engine(
    info: dict[str, object], answer: tuple[int, str], *headers: str
) -> Iterator[tuple[LocalContext, list[bytes]]]:
    """Answer ``/info`` and one kind of question; yield the context, and the requests."""
    seen: list[bytes] = []

    def reply(status: int, body: str) -> bytes:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            with wire:
                request = wire.recv(65536)
                while request.startswith(b"POST") and not request.endswith(b"}"):
                    request += wire.recv(65536)
                seen.append(request)
                wire.sendall(reply(200, json.dumps(info)) if b" /info " in request else reply(*answer))

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = str(Path(folder, "docker.sock"))
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield LocalContext({"HOME": folder, "DOCKER_HOST": f"unix://{path}"}), seen
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
