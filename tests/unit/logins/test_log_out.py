"""What a logout leaves of ours where the system's keychain is a store: a made-up one, as on macOS and Windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.test_stores import MadeUpBackend
from shorepass.clients import find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.logins import log_out
from shorepass.secret import Secret
from shorepass.stores import os_keychain
from shorepass.stores.os_keychain import OsKeychain


@pytest.mark.parametrize("store", ["vault", "keychain"])
@pytest.mark.parametrize("platform", ["darwin", "windows"])
def test_a_keychain_that_no_client_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path, platform: str, store: str
) -> None:
    """A login in the keychain goes, whichever store is set by now; of others and of no login nothing is said."""
    backend = MadeUpBackend(tmp_path)
    monkeypatch.setattr(os_keychain, "_platforms_own", lambda _: backend)
    settings = home / (".config" if platform == "darwin" else "AppData/Roaming") / "shorepass/config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'store = "{store}"\n')
    here = LocalContext({"HOME": str(home), "USERPROFILE": str(home)}, platform=platform)
    keychain = OsKeychain(here)
    for key in ("ghcr.io", "quay.io"):
        keychain.store(key, Basic("alice", Secret("wonderland")))
    done = log_out.log_out(here, here, find("docker"), "ghcr.io")
    assert [(erasure.target.key, erasure.found, erasure.error) for erasure in done.ours] == [("ghcr.io", True, None)]
    assert keychain.list() == {"quay.io": "alice"}
    assert log_out.log_out(here, here, find("docker"), "ghcr.io").ours == []
