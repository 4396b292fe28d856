"""Files that another user plants: no save is led astray by them, and root gives nothing away that it did not look at."""

from __future__ import annotations

import base64
import io
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e import programs
from e2e.people import Person, new_person
from shorepass.contexts import foreign
from shorepass.contexts.containers.archive import ArchiveRoot
from shorepass.contexts.containers.procroot import ProcRoot
from shorepass.errors import FileError
from shorepass.files import reading

PASSWORD = "wonderland of my own"
AUTH = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
LOGIN = json.dumps({"auths": {"x.example": {"auth": AUTH}}})


@pytest.fixture(scope="module")
def mallory() -> Iterator[Person]:
    """The attacker: an ordinary user of this machine."""
    with new_person() as person:
        yield person


@pytest.fixture(scope="module")
def bob() -> Iterator[Person]:
    """The victim: another ordinary user."""
    with new_person() as person:
        yield person


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder like /tmp: everyone may create files there, and the sticky bit protects each one's own."""
    folder = Path(tempfile.mkdtemp(prefix="shorepass-shared-"))
    folder.chmod(0o1777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def as_root(home: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run shorepass as root, who has a home of their own."""
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    command = [
        "env",
        f"HOME={home}",
        f"PATH={Path(sys.executable).parent}:/usr/bin:/bin",
        *kept,
        sys.executable,
        "-m",
        "shorepass",
        *words,
    ]
    return programs.run(programs.as_root(command), stdin=stdin)


def sh(person: Person, script: str, *words: str) -> str:
    """Let a user run a script; it must succeed."""
    done = person.run("sh", "-c", script, "sh", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_in_reach(person: Person, secret: str, *folders: Path) -> bool:
    """Tell whether a user can read a secret in any file of these folders, as it is or as docker writes it."""
    encoded = base64.b64encode(f"alice:{secret}".encode()).decode()
    script = 'grep -rlsF -e "$1" -e "$2" -- "$3" || true'
    return any(sh(person, script, secret, encoded, str(folder)) for folder in folders)


# The verbs that write a file which is named on the command line: their words, by its path.
VERBS: dict[str, Callable[[str], list[str]]] = {
    "vault export": lambda path: ["vault", "export", "--yes", "-o", path],
    "who --html": lambda path: ["who", "--in", "me", "--html", path],
    "login --authfile": lambda path: [
        *("login", "--authfile", path, "--store", "file", "-u", "alice", "--password-stdin", "REGISTRY"),
    ],
    "login --config": lambda path: [
        *("login", "--config", os.path.dirname(path), "--store", "file", "-u", "alice", "--password-stdin", "REGISTRY"),
    ],
}
NAMES = {"login --config": "config.json"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real registry where alice may log in."""
    with programs.htpasswd_registry(tmp_path_factory.mktemp("planted"), {"alice": PASSWORD}) as name:
        yield name


@pytest.fixture
def root_home(tmp_path: Path, registry: str) -> Path:
    """Root's home, with one login in the vault."""
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    done = as_root(home, "login", "-u", "alice", "--password-stdin", registry, stdin=PASSWORD)
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("to", ["a folder of hers", "a file of root's"])
def test_root_follows_no_symlink_that_was_planted(
    verb: str, to: str, mallory: Person, shared: Path, root_home: Path, registry: str, tmp_path: Path
) -> None:
    """In a folder that all may write, a symlink of another user leads nowhere: no file of hers, and none of root's, changes."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    drop = mallory.home / "drop"
    sh(mallory, 'mkdir -p -m 777 "$1"', str(drop))
    target = str(drop / "got.json") if to == "a folder of hers" else str(precious)
    named = shared / NAMES.get(verb, "named.json")
    sh(mallory, 'rm -f "$2"; ln -s "$1" "$2"', target, str(named))
    words = [registry if word == "REGISTRY" else word for word in VERBS[verb](str(named))]
    done = as_root(root_home, *words, stdin=PASSWORD)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert precious.read_text() == "precious"
    assert not is_in_reach(mallory, PASSWORD, drop, shared)
    assert sh(mallory, 'ls "$1"', str(drop)) == ""


@pytest.mark.parametrize("verb", VERBS)
def test_root_follows_no_planted_symlink_to_a_folder(
    verb: str, mallory: Person, shared: Path, root_home: Path, registry: str
) -> None:
    """The same for a symlink that is a folder on the way to the file, and for a chain of them."""
    drop = mallory.home / "drop2"
    sh(mallory, 'mkdir -p -m 777 "$1"; ln -s "$1" "$2/one"; ln -s one "$2/two"', str(drop), str(shared))
    named = shared / "two" / NAMES.get(verb, "named.json")
    words = [registry if word == "REGISTRY" else word for word in VERBS[verb](str(named))]
    done = as_root(root_home, *words, stdin=PASSWORD)
    assert done.returncode != 0
    assert not is_in_reach(mallory, PASSWORD, drop, shared)
    assert sh(mallory, 'ls "$1"', str(drop)) == ""


@pytest.mark.parametrize("verb", VERBS)
def test_a_planted_file_is_not_written(
    verb: str, mallory: Person, shared: Path, root_home: Path, registry: str
) -> None:
    """A file of another user in a folder that all may write is refused: she could read what is written into it."""
    named = shared / NAMES.get(verb, "named.json")
    sh(mallory, 'echo "{}" >"$1"; chmod 666 "$1"', str(named))
    words = [registry if word == "REGISTRY" else word for word in VERBS[verb](str(named))]
    done = as_root(root_home, *words, stdin=PASSWORD)
    assert done.returncode != 0
    assert sh(mallory, 'cat "$1"', str(named)) == "{}\n"


@pytest.mark.parametrize("verb", ["vault export", "who --html"])
def test_a_report_goes_into_no_file_of_another_user(
    verb: str, mallory: Person, root_home: Path, tmp_path: Path
) -> None:
    """Wherever it is: what root exports never becomes the content of another user's file."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    named = folder / "report"
    named.write_text("hers")
    os.chown(named, mallory.uid, mallory.uid)
    done = as_root(root_home, *VERBS[verb](str(named)))
    assert (done.returncode != 0, named.read_text()) == (True, "hers")
    assert "belongs to" in done.stderr


@pytest.mark.parametrize("verb", ["vault export", "who --html"])
def test_a_report_is_a_file_of_its_own(verb: str, root_home: Path, tmp_path: Path) -> None:
    """Not even a symlink of one's own is written through: the error names the file that it leads to."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    done = as_root(root_home, *VERBS[verb](str(tmp_path / "link")))
    assert (done.returncode != 0, (tmp_path / "real").read_text()) == (True, "old")
    assert str(tmp_path / "real") in done.stderr


def test_root_keeps_what_it_creates_in_a_users_folder(mallory: Person, root_home: Path, registry: str) -> None:
    """A new file belongs to root, whosever folder it is in: only the home of the context may say otherwise."""
    sh(mallory, "mkdir -p ~/open; chmod 777 ~/open")
    named = mallory.home / "open" / "auth.json"
    words = ["--store", "file", "-u", "alice", "--password-stdin", registry]
    done = as_root(root_home, "login", "--authfile", str(named), *words, stdin=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert (named.stat().st_uid, named.stat().st_mode & 0o777) == (0, 0o600)
    assert not is_in_reach(mallory, PASSWORD, named.parent)


def test_the_mode_of_another_users_file_is_not_taken_over(mallory: Person, bob: Person, registry: str) -> None:
    """In a folder that is not sticky bob replaces mallory's file of mode 0666; his login in it is his alone."""
    folder = Path(tempfile.mkdtemp(prefix="shorepass-open-"))
    folder.chmod(0o777)
    named = folder / "auth.json"
    try:
        sh(mallory, 'echo "{}" >"$1"; chmod 666 "$1"', str(named))
        words = ["login", "--authfile", str(named), "--store", "file", "-u", "alice", "--password-stdin", registry]
        programs.run(programs.as_root(bob.shorepass(*words, PATH="/nowhere")), stdin=PASSWORD)
        assert not is_in_reach(mallory, PASSWORD, folder)
    finally:
        shutil.rmtree(folder)


def test_a_user_follows_symlinks_of_their_own(bob: Person, registry: str) -> None:
    """Dotfiles keep working: bob's own symlink, also a dangling one, by way of a folder that is one, is written through."""
    sh(bob, "mkdir -p ~/dotfiles ~/.config; ln -sf dotfiles/docker ~/.docker; ln -sf real.json ~/dotfiles/link.json")
    sh(bob, "mkdir -p ~/dotfiles/docker; ln -sf ../link.json ~/dotfiles/docker/config.json")
    words = ["login", "--store", "file", "-u", "alice", "--password-stdin", registry]
    done = programs.run(programs.as_root(bob.shorepass(*words, PATH="/nowhere")), stdin=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert registry in sh(bob, "cat ~/dotfiles/real.json")
    assert sh(bob, "readlink ~/.docker ~/dotfiles/docker/config.json").split() == ["dotfiles/docker", "../link.json"]


def test_another_users_lock_stops_no_save(mallory: Person, bob: Person, registry: str) -> None:
    """Mallory locks bob's folder, which she can read, for as long as she likes; bob's login succeeds."""
    sh(bob, "mkdir -p ~/locked; chmod 755 ~/locked")
    folder = bob.home / "locked"
    ready = "import fcntl,os,sys; fcntl.flock(os.open(sys.argv[1], 0), 2); print(1, flush=True); sys.stdin.read()"
    command = [
        programs.require("runuser"),
        "-u",
        mallory.name,
        "--",
        programs.require("python3"),
        "-c",
        ready,
        str(folder),
    ]
    holder = subprocess.Popen(programs.as_root(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"1\n"
        words = ["--config", str(folder), "--store", "file", "-u", "alice", "--password-stdin", registry]
        done = programs.run(programs.as_root(bob.shorepass("login", *words, PATH="/nowhere")), stdin=PASSWORD)
        assert (done.returncode, registry in sh(bob, 'cat "$1/config.json"', str(folder))) == (0, True)
    finally:
        holder.communicate(b"", timeout=60)


# doctor --fix


@pytest.fixture
def project(mallory: Person) -> Iterator[Path]:
    """A folder that a group shares, on the file system of mallory's home: she may rename every file in it."""
    folder = mallory.folder / "project"
    mallory.as_root("install", "-d", "-m", "0777", str(folder))
    try:
        yield folder
    finally:
        mallory.as_root("rm", "-rf", str(folder))


def answer(command: list[str], before_answer: Callable[[], None]) -> str:
    """Run a command on a terminal; when it asks, do something first, and then agree. Return what it printed."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        programs.as_root(command),
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
        env={"PATH": programs.SYSTEM_PATH},
    )
    os.close(side)
    said = b""
    try:
        while b"[y]es" not in said:
            assert select.select([main], [], [], 120)[0], said
            said += os.read(main, 65536)
        before_answer()
        os.write(main, b"a\n")
        while True:
            assert select.select([main], [], [], 120)[0], said
            try:
                chunk = os.read(main, 65536)
            except OSError:  # the terminal has no one at its other end any more
                break
            said += chunk
    finally:
        os.close(main)
        process.wait(timeout=120)
    return said.decode()


def doctor(home: Path, person: Person, *words: str) -> list[str]:
    """Return the command by which root looks into a user's context."""
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    inside = ("--in", f"user:{person.name}")
    return [
        "env",
        f"HOME={home}",
        f"PATH={Path(sys.executable).parent}:/usr/bin:/bin",
        *kept,
        sys.executable,
        "-m",
        "shorepass",
        "doctor",
        *inside,
        *words,
    ]


@pytest.mark.parametrize("theirs", ["bob", "root"])
def test_the_doctor_gives_away_only_what_it_has_shown(
    theirs: str, mallory: Person, bob: Person, project: Path, root_home: Path
) -> None:
    """While the question waits, mallory puts another file in the place of the one that was shown; it stays whose it is."""
    config = mallory.home / ".docker/config.json"
    sh(mallory, "rm -rf ~/.docker; mkdir -m 700 ~/.docker")
    mallory.as_root("install", "-m", "0600", "/dev/stdin", str(config), stdin=LOGIN)
    note = project / "note"
    owner = bob.name if theirs == "bob" else "root"
    mallory.as_root("install", "-m", "0600", "-o", owner, "/dev/stdin", str(note), stdin='{"auths": {}}')
    inode = note.stat().st_ino
    swap = lambda: sh(mallory, 'mv -f "$1" "$2"', str(note), str(config))  # noqa: E731
    said = answer(doctor(root_home, mallory, "--fix"), lambda: swap() and None)
    assert config.stat().st_ino == inode, said
    assert config.owner() == owner
    assert mallory.run("cat", str(config)).returncode != 0
    assert "changed since it was shown" in said


@pytest.mark.parametrize("content", ["no JSON", '{"type": "service_account", "private_key": "x"}', "[1]", ""])
def test_root_gives_away_config_files_alone(content: str, mallory: Person, project: Path, root_home: Path) -> None:
    """A file of root's that is no client's config file stays root's: mallory has moved it there."""
    sh(mallory, "rm -rf ~/.docker; mkdir -m 700 ~/.docker")
    secret = project / "root-secret"
    mallory.as_root("install", "-m", "0600", "/dev/stdin", str(secret), stdin=content or "\n\n-----BEGIN KEY-----")
    sh(mallory, 'mv -f "$1" ~/.docker/config.json', str(secret))
    done = programs.run(programs.as_root(doctor(root_home, mallory, "--fix", "--yes")))
    assert (mallory.home / ".docker/config.json").stat().st_uid == 0
    assert "SP101" in done.stdout
    assert "chown" not in done.stdout.partition("fix")[0] or "not the config file of a client" in done.stdout


def test_root_gives_away_no_folder_of_other_things(mallory: Person, root_home: Path) -> None:
    """A folder of root's with files in it that no client makes stays root's."""
    sh(mallory, "rm -rf ~/.docker")
    mallory.as_root("install", "-d", "-m", "0700", str(mallory.home / ".docker"))
    mallory.as_root("install", "-m", "0600", "/dev/stdin", str(mallory.home / ".docker/id_ed25519"), stdin="key")
    programs.run(programs.as_root(doctor(root_home, mallory, "--fix", "--yes")))
    assert (mallory.home / ".docker").stat().st_uid == 0
    mallory.as_root("rm", "-r", str(mallory.home / ".docker"))


def test_what_sudo_docker_login_leaves_is_given_back(mallory: Person, root_home: Path) -> None:
    """The repair that people need still works: folder and file become the user's, and an undo takes exactly these back."""
    mallory.as_root("rm", "-rf", str(mallory.home / ".docker"))
    mallory.as_root("install", "-d", "-m", "0700", str(mallory.home / ".docker"))
    config = mallory.home / ".docker/config.json"
    mallory.as_root("install", "-m", "0600", "/dev/stdin", str(config), stdin=LOGIN)
    done = programs.run(programs.as_root(doctor(root_home, mallory, "--fix", "--yes")))
    assert (config.parent.stat().st_uid, config.stat().st_uid) == (mallory.uid, mallory.uid), done.stdout
    names = [word for word in done.stdout.replace(")", " ").split() if word.endswith("-SP101")]
    sh(mallory, "cp ~/.docker/config.json ~/.docker/other; mv ~/.docker/other ~/.docker/config.json")
    undone = as_root(root_home, "doctor", "--undo", names[-1])
    assert (undone.returncode != 0, config.stat().st_uid) == (True, mallory.uid), undone.stderr


@pytest.mark.parametrize("name", ["config.json", "run"])
def test_root_gives_away_no_folder_that_hides_something(name: str, mallory: Person, root_home: Path) -> None:
    """What only a folder of root's keeps from mallory is not opened to her, though it has the name of a client's file."""
    mallory.as_root("rm", "-rf", str(mallory.home / ".docker"))
    mallory.as_root("install", "-d", "-m", "0700", str(mallory.home / ".docker"))
    secret = mallory.home / ".docker" / ("run/notes" if name == "run" else name)
    mallory.as_root("install", "-D", "-m", "0644", "/dev/stdin", str(secret), stdin='{"password": "root\'s"}')
    done = programs.run(programs.as_root(doctor(root_home, mallory, "--fix", "--yes")))
    assert (mallory.home / ".docker").stat().st_uid == 0
    assert f"could then read {name!r}" in done.stdout
    assert mallory.run("cat", str(secret)).returncode != 0
    mallory.as_root("rm", "-r", str(mallory.home / ".docker"))


def test_the_preview_tells_what_is_given_away(mallory: Person, root_home: Path) -> None:
    """Root is shown whose logins are in the file, without a secret of them, and what is in the folder."""
    mallory.as_root("rm", "-rf", str(mallory.home / ".docker"))
    mallory.as_root("install", "-d", "-m", "0700", str(mallory.home / ".docker"))
    mallory.as_root("install", "-m", "0600", "/dev/stdin", str(mallory.home / ".docker/config.json"), stdin=LOGIN)
    done = programs.run(programs.as_root(doctor(root_home, mallory, "--fix", "--yes")))
    assert "it is a folder with config.json\n" in done.stdout
    assert "it is a config file with logins for x.example\n" in done.stdout
    assert AUTH not in done.stdout


def test_an_undo_takes_back_no_file_with_another_content(mallory: Person, root_home: Path) -> None:
    """What mallory has written since into the very file does not become root's."""
    mallory.as_root("rm", "-rf", str(mallory.home / ".docker"))
    mallory.as_root("install", "-d", "-o", mallory.name, "-m", "0700", str(mallory.home / ".docker"))
    config = mallory.home / ".docker/config.json"
    mallory.as_root("install", "-m", "0600", "/dev/stdin", str(config), stdin=LOGIN)
    programs.run(programs.as_root(doctor(root_home, mallory, "--fix", "--yes")))
    assert config.stat().st_uid == mallory.uid
    sh(mallory, 'echo "{\\"credsStore\\": \\"evil\\"}" >~/.docker/config.json')
    undone = as_root(root_home, "doctor", "--undo")
    assert (undone.returncode != 0, config.stat().st_uid) == (True, mallory.uid)
    assert "it changed after the fix" in undone.stderr


# sudo that keeps HOME: root works in a user's home


@pytest.mark.parametrize("victim", ["root", "bob"])
def test_a_users_symlink_leads_root_out_of_no_home(victim: str, mallory: Person, bob: Person, registry: str) -> None:
    """Neither a login nor a repair goes where mallory's symlink leads: into another user's folder, or root's."""
    owner = bob.name if victim == "bob" else "root"
    folder = mallory.folder / f"of-{victim}"
    mallory.as_root("install", "-d", "-m", "0755", "-o", owner, str(folder))
    config = folder / "config.json"
    mallory.as_root("install", "-m", "0644", "-o", owner, "/dev/stdin", str(config), stdin=LOGIN)
    sh(mallory, 'rm -rf ~/.docker; ln -s "$1" ~/.docker', str(folder))
    words = ("login", "--store", "file", "-u", "alice", "--password-stdin", registry)
    assert as_root(mallory.home, *words, stdin=PASSWORD).returncode != 0
    as_root(mallory.home, "doctor", "--fix", "--yes")
    assert (config.read_text(), config.stat().st_mode & 0o777) == (LOGIN, 0o644)
    sh(mallory, "rm ~/.docker")


def test_root_changes_the_mode_of_no_third_users_file(mallory: Person, bob: Person, project: Path) -> None:
    """A file of bob's that mallory has moved into her home keeps its mode, though it holds a login."""
    sh(mallory, "rm -rf ~/.docker; mkdir -m 700 ~/.docker")
    mallory.as_root("install", "-m", "0644", "-o", bob.name, "/dev/stdin", str(project / "his"), stdin=LOGIN)
    config = mallory.home / ".docker/config.json"
    sh(mallory, 'mv "$1" "$2"', str(project / "his"), str(config))
    done = as_root(mallory.home, "doctor", "--fix", "--yes")
    assert (config.stat().st_uid, config.stat().st_mode & 0o777) == (bob.uid, 0o644)
    assert f"it belongs to {bob.name}({bob.uid})" in done.stderr
    sh(mallory, "rm -rf ~/.docker")


def test_a_folder_in_the_place_of_a_new_one_is_not_given_away(mallory: Person) -> None:
    """A folder of root's that mallory puts in the place of the one that root has just made for her stays root's."""
    code = """
import os, sys
from shorepass import files
home, secret, uid = sys.argv[1], sys.argv[2], int(sys.argv[3])
mkdir = os.mkdir
def swapped(name, mode, dir_fd=None):
    mkdir(name, mode, dir_fd=dir_fd)
    os.rename(name, "gone", src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    os.rename(secret, name, dst_dir_fd=dir_fd)
os.mkdir = swapped
files.update(home + "/new/file", lambda _: b"x", owner=(uid, uid))
"""
    secret = mallory.folder / "roots"
    mallory.as_root("install", "-D", "-m", "0600", "/dev/null", str(secret / "file of roots"))
    python_as_root(code, str(mallory.home), str(secret), str(mallory.uid))
    assert mallory.as_root("stat", "-c", "%u", str(mallory.home / "new")) == "0\n"
    mallory.as_root("rm", "-r", str(mallory.home / "new"), str(mallory.home / "gone"))


# Other folders, other ways


def python_as_root(code: str, *words: str) -> str:
    """Run Python code as root; return what it printed."""
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    done = programs.run(programs.as_root(["env", *kept, sys.executable, "-c", code, *words]))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("mode", ["0777", "0775", "3775"])
def test_roots_login_becomes_no_file_of_another_user(
    mode: str, mallory: Person, root_home: Path, registry: str
) -> None:
    """Where others than the folder's owner can make files, sticky or not, a file of theirs is refused: it would stay theirs."""
    folder = mallory.folder / f"open-{mode}"
    mallory.as_root("install", "-d", "-m", mode, "-g", mallory.name, str(folder))
    named = folder / "auth.json"
    sh(mallory, 'echo "{}" >"$1"; chmod 666 "$1"', str(named))
    words = ["--store", "file", "-u", "alice", "--password-stdin", registry]
    done = as_root(root_home, "login", "--authfile", str(named), *words, stdin=PASSWORD)
    assert (done.returncode != 0, named.read_text()) == (True, "{}\n")
    assert "belongs to" in done.stderr


def test_a_second_name_lends_no_mode(mallory: Person, bob: Person, shared: Path, registry: str) -> None:
    """A hard link to a file of bob's that everybody may read and write does not make his login readable for everybody."""
    public = bob.write("public.json", "{}", mode="666")
    named = shared / "auth.json"
    if mallory.run("ln", str(public), str(named)).returncode != 0:  # another file system
        mallory.as_root("ln", str(public), str(named))
    words = ["login", "--authfile", str(named), "--store", "file", "-u", "alice", "--password-stdin", registry]
    done = programs.run(programs.as_root(bob.shorepass(*words, PATH="/nowhere")), stdin=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert (named.stat().st_uid, named.stat().st_mode & 0o777) == (bob.uid, 0o600)
    assert (public.read_text(), is_in_reach(mallory, PASSWORD, shared)) == ("{}", False)


def test_a_map_is_for_its_owner_alone(root_home: Path, tmp_path: Path) -> None:
    """Whatever the mode of the file was that it replaces."""
    named = tmp_path / "who.html"
    named.write_text("old")
    named.chmod(0o666)
    assert as_root(root_home, "who", "--in", "me", "--html", str(named)).returncode == 0
    assert named.stat().st_mode & 0o777 == 0o600


SWAP = """
import ctypes, os, sys
swap = ctypes.CDLL(None).renameat2
one, two = map(os.fsencode, sys.argv[1:])
print(flush=True)
while os.getppid() != 1:
    swap(-100, one, -100, two, 2)
"""
SAVES = """
import sys
from shorepass import files
from shorepass.errors import ShorepassError
for number in range(400):
    try:
        files.update(sys.argv[1], lambda _: b"%d" % number)
    except ShorepassError:
        pass
"""


@pytest.mark.parametrize(
    ("first", "second", "rest"),
    [
        ("mkdir $X", "ln -s $TARGET $Y", "/auth.json"),
        ("echo '{}' >$X", "ln -s $TARGET/auth.json $Y", ""),
        ("ln -s $DROP $X", "ln -s $TARGET $Y", "/auth.json"),
    ],
    ids=["folder", "file", "symlink of root's"],
)
def test_what_is_swapped_meanwhile_leads_nowhere(mallory: Person, first: str, second: str, rest: str) -> None:
    """While mallory swaps what root may follow for a symlink of hers, again and again, root never writes where that leads."""
    folder, target = mallory.home / "swaps", mallory.folder / "target"
    mallory.as_root("install", "-d", "-o", mallory.name, str(folder), str(folder / "drop"))
    mallory.as_root("install", "-d", "-m", "0755", str(target))
    names = f"X={folder}/x Y={folder}/y TARGET={target} DROP={folder}/drop; "
    if "DROP" in first:
        mallory.as_root("sh", "-c", names + first)
    else:
        sh(mallory, names + first)
    sh(mallory, names + second)
    argv = [programs.require("runuser"), "-u", mallory.name, "--", programs.require("python3"), "-c", SWAP]
    with subprocess.Popen(
        programs.as_root([*argv, f"{folder}/x", f"{folder}/y"]), stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as racing:
        try:
            assert racing.stdout
            assert racing.stdout.readline() == b"\n"
            python_as_root(SAVES, f"{folder}/x{rest}")
        finally:
            programs.run(programs.as_root(["kill", str(racing.pid)]))
    assert os.listdir(target) == []
    mallory.as_root("rm", "-r", str(target), str(folder))


def test_saves_exclude_each_other_while_another_user_holds_the_lock(mallory: Person, bob: Person) -> None:
    """Mallory can neither stop bob's saves nor let two of them go on at once; nothing is left in the folder."""
    sh(bob, "mkdir -p ~/counted; chmod 755 ~/counted; echo >~/counted/file; chmod 644 ~/counted/file")
    folder = bob.home / "counted"
    lock = """
import fcntl, os, sys
for path in sys.argv[1:]:
    fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
print(1, flush=True)
sys.stdin.read()
"""
    save = """
import os, sys
from shorepass import files
import shorepass.files.saving, shorepass.files.draft, fcntl, pwd
uid, path, waits = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "waits"
os.setgroups([]); os.setgid(uid); os.setuid(uid)
def edit(content):
    print("in", flush=True)
    if waits:
        sys.stdin.readline()
    return content.data + b"saved "
try:
    files.update(path, edit, timeout=2)
except Exception as error:
    print(error)
"""
    argv = [programs.require("runuser"), "-u", mallory.name, "--", programs.require("python3"), "-c", lock]
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    saver = [programs.require("env"), *kept, sys.executable, "-c", save, str(bob.uid), f"{folder}/file"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    holder = subprocess.Popen(programs.as_root([*argv, str(folder), f"{folder}/file"]), **pipes)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"1\n"
        first = subprocess.Popen(programs.as_root([*saver, "waits"]), **pipes)
        assert first.stdout is not None
        assert first.stdout.readline() == b"in\n"  # mallory does not stop it
        second = programs.run(programs.as_root([*saver, "goes on"]))
        assert "locked by process" in second.stdout
        assert "in\n" not in second.stdout
        assert first.communicate(b"\n", timeout=60) == (b"", None)
    finally:
        holder.communicate(b"", timeout=60)
    assert (folder / "file").read_text() == "\nsaved "
    assert os.listdir(folder) == ["file"]


# Devices


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_an_engines_answer_that_is_no_file_is_no_empty_file(kind: bytes) -> None:
    """What a container puts in a file's place, between the look at it and its content, is an error."""

    class Engine:
        def fetch(self, *_: object) -> bytes:
            entry, data = tarfile.TarInfo("config.json"), io.BytesIO()
            entry.type = kind
            with tarfile.open(fileobj=data, mode="w") as tar:
                tar.addfile(entry)
            return data.getvalue()

    root = ArchiveRoot(Engine(), "web", running=True, hidden=())  # type: ignore[arg-type]  # as much of one as is asked
    with pytest.raises(FileError, match="not a regular file"):
        root.read("/root/.docker/config.json", 100)


def test_no_device_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device, a FIFO and a socket are looked at, and not opened, neither on this machine nor in a container's tree."""
    opened: list[int] = []
    real_open = os.open

    def watched(path: str, flags: int, *words: int, **named: int) -> int:
        fd = real_open(path, flags, *words, **named)  # type: ignore[arg-type]
        if not flags & os.O_PATH:
            opened.append(os.fstat(fd).st_mode)
        return fd

    device = tmp_path / "config.json"
    programs.run(programs.as_root(["mknod", str(device), "c", "1", "7"]))
    monkeypatch.setattr(os, "open", watched)
    with pytest.raises(FileError, match="not a regular file"):
        reading.read(str(device), 100)
    root = ProcRoot(os.getpid(), "")
    monkeypatch.setattr("shorepass.contexts.containers.procroot._is_in", lambda *_: True)
    with pytest.raises(FileError, match="not a regular file"):
        root.read(str(device), 100)
    assert [mode for mode in opened if (mode & 0o170000) not in (0o040000, 0o100000)] == []


def test_a_command_line_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    """Root, who works for a user, is not stopped by a process of theirs whose command line cannot be read (FUSE)."""
    process = tmp_path / "17"
    process.mkdir()
    (process / "comm").write_text("docker\n")
    os.mkfifo(process / "cmdline")
    programs.run(programs.as_root(["chown", "12345", str(process)]))
    assert not foreign._is_writer(str(process), 12345)
    with (process / "cmdline").open("wb"):  # the thread that waits goes on
        pass


STARTED = """
mount -t tmpfs -o "$1" none /mnt
mkdir -m 1777 /mnt/out
mkdir -p "$(dirname "$2")"
chmod "$3" "$(dirname "$2")"
printf '#!/bin/sh\\nid -u >/mnt/out/$(id -u)\\necho podman version 4.3.1\\n' >"$2"
chmod 755 "$2"
"$4" -c "$5" "$6" "$7"
ls /mnt/out
"""
VERSION = """
import contextlib, sys
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
from shorepass.processes import ProcessError
with contextlib.suppress(ProcessError):
    find(f"user:{sys.argv[1]}", LocalContext.current()).version(sys.argv[2])
"""


@pytest.mark.parametrize(
    ("options", "program", "mode", "starts"),
    [
        ("mode=755", "/mnt/podman", "755", "0"),
        ("mode=755,nosuid", "/mnt/podman", "755", "user"),
        ("mode=755", "/mnt/closed/podman", "700", ""),
    ],
)
def test_root_starts_a_program_only_where_a_user_could_use_roots_rights(
    mallory: Person, root_home: Path, options: str, program: str, mode: str, starts: str
) -> None:
    """A user may bring a disk with files of root's on it, or name a path that is closed to them, such as an image's.

    The kernel honours no set-user-id bit on such a disk, so root does not start a program there, either.
    """
    link = f"{mallory.home}/bin/podman"
    sh(mallory, 'mkdir -p ~/bin; ln -sfn "$1" ~/bin/podman', program)
    words = [options, program, mode, sys.executable, VERSION, mallory.name, link]
    done = programs.run(
        programs.as_root(
            ["unshare", "--mount", "env", f"HOME={root_home}", *kept_path(), "sh", "-ec", STARTED, "sh", *words]
        )
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(mallory.uid) if word == "user" else word for word in starts.split()]


def kept_path() -> list[str]:
    return [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
