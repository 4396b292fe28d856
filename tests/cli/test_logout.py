"""``shorepass logout``: what else of ours held the login goes, and what still holds one is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import shorepass
from faults.canary import write_program

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")

HOST = "reg.example:5000"
AUTH = b64encode(b"alice:wonderland").decode()
BROKEN = f'{{"auths": {{"{HOST}": {{"auth": "{AUTH}"}},}}}}'  # a comma too many


@pytest.fixture
def docker_file(home: Path) -> Path:
    """Docker's file, with a login."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    file.write_text(json.dumps({"auths": {HOST: {"auth": AUTH}}}))
    file.chmod(0o600)
    return file


@pytest.fixture
def podman_file(world: Path) -> Path:
    """Podman's file, with a login."""
    file = world / "run/containers/auth.json"
    file.parent.mkdir(mode=0o700)
    file.write_text(json.dumps({"auths": {HOST: {"auth": AUTH}}}))
    file.chmod(0o600)
    return file


def helper(*words: str, stdin: str = "") -> str:
    """Run docker-credential-shorepass; return what it prints."""
    argv = [sys.executable, "-m", "shorepass.docker_credential", *words]
    return subprocess.run(argv, input=stdin, text=True, capture_output=True, env=os.environ, check=False).stdout


def keep(run_shorepass: RunShorepass, *keys: str, lock: str = "--machine-key") -> None:
    """Make a vault with logins in it."""
    assert run_shorepass("vault", "init", lock).status == 0
    for key in keys:
        assert helper("store", stdin=json.dumps({"ServerURL": key, "Username": "alice", "Secret": "wonderland"})) == ""


def repair(run_shorepass: RunShorepass, file: Path) -> list[str]:
    """Break a file in a way that doctor mends, let it, and return the names of the repairs that are kept."""
    file.write_text(BROKEN)
    run_shorepass("doctor", "--fix", "--yes")
    assert json.loads(file.read_text())["auths"] == {HOST: {"auth": AUTH}}
    return kept()


def kept() -> list[str]:
    folder = Path(os.environ["HOME"], ".local/state/shorepass/doctor")
    return sorted(path.stem for path in folder.glob("*.json"))


def test_repairs_that_held_it(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """The copy from before a repair goes with the login, and the person is told; a logout of another registry leaves it."""
    names = repair(run_shorepass, docker_file)
    assert names
    done = run_shorepass("logout", "other.example")
    assert (done.status, kept()) == (0, names)
    done = run_shorepass("logout", HOST)
    assert (done.status, kept()) == (0, [])
    assert all(name in done.stderr for name in names)
    assert run_shorepass("doctor", "--undo").status == 2


def test_all_repairs(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """``--all`` leaves no copy of any file."""
    names = repair(run_shorepass, docker_file)
    done = run_shorepass("logout", "--all", "--json")
    assert json.loads(done.stdout)["fixes_forgotten"] == names
    assert kept() == []


@pytest.mark.parametrize("store", ["vault", "keychain"])
def test_an_account(run_shorepass: RunShorepass, docker_file: Path, home: Path, store: str) -> None:
    """So it is with the login of one account, also where another store is set by now; the default login stays."""
    names = repair(run_shorepass, docker_file)
    keep(run_shorepass, HOST, f"{HOST}#work")
    settings = home / ".config/shorepass/config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'store = "{store}"\n')
    done = run_shorepass("logout", "--as", "work", HOST)
    assert all(name in done.stderr for name in names)
    assert kept() == []
    settings.write_text('store = "vault"\n')
    assert "not found" in helper("get", stdin=f"{HOST}#work")
    assert json.loads(helper("get", stdin=HOST))["Username"] == "alice"


def test_from_python(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """``shorepass.logout`` leaves no copies either."""
    assert repair(run_shorepass, docker_file)
    keep(run_shorepass, HOST)
    done = shorepass.logout(HOST)
    assert [erasure.target.key for erasure in done if erasure.found] == [HOST, HOST]
    assert (kept(), helper("list")) == ([], "{}\n")


@pytest.mark.usefixtures("our_helper")
def test_what_the_helper_has_not_is_not_called_erased(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """An entry of docker's that only says "ask the helper" is no login: it goes, and what is told is the helper's answer."""
    docker_file.write_text(json.dumps({"credsStore": "shorepass", "auths": {HOST: {}}}))
    assert run_shorepass("vault", "init").status == 0
    done = run_shorepass("logout", HOST)
    assert (done.status, "erased" in done.stdout) == (0, False)
    assert f"not found in docker-credential-shorepass: {HOST}" in done.stderr
    assert json.loads(docker_file.read_text())["auths"] == {}


def test_a_store_that_docker_chose_and_nobody_made(run_shorepass: RunShorepass, world: Path, home: Path) -> None:
    """Docker would choose pass by itself, which was never set up: nobody is logged in, and that is no failure."""
    said = 'echo "pass not initialized: exit status 1: Error: password store is empty. Try \\"pass init\\"."; exit 1'
    for name in ("pass", "docker-credential-pass"):
        (world / "bin" / name).write_text(f"#!/bin/sh\n{said}\n")
        (world / "bin" / name).chmod(0o755)
    done = run_shorepass("logout", HOST)
    assert (done.status, f"not logged into {HOST}" in done.stderr, "pass not" in done.stderr) == (0, True, False)
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "pass"}')
    done = run_shorepass("logout", HOST)
    assert (done.status, "pass not initialized" in done.stderr) == (1, True)


def test_a_vault_that_no_client_names(run_shorepass: RunShorepass, home: Path) -> None:
    """A login that is left in the vault goes from there; others stay."""
    keep(run_shorepass, HOST, "other.example")
    done = run_shorepass("logout", HOST)
    assert (done.status, helper("list")) == (0, '{"other.example":"alice"}\n')
    assert f"erased {HOST} from {home}/.local/share/shorepass/vault.age" in done.stdout
    assert run_shorepass("logout", "--all").status == 0
    assert helper("list") == "{}\n"


@pytest.mark.parametrize("server", ["docker.io", ""])
@pytest.mark.parametrize("key", ["docker.io", "https://index.docker.io/v1/"])
def test_docker_hub_in_the_vault(run_shorepass: RunShorepass, server: str, key: str) -> None:
    """Under whichever of its two names a client stored it."""
    keep(run_shorepass, key)
    run_shorepass("logout", *([server] if server else []))
    assert helper("list") == "{}\n"


def test_a_vault_beside_the_chosen_store(run_shorepass: RunShorepass, home: Path) -> None:
    """After a change of ``store`` what the vault still has goes, too."""
    keep(run_shorepass, HOST)
    settings = home / ".config/shorepass/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('store = "file"\n')
    assert run_shorepass("logout", HOST).status == 0
    settings.write_text('store = "vault"\n')
    assert helper("list") == "{}\n"


@pytest.mark.parametrize("named_by", ["docker", "podman"])
def test_a_login_in_the_vault_that_is_another_clients(
    run_shorepass: RunShorepass, docker_file: Path, podman_file: Path, named_by: str
) -> None:
    """Where the other client's file names our helper for that registry, the login in the vault is that client's; it is told."""
    keep(run_shorepass, HOST)
    file = docker_file if named_by == "docker" else podman_file
    file.write_text(json.dumps({"credHelpers": {HOST: "shorepass"}}))
    done = run_shorepass("logout", "--client", "podman" if named_by == "docker" else "docker", HOST)
    assert helper("list") == f'{{"{HOST}":"alice"}}\n'
    command = f"shorepass logout --client {named_by} {HOST}"
    assert f"{named_by} is still logged in to {HOST}, by {file}: {command}\n" in done.stderr


def test_a_vault_that_is_locked(run_shorepass: RunShorepass, home: Path) -> None:
    """Where nobody can type the passphrase the logout ends as docker's, and says that the vault may still hold the login."""
    keep(run_shorepass, HOST)
    key = home / ".local/state/shorepass/machine.key"
    key.rename(home / "away")
    done = run_shorepass("logout", HOST)
    assert done.status == 0
    assert "vault.age may still hold the login" in done.stderr
    assert f"shorepass logout {HOST}" in done.stderr
    assert "wonderland" not in done.stdout + done.stderr


def test_what_a_killed_save_left(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """The copy that a killed save left beside the file goes, whether there is a login in the file or not."""
    left = docker_file.with_name(".config.json.shorepass-1-0123456789abcdef")
    for text in (docker_file.read_text(), "{}"):
        docker_file.write_text(text)
        left.write_text(BROKEN)
        assert run_shorepass("logout", HOST).status == 0
        assert not left.exists()


def test_the_other_client_is_still_logged_in(run_shorepass: RunShorepass, docker_file: Path, podman_file: Path) -> None:
    """Who logs out with one client is told of the other's login, with the command that erases it; then of none."""
    command = f"shorepass logout --client podman {HOST}"
    done = run_shorepass("logout", HOST)
    assert done.status == 0
    assert f"podman is still logged in to {HOST}, by {podman_file}: {command}\n" in done.stderr
    assert "docker is still" not in done.stderr
    docker_file.write_text(json.dumps({"auths": {HOST: {"auth": AUTH}}}))
    done = run_shorepass(*command.split()[1:], "--json")
    assert done.status == 0
    assert json.loads(done.stdout)["still_logged_in"] == [{"client": "docker", "key": HOST, "path": str(docker_file)}]
    assert "still" not in run_shorepass("logout", HOST).stderr
    assert run_shorepass("list").stdout == ""


def test_another_file_of_podman(run_shorepass: RunShorepass, podman_file: Path, home: Path) -> None:
    """A login in a file that podman reads and whose logout passes over is named with the flag that reaches it."""
    second = home / ".config/containers/auth.json"
    second.parent.mkdir(parents=True)
    second.write_bytes(podman_file.read_bytes())
    done = run_shorepass("logout", "--client", "podman", HOST)
    command = f"shorepass logout --client podman --authfile {second} {HOST}"
    assert command in done.stderr
    run_shorepass(*command.split()[1:])
    assert json.loads(second.read_text()) == {"auths": {}}


def test_another_spelling(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """A key that docker's logout passes over, and its pull takes, is named with the command that erases it."""
    key = f"https://{HOST}/v1/"
    docker_file.write_text(json.dumps({"auths": {key: {"auth": AUTH}}}))
    done = run_shorepass("logout", HOST)
    command = f"shorepass logout --client docker {key}"
    assert f"docker is still logged in to {key}, by {docker_file}: {command}\n" in done.stderr
    run_shorepass(*command.split()[1:])
    assert "wonderland" not in docker_file.read_text()
    assert AUTH not in docker_file.read_text()


def test_what_no_logout_reaches(run_shorepass: RunShorepass, home: Path) -> None:
    """A login in the variable, or in the file of an old docker that podman still reads, is named without a command."""
    (home / ".dockercfg").write_text(json.dumps({HOST: {"auth": AUTH}}))
    variable = json.dumps({"auths": {HOST: {"auth": AUTH}}})
    done = run_shorepass("logout", HOST, env={"DOCKER_AUTH_CONFIG": variable})
    assert f"docker is still logged in to {HOST}, by DOCKER_AUTH_CONFIG: remove it there\n" in done.stderr
    assert f"podman is still logged in to {HOST}, by {home}/.dockercfg: remove it there\n" in done.stderr


def test_the_commands_have_the_flags(
    run_shorepass: RunShorepass, docker_file: Path, podman_file: Path, home: Path
) -> None:
    """Files that were named stay named in the commands for what is left, where that client knows the flag."""
    folder, file = home / "other docker", home / "other podman"
    docker_file.parent.rename(folder)
    podman_file.rename(file)
    done = run_shorepass("logout", "--config", str(folder), "--authfile", str(file), "--client", "podman", HOST)
    assert done.stderr.endswith(f": shorepass logout --client docker --config '{folder}' {HOST}\n")
    done = run_shorepass("logout", "--client", "docker", "--config", str(folder), HOST)
    assert (done.status, "still" in done.stderr) == (0, False)


def test_a_missing_file_of_podman_stops_no_logout_of_docker(
    run_shorepass: RunShorepass, world: Path, docker_file: Path
) -> None:
    """Podman 4.3's own logout stops at it; docker's is done, and the copy in the vault is erased."""
    write_program(world / "bin/podman", "#!/bin/sh\necho 'podman version 4.3.1'\n")
    keep(run_shorepass, HOST)
    done = run_shorepass("logout", HOST, env={"REGISTRY_AUTH_FILE": str(world / "none.json")})
    assert done.status == 0
    assert "none.json" not in done.stderr
    assert HOST not in docker_file.read_text()
    assert f"erased {HOST} from" in done.stdout
    assert helper("list") == "{}\n"
