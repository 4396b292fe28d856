"""Every store of ours against the contract that is in the public test kit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from shorepass import LocalContext
from shorepass.credential import Credential
from shorepass.errors import MalformedFile
from shorepass.stores import Store
from shorepass.stores.config_file import ConfigFile
from shorepass.stores.vault import Vault
from shorepass.stores.vault_document import Document
from shorepass.stores.vault_setup import init, machine_key
from shorepass.testing import StoreContract


def nobody(prompt: str) -> str:
    raise AssertionError(f"asked for {prompt!r}")


def no_word(text: str) -> None:
    raise AssertionError(f"told {text!r}")


def open_vault() -> Vault:
    return Vault(LocalContext.current(), ask=nobody, tell=no_word)


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
