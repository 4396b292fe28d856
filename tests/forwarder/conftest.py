"""The forwarder in its place on disk, as it is installed and in a build that looks for errors of C."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from e2e.programs import SYSTEM_PATH, require
from shorepass.agent_client.forwarder_file import path_for

SOURCES = Path(__file__).parents[2] / "forwarder"
# An error that the sanitisers find ends the program with a status of its own, and with words that no call prints.
SANITISERS = {"ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1"}
FLAGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-fsanitize=address,undefined")


def build_sanitised(target: Path, *flags: str, source: str = "forwarder.c") -> Path:
    """Compile the forwarder with gcc, the system's library and checks of each access."""
    command = [require("gcc"), *FLAGS, "-fno-sanitize-recover", *flags, str(SOURCES / source), "-o", str(target)]
    subprocess.run(command, env={"PATH": SYSTEM_PATH}, check=True, timeout=300)
    return target


@pytest.fixture(scope="session")
def installed() -> Path:
    """The forwarder of this installation for this machine."""
    path = path_for(platform.system(), platform.machine())
    assert path is not None, "this installation has no forwarder: was it built without zig?"
    return Path(path)


@pytest.fixture(scope="session")
def sanitised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The forwarder with the sanitisers of gcc."""
    return build_sanitised(tmp_path_factory.mktemp("sanitised") / "forwarder")


class Forwarder:
    """A forwarder in its place: the program, links to it on PATH, and the links to the original programs."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.folder = folder / "state/shorepass/forwarder"
        self.bin = folder / "path"
        self.bin.mkdir()
        (self.folder / "originals").mkdir(parents=True, mode=0o700)
        self.program = self.folder / "docker-credential-forwarder"
        shutil.copy(program, self.program)

    def link(self, name: str = "docker-credential-harbour", original: Path | str | None = None) -> Path:
        """Put the forwarder on PATH by a name, in front of an original if there is one."""
        link = self.bin / name
        link.unlink(missing_ok=True)
        link.symlink_to(self.program)
        if original is not None:
            recorded = self.folder / "originals" / name
            recorded.unlink(missing_ok=True)
            recorded.symlink_to(original)
        return link

    def __call__(
        self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Call it as docker does, by the name ``docker-credential-harbour``, with the environment of the test and ``env``."""
        done = subprocess.run(
            [self.bin / "docker-credential-harbour", *words],
            input=stdin,
            capture_output=True,
            env={**os.environ, **SANITISERS, **(env or {})},
            cwd=cwd,
            timeout=120,
            check=False,
        )
        return checked(done)


def checked(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    """Return what a call did; it must not have crashed, nor have found an error of C."""
    assert done.returncode not in (99, *range(-64, 0)), done.stderr.decode()
    assert b"runtime error" not in done.stderr
    return done


@pytest.fixture(params=["installed", "sanitised"])
def forwarder(request: pytest.FixtureRequest, tmp_path: Path) -> Forwarder:
    """A forwarder with the name ``docker-credential-harbour`` and no original; once as built by zig, once sanitised."""
    made = Forwarder(request.getfixturevalue(request.param), tmp_path)
    made.link()
    return made
