"""A token server on loopback for docker-registry: it signs, the real registry verifies.

Speaks the distribution token specification by GET and, for refresh tokens, by OAuth2 POST. The registry finds
the key by its libtrust id: base32 of the first 30 bytes of SHA-256 over the public key, in groups of four.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from e2e import programs

__all__ = ["TokenServer", "token_registry"]

SERVICE = "shorepass-test"
ISSUER = "shorepass-test-issuer"
LIFETIME = 300  # seconds

Grants = Mapping[str, Mapping[str, str]]  # user name -> repository -> actions, "pull,push"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer:
    """Who may do what, the key, and every request as ``(method, fields)`` in ``requests``. ``realm`` is its URL.

    ``served`` are the users to whom it gave a token, one after the other; a stranger is "".

    A client that asks for one (``offline_token=true``, as docker login does) gets a refresh token when
    ``identity_tokens`` is true. ``clock``: seconds that its clock is ahead. ``address``: where on loopback it listens.
    """

    def __init__(
        self, users: Mapping[str, str], grants: Grants, *, identity_tokens: bool = False, address: str = "127.0.0.1"
    ) -> None:
        self.users = users
        self.grants = grants
        self.identity_tokens = identity_tokens
        self.address = address
        self.clock = 0
        self.refresh_tokens: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.served: list[str] = []
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        letters = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
        self._key_id = ":".join(letters[i : i + 4] for i in range(0, len(letters), 4))
        self.realm = ""

    def certificate(self) -> bytes:
        """Return the key's self-signed certificate as PEM, for the registry's ``rootcertbundle``."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number())
        signed = builder.not_valid_before(now - day).not_valid_after(now + day).sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    def by_get(self, fields: dict[str, list[str]], authorization: str | None) -> dict[str, object] | None:
        """Answer a GET; None refuses. No Authorization at all is a stranger, who is granted what ``""`` is granted."""
        user = ""
        if authorization is not None:
            try:
                scheme, _, word = authorization.partition(" ")
                user, _, password = base64.b64decode(word).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
            if scheme.lower() != "basic" or self.users.get(user) != password:
                return None
        answer = self._answer(user, fields.get("scope", []))
        if self.identity_tokens and user and fields.get("offline_token") == ["true"]:
            refresh_token = secrets.token_hex(16)
            self.refresh_tokens[refresh_token] = user
            answer["refresh_token"] = refresh_token
        return answer

    def by_post(self, fields: dict[str, list[str]]) -> dict[str, object] | None:
        """Answer an OAuth2 POST with a refresh token; None refuses."""
        user = self.refresh_tokens.get(fields.get("refresh_token", [""])[0])
        if fields.get("grant_type") != ["refresh_token"] or user is None:
            return None
        return self._answer(user, fields.get("scope", [""])[0].split())

    def _answer(self, user: str, scopes: list[str]) -> dict[str, object]:
        self.served.append(user)
        now = int(time.time()) + self.clock
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "jti": secrets.token_hex(8),
            "iat": now,
            "nbf": now - 10,  # seconds; two clocks of one machine agree, the margin costs nothing
            "exp": now + LIFETIME,
            "access": [self._access(user, scope) for scope in scopes],
        }
        token = self._signed(claims)
        return {"token": token, "access_token": token, "expires_in": LIFETIME}

    def _access(self, user: str, scope: str) -> dict[str, object]:
        kind, _, rest = scope.partition(":")
        repository, _, actions = rest.rpartition(":")
        granted = self.grants.get(user, {}).get(repository, "").split(",")
        return {"type": kind, "name": repository, "actions": [a for a in actions.split(",") if a in granted]}

    def _signed(self, claims: dict[str, object]) -> str:
        header = {"typ": "JWT", "alg": "ES256", "kid": self._key_id}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Listen on loopback until left; sets ``realm``."""
        with ThreadingHTTPServer((self.address, 0), _handler(self)) as server:
            self.realm = f"http://{self.address}:{server.server_port}/token"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()


def _handler(tokens: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fields = parse_qs(urlsplit(self.path).query)
            tokens.requests.append(("GET", fields))
            self._reply(tokens.by_get(fields, self.headers["Authorization"]))

        def do_POST(self) -> None:
            fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            tokens.requests.append(("POST", fields))
            self._reply(tokens.by_post(fields))

        def _reply(self, answer: dict[str, object] | None) -> None:
            refusal = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
            body = json.dumps(refusal if answer is None else answer).encode()
            self.send_response(401 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean; ``requests`` is the record."""

    return Handler


@contextmanager
def token_registry(folder: Path, tokens: TokenServer) -> Iterator[str]:
    """Run docker-registry with ``tokens`` as its token server; yield the registry's ``127.0.0.1:PORT``."""
    bundle = folder / "bundle.pem"
    bundle.write_bytes(tokens.certificate())
    with tokens.serving():
        auth = f"realm: '{tokens.realm}', service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: '{bundle}'"
        with programs.docker_registry(folder, f"{{token: {{{auth}}}}}") as name:
            yield name
