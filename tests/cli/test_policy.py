"""``shorepass policy``: what counts, what it allows, and what is wrong with the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.lending import end_agent

if TYPE_CHECKING:
    from conftest import RunShorepass


@pytest.fixture
def path(home: Path) -> Path:
    """Where the policy is."""
    return home / ".config/shorepass/policy.toml"


def test_without_a_policy(run_shorepass: RunShorepass, path: Path) -> None:
    """All can be lent, and the file is named."""
    done = run_shorepass("policy")
    assert (done.status, done.stdout) == (0, f"there is no policy, so every login can be lent: {path}\n")
    assert run_shorepass("policy", "check", "--registry", "a.example").stdout == "a.example: allowed\n"


def test_the_example_is_a_policy(run_shorepass: RunShorepass, path: Path) -> None:
    """What ``example`` prints has no problem, and each key of the documentation is in it."""
    path.write_text(run_shorepass("policy", "example").stdout)
    assert run_shorepass("policy", "check").stdout == f"{path}: no problem\n"
    shown = run_shorepass("policy").stdout.splitlines()
    assert "never lent: *.internal.example" in shown
    assert "time: 2h, at most: 1d" in shown
    assert any("image ghcr.io/acme/*" in line and line.endswith("yes") for line in shown)


@pytest.mark.parametrize(
    ("words", "status", "answer"),
    [
        ("--registry ghcr.io", 0, "ghcr.io: allowed by line 11"),
        ("--registry ghcr.io --for 1d", 0, "ghcr.io: allowed by line 11"),
        ("--registry ghcr.io --for 2d", 1, "ghcr.io: refused: the policy allows a grant for at most 1d (line 5)"),
        ("--registry GHCR.io --push", 1, "ghcr.io: refused: the policy does not allow pushes (line 14)"),
        (
            "--registry a.internal.example",
            1,
            "a.internal.example: refused: the policy never lends *.internal.example (line 1)",
        ),
        ("--repo docker.io/acme/app --mode engine", 0, "docker.io/acme/app: allowed by line 12"),
        ("--registry docker.io", 1, "docker.io: refused: the policy does not allow all of docker.io (line 11)"),
        ("--image ghcr.io/acme/app:1", 0, "a container of ghcr.io/acme/app: allowed by line 17"),
        (
            "--image alpine",
            1,
            "a container of docker.io/library/alpine: refused: the policy has no row [[automatic]] for it",
        ),
        ("--project shop", 0, "the project shop: allowed by line 24"),
    ],
)
def test_questions(run_shorepass: RunShorepass, path: Path, words: str, status: int, answer: str) -> None:
    """``check`` answers whether something may be lent, and by which line."""
    path.write_text(run_shorepass("policy", "example").stdout)
    done = run_shorepass("policy", "check", *words.split())
    assert (done.status, done.stdout, done.stderr) == (status, f"{answer}\n", "")


def test_a_draft(run_shorepass: RunShorepass, path: Path, tmp_path: Path) -> None:
    """``check FILE`` is about that file; its errors have the line, and the policy that counts is not read."""
    path.write_text("broken")
    draft = tmp_path / "draft.toml"
    draft.write_text('never = ["a.example"]\n')
    assert run_shorepass("policy", "check", str(draft)).stdout == f"{draft}: no problem\n"
    assert run_shorepass("policy", "check", str(draft), "--registry", "a.example").status == 1
    draft.write_text('# mine\n[defaults]\nfrom = "2h"\n')
    done = run_shorepass("policy", "check", str(draft))
    assert done.status == 3
    assert f"{draft}: line 3: unknown key 'from'" in done.stderr
    absent = tmp_path / "absent file"
    done = run_shorepass("policy", "check", str(absent))
    assert (done.status, "there is no such file" in done.stderr) == (2, True)
    fix = done.stderr.partition("hint: shorepass ")[2].strip()
    assert fix == f"policy example > '{absent}'"
    absent.write_text(run_shorepass(*fix.split(" > ")[0].split()).stdout)
    assert run_shorepass("policy", "check", str(absent)).status == 0


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        (
            "[defaults]\nfor = 7\n",
            3,
            'policy.toml: line 2: "for": not a time such as 30m, 2h or 1d; no login is lent until you correct it',
        ),
        ('never = ["*.example"]\n', 1, "not lent: the policy never lends *.example (line 1)"),
        ('[defaults]\nmax = "30m"\n', 1, "not lent: the policy allows a grant for at most 30m (line 2)"),
        ('[allowed]\nmodes = ["engine"]\n', 1, "not lent: the policy does not allow the mode forward (line 2)"),
    ],
)
def test_a_grant_that_is_not_made(run_shorepass: RunShorepass, path: Path, text: str, status: int, reason: str) -> None:
    """``share`` and ``run --share`` refuse with the line, and nothing is lent."""
    path.write_text(text)
    done = run_shorepass("share", "flags", "--registry", "a.example", "--for", "1h")
    assert (done.status, reason in done.stderr) == (status, True), done.stderr
    done = run_shorepass(
        "run", "--for", "1h", "--share", "a.example", "--", "docker", "run", "x", env={"PATH": programs_path(path)}
    )
    assert (done.status, reason in done.stderr) == (125, True), done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"


def programs_path(path: Path) -> str:
    """Return a PATH with a docker that must not run."""
    folder = path.parent / "bin"
    folder.mkdir()
    docker = folder / "docker"
    docker.write_text("#!/bin/sh\nexit 99\n")
    docker.chmod(0o755)
    return str(folder)


@pytest.mark.usefixtures("our_helper")
def test_the_time_of_a_grant(run_shorepass: RunShorepass, path: Path) -> None:
    """Without ``--for`` a grant has the policy's time."""
    path.write_text('[defaults]\nfor = "10m"\n')
    try:
        assert run_shorepass("share", "flags", "--registry", "*.example").status == 0
        (grant,) = json.loads(run_shorepass("grants", "--json").stdout)["grants"]
        assert grant["until"] - grant["created"] == pytest.approx(600)
    finally:
        end_agent()


def test_questions_are_for_check(run_shorepass: RunShorepass) -> None:
    """A question without ``check`` is an error with the command."""
    done = run_shorepass("policy", "--registry", "ghcr.io")
    assert (done.status, done.stderr.splitlines()[-1]) == (2, "hint: shorepass policy check --registry ghcr.io")
