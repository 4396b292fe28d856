"""Real clients and real helpers with the forwarder in front: nothing differs, whether an agent runs or not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import shorepass
from contract.keyring_service import bus, keyring_daemon
from e2e import programs
from e2e.people import Person, new_person
from shorepass.acceleration import front
from shorepass.acceleration.plan import plan
from shorepass.agent_client.forwarder_file import path_for
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.real_clients import RealClient

KEY = "https://registry.example/v1/"
LOGIN = json.dumps({"ServerURL": KEY, "Username": "alice", "Secret": "a secret"})


@pytest.fixture
def own_bin(home: Path, world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``~/.local/bin``, first on the PATH of every program of the test."""
    folder = home / ".local/bin"
    folder.mkdir(parents=True)
    path = f"{folder}:{world / 'bin'}:{programs.SYSTEM_PATH}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(programs, "SYSTEM_PATH", path)
    return folder


def put_in_front(name: str) -> tuple[str, str]:
    """Put the forwarder of this installation in front of a helper; return the paths of its symlink and of the original."""
    here = LocalContext.current()
    forwarder = path_for(here.platform, here.machine)
    assert forwarder is not None
    found = plan(here, name)
    front.put(here, found, forwarder)
    assert here.which(f"docker-credential-{name}") == found.link
    assert os.path.realpath(found.link) != os.path.realpath(found.original)
    return found.link, found.original


@pytest.mark.usefixtures("nothing_set", "our_helper", "own_bin", "agent")
def test_a_client_logs_in_pushes_pulls_and_logs_out(
    client: RealClient, registry: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """The real client starts the forwarder, and the vault has the login, with an agent or without. The undo changes nothing."""
    assert run_shorepass("vault", "init").status == 0
    put_in_front("shorepass")
    words = () if client.rules == "docker" else ("--client", "podman", "--for", registry)
    assert run_shorepass("helper", "install", "--yes", *words).status == 0
    image = f"{registry}/team/app:forwarded-{client.rules}"
    done = client.login(registry, "alice", users["alice"])
    assert done.returncode == 0, done.stderr
    for done in (client.push(image), client.pull(image)):
        assert done.returncode == 0, done.stderr
    assert run_shorepass("get", "--client", client.rules, registry).status == 0
    assert front.remove(LocalContext.current(), "shorepass")
    done = client.pull(image)
    assert done.returncode == 0, done.stderr
    put_in_front("shorepass")
    assert client.logout(registry).returncode == 0
    assert client.pull(image).returncode != 0


class Answer(NamedTuple):
    """What a helper did."""

    status: int
    output: bytes
    errors: bytes


def call(program: str, words: tuple[str, ...], stdin: str) -> Answer:
    done = subprocess.run([program, *words], input=stdin.encode(), capture_output=True, timeout=120, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(params=["pass", "secretservice"])
def real_helper(
    request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The NAME of each real helper of this machine, with an empty store that works."""
    name: str = request.param
    programs.require(f"docker-credential-{name}")
    if name == "secretservice":
        with bus(tmp_path) as address, keyring_daemon(tmp_path, address):
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            yield name
        return
    monkeypatch.setenv("GNUPGHOME", str(home / ".gnupg"))
    (home / ".gnupg").mkdir(mode=0o700)
    words = ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "test@example.org"]
    for argv in ([programs.require("gpg"), *words], [programs.require("pass"), "init", "test@example.org"]):
        done = programs.run(argv, env=os.environ)
        assert done.returncode == 0, done.stderr
    yield name
    programs.run([programs.require("gpgconf"), "--kill", "all"], env=os.environ)


CALLS = [
    (("get",), KEY),
    (("get",), f"{KEY}\n"),
    (("get",), "https://missing.example"),
    (("get",), ""),
    (("list",), ""),
    (("list",), "what no one reads"),
    (("version",), ""),
    (("store",), LOGIN),
    (("store",), "{"),
    (("store",), ""),
    (("erase",), ""),
    (("nonsense",), ""),
    ((), ""),
    (("get", "more"), KEY),
    (("--version",), ""),
    (("erase",), KEY),
    (("list",), ""),
    (("get",), KEY),
]


@pytest.fixture(params=["no agent", "an agent"])
def agent(request: pytest.FixtureRequest, own_bin: Path, run_shorepass: RunShorepass) -> Iterator[bool]:
    """Whether an agent runs, which was started before there was a store."""
    assert own_bin
    if request.param == "no agent":
        yield False
        return
    done = run_shorepass("agent", "start")
    assert done.status == 0, done.stderr
    try:
        yield True
    finally:
        assert run_shorepass("agent", "stop").status == 0


def test_the_answers_are_those_of_the_original(agent: bool, real_helper: str, run_shorepass: RunShorepass) -> None:
    """Byte for byte, with the same exit status, for right calls and for wrong ones, while the store changes."""
    link, original = put_in_front(real_helper)
    assert call(link, ("store",), LOGIN).status == 0
    assert json.loads(call(original, ("get",), KEY).output)["Secret"] == "a secret"
    for words, stdin in CALLS:
        expected = call(original, words, stdin)
        if words == ("erase",) and expected.status == 0:
            assert call(original, ("store",), LOGIN).status == 0  # so that there is something to erase again
        answer = call(link, words, stdin)
        if (
            not words or words[0] in ("nonsense", "--version") or len(words) > 1
        ):  # they print the path they are called by
            expected, answer = (one._replace(output=b"", errors=b"") for one in (expected, answer))
        assert (words, answer) == (words, expected)
    if agent:
        rows = json.loads(run_shorepass("agent", "status", "--json").stdout)["helpers"]
        asked = [row["calls"] for row in rows if row["helper"] == real_helper]
        assert sum(asked) > len(CALLS) // 2, rows


@pytest.mark.usefixtures("own_bin")
def test_shorepass_reads_the_logins_of_an_accelerated_helper(
    real_helper: str, home: Path, run_shorepass: RunShorepass
) -> None:
    """Explain, list and doctor see the helper and its logins as before."""
    original = programs.require(f"docker-credential-{real_helper}")
    assert call(original, ("store",), LOGIN).status == 0
    (home / ".docker").mkdir(mode=0o700)
    config = home / ".docker/config.json"
    config.write_text(json.dumps({"credHelpers": {"registry.example": real_helper}, "credsStore": real_helper}))
    config.chmod(0o600)
    lines = (["list", "--json"], ["explain", "--offline", "registry.example/app"], ["doctor", "--offline"])
    before = [run_shorepass(*line) for line in lines]
    put_in_front(real_helper)
    assert [run_shorepass(*line) for line in lines] == before


@pytest.fixture
def person() -> Iterator[Person]:
    """A user of this machine, with a helper in ``~/apps`` and an empty ``~/.local/bin``."""
    with new_person() as found:
        found.write("apps/docker-credential-box", '#!/bin/sh\necho "{}"\n', mode="755")
        assert found.run("mkdir", "-p", "-m", "755", f"{found.home}/.local/bin").returncode == 0
        yield found


def run_as(person: Person, *words: str, first: str = ".local/bin") -> subprocess.CompletedProcess[str]:
    """Run a verb of a copy of this Shorepass that the user can read."""
    copy = person.folder / "copy"
    if not copy.exists():
        shutil.copytree(
            Path(shorepass.__file__).parent, copy / "shorepass", ignore=shutil.ignore_patterns("__pycache__")
        )
        person.as_root("chmod", "-R", "a+rX", str(copy))
    path = f"{person.home}/{first}:{person.home}/apps:{programs.SYSTEM_PATH}"
    return programs.run(programs.as_root(person.shorepass(*words, PYTHONPATH=str(copy), PATH=path)))


def test_a_user_without_roots_rights(person: Person) -> None:
    """All files are the user's own, no other user can open the forwarder's folder, and undo leaves none on PATH."""
    before = person.files()
    done = run_as(person, "accelerate", "box", "--yes")
    assert done.returncode == 0, done.stderr
    made = {path: what for path, what in person.files().items() if path not in before}
    assert {owner for owner, _ in made.values()} == {f"{person.name}:{person.name}"}
    assert made[".local/state/shorepass/forwarder"][1] == "700"
    link = ".local/bin/docker-credential-box"
    done = person.run(f"{person.home}/{link}", "list")
    assert (done.returncode, done.stdout) == (0, "{}\n")
    done = run_as(person, "accelerate", "--undo", "--yes")
    assert done.returncode == 0, done.stderr
    assert link not in person.files()


def test_a_folder_outside_the_home_is_not_used(person: Person) -> None:
    """Also if the user can write there, because others may use it too; the hint names ``~/.local/bin``."""
    shared = person.folder / "shared"
    person.as_root("install", "-d", "-m", "0755", "-o", person.name, str(shared))
    done = run_as(person, "accelerate", "box", "--yes", first="../shared")
    assert done.returncode == 2
    assert f"hint: export PATH={person.home}/.local/bin:$PATH" in done.stderr
    assert list(shared.iterdir()) == []


def test_root_in_the_home_of_a_user_changes_nothing(person: Person, run_shorepass: RunShorepass) -> None:
    """As with sudo that keeps HOME: root would make files that the user cannot change."""
    before = person.files()
    path = f"{person.home}/.local/bin:{person.home}/apps"
    done = run_shorepass("accelerate", "box", "--yes", env={"HOME": str(person.home), "PATH": path})
    assert (done.status, "root changes only its own files" in done.stderr) == (2, True)
    assert person.files() == before


def test_other_users_pass_over_roots_symlink(person: Person, run_shorepass: RunShorepass) -> None:
    """Root's symlink is first on the PATH of all. A user's podman cannot open root's forwarder, and starts the helper."""
    folders = {name: person.folder / name for name in ("first", "later")}
    for folder in folders.values():
        person.as_root("install", "-d", "-m", "0755", str(folder))
    original = folders["later"] / "docker-credential-box"
    original.write_text('#!/bin/sh\necho \'{"ServerURL":"r.example","Username":"alice","Secret":"x"}\'\n')
    original.chmod(0o755)
    path = f"{folders['first']}:{folders['later']}:{programs.SYSTEM_PATH}"
    done = run_shorepass("accelerate", "box", "--yes", env={"PATH": path})
    assert done.status == 0, done.stderr
    assert os.path.islink(folders["first"] / original.name)
    person.write(".docker/config.json", json.dumps({"credHelpers": {"r.example": "box"}}))
    words = ("login", "--get-login", "--authfile", f"{person.home}/.docker/config.json", "r.example")
    asked = person.run(programs.require("skopeo"), *words, PATH=path)
    assert (asked.returncode, asked.stdout) == (0, "alice\n"), asked.stderr
    assert person.run("sh", "-c", f"PATH={path} {original.name} get", stdin="r.example").returncode == 0


@pytest.mark.usefixtures("own_bin")
def test_where_programs_cannot_run(world: Path, home: Path) -> None:
    """The home is mounted with noexec: nothing is put in front of the helper, and the hint names another folder."""
    original = world / "bin/docker-credential-box"
    original.write_text("#!/bin/sh\necho '{}'\n")
    original.chmod(0o755)
    state = home / ".local/state"
    state.mkdir()
    mount = f"mount -t tmpfs -o noexec,mode=700 tmpfs {state}"
    script = f'{mount} && "$0" -m shorepass accelerate box --yes; echo $?; ls {home}/.local/bin'
    argv = programs.as_root([programs.require("unshare"), "--mount", "sh", "-c", script, sys.executable])
    done = programs.run(argv, env=os.environ)
    assert "the file system there does not let programs run" in done.stderr
    assert "hint: set XDG_STATE_HOME" in done.stderr
    assert done.stdout.splitlines()[-1] == "1"
