"""A secret is nowhere but in ``get``'s standard output, the client's file, a helper's standard input and the connection.

In all else that a person, a log or another program gets to see there is no piece of it, in whatever form.
"""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from e2e import programs
from faults.canary import CANARY, CORE, ECHOES, STATES, USER, State, encoded, leaks, write_program
from faults.test_hostile_registry import saying
from shorepass import cli
from shorepass.testing import Failure, Registry

SYSTEM_TOOLS = ("base64", "cat", "cut", "head", "od", "sleep", "tr", "yes")  # what the odd helpers run
LOGIN = ["login", "-u", USER, "--password-stdin"]


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry where the canary is alice's password."""
    with Registry(users={USER: CANARY}, auth="bearer") as running:
        yield running


@pytest.fixture(autouse=True)
def tools(world: Path) -> None:
    """The helpers find what they run, and no real client is on PATH."""
    for name in SYSTEM_TOOLS:
        (world / "bin" / name).symlink_to(programs.require(name))


class Said(NamedTuple):
    status: int
    stdout: str
    stderr: str


def run_here(monkeypatch: pytest.MonkeyPatch, *words: str, stdin: str = "") -> Said:
    """Run the command line in this process, which is quick, and return what it said."""
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding="utf-8") for data in (stdin.encode(), b"", b"")]
    with monkeypatch.context() as patch:
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, stream)
        try:
            status = cli.main(list(words))
        except SystemExit as stop:
            status = int(stop.code or 0)
    for stream in streams[1:]:
        stream.flush()
    stdout, stderr = (stream.buffer.getvalue().decode(errors="replace") for stream in streams[1:])  # type: ignore[attr-defined]
    return Said(status, stdout, stderr)


def commands(host: str) -> list[list[str]]:
    """Return every verb with every flag that makes it say something else; ``login`` is given the canary."""
    image = f"{host}/team/app:1"
    login = [*LOGIN, "-v", "--timeout", "2"]
    per_client = [
        ["get", image],
        ["list"],
        ["list", "--json"],
        ["explain", "--push", image],
        ["explain", "--json", image],
        ["explain", "--offline", host],
        ["login", "--get-login", host],
        ["login", host],
        [*login, host],
        [*login, "127.0.0.1:1"],
        [*login, f"https://u:{CORE}@{host}/v2/"],
        ["logout", host],
        ["logout", "--json", f"https://u:{CORE}@{host}/v2/"],
        [*login, host],
        [*login, "--as", "work", host],
        ["login", "--as", "work", "--get-login", host],
        ["logout", "--as", "work", host],
        ["run", "--as", "work", "--", sys.executable, "-c", ""],
        ["logout", "--all"],
        ["logout", "--all", "--json"],
    ]
    of_all = [
        *(["who", "--in", "me"], ["who", "--in", "me", "--json"], ["who", "--in", "me", "--html", "-"]),
        *(["who", "--in", "me", "--check"], ["doctor"], ["doctor", "--json"], ["doctor", "--check"]),
        *(["stores"], ["stores", "--json"], ["stores", "use", "file"]),
        *(["doctor", "--push", image], ["doctor", "--fix", "--yes"], ["doctor", "--undo"]),
        *(["accounts", "use", "work", f"{host}/team/*"], ["accounts"], ["accounts", "--json"]),
    ]
    of_each = [[*words, "--client", client] for client in ("docker", "podman") for words in per_client]
    return [*of_all, *of_each]


@pytest.mark.parametrize("state", STATES)
def test_every_verb_with_every_file_and_helper(
    monkeypatch: pytest.MonkeyPatch, world: Path, registry: Registry, state: str
) -> None:
    """Whatever the files and helpers are like, only the answer of ``get`` has the secret in it."""
    for name, value in STATES[state].lay_out(world, registry.host).items():
        monkeypatch.setenv(name, value)
    for words in commands(registry.host):
        said = run_here(monkeypatch, *words, stdin=CANARY)
        assert leaks(said.stderr) == set(), (words, said.stderr)
        if words[0] == "get" and said.status == 0:
            assert set(json.loads(said.stdout)) == {"ServerURL", "Username", "Secret"}
        else:
            assert leaks(said.stdout) == set(), (words, said.stdout)


@pytest.mark.usefixtures("nothing_set", "our_helper")
def test_every_verb_where_a_store_of_ours_keeps_it(
    monkeypatch: pytest.MonkeyPatch, home: Path, registry: Registry
) -> None:
    """With the vault, too, only the answer of ``get`` has the secret in it; and no file has."""
    for words in commands(registry.host):
        if words == ["stores", "use", "file"]:
            continue
        said = run_here(monkeypatch, *words, stdin=CANARY)
        assert leaks(said.stderr) == set(), (words, said.stderr)
        if words[0] != "get" or said.status != 0:
            assert leaks(said.stdout) == set(), (words, said.stdout)
        assert [path for path in home.rglob("*") if path.is_file() and leaks(path.read_bytes().decode("latin-1"))] == []
    assert (home / ".local/share/shorepass/vault.age").exists()


@pytest.mark.usefixtures("nothing_set", "our_helper")
@pytest.mark.parametrize("state", STATES)
def test_a_migration_and_its_journal(
    monkeypatch: pytest.MonkeyPatch, world: Path, registry: Registry, state: str
) -> None:
    """Whatever the files and helpers are like: neither what it says, nor its journal, nor the vault's files hold the secret."""
    for name, value in STATES[state].lay_out(world, registry.host).items():
        monkeypatch.setenv(name, value)
    for words in ((), ("--json",), ("--apply",), ("--apply", "--json"), ("--undo",), ("--from", "odd", "--apply")):
        said = run_here(monkeypatch, "migrate", *words)
        assert leaks(said.stdout + said.stderr) == set(), (words, said)
        for path in (world / "home/.local").rglob("*"):
            assert not path.is_file() or leaks(path.read_bytes()) == set(), path


@pytest.mark.parametrize("verb", ["", *cli.VERBS])
def test_help_and_wrong_command_lines(monkeypatch: pytest.MonkeyPatch, world: Path, verb: str) -> None:
    """Neither help nor a complaint about flags quotes a password that was given."""
    STATES["password"].lay_out(world, "reg.example")
    lines = [["--help"], ["--nonsense"], ["login", "-u", USER, "-p", CANARY, "--nonsense"]]
    lines += [["login", "-u", USER, "-p", CANARY, "--password-stdin"], ["login", "-u", f"{USER}:", "-p", CANARY]]
    lines += [
        ["login", "-u", USER, f"-p{CANARY}", "one", "two"],
        ["login", "-u", USER, "--password", CANARY, "bad host"],
    ]
    for words in lines:
        said = run_here(monkeypatch, *[word for word in (verb, *words) if word], stdin=CANARY)
        assert leaks(said.stdout + said.stderr) == set()


# What a registry may answer, and in what kind of body.
ANSWERS = [
    *((200, "errors"), (302, "text"), (400, "text"), (401, "errors"), (403, "details")),
    *((403, "errors"), (404, "errors"), (429, "text"), (500, "details")),
]


@pytest.mark.parametrize("how", ECHOES)
@pytest.mark.parametrize("where", ["/v2/", "/token", "/v2/team/app/manifests/1"])
def test_registry_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch, world: Path, registry: Registry, how: str, where: str
) -> None:
    """A registry or token server that quotes the secret in its answer does not get it onto the screen."""
    STATES["password"].lay_out(world, registry.host)
    text = ECHOES[how](CANARY)
    header = text.encode("latin-1", "replace").decode("latin-1")
    error = {"code": text, "message": text, "detail": [{"Action": text, "Name": text}]}
    bodies = {"errors": json.dumps({"errors": [error]}), "details": json.dumps({"details": text}), "text": text}
    for status, kind in ANSWERS:
        headers = (
            ("Content-Type", "text/plain" if kind == "text" else "application/json"),
            *(("Location", f"https://elsewhere.example/?{header}"), ("Retry-After", header)),
            ("WWW-Authenticate", f'Bearer realm="{registry.url}/token",error="{header}",{header}'),
        )
        failure = Failure(status, bodies[kind].encode(), headers)
        asking = "basic" if where == "/token" else "bearer"
        for words in ([*LOGIN, registry.host], ["explain", "--push", f"{registry.host}/team/app:1"]):
            registry.fail(where, failure, authorization=asking, times=3)
            said = run_here(monkeypatch, *words, stdin=CANARY)
            assert leaks(said.stdout + said.stderr) == set(), said


def test_registry_that_repeats_it_outside_of_http(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bytes that are no HTTP are not quoted, plain or over TLS."""
    answers = [
        ECHOES["base64 of the login"](CANARY).encode(),
        b"HTTP/1.1 " + CANARY.encode() + b"\r\n\r\n",
        b"HTTP/1.1 401 no\r\nTransfer-Encoding: chunked\r\n\r\n" + CANARY.encode() + b"\r\n",
        b"HTTP/1.1 401 no\r\nContent-Length: " + CANARY.encode() + b"\r\n\r\n",
        b"HTTP/1.1 401 no\r\n" + CANARY.encode() + b"\r\n\r\n",
    ]
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    for data in answers:
        with saying(data) as host:
            said = run_here(monkeypatch, *LOGIN, host, stdin=CANARY)
            assert said.status == 1
            assert leaks(said.stdout + said.stderr) == set()
        with Registry(users={USER: CANARY}, tls=tls) as registry:
            registry.fail("/v2/", Failure(raw=data), authorization="basic")
            words = (*LOGIN, "--cert-dir", str(tmp_path), registry.host)
            said = run_here(monkeypatch, *words, stdin=CANARY)
            assert said.status == 1
            assert leaks(said.stdout + said.stderr) == set()


@pytest.mark.parametrize("proxy", ["http://u:{}@127.0.0.1:1", "socks5://u:{}@h:1", "u:{}@h:no", "http://u:{}@"])
def test_password_of_a_proxy(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A proxy's own password is a secret as well."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.replace("{}", CORE))
    said = run_here(monkeypatch, *LOGIN, "reg.invalid", stdin=CANARY)
    assert said.status == 1
    assert leaks(said.stdout + said.stderr) == set()


def test_certificates_and_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What stands in a key file that cannot be used is not quoted."""
    pem = f"-----BEGIN CERTIFICATE-----\n{encoded(CANARY)}\n-----END CERTIFICATE-----\n"
    for name in ("client.cert", "client.key", "ca.crt"):
        (tmp_path / name).write_text(pem)
    for name in ("ca.crt", "client.key"):
        words = (*LOGIN, "--cert-dir", str(tmp_path), "reg.invalid")
        said = run_here(monkeypatch, *words, stdin=CANARY)
        assert said.status == 1
        assert leaks(said.stdout + said.stderr) == set()
        (tmp_path / name).unlink()


# A process of its own


def start(*words: str, code: str = "", **env: str) -> subprocess.Popen[bytes]:
    run = ["-c", code] if code else ["-m", "shorepass"]
    return subprocess.Popen(
        [sys.executable, "-X", "dev", *run, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
    )


@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM, signal.SIGABRT])
def test_interrupted_login(registry: Registry, interrupt: signal.Signals) -> None:
    """A login that is stopped while the registry thinks it over says nothing of what it was given."""
    registry.fail("/token", Failure(delay=30))
    process = start(*LOGIN, registry.host, PYTHONFAULTHANDLER="1")
    assert process.stdin
    process.stdin.write(CANARY.encode())
    process.stdin.close()
    process.stdin = None
    programs.wait_until(lambda: any(r.path.startswith("/token") for r in registry.requests) or None, "the request")
    process.send_signal(interrupt)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode != 0
    assert leaks(stdout + stderr) == set()


CRASH = """
from importlib import import_module
from shorepass import cli
def crash(*args, **named):
    raise RuntimeError(args, named, str(args), f"{{args}}", [str(a) for a in args])
import shorepass.{module}
import_module("shorepass.{module}").{name} = crash
cli.program()
"""


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("logins.log_in", "log_in", LOGIN),
        ("logins.log_in", "store_somewhere", LOGIN),
        ("registry.client", "RegistryClient.check_login", LOGIN),
        ("registry.client", "ask", LOGIN),
        ("http.pooled", "PooledTransport.send", LOGIN),
        ("explain", "verdict", ["explain"]),
        ("explain", "ask_registry", ["explain"]),
        ("config.docker_config", "read", ["get"]),
        ("clients.trace", "Trace.resolution", ["get"]),
        ("clients.docker", "_pick", ["get"]),
    ],
)
def test_crash(world: Path, registry: Registry, module: str, name: str, words: list[str]) -> None:
    """A bug of ours, with all arguments in the error's text, shows no secret in its traceback."""
    STATES["password"].lay_out(world, registry.host)
    process = start(*words, registry.host, code=CRASH.format(module=module, name=name))
    stdout, stderr = process.communicate(CANARY.encode(), timeout=60)
    assert b"RuntimeError" in stderr
    assert leaks(stdout + stderr) == set()


def test_typed_at_a_terminal(registry: Registry) -> None:
    """What is typed after ``Password:`` is not echoed."""
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-m", "shorepass", "login", "-v", registry.host])
    shown = b""

    def wait_for(word: bytes) -> None:
        nonlocal shown
        deadline = time.monotonic() + 30
        while word not in shown:
            assert time.monotonic() < deadline, shown
            shown += os.read(terminal, 1000)

    wait_for(b"Username: ")
    os.write(terminal, USER.encode() + b"\n")
    wait_for(b"Password: ")
    os.write(terminal, CANARY.encode() + b"\n")
    wait_for(b"Login Succeeded")
    with suppress(OSError):  # EIO: the terminal has lost its last program
        while data := os.read(terminal, 1000):
            shown += data
    assert os.waitpid(pid, 0)[1] == 0
    os.close(terminal)
    assert leaks(shown) == set()


RECORDER = """#!/bin/sh
cat /proc/$$/cmdline /proc/$$/environ >> "$0.seen"
while read -r _; do :; done
case $1 in get) cat "$0.held" ;; list) echo '{}' ;; esac
"""


@pytest.mark.parametrize("client", ["docker", "podman"])
@pytest.mark.parametrize("helper", [True, False])
def test_every_write_of_a_login(world: Path, registry: Registry, client: str, *, helper: bool) -> None:
    """Of all that the processes of login, explain and logout write, only the named places get the secret; nothing stays."""
    state = State()
    if helper:
        state = STATES["a helper that works"]
    state.lay_out(world, registry.host)
    write_program(world / "bin/docker-credential-odd", RECORDER)
    trace = world / "trace"
    lines = [LOGIN, ["explain"], ["list"], ["get"], ["logout"]]
    for verb, *flags in lines:
        words = [verb, "--client", client, *flags, *([registry.host] if verb != "list" else [])]
        strace = [programs.require("strace"), "-f", "-y", "-qq", "-s", "1000000", "-o", str(trace)]
        calls = "execve,write,writev,pwrite64,sendto,sendmsg,symlink,rename,open,openat,mkdir"
        done = subprocess.run(
            [*strace, "-e", f"trace={calls}", sys.executable, "-m", "shorepass", *words],
            input=CANARY.encode(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        file = "home/.docker/" if client == "docker" else "run/containers/"
        allowed = re.compile(rf"\d+ +(sendto\(\d+<socket:|write\(\d+<{world}/{file}|write\(\d+<pipe:)")
        if verb == "get":
            allowed = re.compile(r"\d+ +write\(1<")
        told = [line for line in trace.read_text(errors="replace").splitlines() if leaks(_unescaped(line))]
        assert [line for line in told if not allowed.match(line)] == []
        # The list of this helper shows nothing. Where a file names it for this registry, and for what logout leaves to podman,
        # its answer tells whether it has a login: that comes through a pipe.
        asked = verb in ("login", "explain", "get") or (
            helper and (verb == "logout" or (verb, client) == ("list", "podman"))
        )
        assert bool(told) == asked, f"the trace of {verb} shows where it went"
        trace.unlink()
        left = {str(p.relative_to(world)) for p in world.rglob("*") if p.is_file() and leaks(p.read_bytes())}
        where = {"docker": "home/.docker/config.json", "podman": "run/containers/auth.json"}[client]
        held = {"bin/docker-credential-odd.held"} if helper else {where} if verb != "logout" else set()
        assert left == held


def _unescaped(line: str) -> str:
    """Undo strace's escapes, enough to find base64 and the pieces of a raw text."""
    return re.sub(r"\\[0-7]{1,3}|\\.", " ", line)


def test_the_search_finds_every_form() -> None:
    """The canary is found in each form in which it could come back, and in nothing else; or nothing here says anything."""
    assert all(leaks(echo(CANARY)) for echo in ECHOES.values())
    assert all(leaks(encoded("abc"[:before] + CANARY)) for before in range(4))
    assert leaks("an ordinary sentence, Secret(...), fingerprint 1a2b3c4d, https://registry.example/v2/") == set()
