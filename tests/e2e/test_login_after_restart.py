"""podman's file is in XDG_RUNTIME_DIR, which a restart empties: what names our helper there is gone, and the vault is not."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")


@pytest.fixture
def run_folder() -> Iterator[Path]:
    """A folder in /run, as pam_systemd makes it."""
    folder = Path(tempfile.mkdtemp(prefix="shorepass-", dir="/run"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_command_makes_podman_find_it_after_a_restart(
    run_shorepass: RunShorepass, registry: str, users: dict[str, str], our_helper: str, run_folder: Path
) -> None:
    env = {"XDG_RUNTIME_DIR": str(run_folder), "PATH": f"{Path(our_helper).parent}:{programs.SYSTEM_PATH}"}
    words = ("login", "--client", "podman", "-u", "alice", "--password-stdin", registry)
    done = run_shorepass(*words, stdin=users["alice"], env=env)
    assert (done.status, "until the next restart" in done.stderr) == (0, True), done.stderr
    line = shlex.split(done.stderr.partition("to keep it longer: ")[2].splitlines()[0])
    assert line[0] == "shorepass"
    get_login = [programs.require("podman"), "login", "--get-login", registry]
    for_podman = {**os.environ, **env}
    assert programs.run(get_login, env=for_podman).stdout == "alice\n"
    assert run_shorepass(*line[1:], "--yes", env=env).status == 0
    shutil.rmtree(run_folder / "containers")
    assert programs.run(get_login, env=for_podman).stdout == "alice\n"
