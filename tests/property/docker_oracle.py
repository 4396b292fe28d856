"""What the real docker sends: an engine that plays just enough of its API for a pull to show its credentials.

``docker pull`` sends them in the header ``X-Registry-Auth`` of ``POST /images/create``; the engine keeps the header and
answers with an error, so that docker ends at once (12 ms a case). Every login is fine with the engine.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from shorepass.clients.release import Release
from shorepass.credential import ANONYMOUS, Basic, BearerToken, Credential, IdentityToken
from shorepass.secret import Secret

__all__ = ["Docker", "Sent"]

LOUD_CREATE_SINCE = Release(25)  # docker create stops where a helper fails; pull goes on without a word until 29
SECONDS = 60
INDEX = b'{"IndexServerAddress":"https://index.docker.io/v1/"}'  # docker 20.10 asks for it


class Sent(NamedTuple):
    """What docker did for one pull: the header decoded (None: docker stopped before), and its stderr."""

    header: dict[str, str] | None
    stderr: str

    @property
    def file_is_broken(self) -> bool:
        """Docker warned that it cannot load or parse its config file."""
        return (
            "WARNING: Error loading config file" in self.stderr or "WARNING: Error parsing config file" in self.stderr
        )

    @property
    def engine_is_out_of_reach(self) -> bool:
        """The file's own HttpHeaders are none that can be sent: docker then reaches no engine, whatever the login."""
        return self.header is None and "net/http: invalid header field" in self.stderr

    @property
    def credential(self) -> Credential:
        """Return what moby makes of the header: registry token, identity token, then user name and password."""
        fields = self.header or {}
        username, password = fields.get("username", ""), fields.get("password", "")
        if token := fields.get("registrytoken"):
            return BearerToken(Secret(token))
        if token := fields.get("identitytoken"):
            return IdentityToken(Secret(token), username)
        return Basic(username, Secret(password)) if username and password else ANONYMOUS


class Docker:
    """One docker program and an engine of its own, on a socket in ``folder``."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=SECONDS)
        found = re.search(r"version (\d+)\.(\d+)", done.stdout)
        assert found, done.stdout
        self.release = Release(int(found[1]), int(found[2]))
        self._socket = folder / f"{self.release}.sock"
        self._headers: list[str] = []
        self.panicked = False

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._socket))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(SECONDS)

    def pull(self, reference: str, env: Mapping[str, str]) -> Sent:
        """Return what ``docker pull`` sends."""
        return self._ask(["pull", "--quiet", reference], env)

    def stops(self, reference: str, env: Mapping[str, str]) -> bool:
        """Tell whether ``docker create`` stops for want of a credential that a helper should have. From docker 25 on."""
        assert self.release >= LOUD_CREATE_SINCE
        return self._ask(["create", "--pull", "always", reference], env).header is None

    def logs_in(self, server: str, username: str, password: str, env: Mapping[str, str]) -> bool:
        """Let ``docker login`` store what the engine finds good; tell whether it did. ``panicked`` tells of a crash."""
        done = self._run(
            ["login", "--username", username, "--password-stdin", *([server] if server else [])], env, password
        )
        self.panicked = "panic: assignment to entry in nil map" in done.stderr  # docker 20.10, where auths is null
        return done.returncode == 0

    def log_out(self, server: str, env: Mapping[str, str]) -> None:
        """Let ``docker logout`` erase; Docker Hub's login where no server is named."""
        assert self._run(["logout", *([server] if server else [])], env).returncode == 0

    def _ask(self, words: list[str], env: Mapping[str, str]) -> Sent:
        self._headers.clear()
        done = self._run(words, env)
        assert done.returncode != 0, done.stdout  # the engine pulls nothing
        header = json.loads(base64.urlsafe_b64decode(self._headers[-1])) if self._headers else None
        return Sent(header, done.stderr)

    def _run(self, words: list[str], env: Mapping[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, "--host", f"unix://{self._socket}", *words],
            env=dict(env),
            capture_output=True,
            input=stdin,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests:
            while words := requests.readline().split():
                length = 0
                while header := requests.readline().strip():
                    name, _, value = header.decode("latin-1").partition(":")
                    if name.lower() == "x-registry-auth":
                        self._headers.append(value.strip())
                    if name.lower() == "content-length":
                        length = int(value)
                requests.read(length)
                connection.sendall(_answer(words[0], words[1]))


def _answer(verb: bytes, path: bytes) -> bytes:
    status, body = b"404 Not Found", b"{}"
    if path.endswith(b"/_ping"):
        status, body = b"200 OK", b"OK"
    elif path.endswith(b"/info"):
        status, body = b"200 OK", INDEX
    elif path.endswith(b"/auth"):
        status, body = b"200 OK", b'{"Status":"Login Succeeded"}'
    elif b"/images/create" in path:
        status, body = b"500 Internal Server Error", b'{"message":"no pull today"}'
    head = b"HTTP/1.1 %b\r\nApi-Version: 1.41\r\nOstype: linux\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + (b"" if verb == b"HEAD" else body)
