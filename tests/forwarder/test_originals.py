"""The original program: it runs as if the forwarder were not there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.programs import SYSTEM_PATH, as_root, require, wait_until
from forwarder.conftest import NAME, SANITISERS, Forwarder, checked
from forwarder.fake_agent import Connection, declined, fake_agent

NO_AGENT = b"no Shorepass agent is running, and "


def program(path: Path, script: str) -> Path:
    """Write a program of ``sh``."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def decline(connection: Connection) -> None:
    """Take the whole input, and give no answer."""
    connection.call()
    connection.send(declined(b"no"))


@pytest.fixture(params=["none", "declines"])
def unanswered(request: pytest.FixtureRequest, socket_path: Path) -> Iterator[None]:
    """Have no agent, or one that declines, so that the forwarder has read the input before the original runs."""
    path = socket_path if request.param == "declines" else socket_path.with_name("other")
    with fake_agent(path, decline):
        yield


@pytest.mark.usefixtures("unanswered")
@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 65537, 4 << 20])
def test_it_gets_the_whole_input(forwarder: Forwarder, original: Path, size: int) -> None:
    """Also if that is more than a pipe holds."""
    forwarder.put_before(original)
    data = os.urandom(size)
    done = forwarder("store", stdin=data)
    assert (done.returncode, done.stdout == b"original store\n" + data, done.stderr) == (7, True, b"aside\n")


def test_list_leaves_the_input_to_it(native: Forwarder, tmp_path: Path) -> None:
    """``list`` and ``version`` read nothing, so the original's standard input is the caller's own."""
    native.put_before(program(tmp_path / "own", "/usr/bin/readlink /proc/self/fd/0"))
    given = tmp_path / "given"
    given.touch()
    with given.open() as stdin:
        done = subprocess.run(
            native.command("list"), stdin=stdin, capture_output=True, env={**os.environ, **SANITISERS}, check=False
        )
    assert done.stdout.decode().strip() == str(given)


@pytest.mark.usefixtures("unanswered")
def test_it_gets_the_same_words_environment_and_folder(native: Forwarder, tmp_path: Path) -> None:
    """Nothing is added, nothing is missing, no descriptor is left open, and a broken pipe ends it as usual."""
    shows = (
        "/usr/bin/tr '\\0' '\\n' </proc/$$/environ",
        "pwd",
        'echo "$@"',
        "/bin/ls /proc/$$/fd",
        "/bin/grep SigIgn /proc/$$/status",
    )
    native.put_before(program(tmp_path / "own", "\n".join(shows)))
    wanted = checked([str(tmp_path / "own"), "get"], env={"ONE": "1"}, cwd=tmp_path)
    assert native("get", env={"ONE": "1"}, cwd=tmp_path).stdout == wanted.stdout
    assert native("get", stdin=b"x", env={"ONE": "1"}, cwd=tmp_path).stdout == wanted.stdout
    assert native("get", stdin=bytes(1 << 20), env={"ONE": "1"}, cwd=tmp_path).stdout == wanted.stdout


def test_its_first_word_is_the_name_of_the_call(native: Forwarder, tmp_path: Path) -> None:
    """A program of many names sees by which it was called."""
    shutil.copy(require("busybox"), tmp_path / "busybox")
    native.put_before(tmp_path / "busybox")
    done = native("get")
    assert b"docker-credential-harbour: applet not found" in done.stderr


def test_an_end_by_a_signal_is_its_own(native: Forwarder, tmp_path: Path) -> None:
    """The original takes the forwarder's process, so its end is the call's end."""
    native.put_before(program(tmp_path / "own", "kill -TERM $$"))
    done = subprocess.run(
        native.command("list"), env={**os.environ, **SANITISERS}, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == -signal.SIGTERM


@pytest.mark.usefixtures("unanswered")
def test_an_original_that_reads_nothing(native: Forwarder, tmp_path: Path) -> None:
    """The process that holds its input ends with it."""
    marker = os.urandom(8).hex()
    native.put_before(program(tmp_path / "own", "echo unread"))
    done = native("store", stdin=bytes(4 << 20), env={"MARKER": marker})
    assert (done.returncode, done.stdout) == (0, b"unread\n")
    wait_until(lambda: None if processes_with(marker) else True, "the process that feeds the original to end")


def processes_with(marker: str) -> list[str]:
    """Return the processes that have a marker in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.usefixtures("unanswered")
def test_an_original_that_ends_while_the_caller_writes_on(native: Forwarder, tmp_path: Path) -> None:
    """More input than a frame holds, and never its end: the call ends as soon as the original does."""
    native.put_before(program(tmp_path / "own", "echo unread"))
    marker = os.urandom(8).hex()
    env = {**os.environ, **SANITISERS, "MARKER": marker}
    command = native.command("store")
    with subprocess.Popen(command, 0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as call:
        assert call.stdin is not None
        assert call.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            call.stdin.write(bytes(9 << 20))
        assert call.stdout.read() == b"unread\n"
        wait_until(lambda: None if processes_with(marker) else True, "the process that feeds the original to end")
        assert call.wait() == 0


REFUSED = {
    "itself": (lambda made, _: made.program, b"the original program is a forwarder, too"),
    "its link on PATH": (lambda made, _: made.path, b"the original program is a forwarder, too"),
    "gone": (lambda _, folder: folder / "gone", b"the original program is not there"),
    "a folder": (lambda _, folder: folder, b"the original program may not be run"),
    "a file": (lambda _, folder: program_file(folder), b"the original program may not be run"),
    "a relative path": (lambda _made, _folder: "original", b"there is no original program"),
}


def program_file(folder: Path) -> Path:
    """Write a file that is not executable."""
    (folder / "file").touch(0o644)
    return folder / "file"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_original(forwarder: Forwarder, tmp_path: Path, name: str) -> None:
    """A sentence says why, and a forwarder never starts a forwarder, which could go on without an end."""
    find, why = REFUSED[name]
    forwarder.put_before(find(forwarder, tmp_path))
    done = forwarder("store", stdin=b"{}")
    assert (done.returncode, done.stdout) == (1, NO_AGENT + why + b"\n")


def test_the_forwarder_of_another_folder_is_no_original(native: Forwarder, tmp_path: Path) -> None:
    """Two forwarders, each in front of the other."""
    other = Forwarder(native.program, tmp_path / "other")
    native.put_before(other.path)
    other.put_before(native.path)
    assert native("store").stdout == NO_AGENT + b"the original program is a forwarder, too\n"


def test_a_forwarder_that_was_replaced_while_it_runs(native: Forwarder, original: Path, socket_path: Path) -> None:
    """It still finds its originals: an upgrade replaces the file."""
    native.put_before(original)
    env = {**os.environ, **SANITISERS}
    with (
        fake_agent(socket_path, decline),  # without an agent, the original would start at once
        subprocess.Popen(native.command("store"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as call,
    ):
        wait_until(lambda: is_started(call.pid), "the forwarder to start")
        newer = native.program.with_name("newer")
        shutil.copy(native.program, newer)
        newer.replace(native.program)
        output, _ = call.communicate(b"input")
    assert output == b"original store\ninput"


def is_started(pid: int) -> bool | None:
    """Return True when a process runs the forwarder."""
    return True if os.readlink(f"/proc/{pid}/exe").endswith("docker-credential-forwarder") else None


def test_without_proc(native: Forwarder) -> None:
    """The forwarder does not find its originals where /proc is missing; it prints that."""
    script = 'umount -l /proc && exec "$@"'
    command = as_root([require("unshare"), "--mount", "/bin/sh", "-c", script, "sh", *native.command("store")])
    done = checked(command, env={"PATH": SYSTEM_PATH, "LSAN_OPTIONS": "detect_leaks=0"})
    assert (done.returncode, done.stdout) == (1, NO_AGENT + b"/proc is not mounted\n")
    assert NAME.encode() in done.stderr


@pytest.mark.usefixtures("unanswered")
@pytest.mark.parametrize("size", [16, 1 << 20, 9 << 20])
def test_a_caller_that_ignores_the_end_of_children(native: Forwarder, original: Path, size: int) -> None:
    """The original gets the whole input, too."""
    native.put_before(original)
    done = checked([require("env"), "--ignore-signal=CHLD", *native.command("store")], stdin=bytes(size))
    assert (done.returncode, done.stdout == b"original store\n" + bytes(size)) == (7, True)


@pytest.mark.parametrize("size", [16, 9 << 20])
@pytest.mark.parametrize("descriptors", range(4, 9))
def test_too_few_descriptors(
    installed: Forwarder, socket_path: Path, tmp_path: Path, descriptors: int, size: int
) -> None:
    """The original gets the whole input, or the forwarder prints why it does not run. It never gets a part."""
    installed.put_before(require("tee"))  # writes its input to standard output, and to the file ``store``
    command = ["/bin/sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *installed.command("store")]
    with fake_agent(socket_path, decline):
        done = checked(command, stdin=b"x" * size, cwd=tmp_path)
    if done.returncode == 0:
        assert done.stdout == b"x" * size
    else:
        assert b"and standard input cannot be given to the original program\n" in done.stdout
