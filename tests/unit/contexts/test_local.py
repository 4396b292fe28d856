"""The context "me": its environment is the one it was given, and its saves outlive other programs' logins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from shorepass.clients import Target, find
from shorepass.contexts import FileContent, foreign
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic, IdentityToken
from shorepass.errors import MalformedFile
from shorepass.logins.log_in import store_login
from shorepass.names import Reference
from shorepass.secret import Secret

pytestmark = pytest.mark.usefixtures("nothing_set")

OURS = b"+ours"


def add_ours(current: FileContent | None) -> bytes | None:
    data = current.data if current else b""
    return None if OURS in data else data + OURS


@pytest.mark.parametrize("username", ["", "bob"])
@pytest.mark.parametrize("client", ["docker", "podman"])
def test_an_identity_token_is_found_again(client: str, username: str) -> None:
    """Each client finds the identity token that was stored for it, with a user name beside it or without."""
    here, token = LocalContext.current(), IdentityToken(Secret("t"), username)
    store_login(here, find(client).target(here, "reg.example"), token)
    assert find(client).resolve(here, Reference("reg.example")).credential == token


def program(path: Path, text: str = "") -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


# Environment


def test_environment_is_the_one_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes from the process; unset and empty differ; a copy is not the original."""
    monkeypatch.setenv("DOCKER_CONFIG", "/elsewhere")
    context = LocalContext({"EMPTY": ""})
    assert [context.getenv(name) for name in ("DOCKER_CONFIG", "EMPTY")] == [None, ""]
    assert context.with_env(EMPTY="no").getenv("EMPTY") == "no"
    assert context.getenv("EMPTY") == ""
    assert LocalContext.current().getenv("DOCKER_CONFIG") == "/elsewhere"


def test_names_have_no_case_on_windows() -> None:
    """There ``Path`` is ``PATH``."""
    assert LocalContext({"Path": "x"}, platform="windows").getenv("PATH") == "x"
    assert LocalContext({"Path": "x"}, platform="linux").getenv("PATH") is None


def test_home_is_that_of_the_environment_then_that_of_the_user() -> None:
    """``HOME`` counts, USERPROFILE on Windows; unset or empty, the user database does; unknown users have none."""
    import pwd

    assert LocalContext({"HOME": "/h", "USERPROFILE": "/u"}, platform="linux").home() == "/h"
    assert LocalContext({"HOME": "/h", "USERPROFILE": "/u"}, platform="windows").home() == "/u"
    assert LocalContext({"HOME": ""}, uid=0).home() == pwd.getpwuid(0).pw_dir
    assert LocalContext({}, uid=4_000_000_000).home() is None


# Programs


def test_first_executable_on_path_is_found(tmp_path: Path) -> None:
    """Folders, files without the x bit and folders that do not exist are passed over."""
    (tmp_path / "a" / "tool").mkdir(parents=True)
    program(tmp_path / "b" / "tool")
    (tmp_path / "b" / "tool").chmod(0o644)
    expected = program(tmp_path / "c" / "tool")
    program(tmp_path / "d" / "tool")
    path = ":".join(str(tmp_path / name) for name in ("none", "a", "b", "c", "d"))
    context = LocalContext({"PATH": path})
    assert context.which("tool") == expected
    assert context.which("other") is None
    assert context.which(expected) == expected


@pytest.mark.parametrize("path", ["", ".", "bin", "./bin", "../{name}/bin", ":", "::bin:", None])
def test_relative_path_entries_are_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    """What lies in the working directory is never run, whatever PATH says, also not by a name with a slash."""
    program(tmp_path / "tool")
    program(tmp_path / "bin" / "tool")
    monkeypatch.chdir(tmp_path)
    context = LocalContext({} if path is None else {"PATH": path.format(name=tmp_path.name)})
    for name in ("tool", "./tool", "bin/tool"):
        assert context.which(name) is None
    behind = context.with_env(PATH=f"{context.getenv('PATH') or ''}:{tmp_path}")
    assert behind.which("tool") == str(tmp_path / "tool")


def test_windows_programs_end_in_exe(tmp_path: Path) -> None:
    """A helper is ``docker-credential-NAME.exe`` there, and PATH's separator a semicolon."""
    expected = program(tmp_path / "tool.exe")
    context = LocalContext({"PATH": f"relative;{tmp_path}"}, platform="windows")
    assert context.which("tool") == context.which("tool.exe") == expected


def test_programs_run_in_our_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those that docker starts: also where somebody has removed that folder, and another variable changes nothing."""
    tool = program(tmp_path / "tool", "readlink /proc/self/cwd")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    context = LocalContext({"PATH": programs.SYSTEM_PATH}).with_env(A="b")
    assert context.cwd() == str(tmp_path / "here")
    assert context.run([tool], b"", timeout=60, limit=1000).stdout.decode() == f"{tmp_path}/here\n"
    (tmp_path / "here").rmdir()
    assert context.cwd() is None
    assert context.run([tool], b"", timeout=60, limit=1000).stdout.decode() == f"{tmp_path}/here (deleted)\n"


# Files


def test_folders_and_names(tmp_path: Path) -> None:
    """Names are sorted; an absent folder has none."""
    for name in ("b", "a"):
        (tmp_path / name).touch()
    context = LocalContext({})
    assert context.names(str(tmp_path)) == ["a", "b"]
    assert context.names(str(tmp_path / "none")) == []
    assert [context.is_folder(str(p)) for p in (tmp_path, tmp_path / "a", tmp_path / "none")] == [True, False, False]


@pytest.mark.parametrize("where", ["home", "home/link"])
def test_root_gives_a_new_file_to_whose_home_it_is_in(home: Path, tmp_path: Path, where: str) -> None:
    """Under sudo with the caller's HOME, file and folders are the caller's, also when HOME is a link to the home."""
    code = """
import os, sys
from shorepass.contexts.local import LocalContext
home, path, outside = sys.argv[1:]
os.chown(os.path.realpath(home), 12345, 54321)
context = LocalContext({"HOME": home})
context.update(path, lambda current: b"{}")
context.update(outside, lambda current: b"{}")
"""
    (home / "link").symlink_to(home)
    (home / "roots").mkdir()  # root's own folder in that home: what is new in it is the user's none the less
    given = home.parent / where
    path, outside = home / "roots" / "deep" / "config.json", tmp_path / "beside.json"
    kept = f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    argv = ["env", kept, sys.executable, "-c", code, str(given), str(path), str(outside)]
    done = programs.run(programs.as_root(argv))
    assert done.returncode == 0, done.stderr
    assert [(p.stat().st_uid, p.stat().st_gid) for p in (path, path.parent)] == [(12345, 54321)] * 2
    assert outside.stat().st_uid == tmp_path.stat().st_uid


@pytest.mark.parametrize("data", [b'{"auths": ', b"\xff", b'["auths"]'])
def test_login_never_overwrites_a_broken_file(home: Path, data: bytes) -> None:
    """What cannot be understood cannot be kept: the login fails, and the file stays for its owner to mend."""
    path = home / "config.json"
    path.write_bytes(data)
    path.chmod(0o640)
    with pytest.raises(MalformedFile) as caught:
        store_login(LocalContext({}), Target(str(path), "reg.example"), Basic("alice", Secret("secret")))
    assert f"{path} (owner " in caught.value.message
    assert "mode 0640" in caught.value.message
    assert (path.read_bytes(), os.listdir(home)) == (data, ["config.json"])


# Foreign logins

# As docker does: reads the file at its start, and writes back what it read, with its own login, when ours is in.
FOREIGN_LOGIN = """
before=$(cat "$2"); echo read
while [ "$(cat "$2")" = "$before" ]; do /bin/sleep 0.005; done
printf %s "$before+theirs" >"$2"
"""


@pytest.fixture
def foreign_login(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A file that a foreign ``docker login`` has read and is going to write."""
    path = home / "config.json"
    path.write_bytes(b"old")
    argv = [program(tmp_path / "docker", FOREIGN_LOGIN), "login", str(path)]
    with subprocess.Popen(argv, env={"PATH": programs.SYSTEM_PATH}, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"read\n"
        yield path


def test_foreign_login_under_way_undoes_nothing(foreign_login: Path) -> None:
    """A program that read the file before our save and writes it after: both logins are there in the end."""
    assert LocalContext.current().update(str(foreign_login), add_ours)
    assert foreign_login.read_bytes() == b"old+theirs+ours"


def test_foreign_login_that_ended_at_once_undoes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that wrote after our save, and ended before anybody could see it, is found out by what it wrote."""
    path = home / "config.json"
    path.write_bytes(b"old")
    written: list[bytes] = []

    def writers(uid: int) -> list[int]:
        assert uid == os.getuid()
        if not written:
            written.append(b"old+theirs")
            path.write_bytes(written[0])
        return []

    monkeypatch.setattr(foreign, "writers", writers)
    assert LocalContext.current().update(str(path), add_ours)
    assert path.read_bytes() == b"old+theirs+ours"


def test_foreign_login_that_waits_is_not_waited_for(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody thinks about a password at ``docker login``: our save is done, and does not wait for that."""
    monkeypatch.setattr(foreign, "WAIT", 0.05)
    path = home / "config.json"
    argv = [program(tmp_path / "podman", "echo ready; read answer"), "login"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        assert process.pid in foreign.writers(os.getuid())
        assert LocalContext.current().update(str(path), add_ours)
        assert process.poll() is None
        process.communicate(b"\n")
    assert path.read_bytes() == OURS


def test_only_logins_are_waited_for(tmp_path: Path) -> None:
    """``docker run`` and a shell that says "login" write no logins."""
    with (
        subprocess.Popen(
            [program(tmp_path / "docker", "echo; read answer"), "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as run,
        subprocess.Popen(
            [program(tmp_path / "other", "echo; read answer"), "login"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other,
    ):
        for process in (run, other):
            assert process.stdout
            assert process.stdout.readline() == b"\n"
        assert not {run.pid, other.pid} & set(foreign.writers(os.getuid()))
        for process in (run, other):
            process.communicate(b"\n")
