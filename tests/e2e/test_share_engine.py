"""A container with the engine's socket pulls with a lent login, for what is lent, and never has a byte of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

from client_files import auth
from e2e import programs
from e2e.lending import end_agent
from shorepass.agent.audit_log import log_path, records
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")


@pytest.fixture(autouse=True)
def no_agent_remains(world: Path) -> Iterator[None]:
    """The agent that a grant starts ends with the test."""
    assert world
    yield
    end_agent()


@pytest.fixture
def lender(home: Path, dockerd: str, registry: str, users: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A user with a login for the registry, and an engine; returns the registry."""
    (home / ".docker").mkdir()
    logins = {"auths": {registry: auth(f"alice:{users['alice']}"), "other.example": auth("alice:other")}}
    (home / ".docker/config.json").write_text(json.dumps(logins))
    monkeypatch.setenv("DOCKER_HOST", dockerd)
    return registry


def granted(run_shorepass: RunShorepass, *words: str) -> tuple[str, str]:
    """Make a grant in mode engine; return its id, and the path of its socket."""
    done = run_shorepass("share", "flags", "--mode", "engine", "--json", *words)
    assert done.status == 0, done.stderr
    document = json.loads(done.stdout)
    mount, variable = document["flags"]
    folder = mount.split("source=")[1].split(",")[0]
    assert variable == "--env=DOCKER_HOST=unix:///run/shorepass/docker.sock"
    return document["id"], f"{folder}/docker.sock"


def docker(socket: str, folder: Path, *words: str, **env: str) -> CompletedProcess[str]:
    """Run docker with the socket, and with no login of its own."""
    environ = {"HOME": str(folder), "DOCKER_BUILDKIT": "0", **env}
    return programs.run(
        [programs.require(programs.docker_programs()[0]), "-H", f"unix://{socket}", *words], env=environ
    )


def test_what_is_lent_is_pulled_and_nothing_else(
    run_shorepass: RunShorepass, lender: str, private_image: str, tmp_path: Path, users: dict[str, str]
) -> None:
    """Pulls work; a push does not without --push; after revoke the socket is gone; each use is in the log."""
    id_, socket = granted(run_shorepass, "--repo", f"{lender}/team/*")
    assert docker(socket, tmp_path, "pull", private_image).returncode == 0
    target = f"{lender}/team/pushed:1"
    assert docker(socket, tmp_path, "tag", private_image, target).returncode == 0
    refused = docker(socket, tmp_path, "push", target)
    assert (refused.returncode, "no basic auth credentials" in refused.stderr) == (1, True)
    elsewhere = docker(socket, tmp_path, "pull", f"{lender}/elsewhere/app:1")
    assert "no basic auth credentials" in elsewhere.stderr
    _, pushing = granted(run_shorepass, "--repo", f"{lender}/team/*", "--push")
    pushed = docker(pushing, tmp_path, "push", target)
    assert pushed.returncode == 0, pushed.stderr
    shown = json.loads(run_shorepass("grants", "--json").stdout)["grants"]
    assert [(one["mode"], one["push"]) for one in shown] == [("engine", False), ("engine", True)]
    assert run_shorepass("revoke", id_).status == 0
    assert not os.path.exists(socket)
    assert docker(pushing, tmp_path, "version").returncode == 0
    uses = [line for line in records(log_path(LocalContext.current())) if line["grant"]]
    assert [(line["verb"], line["registry"]) for line in uses] == [
        ("pull", f"{lender}/team/private"),
        ("push", f"{lender}/team/pushed"),
    ]
    files = [path for path in (*tmp_path.rglob("*"), *Path(socket).parents[1].rglob("*")) if path.is_file()]
    assert not [path for path in files if users["alice"].encode() in path.read_bytes()]


def test_a_build_gets_a_login_for_a_whole_registry_only(
    run_shorepass: RunShorepass, lender: str, private_image: str, tmp_path: Path
) -> None:
    """A Dockerfile may name any repository. With a grant for some of them, the base must be pulled before."""
    (tmp_path / "Dockerfile").write_text(f"FROM {private_image}\n")
    _, part = granted(run_shorepass, "--repo", f"{lender}/team/*", "--registry", "other.example")
    docker(part, tmp_path, "image", "rm", "--force", private_image)
    refused = docker(part, tmp_path, "build", str(tmp_path))
    assert (refused.returncode, "no basic auth credentials" in refused.stderr) == (1, True)
    assert docker(part, tmp_path, "pull", private_image).returncode == 0
    assert docker(part, tmp_path, "build", str(tmp_path)).returncode == 0
    _, whole = granted(run_shorepass, "--repo", "other.example/team/*", "--registry", lender)
    docker(part, tmp_path, "image", "rm", "--force", private_image)
    built = docker(whole, tmp_path, "build", str(tmp_path))
    assert built.returncode == 0, built.stderr


def test_a_build_by_buildkit_uses_a_base_that_was_pulled(
    run_shorepass: RunShorepass, lender: str, private_image: str, tmp_path: Path
) -> None:
    """BuildKit asks the client in the container for a login, which has none; an image that the engine has needs none."""
    (tmp_path / "Dockerfile").write_text(f"FROM {private_image}\nLABEL made=here\n")
    _, socket = granted(run_shorepass, "--repo", f"{lender}/team/*")
    docker(socket, tmp_path, "image", "rm", "--force", private_image)
    refused = docker(socket, tmp_path, "build", "--progress=plain", str(tmp_path), DOCKER_BUILDKIT="1")
    assert (refused.returncode, "401 Unauthorized" in refused.stderr) == (1, True), refused.stderr
    assert docker(socket, tmp_path, "pull", private_image).returncode == 0
    built = docker(socket, tmp_path, "build", "--progress=plain", str(tmp_path), DOCKER_BUILDKIT="1")
    assert built.returncode == 0, built.stderr


@pytest.mark.parametrize("deny", [(), ("--deny",)])
def test_dockers_sdk_for_python_pulls_runs_and_pushes(
    run_shorepass: RunShorepass, lender: str, private_image: str, tmp_path: Path, deny: tuple[str, ...]
) -> None:
    """The library of many tools, which speaks to the engine itself, needs no login of its own."""
    _, socket = granted(run_shorepass, "--repo", f"{lender}/team/*", "--push", *deny)
    script = (
        "import docker, sys\n"
        "client = docker.from_env()\n"
        "image = client.images.pull(sys.argv[1], '1')\n"
        "print(client.containers.run(image, ['/bin/busybox', 'echo', 'runs'], network_mode='none', remove=True))\n"
        "box = client.containers.run(image, ['/bin/busybox', 'sleep', '60'], network_mode='none', detach=True)\n"
        "print(box.exec_run(['/bin/busybox', 'echo', 'again']), [one.id == box.id for one in client.containers.list()])\n"
        "box.remove(force=True)\n"
        "assert image.tag(sys.argv[2], '1')\n"
        "print(client.images.push(sys.argv[2], '1'))\n"
    )
    words = [programs.require("/usr/bin/python3"), "-c", script, private_image.removesuffix(":1"), f"{lender}/team/sdk"]
    done = programs.run(words, env={"DOCKER_HOST": f"unix://{socket}", "HOME": str(tmp_path)})
    assert done.returncode == 0, done
    assert [word in done.stdout for word in ("runs", "again", "True", '"Digest"')] == [True] * 4, done


def test_a_locked_agent_lends_nothing(
    run_shorepass: RunShorepass, lender: str, private_image: str, tmp_path: Path
) -> None:
    """While the agent is locked the engine gets no login; a public request passes."""
    _, socket = granted(run_shorepass, "--registry", lender)
    assert run_shorepass("agent", "lock").status == 0
    assert docker(socket, tmp_path, "pull", private_image).returncode == 1
    assert docker(socket, tmp_path, "version").returncode == 0
    assert run_shorepass("unlock").status == 0
    assert docker(socket, tmp_path, "pull", private_image).returncode == 0


def test_a_revoke_ends_a_session_that_is_open(
    run_shorepass: RunShorepass, lender: str, busybox_image: str, dockerd: str, tmp_path: Path
) -> None:
    """A program that the container has started by the socket runs on, and its client hears no more of it."""
    id_, socket = granted(run_shorepass, "--repo", f"{lender}/team/*", "--deny")
    words = ["run", "-i", "--name", f"session-{id_}", "--network=none", busybox_image, "/bin/busybox", "cat"]
    client = programs.require(programs.docker_programs()[0])
    argv, env = [client, "-H", f"unix://{socket}", *words], {"HOME": str(tmp_path)}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write(b"echo\n")
        session.stdin.flush()
        assert session.stdout.readline() == b"echo\n"
        assert run_shorepass("revoke", id_).status == 0
        assert session.stdout.read() == b""
    docker(dockerd.removeprefix("unix://"), tmp_path, "rm", "-f", f"session-{id_}")


def test_with_deny_a_container_gets_no_rights_here(
    run_shorepass: RunShorepass, lender: str, private_image: str, tmp_path: Path
) -> None:
    """It pulls and runs; a privileged container, and a name that it may not push, are refused with the reason."""
    _, socket = granted(run_shorepass, "--repo", f"{lender}/team/*", "--push", "--deny")
    assert json.loads(run_shorepass("grants", "--json").stdout)["grants"][0]["deny"] is True
    assert docker(socket, tmp_path, "pull", private_image).returncode == 0
    words = ("run", "--rm", "--network=none", private_image, "/bin/busybox", "echo", "runs")
    assert docker(socket, tmp_path, *words).stdout == "runs\n"
    refused = docker(socket, tmp_path, "run", "--privileged", private_image)
    assert "shorepass: the grant does not pass the member 'Privileged'" in refused.stderr
    assert docker(socket, tmp_path, "tag", private_image, f"{lender}/team/mine:1").returncode == 0
    assert docker(socket, tmp_path, "tag", private_image, "ubuntu").returncode == 1
    built = docker(socket, tmp_path, "build", str(tmp_path), DOCKER_BUILDKIT="1")
    assert (built.returncode, "the grant does not pass" in built.stderr) == (1, True), built.stderr


@pytest.mark.usefixtures("lender")
def test_without_a_login(run_shorepass: RunShorepass) -> None:
    """Nothing is lent for what is named exactly, and the error has the command that logs in."""
    words = ("share", "flags", "--mode", "engine")
    why = "nothing is lent: nothing.example: you have no login for it\nhint: shorepass login nothing.example\n"
    for what in (("--registry", "nothing.example"), ("--repo", "nothing.example/app")):
        done = run_shorepass(*words, *what)
        assert (done.status, done.stdout) == (1, "")
        assert done.stderr.endswith(why)
    assert run_shorepass(*words, "--repo", "nothing.example/acme/*").status == 0


def test_what_a_mode_cannot_do_is_refused(run_shorepass: RunShorepass, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository in mode forward, no engine, and a repository without a registry are errors that say what to do."""
    refused = run_shorepass("share", "flags", "--repo", "ghcr.io/acme/app")
    assert (refused.status, "--mode engine" in refused.stderr) == (2, True)
    refused = run_shorepass("share", "flags", "--registry", "ghcr.io", "--deny")
    assert (refused.status, "is for mode engine" in refused.stderr) == (2, True)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    refused = run_shorepass("share", "flags", "--mode", "engine", "--registry", "ghcr.io")
    assert (refused.status, "DOCKER_HOST" in refused.stderr) == (2, True)
    refused = run_shorepass("share", "flags", "--mode", "engine", "--repo", "ghcr.io")
    assert (refused.status, "ghcr.io/acme/*" in refused.stderr) == (2, True)
