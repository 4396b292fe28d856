"""``--client docker@20.10``: the rules of one release, at every verb that takes a client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import lay_out
from faults.canary import write_program

if TYPE_CHECKING:
    from conftest import RunShorepass

DOCUMENT = {"auths": {"reg.io": {"auth": "OnB3"}, "a.io": {"auth": "YTpw"}}}  # no user name; a:pw


def test_a_release_decides(run_shorepass: RunShorepass, home: Path) -> None:
    """Docker 20.10 takes an empty user name in an entry; docker 28 calls the file broken for it."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps(DOCUMENT))
    old = run_shorepass("get", "--client", "docker@20.10", "a.io/app")
    assert json.loads(old.stdout)["Username"] == "a"
    assert run_shorepass("get", "--client", "docker@28.2", "reg.io/app").status != 0


def test_explain_names_the_release(run_shorepass: RunShorepass, world: Path) -> None:
    """It prints which release's rules it followed, and where that is known from."""
    words = ("explain", "--offline", "reg.io/app")
    assert "docker 29.8: the newest rules known: its program is not on PATH" in run_shorepass(*words).stdout
    assert "docker 20.10: --client docker@20.10" in run_shorepass(*words, "--client", "docker@20.10").stdout
    write_program(world / "bin/docker", "#!/bin/sh\necho 'Docker version 28.2.2, build 1'")
    assert "docker 28.2.2: on PATH" in run_shorepass(*words).stdout


@pytest.mark.parametrize("name", ["docker@20.10", "podman@5.8", "crane@0.21.9"])
def test_hints_keep_the_release(run_shorepass: RunShorepass, name: str) -> None:
    """The next command asks by the same rules."""
    done = run_shorepass("get", "--client", name, "reg.io/app")
    assert (done.status, done.stdout) == (1, "")
    assert f"--client {name}" in done.stderr


def test_what_is_no_release(run_shorepass: RunShorepass) -> None:
    """The error repeats the user's words; an unknown program is refused with those that are known."""
    done = run_shorepass("get", "--client", "docker@latest", "reg.io/app")
    assert done.status == 2
    assert "not a release: latest" in done.stderr
    done = run_shorepass("get", "--client", "rocker@29", "reg.io/app")
    assert done.status == 2
    assert "one of docker, podman" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "--offline", "reg.io/app"),
        ("list",),
        ("logout", "reg.io"),
        ("doctor", "--offline"),
        ("migrate",),
    ],
)
def test_every_verb_with_a_client_takes_a_release(run_shorepass: RunShorepass, words: tuple[str, ...]) -> None:
    """None of them calls it a wrong command line."""
    done = run_shorepass(*words, "--client", "docker@28.2")
    assert "argument --client" not in done.stderr


LOGIN = {"auths": {"reg.io": {"auth": "YTpw"}}}
VARIABLE = json.dumps({"auths": {"reg.io": {"auth": "YTpw"}}})


@pytest.fixture
def started(world: Path) -> Path:
    """A file in which each client on PATH writes its name when it is started."""
    log = world / "started"
    log.write_text("")
    for name, line in (("docker", "Docker version 28.3.0, build 1"), ("podman", "podman version 5.8.2")):
        write_program(world / "bin" / name, f"#!/bin/sh\necho {name} >>{log}\necho '{line}'\n")
    answer = '{"Username":"a","Secret":"p"}'
    write_program(world / "bin/docker-credential-held", f"#!/bin/sh\necho held >>{log}\necho '{answer}'\n")
    return log


@pytest.mark.parametrize(
    ("client", "document", "env", "programs"),
    [
        ("docker", LOGIN, {}, []),
        ("docker", {"auths": {"https://reg.io/v1/": {"auth": "YTpw"}}}, {}, []),
        ("docker", {"credsStore": "held"}, {}, ["held"]),
        ("docker", {"credHelpers": {"reg.io": "held"}}, {}, ["held"]),
        ("docker", {}, {"DOCKER_AUTH_CONFIG": VARIABLE}, ["docker"]),
        ("podman", LOGIN, {}, []),
        ("podman", {"credHelpers": {"reg.io": "held"}}, {}, ["held"]),
    ],
)
def test_no_program_is_started_for_its_release(
    run_shorepass: RunShorepass,
    home: Path,
    started: Path,
    client: str,
    document: dict[str, object],
    env: dict[str, str],
    programs: list[str],
) -> None:
    """``get`` starts a client only where a rule depends on its release, and then once."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps(document))
    done = run_shorepass("get", "--client", client, "reg.io/app", env=env)
    assert json.loads(done.stdout)["Username"] == "a"
    assert started.read_text().split() == programs


def test_a_missing_file_of_a_flag_and_of_a_variable(
    run_shorepass: RunShorepass, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Podman 4.7 and later stop where --authfile names no file, and continue where the variable does; so says doctor."""
    gone = str(world / "gone.json")
    lay_out(world, {"bin/podman": "#!/bin/sh\necho podman version 5.8.2\n"})
    done = run_shorepass("doctor", "--authfile", gone)
    assert (done.status, "SP401  --authfile: it names a file that does not exist" in done.stdout) == (1, True)
    assert "hint: leave --authfile out" in done.stdout
    monkeypatch.setenv("REGISTRY_AUTH_FILE", gone)
    assert "SP401" not in run_shorepass("doctor", "--client", "podman").stdout
