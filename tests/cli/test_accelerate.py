"""shorepass accelerate, and agent enable and disable: what they print, ask, change and undo."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shorepass.cli import agent_enable
from shorepass.contexts.local import LocalContext
from shorepass.errors import UsageError

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


def run_action(action: str, *words: str) -> int:
    parser = argparse.ArgumentParser()
    agent_enable.add_arguments(parser)
    return {"enable": agent_enable.enable, "disable": agent_enable.disable}[action](parser.parse_args(words))


@pytest.mark.usefixtures("our_helper")
def test_enable_and_disable(own_bin: Path, home: Path, run_shorepass: RunShorepass) -> None:
    """The forwarder is docker-credential-shorepass, the agent starts by itself, and disable reverts both."""
    program = own_bin / "docker-credential-shorepass"
    config = home / ".config/shorepass/config.toml"
    config.write_text('# mine\nstore = "file"  # plain\n')
    assert run_action("enable", "--yes") == 0
    assert first(program.name) == str(program)
    assert os.path.realpath(program).endswith("docker-credential-forwarder")
    assert config.read_text() == '# mine\nstore = "file"  # plain\n\n[agent]\nstart = true\n'
    assert run_shorepass("doctor").status == 0
    assert run_action("enable", "--yes") == 0
    assert run_action("disable", "--yes") == 0
    assert not program.exists()
    assert config.read_text() == '# mine\nstore = "file"  # plain\n\n[agent]\nstart = false\n'


@pytest.mark.usefixtures("own_bin", "our_helper")
def test_enable_asks(home: Path) -> None:
    """Without a terminal and without --yes nothing changes."""
    before = (home / ".config/shorepass/config.toml").read_text()
    with pytest.raises(UsageError, match="not a terminal"):
        run_action("enable")
    assert (home / ".config/shorepass/config.toml").read_text() == before
