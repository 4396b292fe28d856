"""The forwarder in its place on disk: as it is installed, for another machine, and in a build that looks for errors of C."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from e2e.programs import SYSTEM_PATH, require
from shorepass.agent_client.forwarder_file import path_for

SOURCES = Path(__file__).parents[2] / "forwarder"
PARTS = ("forwarder.c", "agent.c", "original.c", "wire.c", "relay.c")
# An error that the sanitisers find ends the program with a status of its own, and with words that no call prints.
SANITISERS = {"ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1"}
FLAGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-fsanitize=address,undefined")
NAME = "docker-credential-harbour"
CRASHES = (99, *range(-64, 0))


def build_sanitised(target: Path, *flags: str, parts: Sequence[str] = PARTS) -> Path:
    """Compile the forwarder with gcc, the system's library and checks of each access."""
    sources = [str(SOURCES / part) for part in parts]
    command = [require("gcc"), *FLAGS, "-fno-sanitize-recover", *flags, *sources, "-o", str(target)]
    subprocess.run(command, env={"PATH": SYSTEM_PATH}, check=True, timeout=300)
    return target


class Forwarder:
    """A forwarder in its place: the program, a link to it on PATH, and the link to its original program.

    ``emulator``: the program, if any, that runs it. ``name``: of the link.
    """

    def __init__(self, program: Path, folder: Path, emulator: str | None = None, name: str = NAME) -> None:
        self.name = name
        self.emulator = emulator
        self.folder = folder / "state/shorepass/forwarder"
        self.path = folder / "path" / name
        self.path.parent.mkdir(parents=True)
        (self.folder / "originals").mkdir(parents=True, mode=0o700)
        self.program = self.folder / "docker-credential-forwarder"
        shutil.copy(program, self.program)
        self.path.symlink_to(self.program)

    def put_before(self, original: Path | str) -> None:
        """Put the forwarder in front of an original program."""
        (self.folder / "originals" / self.name).symlink_to(original)

    def command(self, *words: str) -> list[str]:
        """Return the command that calls it as docker does."""
        if self.emulator is not None:
            return [self.emulator, "-0", str(self.path), str(self.program), *words]
        return [str(self.path), *words]

    def __call__(
        self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Call it with the environment of the test and ``env``."""
        return checked(self.command(*words), stdin=stdin, env=env, cwd=cwd)


def checked(
    command: Sequence[str], *, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Return what a call did. It must not have crashed, nor have found an error of C."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        env={**os.environ, **SANITISERS, **(env or {})},
        cwd=cwd,
        timeout=120,
        check=False,
    )
    assert done.returncode not in CRASHES, done.stderr.decode()
    assert b"runtime error" not in done.stderr
    return done


@pytest.fixture(scope="session")
def sanitised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The forwarder with the sanitisers of gcc."""
    return build_sanitised(tmp_path_factory.mktemp("sanitised") / "forwarder")


@pytest.fixture(scope="session")
def impatient_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with one second for a call, and for a relay's caller."""
    return build_sanitised(tmp_path_factory.mktemp("impatient") / "forwarder", "-DSECONDS=1", "-DRELAY_SECONDS=1")


def installed_for(system: str, machine: str) -> Path:
    """Return the forwarder of this installation for a machine."""
    path = path_for(system, machine)
    assert path is not None, "this installation has no forwarder: it was built without zig"
    return Path(path)


@pytest.fixture
def installed(tmp_path: Path) -> Forwarder:
    """The forwarder of this installation for this machine, without an original program."""
    return Forwarder(installed_for(platform.system(), platform.machine()), tmp_path)


@pytest.fixture
def impatient(impatient_program: Path, tmp_path: Path) -> Forwarder:
    """A forwarder that gives up after a second, without an original program."""
    return Forwarder(impatient_program, tmp_path)


@pytest.fixture(params=["installed", "sanitised"])
def native(request: pytest.FixtureRequest, tmp_path: Path) -> Forwarder:
    """A forwarder for this machine, without an original program: as it is installed, and sanitised."""
    if request.param == "installed":
        made: Forwarder = request.getfixturevalue("installed")
        return made
    return Forwarder(request.getfixturevalue("sanitised"), tmp_path)


@pytest.fixture(params=["installed", "aarch64", "sanitised"])
def forwarder(request: pytest.FixtureRequest, tmp_path: Path) -> Forwarder:
    """The same two, and the one for Linux on aarch64, run by an emulator."""
    if request.param == "aarch64":
        return Forwarder(installed_for("Linux", "aarch64"), tmp_path, require("qemu-aarch64"))
    if request.param == "sanitised":
        return Forwarder(request.getfixturevalue("sanitised"), tmp_path)
    made: Forwarder = request.getfixturevalue("installed")
    return made


@pytest.fixture
def socket_path(world: Path) -> Path:
    """Where the user's agent listens."""
    return world / "run/shorepass/agent.sock"


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """An original program, which prints its words and its standard input."""
    program = tmp_path / "original"
    program.write_text('#!/bin/sh\necho original "$@"\n/bin/cat\necho aside >&2\nexit 7\n')
    program.chmod(0o755)
    return program
