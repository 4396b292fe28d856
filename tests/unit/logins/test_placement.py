"""Where a login of another context is to be kept: what is asked for is done there, or refused."""

from __future__ import annotations

import json

import pytest

from dict_context import DictContext
from shorepass.clients import find
from shorepass.errors import UsageError
from shorepass.logins.placement import Decision, decide

FILE = "/home/you/.docker/config.json"


def bob(config: dict[str, object], *programs: str) -> DictContext:
    return DictContext("user:bob", {FILE: json.dumps(config)}, programs=dict.fromkeys(programs, "{}"))


@pytest.mark.parametrize("config", [{}, {"credsStore": "mine"}, {"credHelpers": {"ghcr.io": "mine"}}])
@pytest.mark.parametrize("store", ["vault", "keychain", "helper:pass"])
def test_no_store_of_ours_elsewhere(config: dict[str, object], store: str) -> None:
    """It would never be looked into there: refused, with the command that uses what that context has."""
    context, docker = bob(config), find("docker")
    with pytest.raises(UsageError, match="is not read in user:bob") as refused:
        decide(context, docker, docker.target(context, "ghcr.io"), store)
    assert "login --in user:bob ghcr.io" in (refused.value.hint or "")


@pytest.mark.parametrize("config", [{}, {"credsStore": "mine"}, {"credHelpers": {"ghcr.io": "mine"}}])
def test_the_file_elsewhere(config: dict[str, object]) -> None:
    """The client's file is written there, too, whatever helper it names."""
    context, docker = bob(config), find("docker")
    assert decide(context, docker, docker.target(context, "ghcr.io"), "file").in_file is True


def test_the_file_elsewhere_where_podman_would_stop() -> None:
    """The programs of that context count, and the hint is for it."""
    context, docker = bob({"credsStore": "mine"}, "/bin/skopeo"), find("docker")
    with pytest.raises(UsageError, match="skopeo stops at that") as refused:
        decide(context, docker, docker.target(context, "ghcr.io"), "file")
    assert "login --in user:bob ghcr.io" in (refused.value.hint or "")


def test_the_helper_that_is_named_there() -> None:
    """To ask for it by name changes nothing."""
    context, docker = bob({"credsStore": "mine"}), find("docker")
    assert decide(context, docker, docker.target(context, "ghcr.io"), "helper:mine") == Decision()
