"""Every store of ours against the contract that is in the public test kit."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from keyring import errors as keyring_errors

from contract.keyring_service import bus, keyring_daemon, lock
from e2e import programs
from shorepass import LocalContext, settings
from shorepass.accounts.choice import Chooser
from shorepass.chain import Chain, chain_of
from shorepass.credential import Basic, Credential
from shorepass.errors import HelperFailed, HelperMissing, MalformedFile, StoreBroken
from shorepass.secret import Secret
from shorepass.stores import Store
from shorepass.stores.config_file import ConfigFile
from shorepass.stores.external import External
from shorepass.stores.os_keychain import OsKeychain
from shorepass.stores.secret_service import SecretService
from shorepass.stores.vault.document import Document
from shorepass.stores.vault.setup import init, machine_key
from shorepass.stores.vault.vault import Vault
from shorepass.testing import StoreContract


def nobody(prompt: str) -> str:
    raise AssertionError(f"asked for {prompt!r}")


def no_word(text: str) -> None:
    raise AssertionError(f"told {text!r}")


def open_vault() -> Vault:
    return Vault(LocalContext.current(), ask=nobody, tell=no_word)


def seen_by_a_client() -> Chain:
    here = LocalContext.current()
    return chain_of(open_vault(), Chooser(here, settings.load(here)).for_key)


@pytest.fixture
def vault() -> Vault:
    """A new vault in the test's own home."""
    vault = open_vault()
    init(vault, LocalContext.current(), machine_key())
    return vault


class TestVault(StoreContract):
    """The vault, with a machine key."""

    @pytest.fixture
    def open_store(self, vault: Vault) -> Callable[[], Store]:
        assert vault.exists()
        return open_vault

    @pytest.fixture
    def locked(self, vault: Vault) -> Store:
        os.unlink(vault.machine_path)
        return open_vault()

    @pytest.fixture
    def missing(self) -> Store:
        return open_vault()

    @pytest.fixture
    def broken(self, vault: Vault) -> Store:
        path = Path(vault.path)
        path.write_bytes(path.read_bytes()[:-1])
        return open_vault()

    def fill(self, store: Store, logins: Mapping[str, Credential]) -> None:
        assert isinstance(store, Vault)

        def add(document: Document) -> Document:
            for key, credential in logins.items():
                document = document.with_login(key, credential)
            return document

        store.change(add)


class TestConfigFile(StoreContract):
    """docker's file, in plain text."""

    many = 300  # each reads and writes the whole file, and looks at it twice

    limits: ClassVar = {
        "keeps[empty secret]": "docker takes an entry without a password for none",
        "keeps[colons]": "auth is user:password, cut at the first colon",
        "keeps[NUL around]": "docker trims NULs off the password",
        "locked": "a plain file has no lock",
        "missing": "docker's file is made at the first login: no file is an empty one",
    }
    broken_error = MalformedFile

    @pytest.fixture
    def open_store(self) -> Callable[[], Store]:
        return lambda: ConfigFile(LocalContext.current())

    @pytest.fixture
    def broken(self, home: Path) -> Store:
        (home / ".docker").mkdir()
        (home / ".docker/config.json").write_text(json.dumps({"auths": []}))
        return ConfigFile(LocalContext.current())


class MadeUpBackend:
    """A ``keyring`` backend that is a folder: with Windows' limit, and with a lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _file(self, service: str, username: str) -> Path:
        if (self.folder / "locked").exists():
            raise keyring_errors.KeyringLocked("it is locked")
        if not self.folder.exists():
            raise keyring_errors.NoKeyringError("there is none")
        return self.folder / hashlib.sha256(f"{service}\0{username}".encode()).hexdigest()

    def get_password(self, service: str, username: str) -> str | None:
        file = self._file(service, username)
        return file.read_text("utf-16") if file.exists() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > 2560:
            raise keyring_errors.PasswordSetError("too long")
        self._file(service, username).write_text(password, "utf-16")

    def delete_password(self, service: str, username: str) -> None:
        file = self._file(service, username)
        if not file.exists():
            raise keyring_errors.PasswordDeleteError("not there")
        file.unlink()


class TestOsKeychain(StoreContract):
    """The keychains of macOS and Windows, with a made-up backend."""

    many = 300
    limits: ClassVar = {"test_broken": "list reads the names beside, and not each login"}

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], Store]:
        (tmp_path / "chain").mkdir()
        return lambda: OsKeychain(LocalContext.current(), MadeUpBackend(tmp_path / "chain"))

    @pytest.fixture
    def locked(self, open_store: Callable[[], Store], tmp_path: Path) -> Store:
        open_store().store("a.example", Basic("alice", Secret("x")))
        (tmp_path / "chain/locked").touch()
        return open_store()

    @pytest.fixture
    def missing(self, tmp_path: Path) -> Store:
        return OsKeychain(LocalContext.current(), MadeUpBackend(tmp_path / "none"))

    @pytest.fixture
    def broken(self, open_store: Callable[[], Store], tmp_path: Path) -> Store:
        open_store().store("https://registry.example/v1/", Basic("alice", Secret("x")))
        for file in (tmp_path / "chain").iterdir():
            file.write_text("a 7", "utf-16")
        return open_store()

    def test_nothing_is_left_of_what_was_erased(self, open_store: Callable[[], Store], tmp_path: Path) -> None:
        """Replaced by shorter and longer ones, then erased: no item is left."""
        for size in (5000, 10, 9000, 3000):
            open_store().store("a.example", Basic("alice", Secret("x" * size)))
        assert open_store().erase("a.example") is True
        assert list((tmp_path / "chain").iterdir()) == []

    def test_a_login_that_is_not_whole_is_broken(self, broken: Store) -> None:
        """Damaged items are an error, and never "no login"."""
        with pytest.raises(StoreBroken):
            broken.get("https://registry.example/v1/")


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bus with a real gnome-keyring on it: unlocked, and with nothing in it."""
    with bus(tmp_path / "bus") as address, keyring_daemon(tmp_path, address):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address


def open_keyring() -> Store:
    return SecretService(LocalContext.current())


class TestSecretService(StoreContract):
    """The desktop's keyring."""

    many = 200  # each is a handful of calls on the bus
    limits: ClassVar = {
        "broken": "what a keyring keeps on the disk is its own business: gnome-keyring then starts a new one"
    }

    @pytest.fixture
    def open_store(self, keyring: str) -> Callable[[], Store]:
        assert keyring
        return open_keyring

    @pytest.fixture
    def locked(self, keyring: str) -> Store:
        lock(keyring)
        return open_keyring()

    @pytest.fixture
    def missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        with bus(tmp_path / "bus") as address:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            yield open_keyring()


LINE_LIMIT = "docker's helpers read lines of less than 64 KiB"


class TestSecretServiceHelper(StoreContract):
    """Debian's docker-credential-secretservice, a peer."""

    many = 100  # a process for each
    writers = 4
    limits: ClassVar = {
        "has_nothing_at_first": "erase says nothing of what it found",
        "keeps_until_erased": "erase says nothing of what it found",
        "takes_the_place_of_what_was_there": "it keeps one login for each user name, and gives the oldest",
        "keeps[empty secret]": "get takes a login with an empty secret for none; list does not",
        "keeps[NUL inside]": "to libsecret a secret ends at the first NUL",
        "keeps[NUL around]": "to libsecret a secret ends at the first NUL",
        "keeps[64 KiB]": LINE_LIMIT,
        "keeps[1 MiB]": LINE_LIMIT,
        "test_locked": "list reads what a locked keyring shows all the same, and erase says that all is well",
        "test_broken": "what a keyring keeps on the disk is its own business",
    }
    locked_error = missing_error = broken_error = HelperFailed

    @pytest.fixture
    def open_store(self, keyring: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Store]:
        assert keyring
        monkeypatch.setenv("PATH", programs.SYSTEM_PATH)
        return lambda: External(LocalContext.current(), "secretservice")

    @pytest.fixture
    def locked(self, keyring: str, open_store: Callable[[], Store]) -> Store:
        lock(keyring)
        return open_store()

    @pytest.fixture
    def missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        monkeypatch.setenv("PATH", programs.SYSTEM_PATH)
        with bus(tmp_path / "bus") as address:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            yield External(LocalContext.current(), "secretservice")


@pytest.fixture(scope="module")
def gpg_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A GPG home with a key that no passphrase protects."""
    folder = tmp_path_factory.mktemp("gpg")
    folder.chmod(0o700)
    key = "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\nSubkey-Curve: cv25519\n"
    argv = [programs.require("gpg"), "--batch", "--gen-key"]
    done = programs.run(argv, env={"GNUPGHOME": str(folder)}, stdin=f"{key}Name-Email: pass@example.org\n%commit\n")
    assert done.returncode == 0, done.stderr
    yield folder
    programs.run([programs.require("gpgconf"), "--kill", "gpg-agent"], env={"GNUPGHOME": str(folder)})


class TestPassHelper(StoreContract):
    """Debian's docker-credential-pass, a peer."""

    many = 60  # two gpg processes for each
    writers = 4
    limits: ClassVar = {
        "takes_the_place_of_what_was_there": "it keeps one login for each user name, and gives the first of them",
        "keeps[white space around]": "line ends behind a secret are trimmed, as pass itself adds one",
        "keeps[slashes in the user name]": "user names are names of files",
        "keeps[64 KiB]": LINE_LIMIT,
        "keeps[1 MiB]": LINE_LIMIT,
        "test_locked": "list reads names of files, for which it needs no key",
        "test_missing": "get and list take a password store that was never made for an empty one",
        "test_broken": "list reads names of files, and not what is in them",
    }
    locked_error = broken_error = missing_error = HelperFailed

    @pytest.fixture
    def open_store(self, gpg_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Store]:
        monkeypatch.setenv("PATH", programs.SYSTEM_PATH)
        monkeypatch.setenv("GNUPGHOME", str(gpg_home))
        monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path / "passwords"))
        done = programs.run([programs.require("pass"), "init", "pass@example.org"], env=os.environ)
        assert done.returncode == 0, done.stderr
        return lambda: External(LocalContext.current(), "pass")

    @pytest.fixture
    def locked(self, open_store: Callable[[], Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
        open_store().store("https://registry.example/v1/", Basic("alice", Secret("x")))
        empty = tmp_path / "gpg"
        empty.mkdir(mode=0o700)
        monkeypatch.setenv("GNUPGHOME", str(empty))
        return External(LocalContext.current(), "pass")

    @pytest.fixture
    def missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
        monkeypatch.setenv("PATH", programs.SYSTEM_PATH)
        monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path / "none"))
        return External(LocalContext.current(), "pass")

    @pytest.fixture
    def broken(self, open_store: Callable[[], Store], tmp_path: Path) -> Store:
        open_store().store("https://registry.example/v1/", Basic("alice", Secret("x")))
        for path in (tmp_path / "passwords").rglob("*.gpg"):
            path.write_bytes(b"damaged")
        return open_store()


class TestMissingHelper:
    """A helper that is not installed."""

    def test_missing(self) -> None:
        """It is missing, which is an error of its own."""
        with pytest.raises(HelperMissing):
            External(LocalContext.current(), "nowhere").get("a.example")


class TestChain(StoreContract):
    """What a client sees of the vault, where no account is chosen."""

    limits: ClassVar = {
        "compares_keys_exactly": "what has #NAME behind it is an account's key, which no client is shown"
    }

    @pytest.fixture
    def open_store(self, vault: Vault) -> Callable[[], Store]:
        assert vault.exists()
        return seen_by_a_client

    @pytest.fixture
    def locked(self, vault: Vault) -> Store:
        os.unlink(vault.machine_path)
        return seen_by_a_client()

    @pytest.fixture
    def missing(self) -> Store:
        return seen_by_a_client()

    @pytest.fixture
    def broken(self, vault: Vault) -> Store:
        Path(vault.path).write_bytes(b"age-encryption.org/v1\n")
        return seen_by_a_client()

    many = 50  # one by one, as a client does
