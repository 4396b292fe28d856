"""Config files are never lost: what a save keeps, what it refuses, and who waits for whom."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e import programs
from shorepass import files
from shorepass.config.document import load
from shorepass.errors import FileError, MalformedFile, ShorepassError, WriteError

pytestmark = pytest.mark.usefixtures("nothing_set")

OLD, NEW = b'{"auths": {}}\n', b'{"auths": {"r": {}}}\n'
# argv: path. Saves NEW there and prints the error's text and hint, if there is one.
SAVE = f"""
import sys
from shorepass import files
from shorepass.errors import ShorepassError
try:
    files.update(sys.argv[1], lambda current: {NEW!r}, timeout=0.05)
except ShorepassError as error:
    print(error.message)
    print(error.hint)
"""


@pytest.fixture
def file(home: Path) -> Path:
    """A config file as docker leaves it."""
    path = home / "config.json"
    path.write_bytes(OLD)
    path.chmod(0o600)
    return path


@pytest.fixture
def no_umask() -> Iterator[None]:
    """No help from the process: what is private is so by our own deed."""
    before = os.umask(0)
    yield
    os.umask(before)


def save(path: Path, data: bytes = NEW) -> bool:
    return files.update(str(path), lambda _: data)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def python(code: str, *args: object, wrapper: tuple[str, ...] = ()) -> str:
    """Run Python code as a process of its own, and return what it printed."""
    argv = [*wrapper, sys.executable, "-c", code, *map(str, args)]
    done = programs.run(argv, env={n: os.environ[n] for n in ("PYTHONPATH", "HOME") if n in os.environ})
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_privilege(code: str, *args: object) -> str:
    """The same, bound by the modes of files even when root runs the tests."""
    drop = "--bounding-set=-dac_override,-dac_read_search"
    return python(code, *args, wrapper=(programs.require("setpriv"), drop, "--") if os.geteuid() == 0 else ())


def as_root(code: str, *args: object) -> str:
    """The same, as root."""
    kept = f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    return python(code, *args, wrapper=() if os.geteuid() == 0 else (*programs.as_root(["env"]), kept))


# What is kept


@pytest.mark.usefixtures("no_umask")
def test_new_file_is_private(home: Path) -> None:
    """A new file is 0600, and each folder that had to be made for it 0700."""
    path = home / ".config" / "containers" / "auth.json"
    assert save(path)
    assert path.read_bytes() == NEW
    assert [mode(p) for p in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize("kept", [0o600, 0o640, 0o644, 0o660, 0o666, 0o400])
def test_mode_is_kept(file: Path, kept: int) -> None:
    """Whoever could read the file still can, and nobody else."""
    file.chmod(kept)
    assert save(file)
    assert (mode(file), file.read_bytes()) == (kept, NEW)


def test_owner_is_kept(file: Path) -> None:
    """When root changes somebody's file it stays that person's, group and mode included."""
    as_root("import os, sys; os.chown(sys.argv[1], 12345, 54321); os.chmod(sys.argv[1], 0o640)", file)
    assert as_root(SAVE, file) == ""
    status = file.stat()
    assert (status.st_uid, status.st_gid, mode(file)) == (12345, 54321, 0o640)
    assert as_root("import sys; print(open(sys.argv[1]).read(), end='')", file).encode() == NEW


def test_root_gives_a_new_file_to_no_one_unasked(home: Path) -> None:
    """Whose folder it is says nothing: a user may have led root there. The caller names the owner, or root keeps the file."""
    folder = home / "shared"
    folder.mkdir()
    as_root("import os, sys; os.chown(sys.argv[1], 12345, 54321); os.chmod(sys.argv[1], 0o755)", folder)
    path = folder / "deep" / "er" / "auth.json"
    look = "import os, sys; [print(os.stat(p).st_uid, os.stat(p).st_gid) for p in sys.argv[1:]]"
    assert as_root(SAVE, path) == ""
    assert as_root(look, path, path.parent, path.parent.parent) == "0 0\n" * 3
    path = folder / "given" / "away" / "auth.json"
    assert as_root(SAVE.replace("timeout=", "owner=(12345, 54321), timeout="), path) == ""
    assert as_root(look, path, path.parent, path.parent.parent) == "12345 54321\n" * 3


def test_extended_attributes_are_kept(file: Path) -> None:
    """What an administrator attached to the file (a label, an access list) is on the new one too."""
    os.setxattr(file, "user.note", b"by hand")
    assert save(file)
    assert os.getxattr(file, "user.note") == b"by hand"


def test_symlink_is_followed_and_stays(file: Path, tmp_path: Path) -> None:
    """A file kept elsewhere (dotfiles) is replaced there, through any number of links, and the links stay."""
    real, first, second = tmp_path / "dotfiles.json", tmp_path / "first", tmp_path / "second"
    file.rename(real)
    first.symlink_to("dotfiles.json")
    second.symlink_to(first)
    file.symlink_to(os.path.relpath(second, file.parent))
    links = [os.readlink(p) for p in (file, second, first)]
    assert save(file)
    assert [os.readlink(p) for p in (file, second, first)] == links
    assert (real.is_symlink(), real.read_bytes()) == (False, NEW)


def test_symlinked_folder_stays(file: Path, tmp_path: Path) -> None:
    """A link on the way to the file is a link still."""
    (tmp_path / "link").symlink_to(file.parent)
    assert save(tmp_path / "link" / file.name)
    assert (tmp_path / "link").is_symlink()
    assert file.read_bytes() == NEW


def test_dangling_symlink_gets_its_target(home: Path, tmp_path: Path) -> None:
    """The file is made where the link points to, in a new folder if need be."""
    link, target = home / "config.json", tmp_path / "not" / "yet" / "there.json"
    link.symlink_to(target)
    assert save(link)
    assert link.is_symlink()
    assert (target.read_bytes(), mode(target), mode(target.parent)) == (NEW, 0o600, 0o700)


def test_nothing_to_change_changes_nothing(file: Path, home: Path) -> None:
    """The same bytes, or None: no new file, no new folder, False."""
    before = file.stat()
    assert not files.update(str(file), lambda _: None)
    assert not save(file, OLD)
    assert not files.update(str(home / "no" / "file"), lambda _: None)
    assert file.stat() == before
    assert os.listdir(home) == ["config.json"]


def test_nothing_is_left_beside_the_file(file: Path, home: Path) -> None:
    """No temporary file and no lock file."""
    assert save(file)
    assert save(home / "auth.json")
    assert sorted(os.listdir(home)) == ["auth.json", "config.json"]


@pytest.mark.parametrize("changes", [True, False])
def test_remains_of_a_killed_save_are_removed(file: Path, home: Path, *, changes: bool) -> None:
    """The next save of the same file clears them, with or without a change, and touches nothing that others may need."""
    (home / ".config.json.shorepass-17-0123456789abcdef").write_bytes(b"half")
    others = [
        ".auth.json.shorepass-17-0123456789abcdef",
        ".config.json.swp",
        "config.json.shorepass-17",
        "config.json123",
    ]
    for name in others:
        (home / name).write_bytes(b"kept")
    assert files.update(str(file), lambda _: NEW if changes else None) == changes
    assert sorted(os.listdir(home)) == sorted(["config.json", *others])


def test_a_folder_of_our_own_is_swept(file: Path, home: Path) -> None:
    """What killed saves of any file left goes; files stay, and a folder that is not there is no error."""
    for name in (".config.json.shorepass-17-0123456789abcdef", ".gone.json.shorepass-17-0123456789abcdef"):
        (home / name).write_bytes(b"half")
    (home / ".other").write_bytes(b"kept")
    files.sweep(str(home))
    assert sorted(os.listdir(home)) == [".other", "config.json"]
    assert file.read_bytes() == OLD
    files.sweep(str(home / "absent"))


# What is refused


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o600)


def a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def a_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as unix:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            unix.bind(path.name)
        finally:
            os.chdir(here)
    path.chmod(0o600)


def too_large(path: Path) -> None:
    os.truncate(path, files.SIZE_LIMIT + 1)


def not_utf8(path: Path) -> None:
    path.write_bytes(b'{"auths": {"\xff": {}}}')


# Not the time of access: to read a file may change it.
KEPT = (stat.ST_MODE, stat.ST_INO, stat.ST_UID, stat.ST_SIZE, stat.ST_MTIME, stat.ST_CTIME)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (a_folder, "a folder, not a file"),
        (a_fifo, "not a regular file"),
        (a_socket, "not a regular file"),
        (too_large, f"larger than {files.SIZE_LIMIT} bytes"),
        (not_utf8, "not UTF-8, at line 1, column 13"),
    ],
)
def test_what_is_no_config_file_is_refused_and_kept(
    file: Path, home: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    """The error names path, owner, mode and reason; nothing is changed, nothing hangs, nothing is left behind."""
    import pwd

    spoil(file)
    before = file.lstat()

    def edit(current: files.FileContent | None) -> bytes:
        assert current
        load(current)
        return NEW

    with pytest.raises(FileError) as caught:
        files.update(str(file), edit)
    me = f"{pwd.getpwuid(os.geteuid()).pw_name}({os.geteuid()})"
    assert caught.value.message == f"{file} (owner {me}, mode 0600): {reason}"
    after = file.lstat()
    assert [after[field] for field in KEPT] == [before[field] for field in KEPT]
    assert os.listdir(home) == ["config.json"]


def test_unreadable_file_is_refused_and_kept(file: Path, home: Path) -> None:
    """What cannot be read is never overwritten, though the folder would allow it; the hint says what to do."""
    file.chmod(0o000)
    message, hint = without_privilege(SAVE, file).splitlines()
    assert message.startswith(f"{file} (owner ")
    assert message.endswith("mode 0000): permission denied")
    assert hint == f"chmod u+r {file}"
    file.chmod(0o600)
    assert (file.read_bytes(), os.listdir(home)) == (OLD, ["config.json"])


def test_read_only_folder_is_an_error(file: Path, home: Path) -> None:
    """Where nothing can be made the file stays as it is, and the error names path, reason and where to look."""
    home.chmod(0o500)
    message, hint = without_privilege(SAVE, file).splitlines()
    home.chmod(0o700)
    assert message == f"{file}: permission denied"
    assert hint.endswith(f"ls -ld {home}")
    assert (file.read_bytes(), os.listdir(home)) == (OLD, ["config.json"])


def test_the_folder_to_look_at_is_there(file: Path, home: Path) -> None:
    """Where a folder cannot be made the hint names the one above, which there is."""
    home.chmod(0o500)
    hint = without_privilege(SAVE, file.parent / "new/newer" / file.name).splitlines()[-1]
    home.chmod(0o700)
    assert hint.endswith(f"ls -ld {home}")


def test_folder_that_cannot_be_made_is_an_error(home: Path) -> None:
    """A file where a folder should be is no place for another file."""
    (home / ".docker").write_bytes(b"mine")
    with pytest.raises(WriteError, match=r"\.docker/config\.json: "):
        save(home / ".docker" / "config.json")
    assert (home / ".docker").read_bytes() == b"mine"


@pytest.mark.parametrize("act", [lambda path: files.read(path, 10), lambda path: save(Path(path))])
def test_impossible_paths_are_errors(home: Path, act: Callable[[str], object]) -> None:
    """A loop of links and a NUL in a name are told, not crashed on."""
    (home / "a").symlink_to("b")
    (home / "b").symlink_to("a")
    for path in (str(home / "a"), str(home / "x\0y")):
        with pytest.raises(ShorepassError):
            act(path)


def test_edit_that_fails_changes_nothing(file: Path, home: Path) -> None:
    """An error while the new content is made leaves the file and the folder as they were."""

    def edit(_: files.FileContent | None) -> bytes:
        raise MalformedFile("here", "for a reason")

    with pytest.raises(MalformedFile):
        files.update(str(file), edit)
    assert (file.read_bytes(), os.listdir(home)) == (OLD, ["config.json"])


def test_reading_what_is_not_there(file: Path, home: Path) -> None:
    """Absent is a value, also below something that is no folder."""
    assert files.read(str(home / "none"), 10) is None
    assert files.read(str(file / "below"), 10) is None
    assert files.names(str(home / "none")) == []
    assert files.names(str(file)) == []


def test_limit_is_the_largest_that_is_read(file: Path) -> None:
    """A file of exactly so many bytes is read whole."""
    found = files.read(str(file), len(OLD))
    assert found
    assert found.data == OLD
    with pytest.raises(MalformedFile, match=f"larger than {len(OLD) - 1} bytes"):
        files.read(str(file), len(OLD) - 1)


# Other writers


def written_in_place(path: Path) -> None:
    """As containers' older versions and editors do. The same length: only the content tells."""
    path.write_bytes(OLD.replace(b"auths", b"other"))


def renamed_over(path: Path) -> None:
    """As docker does."""
    beside = path.with_name("beside")
    beside.write_bytes(OLD.replace(b"auths", b"other"))
    beside.rename(path)


@pytest.mark.parametrize("interfere", [written_in_place, renamed_over])
def test_write_of_another_program_is_not_undone(file: Path, interfere: Callable[[Path], None]) -> None:
    """When the file changes during our save, our change is made anew on what that program wrote."""
    seen = []

    def edit(current: files.FileContent | None) -> bytes:
        assert current
        seen.append(current.data)
        if len(seen) == 1:
            interfere(file)
        return current.data + b" "

    assert files.update(str(file), edit)
    assert seen == [OLD, OLD.replace(b"auths", b"other")]
    assert file.read_bytes() == OLD.replace(b"auths", b"other") + b" "


def test_file_that_appears_meanwhile_is_not_overwritten(home: Path) -> None:
    """Another program's first login survives ours."""
    path = home / "config.json"

    def edit(current: files.FileContent | None) -> bytes:
        if current is None:
            path.write_bytes(OLD)
            return NEW
        return current.data + b" "

    assert files.update(str(path), edit)
    assert path.read_bytes() == OLD + b" "


def test_file_that_vanishes_meanwhile_is_not_brought_back(file: Path) -> None:
    """What another program removed does not return by way of our copy of it."""

    def edit(current: files.FileContent | None) -> bytes:
        if current is None:
            return NEW
        file.unlink()
        return current.data + b" "

    assert files.update(str(file), edit)
    assert file.read_bytes() == NEW


def test_program_that_never_stops_writing_is_an_error(file: Path) -> None:
    """The save gives up with an error rather than to undo the other program's work or to try for ever."""
    count = 0

    def edit(_: files.FileContent | None) -> bytes:
        nonlocal count
        count += 1
        file.write_bytes(b"%d" % count)
        return NEW

    with pytest.raises(WriteError, match="another program keeps writing it"):
        files.update(str(file), edit)
    assert file.read_bytes() == b"%d" % count


# The lock among our own writers


def test_no_save_is_lost_among_many(file: Path) -> None:
    """Sixteen threads of two processes each add a line sixteen times: all are there."""
    code = """
import sys, threading
from shorepass import files
def work(name):
    for number in range(16):
        files.update(sys.argv[1], lambda c: c.data + f"{name}-{number}\\n".encode())
threads = [threading.Thread(target=work, args=(f"{sys.argv[2]}-{i}",)) for i in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
"""
    file.write_bytes(b"")
    running = [subprocess.Popen([sys.executable, "-c", code, str(file), name]) for name in "ab"]
    assert [process.wait(60) for process in running] == [0, 0]
    expected = {f"{p}-{i}-{n}" for p in "ab" for i in range(8) for n in range(16)}
    lines = file.read_text().split()
    assert (len(lines), set(lines)) == (256, expected)


def hold(path: Path) -> subprocess.Popen[bytes]:
    """Start a process that stops in the middle of a save of ``path``, and wait until it is there."""
    code = """
import os, signal, sys
from shorepass import files
def edit(current):
    print(flush=True)
    signal.pause()
files.update(sys.argv[1], edit)
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.read(1) == b"\n"
    return process


def test_writer_that_hangs_is_named(file: Path) -> None:
    """After the time limit the error says which process has the lock, and nothing is written."""
    with hold(file) as holder:
        try:
            with pytest.raises(WriteError, match=f"locked by process {holder.pid} for 0.05 seconds") as caught:
                files.update(str(file), lambda _: NEW, timeout=0.05)
        finally:
            holder.kill()
    assert caught.value.hint == f"ps -fp {holder.pid}"
    assert file.read_bytes() == OLD


def test_waiting_writer_goes_on_when_the_holder_is_killed(file: Path) -> None:
    """A lock never outlives its process, kill -9 included: who waits for it gets it."""
    with hold(file) as holder:
        waiter = threading.Thread(target=save, args=(file,))
        waiter.start()
        waiter.join(0.1)
        assert waiter.is_alive()
        assert file.read_bytes() == OLD
        holder.send_signal(signal.SIGKILL)
    waiter.join(20)
    assert file.read_bytes() == NEW


def test_folder_that_cannot_be_listed_is_locked_by_a_file(file: Path, home: Path) -> None:
    """Where the folder may be entered and written but not read, a file in it is locked, which is removed afterwards."""
    home.chmod(0o300)
    lock = home / f".shorepass.{os.geteuid()}.lock"
    lock.touch(0o600)
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "locked by process" in without_privilege(SAVE, file)
    assert file.read_bytes() == OLD
    assert without_privilege(SAVE, file) == ""
    assert file.read_bytes() == NEW
    home.chmod(0o700)
    assert os.listdir(home) == ["config.json"]


# In a folder that others can read, a file is locked. argv: path. The
# first try to make it fails, as if another process had it. Prints whether the lock was had, and the number of tries.
RACE = """
import os, sys
from shorepass.files.lock import FolderLock
really_open, tries = os.open, []
def opened(path, flags, *rest, **more):
    if str(path).endswith(".lock") and flags & os.O_EXCL:
        tries.append(path)
        if len(tries) == 1:
            raise FileExistsError  # another process has it, and removes it now
    return really_open(path, flags, *rest, **more)
os.open = opened
with FolderLock(sys.argv[1], 5) as lock:
    print(lock.excludes(os.geteuid()), len(tries))
"""


def test_lock_file_that_is_removed_meanwhile_is_made_again(file: Path, home: Path) -> None:
    """The lock file's holder removes it between two looks of the next save: that save makes another, and is not without."""
    home.chmod(0o755)
    assert python(RACE, file).split() == ["True", "2"]
    assert os.listdir(home) == ["config.json"]


# argv: path, uid. Prints whether a lock file was there before root gave it to the folder's owner, and whether the lock was had.
GIVEN = """
import os, sys
from shorepass.files.lock import FolderLock
really_fchown = os.fchown
def given(fd, uid, gid):
    print(any(name.endswith(".lock") for name in os.listdir(os.path.dirname(sys.argv[1]))))
    really_fchown(fd, uid, gid)
os.fchown = given
os.chown(os.path.dirname(sys.argv[1]), int(sys.argv[2]), -1)
with FolderLock(sys.argv[1], 5) as lock:
    print(lock.excludes(int(sys.argv[2])))
"""


def test_lock_file_of_root_appears_with_its_owner(file: Path, home: Path) -> None:
    """The folder's owner never finds a lock file that is still root's: they could not open it, and would save without."""
    home.chmod(0o755)
    assert as_root(GIVEN, file, 12345).split() == ["False", "True"]
    assert as_root("import os, sys; print(*os.listdir(sys.argv[1]))", home).split() == ["config.json"]


def test_no_folder_stays_open(tmp_path: Path) -> None:
    """A save leaves no descriptor behind, whether it changes the file or not."""
    path = str(tmp_path / "new" / "file")
    before = len(os.listdir("/proc/self/fd"))
    for content in (b"one", b"two", None):
        files.update(path, lambda _, content=content: content)  # type: ignore[misc]
    assert len(os.listdir("/proc/self/fd")) == before
