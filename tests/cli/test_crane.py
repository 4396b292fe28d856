"""``--client crane``: the verbs work for a client that is nothing but its own file and a row."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")

PASSWORD = "wonderland"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(users={"alice": PASSWORD, "app": PASSWORD}) as running:
        yield running


def entry(pair: str) -> dict[str, str]:
    return {"auth": b64encode(pair.encode()).decode()}


def podmans_file(home: Path, auths: dict[str, dict[str, str]]) -> Path:
    path = home / ".config/containers/auth.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"auths": auths}))
    path.chmod(0o600)
    return path


def test_login_writes_dockers_file_and_hides_podmans(
    run_shorepass: RunShorepass, home: Path, registry: Registry
) -> None:
    """As ``crane auth login`` does: a warning, exit code 0; podman's login is not found after that."""
    podmans_file(home, {"reg.io": entry("podman:pw")})
    assert json.loads(run_shorepass("get", "--client", "crane", "reg.io").stdout)["Username"] == "podman"
    words = ("login", "--client", "crane", "--store", "file", "-u", "alice", "--password-stdin", registry.host)
    done = run_shorepass(*words, stdin=PASSWORD)
    assert (done.status, done.stdout) == (0, "Login Succeeded\n")
    assert "stored unencrypted in" in done.stderr
    assert list(json.loads((home / ".docker/config.json").read_text())["auths"]) == [registry.host]
    assert json.loads(run_shorepass("get", "--client", "crane", registry.host).stdout)["Username"] == "alice"
    assert run_shorepass("get", "--client", "crane", "reg.io").status == 1


def test_a_login_in_the_vault_is_found_for_every_repository(
    run_shorepass: RunShorepass, home: Path, registry: Registry, our_helper: str
) -> None:
    """Crane asks Shorepass's helper for the repository first, and for the registry when it has no login for that."""
    env = {"PATH": f"{os.path.dirname(our_helper)}:/usr/bin:/bin"}
    words = ("login", "--client", "crane", "--store", "vault", "-u", "alice", "--password-stdin", registry.host)
    assert run_shorepass(*words, stdin=PASSWORD, env=env).status == 0
    config = json.loads((home / ".docker/config.json").read_text())
    assert config["auths"] == {registry.host: {}}
    found = run_shorepass("get", "--client", "crane", f"{registry.host}/team/app", env=env)
    assert json.loads(found.stdout)["Username"] == "alice"
    assert run_shorepass("logout", "--client", "crane", registry.host, env=env).status == 0
    assert run_shorepass("get", "--client", "crane", f"{registry.host}/team/app", env=env).status == 1


def test_a_repository_has_a_login_of_its_own(run_shorepass: RunShorepass, home: Path, registry: Registry) -> None:
    """``explain`` names the key, and ``list`` both."""
    host = registry.host
    path = podmans_file(home, {host: entry(f"alice:{PASSWORD}"), f"{host}/team/app": entry(f"app:{PASSWORD}")})
    said = json.loads(run_shorepass("explain", "--client", "crane", "--json", f"{host}/team/app:1").stdout)
    assert said["credential"]["user"] == "app"
    assert said["source"] == {"path": str(path), "key": f"{host}/team/app", "helper": None}
    rows = json.loads(run_shorepass("list", "--client", "crane", "--json").stdout)["logins"]
    assert {row["key"]: row["user"] for row in rows} == {host: "alice", f"{host}/team/app": "app"}


def test_logout_erases_nothing_of_podmans(run_shorepass: RunShorepass, home: Path) -> None:
    """``crane auth logout`` looks into docker's file alone, without an error; what it leaves is named."""
    podmans_file(home, {"reg.io": entry("podman:pw")})
    done = run_shorepass("logout", "--client", "crane", "reg.io")
    assert (done.status, done.stdout) == (0, "")
    assert "podman is still logged in to reg.io" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("login",), 1, "no registry was named"),
        (("logout",), 1, "no registry was named"),
        (("login", "-u", "a", "-p", "b", "https://reg.io"), 1, "crane takes no such registry"),
        (("get", "--authfile", "x", "reg.io"), 2, "crane reads no auth file"),
    ],
)
def test_what_crane_refuses(run_shorepass: RunShorepass, words: tuple[str, ...], status: int, said: str) -> None:
    """With crane's own exit code where it has that verb."""
    done = run_shorepass(words[0], "--client", "crane", *words[1:])
    assert done.status == status
    assert said in done.stderr


def test_doctor_judges_by_cranes_rules(run_shorepass: RunShorepass, home: Path) -> None:
    """A helper that fails stops crane; a repository's key is looked up, a namespace's is not."""
    auths = {"reg.io/team/app": entry("app:pw"), "reg.io": entry("u:pw")}
    path = podmans_file(home, auths)
    assert run_shorepass("doctor", "--client", "crane").status == 0
    path.write_text(json.dumps({"auths": auths, "credHelpers": {"reg.io": "missing"}}))
    done = run_shorepass("doctor", "--client", "crane", "--json")
    findings = json.loads(done.stdout)["findings"]
    assert "SP201" in {finding["code"] for finding in findings}
    assert "crane stops with that error, and asks no registry" in str(findings)


def test_run_gives_crane_the_accounts_login(run_shorepass: RunShorepass, our_helper: str) -> None:
    """``shorepass run`` knows crane by its name, and lends it docker's folder."""
    folder = Path(os.path.dirname(our_helper))
    crane = folder / "crane"
    env = {"PATH": f"{folder}:/usr/bin:/bin"}
    assert run_shorepass("vault", "init", env=env).status == 0
    keep = ("login", "--as", "work", "--client", "crane", "-u", "alice", "--password-stdin")
    with Registry(users={"alice": PASSWORD}) as registry:
        assert run_shorepass(*keep, registry.host, stdin=PASSWORD, env=env).status == 0
        crane.write_text(f"#!/bin/sh\nprintf %s {registry.host} | docker-credential-shorepass get\n")
        crane.chmod(0o755)
        done = run_shorepass("run", "--as", "work", "--", "crane", "digest", "x", env=env)
    assert done.status == 0
    assert json.loads(done.stdout)["Username"] == "alice"
