"""``who --check``: each credential is asked about once, and what was not answered is not called good or bad."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from client_files import auth, jwt, lay_out
from shorepass.contexts import Context
from shorepass.contexts.place import Place
from shorepass.registry.client import Access
from shorepass.testing import Failure, Registry
from shorepass.who.check import check
from shorepass.who.examine import look
from shorepass.who.login import Login, Looked, State

NOW = 1_767_225_600.0


def place(name: str, context: Context) -> Place:
    return Place(name, open=lambda: context)


def docker_file(**auths: object) -> dict[str, str]:
    return {"home/.docker/config.json": json.dumps({"auths": auths})}


def logins(looked: Sequence[Looked]) -> list[Login]:
    return [login for found in looked for login in found.logins]


def checked(places: Sequence[Place], seconds: float = 10) -> list[Login]:
    return logins(check(look(places, now=NOW), Access(), seconds=seconds, now=NOW))


def test_a_login_works_or_is_refused(world: Path) -> None:
    """The registry's word is the state."""
    with Registry(users={"alice": "right"}) as good, Registry(users={"alice": "new"}, auth="bearer") as other:
        auths = {good.host: auth("alice:right"), other.host: auth("alice:old")}
        context = lay_out(world, docker_file(**auths))
        found = {login.registry: login.state for login in checked([place("me", context)])}
        assert found == {good.host: State.WORKS, other.host: State.REFUSED}


def test_one_credential_is_sent_once(world: Path) -> None:
    """Accounts get locked: a refused credential that ten places hold is sent to its registry a single time."""
    with Registry(users={"alice": "new"}) as registry:
        contexts = [
            lay_out(world / str(number), docker_file(**{registry.host: auth("alice:old")})) for number in range(10)
        ]
        places = [place(f"user:{number}", context) for number, context in enumerate(contexts)]
        found = checked(places)
        assert [login.state for login in found] == [State.REFUSED] * 10
        assert sum(request.authorization == "basic" for request in registry.requests) == 1


def test_what_no_client_sends_is_not_sent(world: Path) -> None:
    """Docker finds this file broken, and podman takes its login from a file of its own: nobody sends this one."""
    with Registry(users={"": "theirs"}) as registry:
        files = docker_file(**{registry.host: auth(":ours")})
        files["run/containers/auth.json"] = json.dumps({"auths": {registry.host: auth(":theirs")}})
        context = lay_out(world, files)
        found = checked([place("me", context)])
        assert [login.state for login in found if login.credential and not login.clients] == [State.NOT_CHECKED]
        assert sum(request.authorization == "basic" for request in registry.requests) == 1


def test_what_is_not_answered_in_time(world: Path) -> None:
    """A registry that keeps silent is unreachable, and holds nobody up."""
    with Registry(users={"alice": "right"}) as quick, Registry(users={"alice": "right"}) as silent:
        silent.fail("/v2/", Failure(delay=300), times=2)
        auths = {host: auth("alice:right") for host in (quick.host, silent.host)}
        context = lay_out(world, docker_file(**auths))
        start = time.monotonic()
        found = {login.registry: login for login in checked([place("me", context)], seconds=2)}
        assert time.monotonic() - start < 60
        assert found[quick.host].state is State.WORKS
        assert found[silent.host].state is State.UNREACHABLE
        assert found[silent.host].detail == "no answer within 2 seconds"


def test_a_registry_that_is_not_there(world: Path) -> None:
    """Out of reach is neither good nor refused; the reason is told."""
    with Registry(users={"alice": "right"}) as registry:
        host = registry.host
    context = lay_out(world, docker_file(**{host: auth("alice:right")}))
    (login,) = checked([place("me", context)])
    assert login.state is State.UNREACHABLE
    assert login.detail == "connection refused"


def test_a_registry_that_greets_strangers(world: Path) -> None:
    """Where nobody needs a login, nobody's was checked."""
    with Registry() as registry:
        context = lay_out(world, docker_file(**{registry.host: auth("alice:any")}))
        (login,) = checked([place("me", context)])
        assert login.state is State.NOT_CHECKED
        assert "needs no login" in login.detail


def test_what_a_helper_holds_is_asked_of_it_first(world: Path) -> None:
    """Its secret is fetched to be checked, and is still no plain text."""
    with Registry(users={"held": "pw"}) as registry:
        answer = f'{{"Username":"held","Secret":"pw","ServerURL":"{registry.host}"}}'
        helper = f"#!/bin/sh\ncase $1 in list) echo '{{\"{registry.host}\":\"held\"}}';; get) echo '{answer}';; esac\n"
        files = {"home/.docker/config.json": '{"credsStore": "held"}', "bin/docker-credential-held": helper}
        context = lay_out(world, files)
        (login,) = checked([place("me", context)])
        assert (login.state, login.plain_text) == (State.WORKS, False)


def test_what_a_helper_lists_and_has_not(world: Path) -> None:
    """A login that its helper lists and does not give is none, and a note says so."""
    none = "echo credentials not found in native keychain; exit 1"
    helper = f'#!/bin/sh\ncase $1 in list) echo \'{{"reg.io":"held"}}\';; get) {none};; esac\n'
    files = {"home/.docker/config.json": '{"credsStore": "held"}', "bin/docker-credential-held": helper}
    context = lay_out(world, files)
    (found,) = check(look([place("me", context)], now=NOW), Access(), seconds=10, now=NOW)
    assert found.logins == ()
    assert found.notes == ("docker-credential-held lists reg.io, and has no login for it",)


def test_what_has_expired_is_not_sent(world: Path) -> None:
    """A token that says that it is over needs no registry to say it too."""
    with Registry(users={"alice": "right"}) as registry:
        entry = auth("alice:", identitytoken=jwt({"exp": NOW - 60}))
        context = lay_out(world, docker_file(**{registry.host: entry}))
        (login,) = checked([place("me", context)])
        assert (login.state, login.expires) == (State.EXPIRED, NOW - 60)
        assert registry.requests == []


def test_what_no_client_takes_is_not_sent(world: Path) -> None:
    """A login that would never leave its file does not leave it for a check."""
    with Registry(users={"bob": "right"}) as registry:
        mine = json.dumps({"auths": {registry.host: auth("bob:right")}})
        files = {**docker_file(**{f"{registry.host}/team": auth("alice:old")}), "run/containers/auth.json": mine}
        context = lay_out(world, {**files, "home/.dockercfg": json.dumps({registry.host: auth("carol:old")})})
        found = {login.user: login for login in checked([place("me", context)])}
        assert found["bob"].state is State.WORKS
        assert (found["carol"].clients, found["carol"].state) == ((), State.NOT_CHECKED)
        assert "another login overrides it" in found["carol"].detail
        assert {request.username for request in registry.requests} <= {"", "bob", "alice"}


def test_nothing_is_sent_to_a_foreign_token_server(world: Path) -> None:
    """The realm policy holds here as everywhere: a registry cannot send a password elsewhere."""
    with Registry(users={"alice": "right"}, auth="bearer", realm="https://evil.example/token") as registry:
        context = lay_out(world, docker_file(**{registry.host: auth("alice:right")}))
        (login,) = checked([place("me", context)])
        assert login.state is State.NOT_CHECKED
        assert "evil.example" in login.detail
