"""What the real podman, skopeo and buildah send: a registry that keeps what it is sent, and is their proxy as well.

As their proxy it stands for every registry there is: it refuses to make tunnels, so that they give up https and ask by
plain http, which they do with ``--tls-verify=false``. It lets nobody in, so that they end at once (20 ms a case).
"""

from __future__ import annotations

import binascii
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from e2e.programs import require, run

__all__ = ["Asked", "Oracle"]

SECONDS = 60


class Asked(NamedTuple):
    """One request with a credential, or without one where it was time for one: what came with it, and to which host."""

    host: str
    kind: str  # "Basic" or "refresh_token"
    text: bytes


class Oracle:
    """The registry. ``bearer`` makes it ask for a token from its own token server, ``accepts`` makes it let everyone in."""

    def __init__(self) -> None:
        self.bearer = False
        self.accepts = False
        self._asked: list[Asked] = []

    def __enter__(self) -> Self:
        oracle = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in the base class
                pass

            def do_GET(self) -> None:
                oracle.answer(self)

            do_HEAD = do_POST = do_GET  # noqa: N815 -- the names in the base class

            def do_CONNECT(self) -> None:
                self.close_connection = True
                self.send_error(502)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(SECONDS)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Keep what a request brings, and refuse it, if not all are let in."""
        if self.accepts:
            request.send_response(200)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        url = urlsplit(request.path)
        host = parse_qs(url.query).get("service", [request.headers["Host"]])[0]
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if request.command == "POST":
            fields = parse_qs(_chunks(request).decode())
            self._asked.append(Asked(fields["service"][0], "refresh_token", fields["refresh_token"][0].encode()))
        elif url.path != "/v2/":
            assert scheme in ("", "Basic")
            self._asked.append(Asked(host, "Basic", binascii.a2b_base64(text) if text else b":"))
        challenge = f'Bearer realm="http://{self.address}/token",service="{request.headers["Host"]}"'
        request.send_response(401)
        request.send_header("WWW-Authenticate", challenge if self.bearer else 'Basic realm="nobody"')
        request.send_header("Content-Length", "2")
        request.end_headers()
        request.wfile.write(b"{}" if request.command != "HEAD" else b"")

    def ask(self, client: str, reference: str, env: Mapping[str, str]) -> tuple[Asked | None, str]:
        """Let a client pull; return what it sent for the image itself (None: it stopped before), and its stderr."""
        self._asked.clear()
        proxy = f"http://{self.address}"
        with tempfile.TemporaryDirectory() as store:
            roots = ["--root", f"{store}/root", "--runroot", f"{store}/run", "--storage-driver", "vfs"]
            argv = {
                "skopeo": ["inspect", "--tls-verify=false", f"docker://{reference}"],
                "podman": [*roots, "pull", "--quiet", "--tls-verify=false", reference],
                "buildah": [*roots, "pull", "--quiet", "--tls-verify=false", reference],
            }[client]
            done = run(
                [require(client), *argv], env={"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, **env}, timeout=SECONDS
            )
        assert done.returncode != 0
        return (self._asked[-1] if self._asked else None), done.stderr

    def log(self, client: str, words: list[str], env: Mapping[str, str], password: str = "") -> tuple[bool, str]:
        """Let a client log in or out; tell whether it did, and return its stderr."""
        self.accepts = True
        proxy = f"http://{self.address}"
        done = run(
            [require(client), *words],
            env={"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, **env},
            stdin=password,
            timeout=SECONDS,
        )
        self.accepts = False
        return done.returncode == 0, done.stderr


def _chunks(request: BaseHTTPRequestHandler) -> bytes:
    """Return a request's body; Go sends that of a token request in chunks."""
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body
