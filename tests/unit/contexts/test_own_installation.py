"""The command that adds a library fits how Shorepass is installed: pip, pipx, uv, or the system's own Python."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

import shorepass

SCRIPT = (
    "from shorepass.contexts.own_installation import command_to_add; print(command_to_add('secretstorage', 'a b[ssh]'))"
)
LIBRARIES = "secretstorage 'a b[ssh]'"


@pytest.mark.parametrize(
    ("marker", "command"),
    [
        ("pipx_metadata.json", "pipx inject shorepass"),
        ("uv-receipt.toml", "uv pip install --python {python}"),
        ("", "uv pip install --python {python}"),
        ("pip", "{python} -m pip install"),
    ],
)
def test_in_an_environment_of_its_own(tmp_path: Path, marker: str, command: str) -> None:
    """Each installer's command; one without pip and without a marker is uv's, which puts no pip into an environment."""
    folder = tmp_path / "shorepass"
    venv.create(folder, with_pip=False, symlinks=True)
    python, packages = folder / "bin/python", next((folder / "lib").iterdir()) / "site-packages"
    (packages / "shorepass").symlink_to(Path(shorepass.__file__).parent)  # alone: pip may be beside it
    if marker == "pip":
        (packages / "pip").mkdir()
        (packages / "pip/__init__.py").touch()
    elif marker:
        (folder / marker).touch()
    done = subprocess.run([python, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert done.stdout == f"{command.format(python=python)} {LIBRARIES}\n"


def test_where_the_system_owns_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of any environment, where Debian lets pip install nothing, Shorepass got there by a flag: so does this."""
    from shorepass.contexts import own_installation

    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    monkeypatch.setattr(own_installation.os, "__file__", str(tmp_path / "os.py"))
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    expected = f"{sys.executable} -m pip install --break-system-packages secretstorage"
    assert own_installation.command_to_add("secretstorage") == expected
