"""The forwarder in front of a helper: where its symlink goes, and that undo restores what was there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from client_files import our_helper
from shorepass.acceleration import front, journal
from shorepass.acceleration.plan import plan
from shorepass.agent_client import layout
from shorepass.contexts.local import LocalContext
from shorepass.errors import ShorepassError, UsageError, WriteError
from shorepass.files import nodes
from shorepass.helper import PROGRAM
from shorepass.profile import is_this

ORIGINAL = "#!/bin/sh\necho the original\n"
NAME = "docker-credential-gcloud"


@pytest.fixture
def forwarder(tmp_path: Path) -> str:
    """A program that runs the original as the forwarder does without an agent."""
    path = tmp_path / "built-forwarder"
    path.write_text('#!/bin/sh\necho forwarded\nexec "$(dirname "$(realpath "$0")")/originals/$(basename "$0")" "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def own_bin(home: Path, monkeypatch: pytest.MonkeyPatch, world: Path) -> Path:
    """``~/.local/bin``, which is first on PATH; the programs' folder and the system's follow."""
    folder = home / ".local/bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{folder}:{world / 'bin'}:/usr/bin:/bin")
    return folder


def program(folder: Path, name: str = NAME, text: str = ORIGINAL) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def run(name: str) -> str:
    here = LocalContext.current()
    found = here.which(name)
    assert found is not None
    return subprocess.run([found, "version"], capture_output=True, text=True, timeout=60, check=True).stdout


def tree(folder: Path) -> dict[str, object]:
    """Return all files below a folder: where a symlink leads, or bytes and mode. Folders of Shorepass's state are left out."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file():
            found[str(path)] = (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
    return found


def enable(name: str, forwarder: str) -> None:
    here = LocalContext.current()
    front.put(here, plan(here, name), forwarder)


def test_the_forwarder_is_first_on_path_and_undo_restores_all(world: Path, own_bin: Path, forwarder: str) -> None:
    """PATH leads to the forwarder, which runs the original; after the undo every file is as it was."""
    original = program(world / "bin")
    before = tree(world)
    enable("gcloud", forwarder)
    here = LocalContext.current()
    assert here.which(NAME) == str(own_bin / NAME)
    assert run(NAME) == "forwarded\nthe original\n"
    assert layout.original(here, str(own_bin / NAME)) == str(original)
    assert stat.S_IMODE(os.stat(layout.folder(here)).st_mode) == 0o700
    assert [state.state for state in front.states(here)] == ["in front"]
    assert front.remove(here, "gcloud") == [str(own_bin / NAME)]
    assert tree(world) == before
    assert run(NAME) == "the original\n"
    assert front.remove(here, "gcloud") == []


def test_twice_is_the_same_as_once_and_brings_a_new_forwarder(world: Path, own_bin: Path, forwarder: str) -> None:
    """The second time only the copy of the forwarder is brought up to date."""
    program(world / "bin")
    enable("gcloud", forwarder)
    before = tree(own_bin)
    Path(forwarder).write_text("#!/bin/sh\necho newer\n")
    enable("gcloud", forwarder)
    assert tree(own_bin) == before
    assert run(NAME) == "newer\n"


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777, None])
def test_an_unfit_folder_gets_no_symlink(world: Path, own_bin: Path, mode: int | None) -> None:
    """A folder that others can write to, a sticky one or a missing one is passed over, and the hint makes a fit one."""
    program(world / "bin")
    if mode is None:
        own_bin.rmdir()
    else:
        own_bin.chmod(mode)
    with pytest.raises(UsageError) as raised:
        plan(LocalContext.current(), "gcloud")
    assert raised.value.hint is not None
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", raised.value.hint], check=True, timeout=60, env=environment)
    own_bin.chmod(own_bin.stat().st_mode & ~0o1000)
    assert plan(LocalContext.current(), "gcloud").link == str(own_bin / NAME)


def test_a_folder_of_others_is_passed_over(world: Path, own_bin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root writes into no other user's folder, and a user into none outside the home."""
    program(world / "bin")
    os.chown(own_bin, 12345, 12345)
    with pytest.raises(UsageError):
        plan(LocalContext.current(), "gcloud")
    os.chown(own_bin, 0, 0)
    elsewhere = world / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    monkeypatch.setenv("PATH", f"{elsewhere}:{world / 'bin'}")
    assert plan(LocalContext.current(), "gcloud").link == str(elsewhere / NAME)  # as root
    with pytest.raises(UsageError):
        plan(LocalContext(os.environ, uid=12345), "gcloud")


@pytest.mark.usefixtures("own_bin")
def test_root_does_not_write_into_another_users_home(home: Path, world: Path) -> None:
    """A sudo that keeps HOME would make files of root's there: an error says to run it without sudo."""
    program(world / "bin")
    os.chown(home, 12345, 12345)
    with pytest.raises(UsageError, match="root changes only its own files"):
        plan(LocalContext.current(), "gcloud")


def test_what_is_not_ours_is_not_replaced(world: Path, own_bin: Path, forwarder: str) -> None:
    """A file that is at the symlink's path stays, and the helper too."""
    program(world / "bin")
    here = LocalContext.current()
    found = plan(here, "gcloud")
    (own_bin / NAME).write_text("mine")
    before = tree(world / "home/.local/bin")
    with pytest.raises(WriteError, match="another program has changed it"):
        front.put(here, found, forwarder)
    assert tree(own_bin) == before
    assert front.names(here) == []
    with pytest.raises(UsageError):
        plan(here, "gcloud")


def test_undo_leaves_what_another_program_has_put_there(world: Path, own_bin: Path, forwarder: str) -> None:
    """An upgrade has replaced the symlink: undo forgets it, and removes nothing."""
    program(world / "bin")
    enable("gcloud", forwarder)
    here = LocalContext.current()
    (own_bin / NAME).unlink()
    program(own_bin, text="#!/bin/sh\necho upgraded\n")
    assert [state.state for state in front.states(here)] == ["no link"]
    assert front.remove(here, "gcloud") == []
    assert run(NAME) == "upgraded\n"
    assert front.names(here) == []


def test_a_helper_that_came_first_again(
    world: Path, own_bin: Path, home: Path, forwarder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder before the symlink's has the helper now: that is shown, and doing it again puts the forwarder first."""
    program(world / "bin")
    enable("gcloud", forwarder)
    sdk, earlier = home / "sdk", home / "bin"
    program(sdk, text="#!/bin/sh\necho sdk\n")
    earlier.mkdir()
    monkeypatch.setenv("PATH", f"{earlier}:{sdk}:{os.environ['PATH']}")
    here = LocalContext.current()
    assert [state.state for state in front.states(here)] == ["shadowed"]
    enable("gcloud", forwarder)
    assert run(NAME) == "forwarded\nsdk\n"
    assert list(own_bin.iterdir()) == []
    assert [state.state for state in front.states(here)] == ["in front"]


def test_an_original_that_is_gone(world: Path, own_bin: Path, forwarder: str) -> None:
    """The helper was uninstalled: that is shown, and undo removes the symlink."""
    program(world / "bin")
    enable("gcloud", forwarder)
    (world / "bin" / NAME).unlink()
    here = LocalContext.current()
    assert [state.state for state in front.states(here)] == ["no original"]
    with pytest.raises(UsageError, match="no longer exists"):
        plan(here, "gcloud")
    assert front.remove(here, "gcloud") == [str(own_bin / NAME)]
    assert list(own_bin.iterdir()) == []


def installed(home: Path, how: str) -> Path:
    """Install Shorepass's helper in a home, as the first on PATH; return it."""
    folder = home / "venv/bin"
    folder.mkdir(parents=True)
    target = our_helper(folder)
    target.chmod(0o711)
    if how == "file":
        return target
    link = home / "pipx" / PROGRAM
    link.parent.mkdir()
    link.symlink_to("../venv/bin/" + PROGRAM)
    return link


@pytest.mark.parametrize("how", ["file", "symlink"])
def test_our_own_program_is_replaced_where_it_must_be(
    home: Path, world: Path, forwarder: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder is before it: the symlink takes its path, this Shorepass still knows it, and undo restores it exactly."""
    found = installed(home, how)
    monkeypatch.setenv("PATH", f"{found.parent}:/usr/bin:/bin")
    before = tree(world)
    enable("shorepass", forwarder)
    here = LocalContext.current()
    assert os.readlink(found) == layout.forwarder(here)
    assert is_this(here, str(found))
    shown = run(PROGRAM)
    assert shown.startswith("forwarded\n")
    assert PROGRAM in shown
    assert front.remove(here, "shorepass") == [str(found)]
    assert tree(world) == before


def test_our_own_program_of_others_is_not_replaced(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root does not replace a program that other users start, because they cannot open root's forwarder."""
    found = our_helper(world / "bin")
    monkeypatch.setenv("PATH", f"{found.parent}:/usr/bin:/bin")
    with pytest.raises(UsageError, match="no folder on PATH before"):
        plan(LocalContext.current(), "shorepass")


@pytest.mark.usefixtures("own_bin")
def test_another_shorepass_is_not_ours(world: Path) -> None:
    """PATH leads to another installation: the forwarder of this one does not get in front of it."""
    program(world / "bin", PROGRAM)
    with pytest.raises(UsageError, match="another Shorepass"):
        plan(LocalContext.current(), "shorepass")


def calls() -> Iterator[tuple[object, str]]:
    """Yield what changes files in an enable and in an undo."""
    yield front, "replace"
    yield front.files, "remove"
    yield journal, "write"


@pytest.mark.usefixtures("own_bin")
@pytest.mark.parametrize("stopped", range(8))
@pytest.mark.parametrize("how", ["before", "in place"])
def test_stopped_at_each_change(
    home: Path, world: Path, forwarder: str, how: str, stopped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between any two changes, PATH leads to a program that answers, and an undo restores all."""
    if how == "in place":
        found = installed(home, "file")
        monkeypatch.setenv("PATH", f"{found.parent}:/usr/bin:/bin")
        name, started = "shorepass", PROGRAM
    else:
        program(world / "bin")
        name, started = "gcloud", NAME
    before = tree(world)
    here = LocalContext.current()
    found_plan = plan(here, name)
    left = [stopped]
    with monkeypatch.context() as patched:
        for owner, changed in calls():
            patched.setattr(owner, changed, counted(getattr(owner, changed), left))
        try:
            front.put(here, found_plan, forwarder)
            front.remove(here, name)
        except KeyboardInterrupt:
            pass
    run(started)
    front.remove(here, name)
    kept = {path: what for path, what in tree(world).items() if not path.startswith(layout.folder(here))}
    assert kept == before


def counted(function: object, left: list[int]) -> object:
    def call(*args: object, **named: object) -> object:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return function(*args, **named)  # type: ignore[operator]

    return call


def test_two_at_once(world: Path, own_bin: Path, forwarder: str) -> None:
    """Several processes put the forwarder in front of helpers, and each is remembered."""
    names = ("one", "two", "three", "four")
    for name in names:
        program(world / "bin", f"docker-credential-{name}")
    before = tree(own_bin)
    code = (
        "import sys; from shorepass.contexts.local import LocalContext; from shorepass.acceleration import front;"
        "from shorepass.acceleration.plan import plan; here = LocalContext.current();"
        "front.put(here, plan(here, sys.argv[1]), sys.argv[2])"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, name, forwarder]) for name in names]
    assert [process.wait(60) for process in started] == [0] * len(names)
    here = LocalContext.current()
    assert front.names(here) == sorted(names)
    for name in names:
        assert run(f"docker-credential-{name}") == "forwarded\nthe original\n"
        front.remove(here, name)
    assert tree(own_bin) == before


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2}', '{"version":1,"helpers":{"a":{"link":"x","original":"/y","before":null}}}'],
)
def test_a_broken_journal_is_an_error(text: str) -> None:
    """What Shorepass did not write is no reason to change anything."""
    here = LocalContext.current()
    path = Path(journal.path_of(here))
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ShorepassError):
        front.states(here)


def test_a_node_is_replaced_only_as_it_was_seen(home: Path) -> None:
    """What is another file now stays."""
    path = str(home / "x")
    nodes.replace(path, None, nodes.Node("/a"))
    with pytest.raises(WriteError):
        nodes.replace(path, None, nodes.Node("/b"))
    with pytest.raises(WriteError):
        nodes.replace(path, nodes.Node("/b"), None)
    nodes.replace(path, nodes.Node("/a"), nodes.Node("", b"text", 0o751))
    assert (Path(path).read_text(), stat.S_IMODE(os.stat(path).st_mode)) == ("text", 0o751)
    nodes.replace(path, nodes.Node("", b"text", 0o751), None)
    assert os.listdir(home) == [".config"]


KILLED = """
import os, signal, sys
from shorepass.acceleration import front
from shorepass.acceleration.plan import plan
from shorepass.contexts.local import LocalContext

count, at = 0, int(sys.argv[2])
def killing(change):
    def call(*args, **named):
        global count
        for number in (0, 1):  # before the change, and after it
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            if not number:
                done = change(*args, **named)
        return done
    return call

here = LocalContext.current()
found = plan(here, "shorepass")
for name in ("replace", "symlink", "unlink", "link", "rmdir"):
    setattr(os, name, killing(getattr(os, name)))
front.put(here, found, sys.argv[1])
front.remove(here, "shorepass")
"""


def test_killed_at_each_change_of_a_name(
    home: Path, world: Path, forwarder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL around every change that the two make in a folder: the program answers, and the undo leaves nothing."""
    found = installed(home, "file")
    monkeypatch.setenv("PATH", f"{found.parent}:/usr/bin:/bin")
    before, here = tree(world), LocalContext.current()
    killed = 0
    while subprocess.run([sys.executable, "-c", KILLED, forwarder, str(killed)], timeout=60, check=False).returncode:
        assert os.access(found, os.X_OK)
        assert is_this(here, str(found))
        front.remove(here, "shorepass")
        enable("shorepass", forwarder)  # a save sweeps what the killed one left
        front.remove(here, "shorepass")
        assert tree(world) == before
        killed += 1
    assert killed > 20
