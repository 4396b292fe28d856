"""``doctor`` finds files that are in the way (SP1xx): each made by a real program, or seen to make a real one fail."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.people import Person, new_person

if TYPE_CHECKING:
    from conftest import RunShorepass

KEY = "reg.example"
LOGIN = {KEY: {"auth": base64.b64encode(b"alice:correct horse").decode()}}
DOCKER_WARNS = "config file"  # "Error parsing config file", "Error loading config file": docker goes on after that


@pytest.fixture
def person() -> Iterator[Person]:
    """A user of this machine who may do everything with sudo, and whose HOME it keeps."""
    with new_person() as person:
        policy = f"/etc/sudoers.d/{person.name}"
        rule = f'Defaults:{person.name} env_keep += "HOME"\n{person.name} ALL=(ALL:ALL) NOPASSWD:SETENV: ALL\n'
        person.as_root("install", "-m", "0440", "/dev/stdin", policy, stdin=rule)
        try:
            yield person
        finally:
            person.as_root("rm", policy)


def doctor_as_root(tmp_path: Path, *args: str) -> CompletedProcess[str]:
    """Run ``shorepass doctor`` as root, with a home of its own for the journal."""
    home = tmp_path / "root"
    programs.run(programs.as_root(["install", "-d", "-m", "0700", str(home)]))
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    command = ["env", f"HOME={home}", "PATH=/nowhere", *kept, sys.executable, "-m", "shorepass", "doctor", *args]
    return programs.run(programs.as_root(command))


def found(document: str) -> list[tuple[str, str]]:
    """Return code and subject of each finding of ``doctor --json``."""
    return [(finding["code"], finding["subject"]) for finding in json.loads(document)["findings"]]


def logged_in_as(home: Path, key: str = KEY) -> CompletedProcess[str]:
    """Ask the real podman whose login it would use; it asks no registry for that."""
    return programs.run([programs.require("podman"), "login", "--get-login", key], env=environment(home))


def login_of(person: Person, key: str) -> CompletedProcess[str]:
    """Ask the same of skopeo as another user, for whom a podman would want a user namespace."""
    return person.run("skopeo", "login", "--get-login", key, XDG_RUNTIME_DIR=str(person.home / "run"))


def environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/no-bus",
    }


def docker_warnings(home: Path) -> str:
    """Return what the real docker says on standard error when it has nothing to do but to load its file."""
    return programs.run([programs.require("docker"), "context", "ls"], env=environment(home)).stderr


def write(home: Path, text: str) -> Path:
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.touch(0o600)
    file.write_text(text)
    return file


def test_sp101_after_sudo_docker_login(
    person: Person, dockerd: str, registry: str, users: dict[str, str], tmp_path: Path
) -> None:
    """``sudo docker login`` with HOME kept leaves what its user cannot read; doctor finds it and gives it back."""
    docker, folder = programs.require("docker"), person.home / ".docker"
    login = (docker, "-H", dockerd, "login", "-u", "alice", "--password-stdin", registry)
    done = person.run("sudo", "-n", "env", "PATH=/nowhere", *login, stdin=users["alice"])  # without pass, that is
    assert done.returncode == 0, done.stderr
    assert {owner for path, (owner, _) in person.files().items() if path.startswith(".docker")} == {"root:root"}
    assert "permission denied" in person.run(docker, "context", "ls").stderr
    assert "permission denied" in login_of(person, registry).stderr

    place = ("--in", f"user:{person.name}")
    assert found(doctor_as_root(tmp_path, *place, "--json").stdout) == [("SP101", str(folder))]
    fixed = doctor_as_root(tmp_path, *place, "--fix", "--yes")
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    owner = f"{person.name}:{person.name}"
    assert person.files()[".docker"] == (owner, "700")
    assert person.files()[".docker/config.json"] == (owner, "600")
    assert person.run(docker, "context", "ls").stderr == ""
    assert login_of(person, registry).stdout == "alice\n"

    for _ in range(2):
        assert doctor_as_root(tmp_path, "--undo").returncode == 0
    assert {owner for path, (owner, _) in person.files().items() if path.startswith(".docker")} == {"root:root"}


def test_sp101_gives_nothing_away(person: Person, tmp_path: Path) -> None:
    """What a user has linked into their home is not given to them, however it got there."""
    secret = person.folder / "roots"
    person.as_root("mkdir", "-m", "755", str(secret))
    person.as_root("install", "-m", "600", "/dev/stdin", f"{secret}/config.json", stdin=json.dumps({"auths": LOGIN}))
    assert person.run("ln", "-s", str(secret), str(person.home / ".docker")).returncode == 0
    done = doctor_as_root(tmp_path, "--in", f"user:{person.name}", "--fix", "--yes")
    assert done.returncode == 1
    assert person.as_root("stat", "-c", "%U", f"{secret}/config.json", str(secret)) == "root\nroot\n"


def test_sp102_another_user_reads_the_login(
    home: Path, world: Path, person: Person, run_shorepass: RunShorepass
) -> None:
    """Docker keeps the mode of a file that is there: another user reads the login, until doctor has closed the file."""
    for folder in (*world.parents, world, home):
        if folder.stat().st_uid == os.getuid() and "pytest" in str(folder):
            folder.chmod(0o755)
    file = write(home, json.dumps({"auths": LOGIN}))
    file.chmod(0o644)
    file.parent.chmod(0o755)
    assert person.run("cat", str(file)).stdout == file.read_text()
    assert found(run_shorepass("doctor", "--json").stdout) == [("SP102", str(file))]
    assert run_shorepass("doctor", "--fix", "--yes").status == 0
    assert person.run("cat", str(file)).returncode != 0
    assert logged_in_as(home).stdout == "alice\n"
    assert run_shorepass("doctor", "--undo").status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_sp102_another_user_replaces_the_file(home: Path, run_shorepass: RunShorepass) -> None:
    """A folder that others can write in is found, too; one that only a group of the user's own can, is not."""
    file = write(home, json.dumps({"auths": LOGIN}))
    file.parent.chmod(0o777)
    assert found(run_shorepass("doctor", "--json").stdout) == [("SP102", str(file.parent))]
    assert run_shorepass("doctor", "--fix", "--yes").status == 0
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755


GOOD = json.dumps({"auths": {**LOGIN, "other.example": LOGIN[KEY]}}, indent=2)


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace("},\n", "}\n", 1),
        GOOD.replace("\n}", ",\n}"),
        GOOD.replace("{\n", "{\n  // by hand\n", 1),
        GOOD.replace('="\n', "=\n", 1),
        GOOD[:-3],
        GOOD + "}",
        "\ufeff" + GOOD,
        GOOD.replace("other.example", "other\\.example"),
    ],
    ids=[
        "comma missing",
        "comma too many",
        "comment",
        "quotation mark missing",
        "cut off",
        "brace too many",
        "BOM",
        "backslash",
    ],
)
def test_sp103_a_file_that_is_no_json(home: Path, run_shorepass: RunShorepass, broken: str) -> None:
    """Podman stops at a mistake in the file; doctor says where it is, and mends it without losing a login."""
    file = write(home, broken)
    assert logged_in_as(home).returncode != 0
    assert found(run_shorepass("doctor", "--json").stdout) == [("SP103", str(file))]
    fixed = run_shorepass("doctor", "--fix", "--yes")
    assert fixed.status == 0, fixed.stdout
    assert LOGIN[KEY]["auth"] not in fixed.stdout
    for key in (KEY, "other.example"):
        assert logged_in_as(home, key).stdout == "alice\n"
    assert docker_warnings(home) == ""
    assert json.loads(file.read_text()) == json.loads(GOOD)
    assert run_shorepass("doctor", "--undo").status == 0
    assert file.read_text() == broken


@pytest.mark.parametrize("user", ["DOMAIN\\jane", "DOMAIN\\user"])
def test_sp103_a_backslash_in_a_user_name(home: Path, run_shorepass: RunShorepass, user: str) -> None:
    """The user names of Windows have a backslash, which JSON wants twice: no client reads the file before."""
    text = json.dumps({"auths": {**LOGIN, "other.example": {"username": user, "password": "p"}}})
    file = write(home, text.replace("\\\\", "\\"))
    assert logged_in_as(home).returncode != 0
    assert DOCKER_WARNS in docker_warnings(home)
    assert "write a backslash twice" in run_shorepass("doctor").stdout
    assert run_shorepass("doctor", "--fix", "--yes").status == 0
    assert logged_in_as(home).stdout == "alice\n"
    assert docker_warnings(home) == ""
    assert json.loads(file.read_text())["auths"]["other.example"]["username"] == user


def test_sp103_says_where(home: Path, run_shorepass: RunShorepass) -> None:
    """Docker's own warning names no place; the finding has line and column."""
    write(home, '{\n  "auths": {\n    "a.example": {}\n    "b.example": {}\n  }\n}\n')
    assert DOCKER_WARNS in docker_warnings(home)
    assert "line 4, column 5" in run_shorepass("doctor").stdout


@pytest.mark.parametrize("ending", ["~", ".bak", "3141592653"])
def test_sp103_the_last_good_content(home: Path, run_shorepass: RunShorepass, ending: str) -> None:
    """Of a file that a crash has cut short, a copy beside it comes back: an editor's, or docker's own temporary file."""
    file = write(home, GOOD[: len(GOOD) // 3])
    file.with_name(file.name + ending).write_text(GOOD)
    assert logged_in_as(home).returncode != 0
    assert ending in run_shorepass("doctor").stdout
    assert run_shorepass("doctor", "--fix", "--yes").status == 0
    assert logged_in_as(home).stdout == "alice\n"
    assert file.read_text() == GOOD


def test_sp103_what_a_repair_replaced_comes_back(home: Path, run_shorepass: RunShorepass) -> None:
    """What the journal keeps of a file is a last good content, too."""
    file = write(home, GOOD.replace("},\n", "}\n", 1))
    run_shorepass("doctor", "--fix", "--yes")
    file.write_text("{")
    (entry,) = (home / ".local/state/shorepass/doctor").iterdir()
    document = json.loads(entry.read_text())
    entry.write_text(json.dumps({**document, "before": base64.b64encode(GOOD.encode()).decode()}))
    assert run_shorepass("doctor", "--fix", "--yes").status == 0
    assert file.read_text() == GOOD


def test_sp103_an_entry_that_cannot_be_decoded(home: Path, run_shorepass: RunShorepass) -> None:
    """One entry with bad base64 costs docker the whole file; doctor takes out that entry and keeps the rest."""
    file = write(home, json.dumps({"auths": {"bad.example": {"auth": "YWxpY2U6c2Vj*"}, **LOGIN}}))
    assert DOCKER_WARNS in docker_warnings(home)
    assert found(run_shorepass("doctor", "--json").stdout) == [("SP103", str(file))]
    assert run_shorepass("doctor", "--fix", "--yes").status == 0
    assert docker_warnings(home) == ""
    assert logged_in_as(home).stdout == "alice\n"


def test_sp103_an_empty_file(home: Path, run_shorepass: RunShorepass) -> None:
    """An empty file is an empty config to docker, and an error to podman."""
    file = write(home, "")
    assert docker_warnings(home) == ""
    assert "not logged into" not in logged_in_as(home).stderr
    assert found(run_shorepass("doctor", "--json").stdout) == [("SP103", str(file))]
    assert run_shorepass("doctor", "--fix", "--yes").status == 0
    assert "not logged into" in logged_in_as(home).stderr


@pytest.mark.parametrize("text", ["", " \n"], ids=["no byte", "blanks"])
def test_sp103_an_empty_file_is_one_cause(home: Path, run_shorepass: RunShorepass, registry: str, text: str) -> None:
    """Podman stops at it, and docker has no login for an image in it: one error, which names both."""
    file = write(home, text)
    assert "reading JSON file" in logged_in_as(home).stderr
    done = run_shorepass("doctor", f"{registry}/team/app")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("error")] == ["SP103"], done.stdout
    assert "docker reads an empty file as an empty config: it has no login" in done.stdout
    file.with_name("config.json.bak").write_text(GOOD)
    assert "restore the content of" in run_shorepass("doctor", f"{registry}/team/app").stdout


def test_sp103_an_alias_at_which_docker_stops(home: Path, run_shorepass: RunShorepass) -> None:
    """The file is sound JSON, and docker runs no command with it, until the user removes the alias."""
    file = write(home, json.dumps({"auths": LOGIN, "aliases": {"pl": "pull"}}))
    assert "not allowed to alias" in docker_warnings(home).lower()
    done = run_shorepass("doctor")
    assert f"error    SP103  {file}: docker does not allow the alias 'pl', and runs no command" in done.stdout
    assert f'hint: remove it from "aliases" in {file}' in done.stdout
    write(home, json.dumps({"auths": LOGIN}))
    assert docker_warnings(home) == ""
    assert found(run_shorepass("doctor", "--json").stdout) == []


def test_sp103_nothing_to_save(home: Path, run_shorepass: RunShorepass) -> None:
    """Where nothing can be saved, nothing is changed: a person is told."""
    file = write(home, "no JSON at all")
    done = run_shorepass("doctor", "--fix", "--yes")
    assert done.status == 1
    assert "hint:" in done.stdout
    assert file.read_text() == "no JSON at all"


def test_sp104_a_folder_in_its_place(home: Path, run_shorepass: RunShorepass) -> None:
    """A folder in place of the file, as docker makes it for a mount whose file is missing, is found and explained."""
    folder = home / ".docker/config.json"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    assert DOCKER_WARNS in docker_warnings(home)
    done = run_shorepass("doctor", "--json")
    assert found(done.stdout) == [("SP104", str(folder))]
    assert "rmdir" in json.loads(done.stdout)["findings"][0]["fix"]["text"]
    folder.rmdir()
    assert docker_warnings(home) == ""
    assert run_shorepass("doctor").status == 0


def test_sp104_a_symlink_to_nothing(home: Path, run_shorepass: RunShorepass) -> None:
    """A symlink whose file is gone is no error to any client: the login is just not there any more."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    file.symlink_to(home / "dotfiles.json")
    assert "not logged into" in logged_in_as(home).stderr
    assert found(run_shorepass("doctor", "--json").stdout) == [("SP104", str(file))]
    (home / "dotfiles.json").write_text(GOOD)
    (home / "dotfiles.json").chmod(0o600)
    assert logged_in_as(home).stdout == "alice\n"
    assert run_shorepass("doctor").status == 0


def test_sp104_modes_that_shut_out_their_owner(person: Person, tmp_path: Path) -> None:
    """A file, and a folder, that their own owner may not read are opened for the owner, and for nobody else."""
    file = person.write(".docker/config.json", GOOD)
    assert person.run("chmod", "000", str(file)).returncode == 0
    assert person.run("chmod", "600", str(file.parent)).returncode == 0
    assert "permission denied" in login_of(person, KEY).stderr
    place = ("--in", f"user:{person.name}")
    assert found(doctor_as_root(tmp_path, *place, "--json").stdout) == [("SP104", str(file))]
    done = doctor_as_root(tmp_path, *place, "--fix", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert person.files() == {
        ".docker": (f"{person.name}:{person.name}", "700"),
        ".docker/config.json": (f"{person.name}:{person.name}", "600"),
    }
    assert login_of(person, KEY).stdout == "alice\n"


def test_docker_tells_its_release_beside_a_fifo(
    run_shorepass: RunShorepass, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To print it, docker first opens its file, and would wait for a writer."""
    docker = Path(programs.require("docker"))
    monkeypatch.setenv("PATH", str(docker.parent))
    real = programs.run([str(docker), "--version"], env={"HOME": "/nonexistent"}).stdout.split()[2].rstrip(",")
    (home / ".docker").mkdir()
    os.mkfifo(home / ".docker/config.json")
    done = run_shorepass("explain", "--offline", "--client", "docker", KEY)
    assert f"docker {real}: on PATH" in done.stdout
    assert "not a regular file" in done.stdout
