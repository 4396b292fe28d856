"""``who``: one row a login, whatever reads it; the state that it is in; and nothing secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_files import auth, helper, jwt, lay_out
from shorepass.testing import Failure, Registry
from stand_in_engine import engine

if TYPE_CHECKING:
    import pytest

    from conftest import RunShorepass


def logins(run_shorepass: RunShorepass, *args: str, status: int = 0) -> list[dict[str, Any]]:
    done = run_shorepass("who", "--in", "me", "--json", *args)
    assert done.status == status, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["logins"]
    return found


def test_one_login_that_two_clients_read_is_one_row(run_shorepass: RunShorepass, world: Path) -> None:
    """The file of docker is podman's too: the login is shown once, and names both."""
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {"reg.io": auth("alice:pw")}})})
    (login,) = logins(run_shorepass)
    assert login["clients"] == ["docker", "podman"]
    assert [login[name] for name in ("key", "registry", "user", "kind")] == ["reg.io", "reg.io", "alice", "password"]
    assert login["plain_text"] is True
    assert login["path"] == str(world / "home/.docker/config.json")
    assert (login["state"], login["detail"]) == ("not checked", "registries are asked with --check")


def test_a_key_and_the_registry_that_it_means(run_shorepass: RunShorepass, world: Path) -> None:
    """The key is shown as it stands; Docker Hub's is a URL of no registry of that name."""
    entries = {"https://index.docker.io/v1/": auth("a:b"), "https://reg.io/v1/": auth("c:d")}
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": entries})})
    assert {(login["key"], login["registry"]) for login in logins(run_shorepass)} == {
        ("https://index.docker.io/v1/", "docker.io"),
        ("https://reg.io/v1/", "reg.io"),
    }


def test_what_a_helper_lists(run_shorepass: RunShorepass, world: Path) -> None:
    """A helper's logins are rows; its secret is not asked for, so it is nobody's plain text."""
    config = json.dumps({"credsStore": "held"})
    lay_out(world, {"home/.docker/config.json": config, "bin/docker-credential-held": helper("{}")})
    (login,) = logins(run_shorepass)
    assert (login["key"], login["user"], login["helper"], login["plain_text"]) == ("h.io", "held", "held", False)


def test_a_broken_place_is_shown_and_is_exit_code_3(run_shorepass: RunShorepass, world: Path) -> None:
    """The rest is shown all the same."""
    files = {
        "home/.docker/config.json": json.dumps(
            {"auths": {"reg.io": auth("alice:pw")}, "credHelpers": {"g.io": "gone"}}
        ),
        "run/containers/auth.json": "{",
    }
    lay_out(world, files)
    states = {(login["key"], login["state"]) for login in logins(run_shorepass, status=3)}
    assert states == {("reg.io", "not checked"), ("g.io", "helper missing"), ("", "malformed")}


def test_nothing_secret_is_printed(run_shorepass: RunShorepass, world: Path) -> None:
    """Neither as a table nor as JSON."""
    entry = auth("alice:hunter2")
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {"reg.io": entry}})})
    for flags in ((), ("--json",)):
        done = run_shorepass("who", *flags)
        assert "hunter2" not in done.stdout + done.stderr
        assert entry["auth"] not in done.stdout + done.stderr


def test_check_asks_the_registries(run_shorepass: RunShorepass, world: Path) -> None:
    """A login that is refused is exit code 1, and the reason is told with its registry; one that works is just that."""
    with Registry(users={"alice": "right"}) as good, Registry(users={"alice": "new"}) as other:
        auths = {good.host: auth("alice:right"), other.host: auth("alice:old")}
        lay_out(world, {"home/.docker/config.json": json.dumps({"auths": auths})})
        done = run_shorepass("who", "--in", "me", "--check")
        assert done.status == 1
        rows = {row.split()[3]: row.split()[-1] for row in done.stdout.splitlines()[1:]}
        assert rows == {good.host: "works", other.host: "refused"}
        assert f"shorepass: {other.host}: incorrect username or password" in done.stderr
        assert good.host not in done.stderr


def test_a_map_in_a_file(run_shorepass: RunShorepass, world: Path) -> None:
    """The map is one file, for its owner alone; ``-`` is standard output."""
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {"reg.io": auth("alice:hunter2")}})})
    file = world / "who.html"
    done = run_shorepass("who", "--in", "me", "--html", str(file))
    assert (done.status, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        f"wrote {file}: open it in a browser: {file.as_uri()}",
        "1 login in 1 context, 0 broken, 1 in plain text; registries are asked with --check",
    ]
    html = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "reg.io" in html
    assert "hunter2" not in html
    assert auth("alice:hunter2")["auth"] not in html
    done = run_shorepass("who", "--in", "me", "--html", "-")
    assert done.stdout.startswith("<!doctype html>")
    assert done.stdout.endswith("</html>\n\n")
    assert done.stderr == "1 login in 1 context, 0 broken, 1 in plain text; registries are asked with --check\n"


def test_a_map_that_cannot_be_written(run_shorepass: RunShorepass, world: Path) -> None:
    """No traceback, and exit code 1."""
    done = run_shorepass("who", "--in", "me", "--html", str(world))
    assert done.status == 1
    assert done.stderr.startswith(f"shorepass: {world}: ")


def fake(world: Path, name: str, script: str) -> None:
    (world / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (world / "bin" / name).chmod(0o755)


def test_what_was_named_and_cannot_be_looked_at(run_shorepass: RunShorepass, world: Path) -> None:
    """A context that --in names is an error, with the others shown all the same."""
    fake(world, "limactl", "echo instance is stopped >&2; exit 1")
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {"reg.io": auth("alice:pw")}})})
    for flags in ((), ("--html", str(world / "who.html")), ("--html", "-")):
        done = run_shorepass("who", "--in", "me", "--in", "lima:default", *flags)
        assert done.status == 3
        assert "shorepass: lima:default: instance is stopped\n" in done.stderr
    page = (world / "who.html").read_text()
    assert "instance is stopped" in page
    assert "limactl shell default" in page  # the next step


def test_one_thing_at_a_time(run_shorepass: RunShorepass) -> None:
    """Flags that exclude each other are a wrong command line."""
    for flags in (("--json", "--html", "x.html"), ("--all", "--in", "me")):
        assert run_shorepass("who", *flags).status == 2


def test_a_place_that_is_not_there(run_shorepass: RunShorepass) -> None:
    """It is told, with the others shown all the same, and exit code 3."""
    done = run_shorepass("who", "--in", "me", "--in", "user:nobody-of-that-name", "--json")
    assert done.status == 3
    troubles = {place["context"]: place["error"] for place in json.loads(done.stdout)["contexts"]}
    assert troubles["me"] is None
    assert troubles["user:nobody-of-that-name"]


def test_a_place_cannot_write_on_the_terminal(run_shorepass: RunShorepass, world: Path) -> None:
    """Names of keys, accounts and folders are somebody else's: no escape sequence in them comes through."""
    folder = world / "\x1b[31mred"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {"\x1b]0;title\x07": auth("\x1b[2J:pw")}}))
    other = {"auths": {"\x1b[1m": {"auth": "\x1b"}}}
    lay_out(world, {"home/.config/containers/auth.json": json.dumps(other)})
    done = run_shorepass("who", "--in", "me", env={"DOCKER_CONFIG": str(folder)})
    assert "red/config.json" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    done = run_shorepass("who", "--in", "me")  # DOCKER_CONFIG keeps podman from a file of its own
    assert done.status == 3
    assert "\x1b" not in done.stdout + done.stderr


def test_nobody_is_logged_in(run_shorepass: RunShorepass) -> None:
    """No login is no error."""
    done = run_shorepass("who", "--in", "me")
    assert (done.status, done.stdout) == (0, "")
    assert done.stderr.startswith("0 logins in 1 context")


def test_no_such_kind_of_place(run_shorepass: RunShorepass) -> None:
    """A context that no form fits is a wrong command line."""
    done = run_shorepass("who", "--in", "nowhere")
    assert done.status == 2
    assert "nowhere" in done.stderr


def test_when_a_login_ends(run_shorepass: RunShorepass, world: Path) -> None:
    """The time that a token contains, and that a restart empties podman's folder; no column where neither is known."""
    docker, podman = world / "home/.docker/config.json", world / "run/containers/auth.json"
    docker.parent.mkdir(mode=0o700)
    docker.write_text(json.dumps({"auths": {"a.example": auth(f"alice:{jwt({'exp': 4102444800})}")}}))
    docker.chmod(0o600)
    podman.parent.mkdir(mode=0o700)
    ends = [line.split()[-1] for line in run_shorepass("who").stdout.splitlines()[:2]]
    assert ends == ["EXPIRES", "2100-01-01T00:00:00Z"]

    docker.write_text(json.dumps({"auths": {"a.example": auth("alice:wonderland")}}))
    assert "EXPIRES" not in run_shorepass("who").stdout

    podman.write_text(json.dumps({"auths": {"b.example": auth("alice:wonderland")}}))
    podman.chmod(0o600)
    assert [line.endswith("at restart") for line in run_shorepass("who").stdout.splitlines()[1:3]] == [False, True]


def test_time_is_kept_for_the_engine(run_shorepass: RunShorepass, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that this shell does not reach in time, and the engine does: the login works."""
    with Registry(users={"alice": "wonderland"}) as registry, engine({}, (200, "{}")) as (there, seen):
        registry.fail("/v2/", Failure(delay=300), times=9)
        lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {registry.host: auth("alice:wonderland")}})})
        monkeypatch.setenv("DOCKER_HOST", there.getenv("DOCKER_HOST") or "")
        found = logins(run_shorepass, "--check", "--timeout", "3", status=1)
        assert any(b"POST /auth" in request for request in seen)
    assert {login["clients"][0]: login["state"] for login in found} == {"docker": "works", "podman": "unreachable"}
