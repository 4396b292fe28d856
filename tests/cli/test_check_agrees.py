"""``who --check`` and ``doctor --check`` against the same registries: what one says of a login, the other says, too."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import pytest
import trustme

from client_files import auth, jwt, lay_out
from shorepass.testing import Failure, Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

USERS = {"alice": "wonderland"}
WORKS, REFUSED, UNREACHABLE, NOT_CHECKED = "works", "refused", "unreachable", "not checked"
SECONDS = "2"


class Expected(NamedTuple):
    """What both say of a login: ``state`` by who, ``code`` by doctor (``""``: nothing), ``reason`` in both."""

    state: str
    code: str
    reason: str = ""


class Case(NamedTuple):
    """A registry, by the host that the clients know, and what is said of docker's login and of podman's."""

    host: str
    docker: Expected
    podman: Expected


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    """A registry of each kind."""
    folder = tmp_path_factory.mktemp("cases")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.crt")
    with ExitStack() as stack:
        found: dict[str, Case] = {}

        def add(name: str, registry: Registry | str, expected: Expected, podman: Expected | None = None) -> None:
            host = registry if isinstance(registry, str) else registry.host
            found[name] = Case(host, expected, podman or expected)

        def new(**options: object) -> Registry:
            registry = Registry(users=USERS, **options)  # type: ignore[arg-type]
            return stack.enter_context(registry)

        def failing(path: str, failure: Failure, **options: str) -> Registry:
            registry = new(auth="bearer")
            registry.fail(path, failure, times=99, **options)  # type: ignore[arg-type]
            return registry

        def secure() -> Registry:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1").configure_cert(tls)
            return new(tls=tls)

        add("good", new(), Expected(WORKS, ""))
        add("good with tokens", new(auth="bearer"), Expected(WORKS, ""))
        add("everybody", stack.enter_context(Registry()), Expected(NOT_CHECKED, ""))
        other = stack.enter_context(Registry(users={"alice": "changed"}))
        add("refused", other, Expected(REFUSED, "SP501", "incorrect username or password"))
        denied = failing("/v2/", Failure(status=403), authorization="bearer")
        add("denied", denied, Expected(REFUSED, "SP502", "not allowed in"))
        add("time-out", failing("/v2/", Failure(delay=300)), Expected(UNREACHABLE, "SP511", "no answer within"))
        add("DNS", "registry.invalid", Expected(UNREACHABLE, "SP511", "cannot be resolved"))
        gone = stack.enter_context(socket.socket())
        gone.bind(("127.0.0.1", 0))  # and nobody listens
        add("closed port", f"127.0.0.1:{gone.getsockname()[1]}", Expected(UNREACHABLE, "SP511", "connection refused"))
        unknown = "the certificate's authority is unknown here"
        near = Expected(UNREACHABLE, "SP508", unknown)  # podman has a folder for another port of this host
        add("TLS", secure(), Expected(UNREACHABLE, "SP507", unknown), near)
        trusted = secure()  # by podman, whose folder has the authority
        add("TLS for podman", trusted, Expected(UNREACHABLE, "SP507", unknown), Expected(WORKS, ""))
        (folder / "certs.d" / trusted.host).mkdir(parents=True)
        (folder / "ca.crt").rename(folder / "certs.d" / trusted.host / "ca.crt")
        plain, listed = (f"0.0.0.0:{new().port}" for _ in range(2))  # this machine, but by no loopback address
        speaks = "the server does not speak TLS"
        add("plain http", plain, Expected(UNREACHABLE, "SP509", speaks))
        add("insecure", listed, Expected(UNREACHABLE, "SP509", speaks), Expected(WORKS, ""))
        (folder / "registries.conf").write_text(f'[[registry]]\nlocation = "{listed}"\ninsecure = true\n')
        add("rate", failing("/v2/", Failure(status=429)), Expected(UNREACHABLE, "SP504", "too many requests"))
        add("500", failing("/v2/", Failure(status=500)), Expected(UNREACHABLE, "SP511", "it answered 500"))
        page = Failure(status=200, body=b"<html>", headers=(("Content-Type", "text/html"),))
        add("web page", failing("/v2/", page), Expected(UNREACHABLE, "SP511", "with a web page"))
        add(
            "token 503",
            failing("/token", Failure(status=503)),
            Expected(UNREACHABLE, "SP511", "token server answered 503"),
        )
        add(
            "token server gone",
            failing("/token", Failure(drop=True)),
            Expected(UNREACHABLE, "SP511", "connection was closed"),
        )
        late = json.dumps({"token": jwt({"iat": int(time.time()) + 7200})}).encode()
        add(
            "clock",
            failing("/token", Failure(status=200, body=late)),
            Expected(UNREACHABLE, "SP505", "2 hours ahead of"),
        )
        add(
            "realm",
            new(auth="bearer", realm="https://192.0.2.7/token"),  # TEST-NET-1: nothing is sent there
            Expected(NOT_CHECKED, "SP506", "192.0.2.7"),
        )
        found["folder"] = Case(str(folder), Expected("", ""), Expected("", ""))
        yield found


def test_they_agree(run_shorepass: RunShorepass, world: Path, home: Path, cases: dict[str, Case]) -> None:
    """For each registry and each client both say the expected, with the same reason."""
    folder = Path(cases["folder"].host)
    hosts = {name: case for name, case in cases.items() if name != "folder"}
    logins = {case.host: auth("alice:wonderland") for case in hosts.values()}
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": logins})})
    (home / ".config/containers").mkdir(parents=True)
    (home / ".config/containers/certs.d").symlink_to(folder / "certs.d")
    (home / ".config/containers/registries.conf").symlink_to(folder / "registries.conf")
    done = run_shorepass("who", "--in", "me", "--check", "--json", "--timeout", SECONDS)
    assert done.status == 1
    states = {
        (login["registry"], client): (login["state"], login["detail"] or "")
        for login in json.loads(done.stdout)["logins"]
        for client in login["clients"]
    }
    for client in ("docker", "podman"):
        done = run_shorepass("doctor", "--check", "--client", client, "--json", "--timeout", SECONDS)
        assert done.status == 1
        findings = json.loads(done.stdout)["findings"]
        for name, case in hosts.items():
            expected = case.docker if client == "docker" else case.podman
            state, detail = states[case.host, client]
            assert (name, state, detail) == (name, expected.state, detail), client
            said = [found for found in findings if found["subject"].partition(" ")[0] == case.host]
            codes = {found["code"] for found in said if found["code"].startswith("SP5")}
            assert (name, codes) == (name, {expected.code} - {""}), client
            assert expected.reason in detail
            assert all(expected.reason in " ".join([found["cause"], *found["evidence"]]) for found in said)


def test_the_map_has_the_states(run_shorepass: RunShorepass, world: Path, cases: dict[str, Case]) -> None:
    """What could not be reached is in the map with its reason."""
    host = cases["closed port"].host
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {host: auth("alice:wonderland")}})})
    done = run_shorepass("who", "--in", "me", "--check", "--html", "-")
    assert done.status == 1
    assert '"state": "unreachable"' in done.stdout
    assert '"detail": "connection refused"' in done.stdout


SILENT_VERBS = {
    "who": ("who", "--in", "me", "--check"),
    "doctor": ("doctor", "--check", "--client", "docker"),
    "explain": ("explain", "HOST"),
    "explain an image": ("explain", "--push", "HOST/team/app:1"),
    "login": ("login", "-u", "alice", "--password-stdin", "HOST"),
}


class Silent:
    """A server that takes connections, and says nothing on them."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listening.getsockname()[1]}"
        self.connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        for one in (self.listening, *self.connections):
            one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.connections.append(self.listening.accept()[0])


@pytest.mark.parametrize("verb", SILENT_VERBS)
def test_a_registry_that_keeps_silent(run_shorepass: RunShorepass, world: Path, verb: str) -> None:
    """The time in the message is the one of --timeout, for all of the question: no second scheme, no advice to log in."""
    with Silent() as registry:
        entry = {registry.host: auth("alice:wonderland")} if verb in ("who", "doctor") else {}
        lay_out(world, {"home/.docker/config.json": json.dumps({"auths": entry})})
        words = [word.replace("HOST", registry.host) for word in SILENT_VERBS[verb]]
        done = run_shorepass(*words, "--timeout", "1", stdin="wonderland")
        assert done.status == 1
        said = done.stdout + done.stderr
        assert "no answer within 1 second" in said
        assert "shorepass login" not in said
        assert "Asking" not in said  # no terminal
        assert len(registry.connections) == 1


@pytest.mark.parametrize("slow", ["/v2/", "/token"])
def test_one_deadline_for_the_whole_question(run_shorepass: RunShorepass, world: Path, slow: str) -> None:
    """Answers that are each in time, and together are not, are no answer in time."""
    with Registry(users=USERS, auth="bearer") as registry:
        registry.fail(slow, Failure(delay=1.5), times=99)
        registry.fail("/v2/" if slow == "/token" else "/token", Failure(delay=1.5), times=99)
        lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {registry.host: auth("alice:wonderland")}})})
        done = run_shorepass("explain", registry.host, "--timeout", "2")
        assert done.status == 1
        assert "no answer within 2 seconds" in done.stdout


def test_two_contexts_with_one_refused_login_send_it_once(world: Path, home: Path, run_shorepass: RunShorepass) -> None:
    """Accounts get locked: what a registry refused in one context is not sent again from the next, by either verb."""
    program = world / "bin/ssh"
    program.write_text('#!/bin/sh\nfor word; do :; done\nexec /bin/sh -c "$word"\n')
    program.chmod(0o755)
    with Registry(users=USERS) as registry:
        lay_out(home, {".docker/config.json": json.dumps({"auths": {registry.host: auth("alice:old")}})})
        for verb in ("doctor", "who"):
            registry.requests.clear()
            env = {"PATH": f"{world}/bin:/usr/bin:/bin"}
            done = run_shorepass(verb, "--check", "--json", "--in", "me", "--in", "ssh:h", env=env)
            assert done.stdout.count("incorrect username or password") >= 2, done
            assert sum(request.authorization == "basic" for request in registry.requests) == 1, verb
