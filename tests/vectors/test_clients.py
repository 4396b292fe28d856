"""The runner of ``CLIENT-RELEASE.jsonl``: what a real client answered, line by line (see README.md beside this file)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shorepass.clients import find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Anonymous, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import SourceError
from shorepass.names import parse

FILES = sorted(Path(__file__).parent.glob("*.jsonl"))

# What the client on PATH prints to ``--version``: its release decides about some of the rules.
VERSIONS = {"docker": "Docker version {}.0, build 0000000", "skopeo": "skopeo version {}.0", "crane": "{}"}

HELPERS = {
    "good": """echo '{"Username":"hu","Secret":"hs"}'""",
    "token": """echo '{"Username":"<token>","Secret":"refresh"}'""",
    "none": "echo 'credentials not found in native keychain'; exit 1",
    "fail": "echo boom; exit 1",
}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the four helpers, for PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, answer in HELPERS.items():
        script(folder / f"docker-credential-{name}", f"case $1 in list) echo '{{}}';; *) {answer};; esac")
    return folder


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def lay_out(case: dict[str, Any], home: Path, programs: Path) -> LocalContext:
    for name, document in case["files"].items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    env = {name: value.replace("{HOME}", str(home)) for name, value in case["env"].items()}
    return LocalContext({"HOME": str(home), "PATH": str(programs), **env}, platform="linux", uid=os.getuid())


def in_words(answer: Credential | SourceError) -> list[str]:
    """Return an answer as the vectors write it."""
    match answer:
        case SourceError():
            return ["error"]
        case Basic(username, password):
            return ["basic", username, password.reveal()]
        case IdentityToken(token):
            return ["identity token", token.reveal()]
        case BearerToken(token):
            return ["bearer", token.reveal()]
        case Anonymous():
            return ["anonymous"]


def disagreements(client: str, cases: list[dict[str, Any]], folder: Path, programs: Path) -> Iterator[str]:
    """Yield each line that is answered otherwise: one answer exactly, or with a coin a possible one."""
    for number, case in enumerate(cases, 1):
        home = folder / f"home{number}"
        home.mkdir()
        found = find(client).resolve(lay_out(case, home, programs), parse(case["reference"]))
        said = [in_words(answer) for answer in (found.answer, *found.alternatives)]
        seen = case["answers"]
        if not all(answer in said for answer in seen) or (not case["coin"] and said != seen):
            yield f"line {number}: {client} {seen}, Shorepass {said}"


@pytest.mark.parametrize("vectors", FILES, ids=lambda path: path.stem)
def test_real_answers(vectors: Path, tmp_path: Path, programs: Path) -> None:
    """Each configuration gives what the real client did with it."""
    client, _, release = vectors.stem.partition("-")
    script(programs / client, f"echo '{VERSIONS[client].format(release)}'")
    cases = [json.loads(line) for line in vectors.read_text().splitlines()]
    assert list(disagreements(client, cases, tmp_path, programs)) == []
    assert len(cases) >= 300


def test_every_file_of_vectors_is_run() -> None:
    """A runner without files would agree with everything."""
    assert FILES
