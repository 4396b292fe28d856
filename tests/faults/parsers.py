"""Every parser of ours, with some inputs that it likes."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import NamedTuple

from shorepass import clients
from shorepass.acceleration import journal as forwarder_journal
from shorepass.accounts import rules
from shorepass.accounts.choice import choose
from shorepass.accounts.keys import key_of, split
from shorepass.clients.on_path import release_on_path
from shorepass.config import auth_entry, auth_file, docker_config, document, registries_conf
from shorepass.config.auth_file import AuthFile
from shorepass.contexts import FileContent, executable
from shorepass.contexts.containers import passwd
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, IdentityToken
from shorepass.errors import ShorepassError, StoreLocked
from shorepass.helper import protocol
from shorepass.http import Response, certificate_names, parse_url, percent_decode, percent_encode, proxy
from shorepass.http.bounded_answer import BoundedAnswer, read_body
from shorepass.logins import helper_entry
from shorepass.migration import journal, plan
from shorepass.names import (
    Reference,
    host_of_key,
    is_loopback,
    parse,
    registry_of_server,
    require_user_name,
    split_host_port,
)
from shorepass.processes import Completed
from shorepass.registry import answer, challenge, known_answers, permission, product_passwords, realm, scope, token
from shorepass.secret import Secret
from shorepass.stores.vault import document as vault_document
from shorepass.stores.vault import key as vault_key

__all__ = ["OURS", "PARSERS", "Parser"]

# What may come out. The last three are raised by a part to the whole that it belongs to, which makes one of the first of it.
OURS = (ShorepassError, auth_entry.BadEntryError, docker_config.JsonSyntaxError, protocol.ProtocolError)


class Parser(NamedTuple):
    """``parse`` takes bytes; ``seeds`` are some that it likes."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


class OneFile(LocalContext):
    """A place where every file is the same."""

    def __init__(self, data: bytes) -> None:
        super().__init__({"HOME": "/home"}, platform="linux", uid=1000)
        self._data = data

    def read(self, path: str, limit: int) -> FileContent | None:
        return FileContent(path, self._data[:limit])

    def names(self, folder: str) -> list[str]:  # noqa: ARG002  # the same for all
        return []


class Wire(io.RawIOBase):
    """The end of a connection on which bytes arrive in pieces."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = 1 + len(data) % 7 * 5 if len(data) < 500 else 4096

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(self)

    def settimeout(self, seconds: float) -> None:
        pass

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self._size)
        found, self._data = self._data[:size], self._data[size:]
        buffer[: len(found)] = found
        return len(found)


URL = parse_url("https://registry.example/v2/")
BODY_LIMIT = 64 * 1024


def read_http(data: bytes) -> bytes:
    """Read an answer as both transports do, which make an error of Shorepass's of these three."""
    try:
        answer = BoundedAnswer(Wire(data), "GET", deadline=time.monotonic() + 60, limit=BODY_LIMIT)  # type: ignore[arg-type]
        answer.begin()
        return read_body(answer.read, BODY_LIMIT)
    except (HTTPException, OSError, ValueError) as error:
        raise ShorepassError("not HTTP") from error


def answer_of(data: bytes) -> Response:
    """Return an answer with these bytes as body and headers, of one of the statuses that mean something else."""
    names = ("content-type", "retry-after", "location", "ratelimit-remaining", "ratelimit-limit")
    headers = tuple((name, data[:2000].decode("latin-1")) for name in names)
    return Response((200, 302, 401, 403, 404, 429, 500, 503)[len(data) % 8], headers, data, URL)


def read_error_body(data: bytes) -> None:
    response = answer_of(data)
    shown = answer.said(response, ["a secret"]), *answer.missing_actions(response)
    assert all(len(text) < 1000 and text.isprintable() for text in shown)
    answer.codes(response)
    answer.limit_reached("r", response)
    answer.other_status("r", response)


def ask_for_token(data: bytes) -> None:
    response = answer_of(data)
    for credential in (Basic("alice", Secret("pw")), IdentityToken(Secret("t"), "alice")):
        flow = token.ask(token.Question("r", URL, "s", ("repository:a:pull",), credential), 0.0)
        with suppress(ShorepassError, StopIteration):
            next(flow)
            while True:
                flow.send(response)


def look_up(data: bytes) -> None:
    text = _text(data)
    host_of_key(text)
    split_host_port(text)
    is_loopback(text)
    is_loopback(f"127.0.0.{text}")
    with suppress(ShorepassError):
        require_user_name(text)
    registry_of_server(text)


def read_scopes(data: bytes) -> None:
    text = _text(data)
    found = scope.split(text)
    scope.parse(text)
    assert scope.covers(scope.union(found), found)
    scope.for_request("POST", text)
    scope.repository_of(text)


def read_challenges(data: bytes) -> None:
    found = challenge.parse_challenges(data.decode("latin-1").split("\n"))
    challenge.choose(found)


def parse_reference(data: bytes) -> None:
    reference = parse(_text(data))
    assert parse(str(reference)) == reference or not reference.repository or "://" in str(reference)


def read_entry(data: bytes) -> None:
    text = data.decode("latin-1")
    for read in (auth_entry.read_docker_entry, auth_entry.read_containers_entry):
        with suppress(auth_entry.BadEntryError):
            read((("auth", text), ("username", text), ("identitytoken", text)))
    auth_entry.decode_auth(text)


def read_accounts(data: bytes) -> None:
    passwd.names(data)
    passwd.account("alice", data, data)
    passwd.account(_text(data), data, data)


def read_release(data: bytes) -> None:
    """Let docker print this as its version."""

    class Here(OneFile):
        def which(self, program: str) -> str:
            return f"/bin/{program}"

        def version(self, _: str) -> Completed:
            return Completed(0, data, b"")

    release_on_path(Here(b""), "docker")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _file(data: bytes) -> FileContent:
    return FileContent("/config.json", data)


CONFIG = json.dumps(
    {
        "auths": {"reg.example": {"auth": "YWxpY2U6cHc="}, "https://index.docker.io/v1/": {"identitytoken": "t"}},
        "credHelpers": {"gcr.io": "gcloud", "x": ""},
        "credsStore": "pass",
        "HttpHeaders": {"User-Agent": "x"},
        "proxies": {"default": {"httpProxy": "http://p"}},
        "plugins": {"a": {"b": "c"}},
        "pruneFilters": ["a"],
        "n": [1, -2.5e3, True, None, "\u00e9\ud83d\ude00"],
    },
    indent="\t",
).encode()
CONFIGS = (
    CONFIG,
    b'{"auths":{"a":{"auth":"YTpi","email":null}},"AUTHS":{"a":null}}',
    b"{}",
    b"null",
    b'{"a":{"auth":"YTpi"}}',
)
REGISTRIES = (
    (
        b'unqualified-search-registries = ["docker.io"]\ncredential-helpers = ["containers-auth.json", "pass"]\n'
        b'short-name-mode = "enforcing"\n[[registry]]\nprefix = "*.example.com"\nlocation = "reg.example:5000/team"\n'
        b'insecure = true\nblocked = false\n[[registry.mirror]]\nlocation = "mirror.example"\npull-from-mirror = "all"\n'
    ),
    b'# comment\n[aliases]\n  "alpine" = "docker.io/library/alpine" # x\n\n"a/b" = "c.io/d"\n',
    b"a = 1979-05-27T07:32:00Z\nb = [1, 0x1f, 1_0.5e3, inf]\nc = {d = \"e\", f.g = 'h'}\n",
)
CHALLENGES = (
    b'Bearer realm="https://auth.example/token",service="reg.example",scope="repository:a/b:pull,push"',
    b'Basic realm="x", Bearer realm=https://a/token , Negotiate abc==\nDigest a="\\"b\\\\",c=d',
)
TOKENS = (
    b'{"token":"abc.def.ghi","access_token":"x","expires_in":300,"issued_at":"2026-01-02T03:04:05.678Z","scope":"a:b:c"}',
    b'{"token":"t","expires_in":1e3,"issued_at":"2026-01-02T03:04:05+01:00"}',
    b'{"errors":[{"code":"UNAUTHORIZED","message":"m","detail":[{"Type":"repository","Name":"a","Action":"pull"}]}]}',
    b'{"details":"incorrect username or password"}',
    b"<html><body>502 Bad Gateway</body></html>",
    b"100;w=21600",
)
NAMES = (
    *(
        b"nginx",
        b"ghcr.io/acme/app:1.0",
        b"localhost:5000/a@sha256:" + b"0" * 64,
        b"[::1]:5000/a/b-c__d.e:T",
        b"docker.io",
    ),
    *(
        b"https://index.docker.io/v1/",
        b"https://user:pw@reg.example:443/v2/?a=b#c",
        b"reg.example/team/app",
        b"HTTP://[fe80::1]/",
    ),
)
HTTP = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}",
    b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 401 U\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nf\r\n0\r\n\r\n",
    b"HTTP/1.0 404 Not Found\r\nConnection: close\r\nX: y\r\n\r\nto the end",
)
FORWARDER_LINKS = json.dumps(
    {
        "version": 1,
        "helpers": {
            "gcloud": {"link": "/home/you/bin/docker-credential-gcloud", "original": "/opt/g", "before": None},
            "shorepass": {
                "link": "/a",
                "original": "/a",
                "before": {"target": "", "data": "IyEvYmluL3No", "mode": 493},
            },
        },
    }
).encode()
MIGRATION = json.dumps(
    {
        "version": 1,
        "store": "vault",
        "helper": "",
        "moved": [["/home/you/.docker/config.json", "ghcr.io", ["ghcr.io"], "alice"]],
        "had": ["a"],
        "named": [[["/home/you/.docker/config.json", ["credHelpers", "ghcr.io"]], [None, 1]]],
        "done": False,
    }
).encode()
JWT = b"e30.eyJhY2Nlc3MiOlt7InR5cGUiOiJyZXBvc2l0b3J5IiwibmFtZSI6ImEiLCJhY3Rpb25zIjpbInB1bGwiXX1dfQ.c2ln"
# Of a certificate all but the issuer (organisation O, common name N) is cut short.
DER = bytes.fromhex("302c302aa00302010202010130003020311e300c060355040a0c054f7267616e300e06035504030c074e616d652e6361")
DER_OF_HOSTS = bytes.fromhex("30223020a31e301c301a0603551d11041330118209612e6578616d706c6587047f000001")
ELF = (
    b"\x7fELF\x02\x01\x01"
    + b"\0" * 9
    + b"\x02\0\x3e\0\x01\0\0\0"
    + b"\0" * 8
    + b"\x40"
    + b"\0" * 7
    + b"\0" * 14
    + b"\x38\0\x01\0"
)

SETTINGS = (
    b'store = "vault"\n[[account]]\nname = "work"\nrepository = "reg.example/team/*"\n',
    b'account = [{name = "work", directory = "~/src"}, {name = "work", directory = "/"}]\n',
    b"account = 1",
)
VAULT = vault_document.encode(
    vault_document.Document({}, ("age1x",))
    .with_login("reg.example", Basic("alice", Secret("pw")))
    .with_login("b.example#work", IdentityToken(Secret("t"), "bob"))
)
KEYS = (
    b"# nobody's\nAGE-SECRET-KEY-1S9NM34WWQ6J2XF6YCM2ZE0TN6FC67QECR3DGAWAEPGZGD40AWZRSXFKZQ9\n",
    b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB\n-----END",
    b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0\n-----END",
    b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END",
)


def read_vault(data: bytes) -> None:
    try:
        found = vault_document.decode(data)
        found.names()
        for key in found.logins:
            found.get(key)
    except vault_document.NotADocumentError:
        pass  # ``Vault`` says in which file


def nobody(prompt: str) -> str:
    raise StoreLocked("vault", prompt)


PARSERS = {
    "config.json, as docker reads it": Parser(lambda data: docker_config.load(_file(data)), CONFIGS),
    "config.json, for an edit": Parser(lambda data: document.load(_file(data), first_value_only=True), CONFIGS),
    "auth.json, for an edit": Parser(lambda data: document.load(_file(data)), CONFIGS),
    "config.json, in pairs": Parser(lambda data: document.load_pairs(_file(data)), CONFIGS),
    "set a member": Parser(lambda data: document.set_member(data, ("auths", "a"), {"auth": "x"}), CONFIGS),
    "remove a member": Parser(lambda data: document.remove_member(data, ("auths", "a")), CONFIGS),
    "DOCKER_AUTH_CONFIG": Parser(lambda data: docker_config.load_variable(_text(data)), CONFIGS),
    "auth.json": Parser(lambda data: auth_file.load(OneFile(data), AuthFile("/auth.json", "")), CONFIGS),
    ".dockercfg": Parser(lambda data: auth_file.load(OneFile(data), AuthFile("/a", "", legacy=True)), CONFIGS),
    "registries.conf": Parser(
        lambda data: registries_conf.load(OneFile(data), registries_conf.NEWEST).rewrite(
            Reference("reg.example", "a", "1")
        ),
        REGISTRIES,
    ),
    "journal of a migration": Parser(lambda data: journal.decode(_file(data)), (MIGRATION,)),
    "journal of the forwarder": Parser(lambda data: forwarder_journal.decode(_file(data)), (FORWARDER_LINKS,)),
    "a file that is to migrate": Parser(
        lambda data: plan.plan_file(
            _file(data), owner=clients.find(clients.FAMILIES[len(data) % 2]), stored=lambda _: ANONYMOUS
        ),
        CONFIGS,
    ),
    "auth entry": Parser(read_entry, (b"YWxpY2U6cHc=", b"YTo=", b"YTpi\n", b"Og==", b"YWE6/+8AAA==")),
    "challenges": Parser(read_challenges, CHALLENGES),
    "scopes": Parser(
        read_scopes, (b"repository:a/b:pull,push repository(plugin):c:* aws", b"/v2/a/b/blobs/uploads/?from=c%2Fd")
    ),
    "token answer": Parser(ask_for_token, TOKENS),
    "access claim": Parser(lambda data: permission.access_claim(_text(data)), (JWT, b"a.b.c")),
    "error body": Parser(read_error_body, TOKENS),
    "settings": Parser(lambda data: choose(OneFile(data), Reference("reg.example", "team/app")), SETTINGS),
    "a rule's repository": Parser(
        lambda data: rules.repository_of(_text(data)), (*NAMES, b"ghcr.io/acme/*", b"ghcr.io")
    ),
    "an account's key": Parser(lambda data: key_of(*split(_text(data))), (b"ghcr.io#work", b"#", b"a#b#c")),
    "helper's answer": Parser(
        lambda data: protocol.credential_of(protocol.decode_answer(data)),
        (
            b'{"ServerURL":"x","Username":"a","Secret":"b"}',
            b'{"username":"<token>","SECRET":"t"}\n',
            b"credentials not found",
        ),
    ),
    "helper's list": Parser(protocol.decode_list, (b'{"https://index.docker.io/v1/":"alice","b":null}', b"{}")),
    "helper's refusal": Parser(protocol.says_it_was_not_there, (b"credentials not found in native keychain\n",)),
    "reference": Parser(parse_reference, NAMES),
    "server, key": Parser(look_up, NAMES),
    "URL": Parser(lambda data: parse_url(_text(data), URL), (*NAMES, b"../a?b", b"//h/p")),
    "realm": Parser(
        lambda data: realm.check(URL, data.decode("latin-1")), (*NAMES, b"https://auth.registry.example/token")
    ),
    "percent encoding": Parser(lambda data: percent_encode(percent_decode(_text(data))), (b"a%20b+c%C3%A9%", b"%%%1")),
    "proxy": Parser(
        lambda data: proxy.proxy_for(URL, LocalContext({"HTTPS_PROXY": _text(data), "NO_PROXY": _text(data)})),
        (b"http://u:p@proxy.example:3128/", b"10.0.0.0/8,*.example,[::1]:80,.x", b"proxy:8080"),
    ),
    "docker --version": Parser(
        read_release, (b"Docker version 28.2.2, build e6534b4\n", b"Docker version 20.10.24+dfsg1, b")
    ),
    "HTTP": Parser(read_http, HTTP),
    "certificate": Parser(certificate_names.issuer_of, (DER,)),
    "certificate's extensions": Parser(certificate_names.names_issuer_address, (DER,)),
    "hosts of a certificate": Parser(certificate_names.hosts_of, (DER, DER_OF_HOSTS)),
    "product of a challenge": Parser(
        lambda data: product_passwords.password_for(_text(data), _text(data)),
        (b"https://docker.acme.example/artifactory/api/docker/local/v2/token", b"Artifactory Realm"),
    ),
    "known answer": Parser(lambda data: known_answers.known_answer(_text(data)), (b"http basic: access denied",)),
    "program": Parser(executable.describe, (ELF, b"#!/bin/sh -e\n", b"MZ\x90\0")),
    "what is in a vault": Parser(read_vault, (VAULT,)),
    "vault's key": Parser(lambda data: vault_key.parse(_file(data), nobody), KEYS),
    "helper.json": Parser(
        lambda data: helper_entry.decode(_file(data)),
        (b'{"version": 1, "places": {"[\\"/a\\",\\"credsStore\\"]": {"name": null, "depth": 1}}}',),
    ),
    "passwd, group": Parser(
        read_accounts, (b"root:x:0:0::/root:/bin/sh\nalice:x:1000:1000:A:/home/alice:\n", b"staff:x:50:alice\n")
    ),
}
