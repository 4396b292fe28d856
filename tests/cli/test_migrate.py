"""shorepass migrate: out of plain text into the store, without any client noticing, and back."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from client_files import auth, helper
from shorepass.clients import find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Credential, IdentityToken
from shorepass.errors import ShorepassError
from shorepass.names import parse

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set", "our_helper")

HUB = "https://index.docker.io/v1/"
ALICE, BOB = auth("alice:wonderland"), auth("bob:builder")
SECRETS = (ALICE["auth"], BOB["auth"], "wonderland", "builder", "a-token")
IMAGES = (
    "ghcr.io/acme/app",
    "quay.io/acme/app",
    "quay.io/other",
    "docker.io/nginx",
    "reg.example:5000/a/b",
    "localhost:5000/x",
)


@pytest.fixture
def docker_file(home: Path) -> Path:
    """Docker's file, which is not there yet."""
    (home / ".docker").mkdir()
    return home / ".docker/config.json"


@pytest.fixture
def podman_file(world: Path) -> Path:
    """Podman's file, which is not there yet."""
    (world / "run/containers").mkdir()
    return world / "run/containers/auth.json"


def write(file: Path, auths: dict[str, Any], **more: Any) -> bytes:
    """Write a file as docker and podman do; return its bytes."""
    file.write_text(json.dumps({"auths": auths, **more}, indent="\t"))
    file.chmod(0o600)
    return file.read_bytes()


def answers() -> dict[tuple[str, str], Credential | str]:
    """Return what each client would send for each image."""
    here = LocalContext.current()
    found: dict[tuple[str, str], Credential | str] = {}
    for client in ("docker", "podman", "skopeo"):
        for image in IMAGES:
            answer = find(client).resolve(here, parse(image)).answer
            if isinstance(answer, IdentityToken):
                answer = IdentityToken(answer.token)  # the user name beside it is not sent
            found[client, image] = answer.message if isinstance(answer, ShorepassError) else answer
    return found


def plain(world: Path) -> list[str]:
    """Return every file of the home and the run folder that holds a secret."""
    files = [path for name in ("home", "run") for path in (world / name).rglob("*") if path.is_file()]
    return [str(path) for path in files if any(secret.encode() in path.read_bytes() for secret in SECRETS)]


def in_store(run_shorepass: RunShorepass) -> dict[str, str]:
    """Return user names by key, as the vault has them."""
    done = run_shorepass("vault", "export", "-o", "out.json", "-y")
    assert done.status == 0, done.stderr
    out = Path(os.environ["HOME"]).parent / "out.json"
    found = json.loads(out.read_text())["auths"]
    out.unlink()
    return {key: login.get("username", "") for key, login in found.items()}


FILES: dict[str, dict[str, Any]] = {
    "docker's own": {"ghcr.io": ALICE, HUB: BOB, "localhost:5000": ALICE},
    "a token": {"ghcr.io": auth("alice:", identitytoken="a-token"), "quay.io": BOB},
    "keys with a scheme": {"https://ghcr.io": ALICE, "https://quay.io/v2/": BOB},
    "two keys of one registry": {"ghcr.io": ALICE, "https://ghcr.io/v1/": BOB},
    "two keys, one login": {"https://ghcr.io/v1/": ALICE, "https://ghcr.io/v2/": ALICE},
    "docker.io beside Hub's key": {"docker.io": ALICE, HUB: BOB},
    "what nobody asks for": {"index.docker.io": ALICE, "what is this": BOB},
    "empty entries between": {"ghcr.io": {}, "quay.io": ALICE, "localhost:5000": {}},
}


@pytest.mark.parametrize("client", ["docker", "podman"])
@pytest.mark.parametrize("name", FILES)
def test_every_client_sends_what_it_sent(
    run_shorepass: RunShorepass, world: Path, docker_file: Path, podman_file: Path, name: str, client: str
) -> None:
    """Out of the file, into the vault, and no client notices; --undo puts back every byte and empties the vault."""
    file = docker_file if client == "docker" else podman_file
    before, sent = write(file, FILES[name], psFormat="x"), answers()
    file.chmod(0o640)
    done = run_shorepass("migrate", "--apply")
    assert (done.status, plain(world)) == (0, []), done.stdout + done.stderr
    assert answers() == sent
    config = json.loads(file.read_text())
    assert (list(config["auths"]), config["psFormat"]) == (list(FILES[name]), "x")
    assert set(config["credHelpers"].values()) <= {"shorepass"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert run_shorepass("migrate").stdout == "no login is in plain text\n"
    done = run_shorepass("migrate", "--undo")
    assert (done.status, file.read_bytes()) == (0, before), done.stdout + done.stderr
    assert answers() == sent
    assert in_store(run_shorepass) == {}
    assert run_shorepass("migrate", "--undo").status == 2


def test_without_apply_nothing_changes(run_shorepass: RunShorepass, world: Path, docker_file: Path) -> None:
    """It is said what would be done, and how; not even a vault is made."""
    write(docker_file, FILES["docker's own"])
    done = run_shorepass("migrate")
    assert done.status == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["REGISTRY", "ghcr.io", HUB, "localhost:5000", "3"]
    assert "migrate --apply" in done.stderr
    assert [path for path in (world / "home").rglob("*") if path.is_file()] == [docker_file]
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


STAY: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a part of a registry": ({"quay.io/acme": ALICE, "quay.io": BOB}, {}, "a part of a registry"),
    "a coin toss": ({"https://ghcr.io/v1/": ALICE, "https://ghcr.io/v2/": BOB}, {}, "at random"),
    "a registry token": ({"ghcr.io": {"registrytoken": "a-token"}}, {}, "registry token"),
    "another helper": ({"ghcr.io": ALICE}, {"credHelpers": {"ghcr.io": "other"}}, "docker-credential-other"),
    "another store": ({"ghcr.io": ALICE}, {"credsStore": "other"}, "docker-credential-other"),
    "a password in the key": ({"https://u:builder@ghcr.io": ALICE}, {}, "its key contains"),
    "two secrets": ({"ghcr.io": auth("alice:wonderland", identitytoken="a-token")}, {}, "more than one secret"),
    "what podman does not see": ({"ghcr.io": {"username": "a", "password": "builder"}}, {}, "podman"),
    "a login for nobody": ({"ghcr.io": {"password": "builder"}}, {}, "no client"),
    "what a helper cannot say": ({"ghcr.io": auth("<token>:builder")}, {}, "it marks an identity token"),
}


@pytest.mark.parametrize("name", STAY)
def test_what_cannot_move_stays_and_says_why(
    run_shorepass: RunShorepass, world: Path, docker_file: Path, name: str
) -> None:
    """The file is as it was, the reason is told, and the exit code is 1."""
    (world / "bin/docker-credential-other").write_text(helper('{"Username":"held","Secret":"by it"}'))
    (world / "bin/docker-credential-other").chmod(0o755)
    auths, more, reason = STAY[name]
    before, sent = write(docker_file, auths, **more), answers()
    for words in ((), ("--apply",)):
        done = run_shorepass("migrate", *words)
        assert (done.status, docker_file.read_bytes(), answers()) == (1, before, sent)
        assert f"remains: {reason}" in done.stdout or reason in done.stdout
        assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


# A registry as docker and as podman write it.
KEYS = [("ghcr.io", "ghcr.io"), (HUB, "docker.io")]


@pytest.mark.parametrize(("key", "podmans"), KEYS)
def test_two_files_with_the_same_login(
    run_shorepass: RunShorepass, world: Path, docker_file: Path, podman_file: Path, key: str, podmans: str
) -> None:
    """One login in the store for both, named in both; both are back after --undo, and only then it leaves the store."""
    files = {docker_file: write(docker_file, {key: ALICE}), podman_file: write(podman_file, {podmans: ALICE})}
    sent = answers()
    assert run_shorepass("migrate", "--apply").status == 0
    assert (plain(world), answers(), in_store(run_shorepass)) == ([], sent, {key: "alice"})
    assert run_shorepass("migrate", "--undo").status == 0
    assert {file: file.read_bytes() for file in files} == files
    assert in_store(run_shorepass) == {}


def test_two_files_with_different_logins(run_shorepass: RunShorepass, docker_file: Path, podman_file: Path) -> None:
    """The store has one login for a registry: docker's moves, podman's stays where it is and is sent as before."""
    write(docker_file, {"ghcr.io": ALICE})
    before = write(podman_file, {"ghcr.io": BOB, "quay.io": BOB})
    sent = answers()
    done = run_shorepass("migrate", "--apply")
    assert (done.status, answers()) == (1, sent)
    assert "another login for ghcr.io" in done.stdout
    assert in_store(run_shorepass) == {"ghcr.io": "alice", "quay.io": "bob"}
    config = json.loads(podman_file.read_text())
    assert (config["auths"], config["credHelpers"]) == ({"ghcr.io": BOB, "quay.io": {}}, {"quay.io": "shorepass"})
    assert run_shorepass("migrate", "--undo").status == 0
    assert podman_file.read_bytes() == before


def test_one_client_alone(run_shorepass: RunShorepass, world: Path, docker_file: Path, podman_file: Path) -> None:
    """--client, --authfile and --config name whose files are meant; the other's are as they were."""
    other = world / "other.json"
    for words, moved in (
        (("--client", "docker"), docker_file),
        (("--client", "podman"), podman_file),
        (("--authfile", str(other)), other),
        (("--config", str(world / "folder")), world / "folder/config.json"),
    ):
        moved.parent.mkdir(exist_ok=True)
        before = {file: write(file, {"ghcr.io": ALICE}) for file in {docker_file, podman_file, moved}}
        if moved == other:  # --authfile takes the first file's place, and the others are read as well
            before = {other: before[other]}
        assert run_shorepass("migrate", "--apply", *words).status == 0
        assert [file for file in before if file.read_bytes() != before[file]] == [moved]
        assert run_shorepass("migrate", "--undo").status == 0


def test_one_file_by_two_names(run_shorepass: RunShorepass, docker_file: Path, podman_file: Path) -> None:
    """Podman's file is a symlink to docker's: it is read as docker reads it, and stays a symlink."""
    write(docker_file, {HUB: ALICE})
    podman_file.symlink_to(docker_file)
    sent = answers()
    assert run_shorepass("migrate", "--apply").status == 0
    assert answers() == sent
    assert podman_file.is_symlink()
    assert set(json.loads(docker_file.read_text())["credHelpers"]) == {HUB, "docker.io"}


def test_what_the_store_had_before_it_keeps(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """The same login is in the store already: only the plain text goes, and --undo leaves the store alone."""
    assert run_shorepass("vault", "init").status == 0
    before = write(docker_file, {"ghcr.io": ALICE, "quay.io": ALICE})
    store("ghcr.io", "alice", "wonderland")
    store("quay.io", "alice", "another")
    sent = answers()
    done = run_shorepass("migrate", "--apply")
    assert (done.status, answers()) == (1, sent)
    assert "another login for quay.io" in done.stdout
    assert json.loads(docker_file.read_text())["auths"] == {"ghcr.io": {}, "quay.io": ALICE}
    assert run_shorepass("migrate", "--undo").status == 0
    assert docker_file.read_bytes() == before
    assert in_store(run_shorepass) == {"ghcr.io": "alice", "quay.io": "alice"}


def store(key: str, user: str, secret: str) -> None:
    """Store a login by our helper, as a client does."""
    from shorepass.credential import Basic
    from shorepass.helper.client import HelperClient
    from shorepass.secret import Secret

    HelperClient(LocalContext.current(), "shorepass").store(key, Basic(user, Secret(secret)))


def test_what_was_left_when_the_helper_was_installed(
    run_shorepass: RunShorepass, world: Path, docker_file: Path
) -> None:
    """Docker asks Shorepass, which has nothing, and passes over the plain text: after it docker finds the login again."""
    assert run_shorepass("vault", "init").status == 0
    before = write(docker_file, {"ghcr.io": ALICE}, credsStore="shorepass")
    podman = answers()["podman", IMAGES[0]]
    assert answers()["docker", IMAGES[0]] != podman
    assert run_shorepass("migrate", "--apply").status == 0
    assert plain(world) == []
    assert answers()["docker", IMAGES[0]] == answers()["podman", IMAGES[0]] == podman
    assert run_shorepass("migrate", "--undo").status == 0
    assert docker_file.read_bytes() == before


def test_a_newer_login_goes_back(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """A password that was changed after the migration is what --undo writes; a login that is gone stays gone."""
    write(docker_file, {"ghcr.io": ALICE, "quay.io": ALICE})
    assert run_shorepass("migrate", "--apply").status == 0
    store("ghcr.io", "bob", "builder")
    assert run_shorepass("logout", "quay.io").status == 0
    done = run_shorepass("migrate", "--undo")
    assert done.status == 0
    assert json.loads(docker_file.read_text()) == {"auths": {"ghcr.io": BOB}}
    assert in_store(run_shorepass) == {}


def test_a_login_that_stands_there_by_now_is_left_alone(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """Plain text that is newer than the migration is neither overwritten nor taken for what was verified."""
    write(docker_file, {"ghcr.io": ALICE, "quay.io": ALICE})
    assert run_shorepass("migrate", "--apply").status == 0
    config = json.loads(docker_file.read_text())
    write(docker_file, {**config["auths"], "ghcr.io": BOB}, credHelpers=config["credHelpers"])
    done = run_shorepass("migrate", "--undo")
    assert (done.status, "remains: the file now has another login" in done.stdout) == (1, True)
    assert json.loads(docker_file.read_text()) == {
        "auths": {"ghcr.io": BOB, "quay.io": ALICE},
        "credHelpers": {"ghcr.io": "shorepass"},
    }
    assert in_store(run_shorepass) == {"ghcr.io": "alice"}


@pytest.mark.parametrize(("key", "podmans"), KEYS)
def test_undo_by_name_in_any_order(
    run_shorepass: RunShorepass, docker_file: Path, podman_file: Path, key: str, podmans: str
) -> None:
    """Two migrations share a login: whichever is taken back first, the store keeps it for the other."""
    for first in (0, 1):
        files = {docker_file: write(docker_file, {key: ALICE})}
        podman_file.unlink(missing_ok=True)
        names = [json.loads(run_shorepass("migrate", "--apply", "--json").stdout)["migration"]]
        files[podman_file] = write(podman_file, {podmans: ALICE})
        names.append(json.loads(run_shorepass("migrate", "--apply", "--json").stdout)["migration"])
        sent = answers()
        for name in (names[first], names[1 - first]):
            assert run_shorepass("migrate", "--undo", name).status == 0
            assert answers() == sent
        assert {file: file.read_bytes() for file in files} == files
        assert in_store(run_shorepass) == {}


def test_a_file_that_is_not_there_is_named(run_shorepass: RunShorepass) -> None:
    """A slip in a flag is not taken for a file without logins."""
    for flag, name, file in (("--authfile", "auht.json", "auht.json"), ("--config", "dokcer", "dokcer/config.json")):
        done = run_shorepass("migrate", flag, name)
        assert (done.status, done.stderr) == (0, f"shorepass: {file}: the file does not exist\n")


def test_an_undo_names_the_accounts_that_are_chosen_no_longer(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """The file asks our helper no more, so neither a rule nor the variable counts; the login is where it was."""
    write(docker_file, {"ghcr.io": ALICE, "quay.io": ALICE})
    assert run_shorepass("migrate", "--apply").status == 0
    store("ghcr.io#work", "bob", "builder")
    done = run_shorepass("migrate", "--undo")
    assert (done.status, done.stderr.count("the account work has a login for ghcr.io, but clients no longer ask")) == (
        0,
        1,
    )
    assert in_store(run_shorepass) == {"ghcr.io#work": "bob"}


def test_several_at_once(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """One migrates and the others find nothing left to do: no login is erased because another process has moved it."""
    auths = {f"r{number}.example": auth(f"alice:{number}") for number in range(20)}
    before = write(docker_file, auths)
    assert run_shorepass("vault", "init").status == 0
    for words in (["--apply"], ["--undo"]):
        argv = [sys.executable, "-m", "shorepass", "migrate", *words]
        processes = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
        found = sorted(process.wait(60) for process in processes)
        assert found == ([0] * 4 if words == ["--apply"] else [0, 2, 2, 2])
        moved = words == ["--apply"]
        assert in_store(run_shorepass) == (dict.fromkeys(auths, "alice") if moved else {})
        assert (docker_file.read_bytes() == before) is not moved


def test_the_journal_holds_no_secret(run_shorepass: RunShorepass, home: Path, docker_file: Path) -> None:
    """It names keys, files and what was named before, readable for nobody else."""
    write(docker_file, FILES["a token"])
    run_shorepass("migrate", "--apply")
    (file,) = (home / ".local/state/shorepass/migrate").glob("*.json")
    assert not any(secret in file.read_text() for secret in SECRETS)
    assert "ghcr.io" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_json(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """One document says what moves, what stays and why."""
    write(docker_file, {HUB: ALICE, "quay.io/acme": BOB})
    done = run_shorepass("migrate", "--apply", "--json")
    found = json.loads(done.stdout)
    assert (done.status, found["state"], found["store"]) == (1, "moved", "vault")
    assert found["logins"] == [
        {
            "key": HUB,
            "user": "alice",
            "kind": "password",
            "stored_in": str(docker_file),
            "path": str(docker_file),
            "store_keys": [HUB, "docker.io"],
        }
    ]
    (stay,) = found["stays"]
    assert (stay["key"], stay["path"], stay["broken"]) == ("quay.io/acme", str(docker_file), False)


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": {"a.io": {"auth": "no base64"}}}'])
def test_a_broken_file_is_an_error_and_the_rest_goes_on(
    run_shorepass: RunShorepass, docker_file: Path, podman_file: Path, text: str
) -> None:
    """Exit code 3 names it and leaves it as it is; the other file's logins move."""
    docker_file.write_text(text)
    write(podman_file, {"ghcr.io": ALICE})
    done = run_shorepass("migrate", "--apply")
    assert (done.status, docker_file.read_text()) == (3, text)
    assert str(docker_file) in done.stderr
    assert ALICE["auth"] not in podman_file.read_text()


def test_a_file_of_before_2015_stays(run_shorepass: RunShorepass, home: Path) -> None:
    """No helper can be named in .dockercfg."""
    (home / ".dockercfg").write_text(json.dumps({"ghcr.io": ALICE}))
    done = run_shorepass("migrate")
    assert (done.status, "before 2015" in done.stdout) == (1, True)


def test_uninstalling_the_helper_everywhere_names_the_migration(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """Where a migration has named our helper, its logins have to go back, too: the hint does both."""
    before = write(docker_file, {"ghcr.io": ALICE})
    assert run_shorepass("migrate", "--apply").status == 0
    done = run_shorepass("helper", "uninstall", "--all", "-y")
    assert (done.status, done.stdout) == (0, "no file names docker-credential-shorepass\n")
    assert "hint: shorepass migrate --undo\n" in done.stderr
    assert run_shorepass("migrate", "--undo").status == 0
    assert docker_file.read_bytes() == before
    assert run_shorepass("helper", "uninstall", "--all", "-y").stderr == ""


def hints(stderr: str) -> list[str]:
    """Return the commands of the hints, up to what a person is to do after them."""
    lines = [line.removeprefix("hint: ") for line in stderr.splitlines() if line.startswith("hint: ")]
    return [line.partition(", then")[0] for line in lines if line.startswith("shorepass logout")]


def test_a_hint_is_the_command_that_mends_it(
    run_shorepass: RunShorepass, docker_file: Path, podman_file: Path, home: Path
) -> None:
    """What stays is taken out of its own file by the command of the hint, whichever client's that is."""
    second = home / ".config/containers/auth.json"
    second.parent.mkdir(parents=True)
    for file in (docker_file, podman_file, second):
        write(file, {f"{len(file.parts)}.example": {**ALICE, "identitytoken": "a-token"}})
    found = hints(run_shorepass("migrate").stderr)
    assert len(found) == 3
    for command in found:
        assert run_shorepass(*shlex.split(command)[1:]).status == 0
    assert [json.loads(file.read_text())["auths"] for file in (docker_file, podman_file, second)] == [{}, {}, {}]


def test_a_key_that_no_logout_finds(run_shorepass: RunShorepass, docker_file: Path) -> None:
    """A key with a user name in it is taken out by hand: a logout of the registry would leave it there."""
    write(docker_file, {"me@ghcr.io": ALICE})
    done = run_shorepass("migrate")
    assert (hints(done.stderr), "by hand" in done.stderr) == ([], True)


def test_two_logins_before_anything_has_moved(
    run_shorepass: RunShorepass, docker_file: Path, podman_file: Path
) -> None:
    """The other login is in no store yet when it is planned: what is said then is true, and mends it as it stands there."""
    write(docker_file, {"ghcr.io": ALICE})
    write(podman_file, {"ghcr.io": BOB})
    done = run_shorepass("migrate")
    assert "the store has another login for ghcr.io, or gets one first" in done.stdout
    assert (
        "hint: if this one is right: shorepass migrate --apply, forget the store's (printf %s ghcr.io | docker-cre"
        in done.stderr
    )
    assert run_shorepass("migrate", "--apply").status == 1
    shell = "printf ghcr.io | docker-credential-shorepass erase"
    subprocess.run(["/bin/sh", "-c", shell], check=True, timeout=60)
    assert run_shorepass("migrate", "--apply").status == 0
    assert in_store(run_shorepass) == {"ghcr.io": "bob"}


def test_where_no_client_would_find_it(run_shorepass: RunShorepass, world: Path, home: Path, docker_file: Path) -> None:
    """Our helper is not on PATH, or the store is not the one it uses, or is plain text: nothing moves, and a hint mends it."""
    before = write(docker_file, {"ghcr.io": ALICE})
    settings = home / ".config/shorepass/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('store = "vault"\n')
    done = run_shorepass("migrate", "--apply", "--to", "keychain")
    assert (done.status, "shorepass stores use keychain" in done.stderr) == (2, True)
    for name, reason in (("nonsense", "no store is called"), ("file", "plain text")):
        done = run_shorepass("migrate", "--to", name)
        assert (done.status, reason in done.stderr, f"use {name}" in done.stderr) == (2, True, False)
    settings.write_text('store = "file"\n')
    done = run_shorepass("migrate", "--apply")
    assert (done.status, "plain text" in done.stderr) == (2, True)
    settings.unlink()
    (world / "bin/docker-credential-shorepass").unlink()
    done = run_shorepass("migrate", "--apply")
    assert (done.status, "not on PATH" in done.stderr) == (2, True)
    assert docker_file.read_bytes() == before
    assert not (home / ".local").exists()


def test_the_first_migration_may_name_the_store(
    run_shorepass: RunShorepass, world: Path, home: Path, docker_file: Path, keeper: Path
) -> None:
    """Where none is in use, --to is the one from now on; a name that is none changes nothing."""
    keeper.unlink()
    before = write(docker_file, {"ghcr.io": ALICE})
    for name, status in (("nonsense", 2), ("file", 2), ("helper:nonesuch", 3), ("keychain", 3)):
        assert run_shorepass("migrate", "--apply", "--to", name).status == status
    assert (docker_file.read_bytes(), (home / ".config").exists()) == (before, False)
    sent = answers()
    assert run_shorepass("migrate", "--apply", "--to", "helper:keeper").status == 0
    assert (plain(world), answers(), list(json.loads(keeper.read_text()))) == ([], sent, ["ghcr.io"])
    assert run_shorepass("migrate", "--undo", "--client", "docker").status == 2
    assert run_shorepass("migrate", "--undo").status == 0
    assert (docker_file.read_bytes(), json.loads(keeper.read_text())) == (before, {})


def test_a_locked_store_changes_nothing(run_shorepass: RunShorepass, home: Path, docker_file: Path) -> None:
    """A vault whose key is gone is an error, and the file keeps its login."""
    assert run_shorepass("vault", "init").status == 0
    (home / ".local/state/shorepass/machine.key").unlink()
    before = write(docker_file, {"ghcr.io": ALICE})
    for words in ((), ("--apply",)):
        done = run_shorepass("migrate", *words)
        assert (done.status, docker_file.read_bytes()) == (3, before)
        assert "no key for" in done.stderr


# From another helper

KEEPER = f"""#!{sys.executable}
import json, os, sys
path = __file__ + ".kept"
kept = json.load(open(path)) if os.path.exists(path) else {{}}
given = sys.stdin.read()
match sys.argv[1]:
    case "list":
        print(json.dumps({{key: login["Username"] for key, login in kept.items()}}))
    case "get" if given.strip() in kept and given.strip() != "broken.example":
        print(json.dumps(kept[given.strip()]))
    case "store":
        kept[json.loads(given)["ServerURL"]] = json.loads(given)
    case "erase" if given.strip() in kept:
        del kept[given.strip()]
    case _:
        print("broken" if given.strip() == "broken.example" else "credentials not found in native keychain")
        sys.exit(1)
json.dump(kept, open(path, "w"))
"""


@pytest.fixture
def keeper(world: Path) -> Path:
    """docker-credential-keeper with two logins; the path of what it keeps."""
    program = world / "bin/docker-credential-keeper"
    program.write_text(KEEPER)
    program.chmod(0o755)
    kept = world / "bin/docker-credential-keeper.kept"
    keep(kept, **{"ghcr.io": "alice", "quay.io": "bob"})
    return kept


def keep(kept: Path, **users: str) -> None:
    """Let the other helper keep logins with these user names."""
    logins = {key: {"ServerURL": key, "Username": user, "Secret": "wonderland"} for key, user in users.items()}
    kept.write_text(json.dumps(logins))


@pytest.mark.parametrize("file_names", ["credsStore", "credHelpers"])
def test_from_a_helper_and_back(
    run_shorepass: RunShorepass, docker_file: Path, podman_file: Path, keeper: Path, file_names: str
) -> None:
    """No client notices; what the other helper kept is in the store, accounts and all, and --undo gives it back."""
    keep(keeper, **{"ghcr.io": "alice", "ghcr.io#work": "carol", "quay.io": "bob"})
    named = {"credHelpers": {"ghcr.io": "keeper", "elsewhere.example": "other"}}
    files = {
        docker_file: write(docker_file, {}, **({"credsStore": "keeper"} if file_names == "credsStore" else named)),
        podman_file: write(podman_file, {}, **named),
    }
    sent = answers()
    done = run_shorepass("migrate", "--from", "keeper")
    assert (done.status, "3 logins can move" in done.stdout) == (0, True), done.stderr
    assert {file: file.read_bytes() for file in files} == files
    done = run_shorepass("migrate", "--from", "keeper", "--apply")
    assert done.status == 0, done.stdout + done.stderr
    assert (answers(), json.loads(keeper.read_text())) == (sent, {})
    assert in_store(run_shorepass) == {"ghcr.io": "alice", "ghcr.io#work": "carol", "quay.io": "bob"}
    assert not any('"keeper"' in file.read_text() for file in files)
    assert run_shorepass("migrate", "--from", "keeper").stdout == "docker-credential-keeper has no login\n"
    assert run_shorepass("migrate", "--undo").status == 0
    assert (answers(), {file: file.read_bytes() for file in files}) == (sent, files)
    assert (len(json.loads(keeper.read_text())), in_store(run_shorepass)) == (3, {})


def test_a_helper_that_no_file_names(run_shorepass: RunShorepass, docker_file: Path, keeper: Path) -> None:
    """The next step is the command that names Shorepass's helper; then docker has the logins."""
    docker_file.write_text('{"credsStore": "desktop"}')  # Docker Desktop was removed
    assert keeper
    for words in ([], ["--apply"]):
        done = run_shorepass("migrate", "--from", "keeper", *words)
        assert (done.status, done.stderr.splitlines()[-1]) == (0, "hint: shorepass helper install")
    assert run_shorepass("helper", "install", "--yes").status == 0
    assert run_shorepass("get", "--field", "username", "ghcr.io").stdout == "alice\n"
    keep(keeper, **{"localhost:5000": "carol"})
    assert "helper install" not in run_shorepass("migrate", "--from", "keeper", "--apply").stderr
    assert run_shorepass("get", "--field", "username", "localhost:5000").stdout == "carol\n"


def test_a_helper_that_is_missing(run_shorepass: RunShorepass) -> None:
    """The hint says how to get it, and names no file: the user has typed its name."""
    done = run_shorepass("migrate", "--from", "nowhere")
    assert (done.status, done.stderr.splitlines()[-1]) == (3, "hint: install it, or add its folder to PATH")


def test_one_login_that_cannot_move_keeps_all_where_docker_asks_for_all(
    run_shorepass: RunShorepass, docker_file: Path, keeper: Path
) -> None:
    """CredsStore is one name for every registry; credHelpers are one for each, so there the others move."""
    assert run_shorepass("vault", "init").status == 0
    store("quay.io", "dave", "another")
    before = write(docker_file, {}, credsStore="keeper")
    done = run_shorepass("migrate", "--from", "keeper", "--apply")
    assert (done.status, docker_file.read_bytes(), len(json.loads(keeper.read_text()))) == (1, before, 2)
    assert "another login for quay.io" in done.stdout
    write(docker_file, {}, credHelpers={"ghcr.io": "keeper", "quay.io": "keeper"})
    sent = answers()
    done = run_shorepass("migrate", "--from", "keeper", "--apply")
    assert (done.status, list(json.loads(keeper.read_text()))) == (1, ["quay.io"])
    assert json.loads(docker_file.read_text())["credHelpers"] == {"ghcr.io": "shorepass", "quay.io": "keeper"}
    assert answers() == sent


def test_a_login_that_the_helper_cannot_give(run_shorepass: RunShorepass, docker_file: Path, keeper: Path) -> None:
    """It stays there, as an error; the others move where a registry is named alone."""
    keep(keeper, **{"ghcr.io": "alice", "broken.example": "bob"})
    write(docker_file, {}, credHelpers={"ghcr.io": "keeper", "broken.example": "keeper"})
    done = run_shorepass("migrate", "--from", "keeper", "--apply", "--json")
    found = json.loads(done.stdout)
    assert (done.status, [stay["key"] for stay in found["stays"]]) == (3, ["broken.example"])
    assert ([login["key"] for login in found["logins"]], found["helper"]) == (["ghcr.io"], "keeper")


def test_a_newer_login_at_the_helper_is_left_alone(
    run_shorepass: RunShorepass, docker_file: Path, keeper: Path
) -> None:
    """Somebody logged in there since then: --undo changes nothing, and says what is in the way."""
    write(docker_file, {}, credsStore="keeper")
    assert run_shorepass("migrate", "--from", "keeper", "--apply").status == 0
    after = docker_file.read_bytes()
    keep(keeper, **{"ghcr.io": "zoe"})
    done = run_shorepass("migrate", "--undo")
    assert (done.status, docker_file.read_bytes()) == (1, after)
    assert set(in_store(run_shorepass)) == {"ghcr.io", "quay.io"}


def test_registries_conf_is_left_to_a_person(
    run_shorepass: RunShorepass, home: Path, docker_file: Path, keeper: Path
) -> None:
    """Podman would no longer find what is erased there: the line to write is told, and with it the migration goes on."""
    write(docker_file, {}, credsStore="keeper")
    conf = home / ".config/containers/registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text('credential-helpers = ["containers-auth.json", "keeper"]\n')
    done = run_shorepass("migrate", "--from", "keeper", "--apply")
    line = 'credential-helpers = ["containers-auth.json", "keeper", "shorepass"]'
    assert (done.status, line in done.stderr, len(json.loads(keeper.read_text()))) == (2, True, 2)
    conf.write_text(line + "\n")
    sent = answers()
    assert run_shorepass("migrate", "--from", "keeper", "--apply").status == 0
    assert answers() == sent


def test_helpers_that_logins_cannot_come_from(run_shorepass: RunShorepass, home: Path, keeper: Path) -> None:
    """Our own, the one that the store itself is, and one that is not there."""
    assert run_shorepass("migrate", "--from", "shorepass").status == 2
    assert run_shorepass("migrate", "--from", "nowhere").status == 3
    assert run_shorepass("migrate", "--from", "keeper", "--client", "docker").status == 2
    settings = home / ".config/shorepass/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('store = "helper:keeper"\n')
    done = run_shorepass("migrate", "--from", "keeper", "--apply")
    assert (done.status, len(json.loads(keeper.read_text()))) == (2, 2)
