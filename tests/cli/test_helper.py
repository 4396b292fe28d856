"""shorepass helper install and uninstall: one name in a client's file, and back."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")

AUTH = "YWxpY2U6d29uZGVybGFuZA=="  # alice:wonderland
CONFIGS = {
    "none": None,
    "empty": "{}",
    "logins": f'{{\n\t"auths": {{\n\t\t"a.example": {{\n\t\t\t"auth": "{AUTH}"\n\t\t}}\n\t}},\n\t"psFormat": "x"\n}}\n',
    "another store": '{"credsStore":"desktop","auths":{}}',
    "another helper": '{"credHelpers": {"ghcr.io": "pass", "b.example": "ecr-login"},  "HttpHeaders": {"A": "b"}}',
    "no helpers": '{"credHelpers": {}}',
    "Windows": '{\r\n  "credsStore": "wincred.exe"\r\n}\r\n',
    "odd names": '{"CREDSSTORE": "pass", "credhelpers": {"ghcr.io": ""}}',
}
FLAGS = ((), ("--for", "ghcr.io"), ("--for", "docker.io"))


@pytest.fixture
def file(home: Path) -> Path:
    """Docker's file, which is not there yet."""
    return home / ".docker/config.json"


def write(file: Path, text: str | None) -> None:
    if text is not None:
        file.parent.mkdir()
        file.write_bytes(text.encode())
        file.chmod(0o640)


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("before", CONFIGS)
def test_uninstall_puts_back_what_was_there(
    run_shorepass: RunShorepass, file: Path, before: str, flags: tuple[str, ...]
) -> None:
    """Installed, the client's file names our helper and all else is as it was; uninstalled, every byte is."""
    text = CONFIGS[before]
    write(file, text)
    done = run_shorepass("helper", "install", "--yes", *flags)
    assert done.status == 0, done.stderr
    config = {name.lower(): value for name, value in json.loads(file.read_text()).items()}
    key = {"ghcr.io": "ghcr.io", "docker.io": "https://index.docker.io/v1/"}.get(flags[-1] if flags else "")
    assert (config["credhelpers"][key] if key else config["credsstore"]) == "shorepass"
    if "docker.io" in flags:
        assert config["credhelpers"]["docker.io"] == "shorepass"  # what podman asks for
    if text is not None:
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
    for _ in range(2):
        done = run_shorepass("helper", "uninstall", "--yes", *flags)
        assert done.status == 0, done.stderr
        assert (file.read_bytes().decode() if file.exists() else None) == text
    assert "does not name shorepass" in done.stdout


def test_a_place_is_remembered_by_its_whole_path(
    run_shorepass: RunShorepass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative DOCKER_CONFIG is undone from another folder, too."""
    monkeypatch.chdir(tmp_path)
    assert run_shorepass("helper", "install", "--yes", env={"DOCKER_CONFIG": "here"}).status == 0
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert run_shorepass("helper", "uninstall", "--all", "--yes").status == 0
    assert not (tmp_path / "here/config.json").exists()


def test_an_empty_name_is_not_all_registries(run_shorepass: RunShorepass, file: Path) -> None:
    """``--for "$REGISTRY"`` with a variable that is not set changes nothing."""
    done = run_shorepass("helper", "install", "--yes", "--for", "")
    assert done.status == 2, done.stderr
    assert not file.exists()


@pytest.mark.parametrize("flags", FLAGS)
def test_installing_twice_is_installing_once(run_shorepass: RunShorepass, file: Path, flags: tuple[str, ...]) -> None:
    """The second time nothing is written, and what was there before the first is not forgotten."""
    write(file, CONFIGS["another store"])
    run_shorepass("helper", "install", "--yes", *flags)
    after = file.stat()
    done = run_shorepass("helper", "install", *flags)
    assert done.status == 0
    assert "already" in done.stdout
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    run_shorepass("helper", "uninstall", "--yes", *flags)
    assert file.read_text() == CONFIGS["another store"]


def test_shows_the_change_and_no_secret(run_shorepass: RunShorepass, file: Path) -> None:
    """The change is shown as a diff in which no secret is; without somebody to ask, and without --yes, none is made."""
    write(file, CONFIGS["logins"])
    done = run_shorepass("helper", "install")
    assert done.status == 2
    assert '+\t"credsStore": "shorepass"' in done.stdout.replace("    ", "\t")
    assert "--yes" in done.stderr
    assert AUTH not in done.stdout + done.stderr
    assert file.read_text() == CONFIGS["logins"]


def test_what_changed_meanwhile_stays(run_shorepass: RunShorepass, file: Path) -> None:
    """Another helper that somebody named since then is not taken out; a login that docker wrote since then stays."""
    run_shorepass("helper", "install", "--yes")
    file.write_text('{"credsStore": "shorepass", "auths": {"a.example": {}}}')
    run_shorepass("helper", "uninstall", "--yes")
    assert json.loads(file.read_text()) == {"auths": {"a.example": {}}}
    file.write_text('{"credsStore": "pass"}')
    done = run_shorepass("helper", "uninstall", "--yes")
    assert (done.status, file.read_text()) == (0, '{"credsStore": "pass"}')


def test_podman(run_shorepass: RunShorepass, home: Path, world: Path) -> None:
    """Podman's file takes one registry; for all of them it has no word, and the error says which file has."""
    done = run_shorepass("helper", "install", "--client", "podman", "--yes")
    assert done.status == 2
    assert "registries.conf" in done.stderr
    file = world / "run/containers/auth.json"
    for argv in (("--client", "podman"), ("--authfile", str(home / "auth.json"))):
        done = run_shorepass("helper", "install", *argv, "--for", "quay.io", "--yes")
        assert done.status == 0, done.stderr
    for written in (file, home / "auth.json"):
        assert json.loads(written.read_text()) == {"credHelpers": {"quay.io": "shorepass"}}


@pytest.mark.parametrize("text", ["{", "[]", '{"credsStore": ["x"]'])
def test_a_broken_file_is_left_alone(run_shorepass: RunShorepass, file: Path, text: str) -> None:
    """What is not a config file is an error that names it, and keeps its bytes."""
    write(file, text)
    done = run_shorepass("helper", "install", "--yes")
    assert done.status == 3
    assert str(file) in done.stderr
    assert file.read_text() == text


def test_says_what_is_missing(run_shorepass: RunShorepass, world: Path) -> None:
    """It warns where the program is not on PATH, and where there is no vault; and not where both are there."""
    done = run_shorepass("helper", "install", "--yes")
    assert "docker-credential-shorepass is not on PATH" in done.stderr
    assert "hint: shorepass vault init" in done.stderr
    run_shorepass("vault", "init")
    program = world / "bin/docker-credential-shorepass"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert run_shorepass("helper", "install", "--yes").stderr == ""


def test_what_it_remembers_is_private_and_no_secret(run_shorepass: RunShorepass, file: Path, home: Path) -> None:
    """The names of helpers, in a file of 0600; one that is not ours is an error, and the client's file stays."""
    write(file, CONFIGS["logins"])
    run_shorepass("helper", "install", "--yes")
    state = home / ".local/state/shorepass/helper.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert AUTH not in state.read_text()
    state.write_text("[]")
    before = file.read_bytes()
    done = run_shorepass("helper", "uninstall", "--yes")
    assert (done.status, str(state) in done.stderr, file.read_bytes()) == (3, True, before)
    assert os.listdir(state.parent) == ["helper.json"]


def test_says_which_logins_are_still_in_plain_text(run_shorepass: RunShorepass, file: Path) -> None:
    """What docker no longer looks at is named, by registry; nothing is said where there is nothing."""
    write(file, CONFIGS["logins"])
    said = run_shorepass("helper", "install", "--yes").stderr
    assert f"{file} still has plain-text logins, which docker no longer uses: a.example" in said
    file.write_text("{}")
    assert "plain text" not in run_shorepass("helper", "install", "--yes").stderr


def test_a_place_that_somebody_else_has_changed_is_forgotten(run_shorepass: RunShorepass, file: Path) -> None:
    """Where the file does not name our helper any more it is said once, and not at every uninstall from then on."""
    for words in ((), ("--for", "ghcr.io")):
        assert run_shorepass("helper", "install", "--yes", *words).status == 0
    file.write_text('{"credHelpers": {"ghcr.io": "shorepass"}}')
    done = run_shorepass("helper", "uninstall", "--all", "--yes")
    assert f"{file}: credsStore does not name shorepass" in done.stdout
    assert run_shorepass("helper", "uninstall", "--all").stdout == "no file names docker-credential-shorepass\n"


def test_says_whose_place_it_takes(run_shorepass: RunShorepass, file: Path, world: Path) -> None:
    """The helper that was named before can be read in the change, both ways, and its logins are not forgotten."""
    write(file, '{\n  "credsStore": "pass"\n}')
    program = world / "bin/docker-credential-pass"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    done = run_shorepass("helper", "install", "--yes")
    assert '-  "credsStore": "pass"\n+  "credsStore": "shorepass"\n' in done.stdout
    assert "hint: move them into the store: shorepass migrate --from pass --apply\n" in done.stderr
    done = run_shorepass("helper", "uninstall", "--yes")
    assert '-  "credsStore": "shorepass"\n+  "credsStore": "pass"\n' in done.stdout


def test_a_comma_too_many(run_shorepass: RunShorepass, file: Path) -> None:
    """The hint for a file that is no JSON mends it, as far as anything can."""
    write(file, '{"psFormat": "x",}')
    done = run_shorepass("helper", "install", "--yes")
    assert (done.status, "hint: shorepass doctor --fix" in done.stderr) == (3, True)
    run_shorepass("doctor", "--fix", "--yes")
    assert run_shorepass("helper", "install", "--yes").status == 0
    assert json.loads(file.read_text()) == {"psFormat": "x", "credsStore": "shorepass"}


def test_uninstall_of_what_came_from_another_machine(run_shorepass: RunShorepass, file: Path, world: Path) -> None:
    """A file that names our helper, and that nobody here remembers, is found by ``--all``, too."""
    write(file, '{"credsStore": "shorepass", "credHelpers": {"a.example": "shorepass", "b.example": "pass"}}')
    podman = world / "run/containers/auth.json"
    podman.parent.mkdir()
    podman.write_text('{"credHelpers": {"quay.io": "shorepass"}}')
    assert run_shorepass("helper", "uninstall", "--all", "--yes").status == 0
    assert json.loads(file.read_text()) == {"credHelpers": {"b.example": "pass"}}
    assert "shorepass" not in podman.read_text()


def test_uninstall_everywhere(run_shorepass: RunShorepass, file: Path, world: Path) -> None:
    """``--all`` puts back every file in which our helper was named, byte for byte, and then there is none left."""
    write(file, before := CONFIGS["another helper"] or "")
    for words in ((), ("--for", "ghcr.io"), ("--for", "quay.io", "--client", "podman")):
        assert run_shorepass("helper", "install", "--yes", *words).status == 0
    podman = world / "run/containers/auth.json"
    assert (file.read_text() != before, podman.exists()) == (True, True)
    done = run_shorepass("helper", "uninstall", "--yes")
    assert done.stderr.endswith(
        "2 other entries name docker-credential-shorepass, as each login does for its registry\n"
        "hint: shorepass helper uninstall --all\n"
    )
    assert run_shorepass("helper", "uninstall", "--all", "--yes").status == 0
    assert (file.read_text(), podman.exists()) == (before, False)
    done = run_shorepass("helper", "uninstall", "--all")
    assert (done.status, done.stdout) == (0, "no file names docker-credential-shorepass\n")
    for words in (("install", "--all"), ("uninstall", "--all", "--for", "a.example")):
        assert run_shorepass("helper", *words).status == 2
