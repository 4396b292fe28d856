"""A file of grants that another program has written, in a home that several machines share, harms nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from conftest import RunShorepass
from shorepass.contexts.local import LocalContext
from shorepass.grants import file
from shorepass.grants.grant import EXPORT, Grant


@pytest.mark.parametrize("verb", [("revoke", "--all"), ("revoke", "Pictures"), ("grants",), ("doctor",)])
def test_no_other_folder_is_removed(run_shorepass: RunShorepass, home: Path, verb: tuple[str, ...]) -> None:
    """The name of a folder of the user's can look like the id of a grant."""
    pictures = home / "Pictures"
    pictures.mkdir()
    (pictures / "cat.jpg").write_bytes(b"cat")
    grant = Grant("Pictures", "flags", EXPORT, ("ghcr.io",), str(pictures), "", 0.0, 9e9)
    path = Path(file.path_of(LocalContext.current()))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"version": 1, "grants": [grant._asdict()]}))
    done = run_shorepass(*verb)
    assert done.status != 0
    assert "not what this version of Shorepass writes there" in done.stdout + done.stderr
    assert (pictures / "cat.jpg").read_bytes() == b"cat"


@pytest.mark.parametrize(
    "words", ["agent start", "agent start --foreground", "unlock", "share flags --registry ghcr.io"]
)
def test_root_makes_nothing_in_the_home_of_a_user(run_shorepass: RunShorepass, home: Path, words: str) -> None:
    """As with sudo that keeps HOME: ``~/.local`` would belong to root, and the user could not open it."""
    os.chown(home, 61234, 61234)
    before = [*home.rglob("*")]
    done = run_shorepass(*words.split(), env={"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": ""})
    assert (done.status, done.stdout) == (2, "")
    assert "root changes only its own files" in done.stderr
    assert [*home.rglob("*")] == before
