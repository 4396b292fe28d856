"""Where a first login is kept: a keychain that works, else the vault, and never plain text without being asked."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.keyring_service import bus, keyring_daemon, lock
from shorepass import Basic, LocalContext, Secret
from shorepass.clients import find
from shorepass.credential import ANONYMOUS
from shorepass.errors import StoreBroken, UsageError
from shorepass.logins.placement import decide
from shorepass.logins.shorepass_store import store_and_name_helper
from shorepass.stores import probe
from shorepass.stores.in_use import choose, named
from shorepass.stores.vault.setup import init, machine_key
from shorepass.stores.vault.vault import Vault
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import Done, RunShorepass
    from shorepass.stores import Store

pytestmark = pytest.mark.usefixtures("nothing_set")

PASSWORD = "wonderland"


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry where alice and bob have logins."""
    with Registry(users={"alice": PASSWORD, "bob": "builder"}) as running:
        yield running


@pytest.fixture
def docker_file(home: Path) -> Path:
    """Docker's file, which is not there yet."""
    (home / ".docker").mkdir()
    return home / ".docker/config.json"


def log_in(run: RunShorepass, host: str, *flags: str, user: str = "alice", password: str = PASSWORD) -> Done:
    return run("login", *flags, "-u", user, "--password-stdin", host, stdin=password)


def user_of(run: RunShorepass, host: str, client: str = "docker") -> str | None:
    done = run("get", "--client", client, host)
    return json.loads(done.stdout)["Username"] if done.status == 0 else None


def in_plain_text(folder: Path) -> list[str]:
    words = (PASSWORD.encode(), b64encode(f"alice:{PASSWORD}".encode()))
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in paths if any(word in path.read_bytes() for word in words)]


@pytest.mark.usefixtures("our_helper")
@pytest.mark.parametrize("how", ["config.toml", "--store"])
def test_a_store_that_is_none_is_said_before_the_password_is_sent(
    run_shorepass: RunShorepass, registry: Registry, home: Path, how: str
) -> None:
    """No registry sees a password for which there is no place."""
    if how == "config.toml":
        (home / ".config/shorepass").mkdir(parents=True)
        (home / ".config/shorepass/config.toml").write_text('store = "valut"\n')
    done = log_in(run_shorepass, registry.host, *(("--store", "valut") if how == "--store" else ()))
    assert (done.status, "no store is called 'valut'" in done.stderr) == (1, True), done.stderr
    assert registry.requests == []


@pytest.mark.usefixtures("our_helper")
def test_without_a_keyring_a_vault_is_made(
    run_shorepass: RunShorepass, registry: Registry, world: Path, docker_file: Path
) -> None:
    """Nothing is set, and there is no keyring: the login is in a new vault, for docker and podman, and says so once."""
    done = log_in(run_shorepass, registry.host)
    assert (done.status, done.stdout) == (0, "Login Succeeded\n")
    assert done.stderr.count("created encrypted vault ") == 1
    assert in_plain_text(world) == []
    assert [user_of(run_shorepass, registry.host, client) for client in ("docker", "podman")] == ["alice", "alice"]
    assert json.loads(docker_file.read_text()) == {
        "credHelpers": {registry.host: "shorepass"},
        "credsStore": "shorepass",
        "auths": {registry.host: {}},
    }
    assert log_in(run_shorepass, registry.host).stderr == ""


@pytest.mark.usefixtures("our_helper")
@pytest.mark.parametrize("account", ["", "work"])
def test_one_login_serves_all_of_every_registry(run_shorepass: RunShorepass, home: Path, account: str) -> None:
    """Podman finds the second registry's login and the third's as well, though docker itself would only need credsStore."""
    with Registry(users={"alice": PASSWORD}) as one, Registry(users={"alice": PASSWORD}) as two:
        for registry in (one, two):
            assert log_in(run_shorepass, registry.host, *(["--as", account] if account else [])).status == 0
        for registry in (one, two):
            for client in ("docker", "podman"):
                done = run_shorepass("get", "--client", client, registry.host, env={"SHOREPASS_ACCOUNT": account})
                assert json.loads(done.stdout)["Username"] == "alice", (client, registry.host)
        assert run_shorepass("helper", "uninstall", "--all", "--yes").status == 0
        assert "shorepass" not in (home / ".docker/config.json").read_text()


@pytest.mark.usefixtures("our_helper")
def test_other_logins_of_the_file_stay_where_docker_finds_them(
    run_shorepass: RunShorepass, registry: Registry, docker_file: Path
) -> None:
    """A file with other logins in plain text gets a helper for this registry alone, and keeps all else."""
    auth = b64encode(b"carol:other").decode()
    docker_file.write_text(json.dumps({"auths": {"b.example": {"auth": auth}}, "psFormat": "x"}))
    assert log_in(run_shorepass, registry.host).status == 0
    config = json.loads(docker_file.read_text())
    assert config["auths"]["b.example"] == {"auth": auth}
    assert ("credsStore" in config, config["psFormat"]) == (False, "x")
    assert (user_of(run_shorepass, "b.example"), user_of(run_shorepass, registry.host)) == ("carol", "alice")


@pytest.mark.usefixtures("our_helper")
def test_a_login_that_was_plain_text_leaves_the_file(
    run_shorepass: RunShorepass, registry: Registry, world: Path
) -> None:
    """The next login of a registry whose login stood in the file takes it out of there, docker's and podman's alike."""
    for flags in ((), ("--client", "podman")):
        assert log_in(run_shorepass, registry.host, "--store", "file", *flags).status == 0
        assert in_plain_text(world) != []
        assert log_in(run_shorepass, registry.host, *flags).status == 0
        assert in_plain_text(world) == []
        assert user_of(run_shorepass, registry.host, "podman" if flags else "docker") == "alice"


def test_without_our_helper_on_path_nothing_is_sent_or_written(
    run_shorepass: RunShorepass, registry: Registry, world: Path
) -> None:
    """No client could ask a helper that is not on PATH: an error that says what helps, before the password goes anywhere."""
    done = log_in(run_shorepass, registry.host)
    assert done.status == 1
    assert "docker-credential-shorepass is not on PATH" in done.stderr
    assert "--store file" in done.stderr
    assert registry.requests == []
    assert not any(path.is_file() for path in world.rglob("*"))


@pytest.mark.parametrize("how", ["flag", "setting"])
@pytest.mark.usefixtures("our_helper")
def test_plain_text_by_name(run_shorepass: RunShorepass, registry: Registry, home: Path, how: str) -> None:
    """Whoever asks for the file by name gets what docker does, with docker's own warning."""
    if how == "setting":
        assert run_shorepass("stores", "use", "file").status == 0
    done = log_in(run_shorepass, registry.host, *(["--store", "file"] if how == "flag" else []))
    assert done.status == 0
    assert "stored unencrypted" in done.stderr
    assert in_plain_text(home) == [str(home / ".docker/config.json")]


@pytest.mark.usefixtures("our_helper")
def test_a_part_of_a_registry_is_plain_text_and_says_so(
    run_shorepass: RunShorepass, registry: Registry, world: Path
) -> None:
    """Podman asks no helper for a part of a registry: such a login stands in its file, and that is said."""
    done = log_in(run_shorepass, f"{registry.host}/team", "--client", "podman")
    assert done.status == 0
    file = world / "run/containers/auth.json"
    assert f"{file} in plain text" in done.stderr
    assert user_of(run_shorepass, f"{registry.host}/team/app", "podman") == "alice"


@pytest.mark.usefixtures("our_helper")
def test_an_auth_file_by_name_holds_the_login_itself(
    run_shorepass: RunShorepass, registry: Registry, tmp_path: Path
) -> None:
    """A file that is named is for somebody else, a container perhaps: the login is stored in it, and that is said."""
    file = tmp_path / "auth.json"
    done = log_in(run_shorepass, registry.host, "--authfile", str(file))
    assert (done.status, in_plain_text(tmp_path)) == (0, [str(file)])
    assert f"{file} in plain text" in done.stderr


@pytest.mark.usefixtures("our_helper")
def test_a_helper_that_the_file_names_is_asked(
    run_shorepass: RunShorepass, registry: Registry, world: Path, docker_file: Path
) -> None:
    """What stands in the client's file counts before any store of ours."""
    docker_file.write_text('{"credsStore": "mine"}')
    helper = world / "bin/docker-credential-mine"
    helper.write_text(f"#!/bin/sh\n/bin/cat >{world}/given\n")
    helper.chmod(0o755)
    done = log_in(run_shorepass, registry.host)
    assert (done.status, done.stderr) == (0, "")
    done = log_in(run_shorepass, registry.host, "--store", "helper:mine")
    assert (done.status, done.stderr) == (0, "")
    assert json.loads((world / "given").read_text())["Username"] == "alice"
    assert not (world / "home/.local").exists()


@pytest.mark.usefixtures("our_helper")
def test_the_helper_of_a_docker_desktop_that_is_gone(
    run_shorepass: RunShorepass, registry: Registry, docker_file: Path
) -> None:
    """The hint of the login that fails is the command after which it does not, and is no plain text, either."""
    docker_file.write_text('{"credsStore": "desktop", "currentContext": "default"}')
    done = log_in(run_shorepass, registry.host)
    assert (done.status, done.stderr.endswith(": shorepass doctor --fix\n")) == (1, True)
    run_shorepass("doctor", "--fix", "--yes")
    assert log_in(run_shorepass, registry.host).status == 0
    assert json.loads(docker_file.read_text())["credsStore"] == "shorepass"


@pytest.mark.usefixtures("our_helper")
def test_one_login_for_a_registry_and_it_says_whose_was_replaced(
    run_shorepass: RunShorepass, registry: Registry
) -> None:
    """Docker and podman share what our helper keeps: who replaces the other's login is told."""
    assert log_in(run_shorepass, registry.host).status == 0
    done = log_in(run_shorepass, registry.host, "--client", "podman", user="bob", password="builder")
    assert done.status == 0
    assert "'alice' was logged in before" in done.stderr
    assert [user_of(run_shorepass, registry.host, client) for client in ("docker", "podman")] == ["bob", "bob"]


@pytest.mark.usefixtures("our_helper")
@pytest.mark.parametrize("state", ["works", "locked", "hangs"])
def test_a_keyring_is_chosen_if_it_passes_the_test(
    run_shorepass: RunShorepass,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    state: str,
) -> None:
    """A real keyring that is open keeps the login, and the settings say so; a locked or silent one leaves it to the vault."""
    hang = tmp_path / "hang"
    hang.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    hang.chmod(0o755)
    with bus(tmp_path / "bus", starts=str(hang) if state == "hangs" else "") as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        if state == "hangs":
            done = log_in(run_shorepass, registry.host)
        else:
            with keyring_daemon(tmp_path, address):
                if state == "locked":
                    lock(address)
                done = log_in(run_shorepass, registry.host)
                if state == "works":
                    keychain = named("keychain", LocalContext.current(), ask=input, tell=print)
                    assert keychain.list() == {registry.host: "alice"}
                assert user_of(run_shorepass, registry.host) == "alice"
        assert done.status == 0, done.stderr
    settings, vault = home / ".config/shorepass/config.toml", home / ".local/share/shorepass/vault.age"
    assert (settings.exists(), vault.exists()) == ((True, False) if state == "works" else (False, True))
    if state == "works":
        assert settings.read_text() == 'store = "keychain"\n'


@pytest.mark.usefixtures("our_helper")
@pytest.mark.parametrize("flags", [(), ("--as", "work")])
@pytest.mark.parametrize("store", ["nonsense", "keychain", "helper:nonesuch"])
def test_a_store_that_does_not_work_is_not_set(
    run_shorepass: RunShorepass, registry: Registry, home: Path, store: str, flags: tuple[str, ...]
) -> None:
    """A slip in ``--store`` is an error that leaves nothing behind: the next login is kept as if it had not been."""
    done = log_in(run_shorepass, registry.host, "--store", store, *flags)
    assert (done.status, (home / ".config").exists(), (home / ".docker").exists()) == (1, False, False)
    assert log_in(run_shorepass, registry.host, *flags).status == 0


@pytest.mark.usefixtures("our_helper")
def test_a_store_by_name_is_set_once(run_shorepass: RunShorepass, registry: Registry, home: Path) -> None:
    """``--store vault`` makes and sets it; another one is then refused, with the command that changes it."""
    assert log_in(run_shorepass, registry.host, "--store", "vault").status == 0
    assert (home / ".config/shorepass/config.toml").read_text() == 'store = "vault"\n'
    done = log_in(run_shorepass, registry.host, "--store", "keychain")
    assert (done.status, "hint: shorepass stores use keychain" in done.stderr) == (1, True)
    assert user_of(run_shorepass, registry.host) == "alice"
    done = log_in(run_shorepass, "other.example", "--store", "nonsense")
    assert done.status == 1


@pytest.mark.usefixtures("our_helper")
def test_a_login_where_an_account_is_meant_is_that_account_s(run_shorepass: RunShorepass, registry: Registry) -> None:
    """As docker's own login would, by way of our helper: the first one, which makes the vault, and the next."""
    work = {"SHOREPASS_ACCOUNT": "work"}
    for user, password in (("alice", PASSWORD), ("bob", "builder")):
        words = ("-u", user, "--password-stdin", registry.host)
        done = run_shorepass("login", *words, stdin=password, env=work)
        assert done.status == 0, done.stderr
        assert json.loads(run_shorepass("get", registry.host, env=work).stdout)["Username"] == user
        assert user_of(run_shorepass, registry.host) is None
    assert json.loads(run_shorepass("accounts", "--json").stdout)["accounts"][0]["user"] == "bob"


@pytest.mark.usefixtures("our_helper")
def test_docker_hub_is_named_as_each_client_asks_for_it(home: Path) -> None:
    """Docker Hub's login is found by docker and by podman, which reads docker's file and knows Hub by another name."""
    here, docker = LocalContext.current(), find("docker")
    target = docker.target(here, "")
    decision = decide(here, docker, target, None)
    assert decision.here is not None
    store_and_name_helper(decision.here, docker, target, Basic("alice", Secret(PASSWORD)), None, lambda _: None)
    config = json.loads((home / ".docker/config.json").read_text())
    assert config["credHelpers"] == {"https://index.docker.io/v1/": "shorepass", "docker.io": "shorepass"}


def test_a_vault_that_another_login_has_made_meanwhile(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Of two first logins at once each finds the vault that one of them has made."""
    here, told = LocalContext.current(), list[str]()

    def made_meanwhile(store: Store) -> StoreBroken:
        init(Vault(here, ask=input, tell=print), here, machine_key())
        return StoreBroken(store.name, "not here")

    monkeypatch.setattr(probe, "trouble", made_meanwhile)
    choose(here, ask=input, tell=told.append).store("a.example", Basic("alice", Secret("x")))
    assert Vault(here, ask=input, tell=print).list() == {"a.example": "alice"}
    assert told == []
    for path in home.rglob("vault.age*"):
        path.unlink()
    monkeypatch.setattr(probe, "trouble", lambda store: StoreBroken(store.name, "not here"))
    with pytest.raises(UsageError, match="there is a key without a vault"):
        choose(here, ask=input, tell=told.append)


class Forgetful:
    """A store that takes everything and gives nothing back."""

    name = "forgetful"

    def get(self, key: str) -> object:  # noqa: ARG002  # a store's
        return ANONYMOUS

    def store(self, key: str, credential: object) -> None:
        pass

    def erase(self, key: str) -> bool:  # noqa: ARG002  # a store's
        return False

    def list(self) -> dict[str, str]:
        return {}


def test_a_store_that_says_yes_and_keeps_nothing_does_not_pass() -> None:
    """The test is whether it gives back what it was given, not what it says."""
    assert isinstance(probe.trouble(Forgetful()), StoreBroken)  # type: ignore[arg-type]  # it forgets


@pytest.mark.parametrize("state", ["nothing", "vault", "passphrase", "no key", "damaged"])
def test_stores_says_what_works(run_shorepass: RunShorepass, world: Path, home: Path, state: str) -> None:
    """Each store, its state, and what makes it work; the test of a store leaves nothing in it."""
    made, kept = home / ".local/share/shorepass", world / "kept"
    kept.mkdir()
    keeps = world / "bin/docker-credential-keeps"
    keeps.write_text(KEEPS.format(python=sys.executable, folder=str(kept)))
    fails = world / "bin/docker-credential-fails"
    fails.write_text("#!/bin/sh\necho it is closed on Mondays\nexit 1\n")
    for program in (keeps, fails):
        program.chmod(0o755)
    if state != "nothing":
        assert run_shorepass("vault", "init").status == 0
    if state == "passphrase":
        (made / "vault.key.age").write_bytes(b"age-encryption.org/v1\n")
        os.unlink(home / ".local/state/shorepass/machine.key")
    if state == "no key":
        os.unlink(home / ".local/state/shorepass/machine.key")
    if state == "damaged":
        (made / "vault.age").write_bytes(b"age-encryption.org/v1\n")
    done = run_shorepass("stores", "--json")
    assert done.status == 0, done.stderr
    stores = {store["name"]: store for store in json.loads(done.stdout)["stores"]}
    assert set(stores) == {"vault", "keychain", "helper:keeps", "helper:fails", "file"}
    expected = {"nothing": "not made yet", "vault": "works", "passphrase": "works", "no key": "locked"}
    assert stores["vault"]["state"] == expected.get(state, "broken")
    assert (stores["vault"]["fix"] == "") == (stores["vault"]["state"] == "works")
    assert stores["keychain"]["state"] == "not there"
    assert stores["helper:keeps"]["state"] == "works"
    assert list(kept.iterdir()) == []
    assert stores["helper:fails"]["state"] == "broken"
    assert "closed on Mondays" in stores["helper:fails"]["detail"]
    assert [name for name, store in stores.items() if store["in_use"]] == ["vault"]
    table = run_shorepass("stores").stdout
    assert all(name in table for name in stores)


KEEPS = """#!{python}
import json, os, sys
text, verb, folder = sys.stdin.read(), sys.argv[1], {folder!r}
key = json.loads(text)["ServerURL"] if verb == "store" else text
path = os.path.join(folder, key)
if verb == "store":
    open(path, "w").write(text)
elif not os.path.exists(path):
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(open(path).read())
else:
    os.unlink(path)
"""


def test_use_sets_a_store_that_works_and_keeps_comments(run_shorepass: RunShorepass, home: Path) -> None:
    """``stores use`` changes one line of the settings; a store that does not work, or none, changes nothing."""
    settings = home / ".config/shorepass/config.toml"
    settings.parent.mkdir(parents=True)
    text = '# mine\nstore = "file"  # for now\n\n[[account]]\nname = "work"\ndirectory = "~/work"\n'
    settings.write_text(text)
    for words, status in ((("keychain",), 3), (("nonsense",), 2), (("helper:none",), 3), ((), 2), (("vault",), 3)):
        done = run_shorepass("stores", "use", *words)
        assert (done.status, settings.read_text()) == (status, text), done.stderr
        assert "hint: " in done.stderr
    assert run_shorepass("vault", "init").status == 0
    assert run_shorepass("stores", "use", "vault").status == 0
    assert settings.read_text() == text.replace('"file"', '"vault"')


def test_use_says_what_stays_behind(run_shorepass: RunShorepass, our_helper: str) -> None:
    """Logins of the store that was in use before are counted: our helper no longer finds them."""
    assert run_shorepass("vault", "init").status == 0
    vault = named("vault", LocalContext.current(), ask=input, tell=print)
    vault.store("a.example", Basic("alice", Secret("x")))
    done = run_shorepass("stores", "use", "file")
    assert done.status == 0
    assert "1 login remains in vault" in done.stderr, our_helper


def test_use_says_that_a_store_that_cannot_be_asked_keeps_what_it_has(
    run_shorepass: RunShorepass, world: Path, home: Path
) -> None:
    """A keyring that is locked just now, for one: its logins are not counted, and not passed over in silence."""
    fails = world / "bin/docker-credential-fails"
    fails.write_text("#!/bin/sh\necho it is closed on Mondays\nexit 1\n")
    fails.chmod(0o755)
    settings = home / ".config/shorepass/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('store = "helper:fails"\n')
    assert run_shorepass("vault", "init").status == 0
    done = run_shorepass("stores", "use", "vault")
    assert (done.status, "logins remain in helper:fails" in done.stderr) == (0, True)


@pytest.mark.usefixtures("our_helper")
def test_plain_text_again_where_files_name_our_helper(run_shorepass: RunShorepass, registry: Registry) -> None:
    """Whoever goes back to plain text is told that clients still ask our helper, and what mends it does."""
    assert log_in(run_shorepass, registry.host).status == 0
    hint = "hint: shorepass helper uninstall --all"
    assert hint in run_shorepass("stores", "use", "file").stderr
    done = log_in(run_shorepass, registry.host)
    assert (done.status, hint in done.stderr) == (1, True)
    assert run_shorepass("helper", "uninstall", "--all", "--yes").status == 0
    assert log_in(run_shorepass, registry.host).status == 0
    assert user_of(run_shorepass, registry.host) == "alice"
