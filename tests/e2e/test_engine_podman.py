"""A container behind the engine socket cannot make podman send a lent login elsewhere: podman reads requests in its own way."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from client_files import auth
from conftest import RunShorepass
from e2e.containers import IMAGE, podman_engine
from e2e.test_engine_socket import exchange, password_thief
from shorepass.contexts.caller import Caller
from shorepass.credential import Basic, Credential
from shorepass.secret import Secret
from shorepass.share.engine_guard import Guard
from shorepass.share.engine_socket import EngineSocket

GRANT = "0123abcd"
LOGIN = f"Basic {auth('alice:wonderland')['auth']}"


class Place(NamedTuple):
    """The sockets in the place of podman's. ``asked``: what the registry of the attacker got of podman."""

    engine: str
    path: str
    guarded: str
    thief: str
    asked: list[str | None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The login for two registries is lent to whoever connects, and for one repository of the attacker's registry."""
    folder = tmp_path_factory.mktemp("podman")
    with password_thief() as (thief, asked):
        settings = folder / ".config/containers/registries.conf"
        settings.parent.mkdir(parents=True)
        # in place of a certificate, which an attacker's registry has
        settings.write_text(f'[[registry]]\nlocation = "{thief}"\ninsecure = true\n')
        with podman_engine(folder) as engine, ExitStack() as ends:
            for name in ("ghcr.io/acme/app:1", f"{thief}/acme/thief:1", f"{thief}/lent/app:1"):
                engine.run("tag", IMAGE, name)
            podman = str(folder / "podman.sock")
            found = Place(podman, str(folder / "lent.sock"), str(folder / "guarded.sock"), thief, asked)
            _serve(ends, found.path, podman)
            _serve(ends, found.guarded, podman, Guard(GRANT, podman, lambda _: True))
            yield found


def _serve(ends: ExitStack, path: str, engine: str, guard: Guard | None = None) -> None:
    listening = ends.enter_context(socket.socket(socket.AF_UNIX))
    listening.bind(path)
    listening.listen(64)
    EngineSocket(listening, engine, _lend, lambda: ["ghcr.io", "docker.io"], lambda _, __: None, guard).start()
    ends.callback(listening.shutdown, socket.SHUT_RDWR)


def _lend(repository: str, *, push: bool, caller: Caller) -> Credential | None:
    assert caller.pid
    assert push in (True, False)
    registry, _, path = repository.partition("/")
    lent = registry in ("ghcr.io", "docker.io") or path == "lent/app"
    return Basic("alice", Secret("wonderland")) if lent else None


@pytest.mark.parametrize(
    "target",
    [
        "/images/create?fromImage=ghcr.io/acme/app&tag=1&fromImage=THIEF/acme/app",
        "/images/create?fromImage=ghcr.io/acme/app&tag=1&FROMIMAGE=THIEF/acme/app",
        "/images/create?fromImage=HOST&tag=PORT/acme/app",
        "/images/create?fromImage=HOST&tag=1&Tag=PORT/acme/app",
        "/images/ghcr.io/acme/app:1/push?destination=THIEF/acme/app",
        "/images/ghcr.io/acme/app/push?tag=1&destination=THIEF/acme/app",
        "/images/create?fromImage=acme/thief&tag=1",
        "/images/acme/thief/push?tag=1",
        "/images/acme/thief/push?tag=1&tlsVerify=false",
    ],
)
def test_podman_sends_no_lent_login_elsewhere(place: Place, target: str) -> None:
    """Podman uses the last of two values, names in any case, a tag with slashes, and values that docker does not have.

    It also finds an image of the attacker by its short name.
    """
    del place.asked[:]
    host, _, port = place.thief.partition(":")
    line = target.replace("THIEF", place.thief).replace("HOST", host).replace("PORT", port)
    answer = exchange(place.path, f"POST /v1.41{line} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 ")
    assert LOGIN not in place.asked


@pytest.mark.parametrize(
    "target", ["/images/create?fromImage=THIEF/lent/app&tag=1", "/images/THIEF%2Flent/app/push?tag=1"]
)
def test_podman_gets_a_lent_login(place: Place, target: str) -> None:
    """What docker's clients send gets the login."""
    del place.asked[:]
    exchange(place.path, f"POST /v1.41{target.replace('THIEF', place.thief)} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert LOGIN in place.asked


def test_deny_passes_no_call_to_podman(
    place: Place, run_shorepass: RunShorepass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Podman would mount /etc of this machine, which the path of a volume names. The command says so before it lends."""
    volume = {"Type": "volume", "Target": "/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc"}
    body = json.dumps({"Image": IMAGE, "HostConfig": {"Mounts": [volume]}}).encode()
    head = f"POST /v1.41/containers/create HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    assert exchange(place.guarded, head.encode() + body).startswith(b"HTTP/1.1 403 ")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{place.engine}")
    done = run_shorepass("share", "flags", "--mode", "engine", "--registry", "ghcr.io", "--deny")
    assert (done.status, done.stdout) == (2, "")
    assert "--deny is only for docker's own engine" in done.stderr


@pytest.mark.parametrize("target", ["/images/create?fromSrc=-&repo=made/here", "/images/create?fromImage="])
def test_other_calls_of_the_same_address_pass(place: Place, target: str) -> None:
    """An import has no image that a login could be for."""
    answer = exchange(place.path, f"POST /v1.41{target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
    assert b"\r\nLibpod-Api-Version: " in answer
