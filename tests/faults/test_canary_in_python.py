"""From Python, too: no object, log, error or traceback of ours has a secret in it.

Local variables of functions that are at work on a secret hold it, as in any program: a debugger sees them, and so does
``traceback`` when it is told to capture them. That is not tested, because it cannot be kept.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import shorepass
from faults.canary import CANARY, CORE, STATES, USER, encoded, leaks
from shorepass import Basic, BearerToken, IdentityToken, Secret
from shorepass.clients import docker
from shorepass.config import auth_entry, auth_file, docker_config
from shorepass.contexts import FileContent
from shorepass.contexts.local import LocalContext
from shorepass.errors import ShorepassError
from shorepass.helper.protocol import Answer
from shorepass.http import Request, Response, parse_url
from shorepass.http.proxy import Proxy
from shorepass.logins.log_in import Login
from shorepass.processes import Completed
from shorepass.registry.token import Question, Token
from shorepass.testing import Registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry where the canary is alice's password."""
    with Registry(users={USER: CANARY}, auth="bearer") as running:
        yield running


def holders() -> list[object]:
    """Return one of each type of ours that a secret can be in."""
    secret, url = Secret(CANARY), parse_url("http://localhost/")
    basic = Basic(USER, secret)
    text = json.dumps({"auths": {"reg.example": {"auth": encoded(f"{USER}:{CANARY}")}}})
    content = FileContent("/config.json", text.encode())
    config = docker_config.load(content)
    here = LocalContext({"HOME": "/", "DOCKER_AUTH_CONFIG": text})
    found = shorepass.resolve("reg.example", context=here)
    assert found.credential == basic
    return [
        *(
            secret,
            basic,
            IdentityToken(secret),
            BearerToken(secret),
            Answer(USER, secret),
            content,
            config,
            here,
            found,
        ),
        auth_entry.AuthConfig(USER, secret, secret, secret),
        auth_file.Logins(config.auths, {}),
        docker_config.load_variable(text),
        docker._Picked("key", config.entry("reg.example")),
        Completed(0, CANARY.encode(), CANARY.encode()),
        Request("GET", url, (("Authorization", f"Basic {encoded(CANARY)}"),), CANARY.encode()),
        Response(200, (("Location", CANARY),), CANARY.encode(), url),
        *(Proxy(url, CANARY), Token(secret, 0.0), Question("r", url, "s", (), basic)),
        Login("r", basic, docker.DOCKER.target(here, "reg.example"), plain_text=True, changed=True),
        found._replace(alternatives=(basic,)),
        *(shorepass.requests_auth(credential=basic), shorepass.httpx_auth(credential=basic)),
    ]


SHOW: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "format": lambda held: f"{held} {held!r} {held!s:>3} {held!a}",
    "percent": lambda held: "%s %r %a" % (held, held, [held]),  # noqa: UP031  # one of the ways
    "error": lambda held: traceback.format_exception(ValueError(held, [held], {"held": held})),
    "json": lambda held: json.dumps(held, default=str),
    "pickle": pickle.dumps,
    "copy": lambda held: repr(copy.copy(held)),
    "deepcopy": lambda held: repr(copy.deepcopy(held)),
    "ascii": ascii,
    "bytes": bytes,
}


@pytest.mark.parametrize("how", SHOW)
def test_objects(how: str) -> None:
    """Shown in any way, or turned into something that can be stored, an object has no secret in it, or refuses."""
    raw = ("FileContent", "Completed", "Request", "Response", "DockerConfig", "Logins", "LocalContext", "Proxy")
    for held in holders():
        if how in ("pickle", "json", "bytes") and type(held).__name__ in raw:
            continue  # bytes as they came in, before anybody knows what is secret in them
        with suppress(TypeError, ValueError, AttributeError):
            shown = SHOW[how](held)
            shown = shown.decode("latin-1") if isinstance(shown, bytes) else str(shown)
            assert leaks(shown) == set(), type(held)


def test_logging(caplog: pytest.LogCaptureFixture, registry: Registry) -> None:
    """With everything logged at every level, by us and by every library, no secret is in the log."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    here = LocalContext({"HOME": os.environ["HOME"], "PATH": ""})
    done = shorepass.login(registry.host, USER, CANARY, context=here)
    logging.getLogger("mine").info("%s %r", done, done, extra={"credential": done.credential})
    for held in holders():
        logging.getLogger("mine").error("%s", held)
    assert leaks(caplog.text) == set()
    assert all(leaks(repr(record.__dict__.get("credential"))) == set() for record in caplog.records)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that led to it, hidden or not."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


FAILURES: dict[str, Callable[[str, LocalContext], object]] = {
    "wrong password": lambda host, here: shorepass.login(host, "bob", CANARY, context=here),
    "wrong password, podman": lambda host, here: shorepass.login(host, "bob", CANARY, context=here, client="podman"),
    "no user name": lambda host, here: shorepass.login(host, "a:b", CANARY, context=here),
    "unreachable": lambda _, here: shorepass.login("127.0.0.1:1", USER, CANARY, context=here),
    "no host": lambda _, here: shorepass.login(f"https://u:{CORE}@", USER, CANARY, context=here),
    "resolve": lambda host, here: shorepass.resolve(host, context=here).credential,
    "resolve, podman": lambda host, here: shorepass.resolve(host, context=here, client="podman").credential,
    "bearer token with a blank": lambda host, here: shorepass.login(
        host, credential=BearerToken(Secret(CANARY)), context=here
    ),
    "identity token": lambda host, here: shorepass.login(host, credential=IdentityToken(Secret(CANARY)), context=here),
}


@pytest.mark.parametrize("state", ["", *STATES])
def test_errors_and_what_led_to_them(world: Path, registry: Registry, state: str) -> None:
    """Neither an error nor any other in its chain has the secret in its text, its repr or its traceback."""
    variables = STATES[state].lay_out(world, registry.host) if state else {}
    here = LocalContext({**os.environ, **variables})
    raised = []
    for act in FAILURES.values():
        try:
            act(registry.host, here)
        except ShorepassError as error:
            raised.append(error)
    assert len(raised) >= 4
    for error in raised:
        for link in chain(error):
            assert leaks(f"{link} {link!r} {link.args} {getattr(link, 'hint', '')}") == set(), type(link)
        assert leaks("".join(traceback.format_exception(error))) == set()
