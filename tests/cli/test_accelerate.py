"""shorepass accelerate, and agent enable and disable: what they print, ask, change and undo."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass

GCLOUD = "docker-credential-gcloud"


@pytest.fixture
def own_bin(home: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``~/.local/bin``, first on PATH, before a folder with two helpers that print their name."""
    folder = home / ".local/bin"
    folder.mkdir(parents=True)
    for name in ("gcloud", "pass"):
        path = world / "bin" / f"docker-credential-{name}"
        path.write_text(f'#!/bin/sh\ncat >/dev/null\necho \'{{"by":"{name}"}}\'\n')
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{world / 'bin'}:/usr/bin:/bin")
    return folder


def first(name: str) -> str | None:
    return LocalContext.current().which(name)


def answer(name: str) -> str:
    found = first(name)
    assert found is not None
    done = subprocess.run([found, "list"], input="", capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def configure(home: Path, config: object) -> None:
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps(config))


def test_a_helper_by_its_name(run_shorepass: RunShorepass, own_bin: Path, world: Path) -> None:
    """It prints the change, makes it, lists it, and undoes it; the answers stay the same."""
    before = answer(GCLOUD)
    done = run_shorepass("accelerate", "gcloud", "--yes")
    assert done.status == 0, done.stderr
    link, original = own_bin / GCLOUD, world / "bin" / GCLOUD
    assert done.stdout == (
        f"create {link}: a symlink to the forwarder, which runs {original} without an agent\n"
        f"{GCLOUD}: the forwarder is in front of {original}\n"
    )
    assert first(GCLOUD) == str(link)
    assert answer(GCLOUD) == before
    assert "in front" in run_shorepass("accelerate", "--list").stdout
    done = run_shorepass("accelerate", "gcloud", "--yes")
    assert "PATH already leads to the forwarder" in done.stdout
    done = run_shorepass("accelerate", "--undo", "gcloud", "--yes")
    assert (done.status, done.stderr) == (0, "")
    assert first(GCLOUD) == str(original)
    assert run_shorepass("accelerate", "--list").stdout == "the forwarder is in front of no helper\n"


def test_nothing_changes_without_a_yes(run_shorepass: RunShorepass, own_bin: Path) -> None:
    """Without a terminal it asks no one: it shows the change and stops."""
    done = run_shorepass("accelerate", "gcloud")
    assert done.status == 2
    assert done.stdout.startswith("create ")
    assert "hint: --yes skips the question" in done.stderr
    assert list(own_bin.iterdir()) == []


def test_all_are_those_that_files_name(run_shorepass: RunShorepass, own_bin: Path, home: Path) -> None:
    """Docker's credsStore and credHelpers, and credential-helpers of podman; Shorepass's own is not one of them."""
    configure(home, {"credsStore": "pass", "credHelpers": {"ghcr.io": "shorepass", "gone.example": "gone"}})
    containers = home / ".config/containers"
    containers.mkdir(parents=True)
    (containers / "registries.conf").write_text('credential-helpers = ["gcloud"]\n')
    done = run_shorepass("accelerate", "--all", "--yes")
    assert done.status == 1  # one is missing, the others are done
    assert "docker-credential-gone is not on PATH" in done.stderr
    assert {path.name for path in own_bin.iterdir()} == {GCLOUD, "docker-credential-pass"}
    done = run_shorepass("accelerate", "--undo", "--yes")
    assert done.status == 0, done.stderr
    assert list(own_bin.iterdir()) == []


def test_json(run_shorepass: RunShorepass, own_bin: Path, world: Path) -> None:
    """Without --yes it is a plan, and nothing changes; --list has the same members."""
    done = run_shorepass("accelerate", "gcloud", "--json")
    helper = {"name": "gcloud", "link": str(own_bin / GCLOUD), "original": str(world / "bin" / GCLOUD), "detail": ""}
    assert document(done.stdout) == {"state": "planned", "helpers": [{**helper, "state": "planned"}]}
    assert list(own_bin.iterdir()) == []
    done = run_shorepass("accelerate", "gcloud", "--json", "--yes")
    assert document(done.stdout) == {"state": "done", "helpers": [{**helper, "state": "in front"}]}
    (world / "bin" / GCLOUD).unlink()
    done = run_shorepass("accelerate", "--list", "--json")
    assert done.status == 1
    assert [one["state"] for one in document(done.stdout)["helpers"]] == ["no original"]


def document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    assert found.pop("schema_version") == 1
    return found


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ((), 2, "no helper was named"),
        (("shorepass",), 2, "agent enable"),
        (("gone",), 2, "docker-credential-gone is not on PATH"),
        (("--all",), 2, "no file of docker or podman names a helper"),
        (("../gcloud",), 2, "is not on PATH"),
    ],
)
@pytest.mark.usefixtures("own_bin")
def test_what_cannot_be(run_shorepass: RunShorepass, words: tuple[str, ...], status: int, part: str) -> None:
    """An error says why, and its hint what to do."""
    done = run_shorepass("accelerate", "--yes", *words)
    assert done.status == status
    assert part in done.stderr


@pytest.mark.usefixtures("our_helper")
def test_enable_and_disable(own_bin: Path, home: Path, run_shorepass: RunShorepass) -> None:
    """The forwarder is docker-credential-shorepass, the agent starts by itself, and disable reverts both."""
    program = own_bin / "docker-credential-shorepass"
    config = home / ".config/shorepass/config.toml"
    config.write_text('# mine\nstore = "file"  # plain\n')
    assert run_shorepass("agent", "enable", "--yes").status == 0
    assert first(program.name) == str(program)
    assert os.path.realpath(program).endswith("docker-credential-forwarder")
    assert config.read_text() == '# mine\nstore = "file"  # plain\n\n[agent]\nstart = true\n'
    assert run_shorepass("doctor").status == 0
    assert run_shorepass("agent", "enable", "--yes").status == 0
    assert run_shorepass("agent", "disable", "--yes").status == 0
    assert not program.exists()
    assert config.read_text() == '# mine\nstore = "file"  # plain\n\n[agent]\nstart = false\n'


@pytest.mark.usefixtures("own_bin", "our_helper")
@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("agent disable", "the agent is not enabled\n"),
        ("accelerate --undo pass", "docker-credential-pass: the forwarder was not in front of it\n"),
    ],
)
def test_nothing_to_undo(home: Path, run_shorepass: RunShorepass, words: str, printed: str) -> None:
    """Then nothing is asked, and no file changes."""
    before = (home / ".config/shorepass/config.toml").read_text()
    assert run_shorepass(*words.split()) == (0, printed, "")
    assert (home / ".config/shorepass/config.toml").read_text() == before


@pytest.mark.usefixtures("own_bin", "our_helper")
def test_enable_asks(home: Path, run_shorepass: RunShorepass) -> None:
    """Without a terminal and without --yes nothing changes."""
    before = (home / ".config/shorepass/config.toml").read_text()
    done = run_shorepass("agent", "enable")
    assert (done.status, "not a terminal" in done.stderr) == (2, True)
    assert (home / ".config/shorepass/config.toml").read_text() == before


@pytest.mark.usefixtures("nothing_set", "our_helper")
def test_the_other_verbs_see_no_difference(own_bin: Path, home: Path, run_shorepass: RunShorepass) -> None:
    """With the forwarder in front, each verb prints what it prints without it, and starts no helper for Shorepass's own."""
    assert run_shorepass("vault", "init").status == 0
    assert run_shorepass("helper", "install", "--yes").status == 0
    config = json.loads((home / ".docker/config.json").read_text())
    (home / ".docker/config.json").write_text(json.dumps({**config, "credHelpers": {"g.example": "gcloud"}}))
    login = json.dumps({"ServerURL": "a.example", "Username": "alice", "Secret": "wonderland"})
    lines = ["list", "doctor --offline", "who --in me", "get a.example", "explain --offline a.example", "stores"]
    lines += ["helper install --yes", "vault"]
    helper = LocalContext.current().which("docker-credential-shorepass")
    assert helper is not None
    assert subprocess.run([helper, "store"], input=login.encode(), timeout=60, check=False).returncode == 0

    def printed() -> list[tuple[int, str, str]]:
        found = [run_shorepass(*line.split()) for line in lines]
        return [(done.status, re.sub("fingerprint [0-9a-f]+", "", done.stdout), done.stderr) for done in found]

    before = printed()
    assert before[3][0] == 0
    assert run_shorepass("accelerate", "--all", "--yes").status == 0
    assert run_shorepass("agent", "enable", "--yes").status == 0
    assert {path.name for path in own_bin.iterdir()} == {GCLOUD, "docker-credential-shorepass"}
    (home / ".config/shorepass/config.toml").unlink()  # so that no agent starts
    assert printed() == before


@pytest.mark.usefixtures("nothing_set", "our_helper")
@pytest.mark.parametrize("fate", ["--keep", "--delete"])
def test_uninstall_removes_the_forwarder(own_bin: Path, home: Path, run_shorepass: RunShorepass, fate: str) -> None:
    """No symlink remains that would lead nowhere, and each helper answers as before."""
    configure(home, {"credHelpers": {"g.example": "gcloud"}})
    before = answer(GCLOUD)
    assert run_shorepass("accelerate", "--all", "--yes").status == 0
    assert run_shorepass("agent", "enable", "--yes").status == 0
    assert run_shorepass("agent", "start").status == 0
    planned = document(run_shorepass("uninstall", fate, "--json").stdout)
    assert planned["forwarders"] == [str(own_bin / GCLOUD), str(own_bin / "docker-credential-shorepass")]
    done = run_shorepass("uninstall", fate, "--yes")
    assert done.status == 0, done.stderr
    assert f"remove {own_bin / GCLOUD}: the forwarder of {GCLOUD}\n" in done.stdout
    assert list(own_bin.iterdir()) == []
    assert answer(GCLOUD) == before
    assert document(run_shorepass("agent", "status", "--json").stdout)["running"] is False
