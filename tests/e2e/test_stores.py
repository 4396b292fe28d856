"""``shorepass stores`` with the real pass, gnome-keyring and their helpers: what it says is what docker would meet."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.keyring_service import bus, keyring_daemon, lock
from e2e import programs
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")


def states(run_shorepass: RunShorepass) -> dict[str, str]:
    done = run_shorepass("stores", "--json")
    assert done.status == 0, done.stderr
    return {store["name"]: store["state"] for store in json.loads(done.stdout)["stores"]}


def test_pass(run_shorepass: RunShorepass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key pass is "not made yet", with the command; then it works, and the test has left nothing in it."""
    monkeypatch.setenv("PATH", programs.SYSTEM_PATH)
    gpg = tmp_path / "gpg"
    gpg.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(gpg))
    monkeypatch.setenv("PASSWORD_STORE_DIR", str(tmp_path / "passwords"))
    assert states(run_shorepass)["helper:pass"] == "not made yet"
    assert "pass init KEYID" in run_shorepass("stores").stdout
    assert run_shorepass("stores", "use", "helper:pass").status == 3
    key = "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\nSubkey-Curve: cv25519\n"
    done = programs.run(
        [programs.require("gpg"), "--batch", "--gen-key"],
        env=os.environ,
        stdin=f"{key}Name-Email: a@example.org\n%commit\n",
    )
    try:
        assert done.returncode == 0, done.stderr
        assert programs.run([programs.require("pass"), "init", "a@example.org"], env=os.environ).returncode == 0
        assert states(run_shorepass)["helper:pass"] == "works"
        assert run_shorepass("stores", "use", "helper:pass").status == 0
        assert list((tmp_path / "passwords").rglob("*.gpg")) == []
    finally:
        programs.run([programs.require("gpgconf"), "--kill", "gpg-agent"], env=os.environ)


@pytest.mark.parametrize("state", ["works", "locked", "not there"])
def test_keyring(run_shorepass: RunShorepass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """The keyring that is open, locked, or not there at all."""
    with bus(tmp_path / "bus") as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        if state == "not there":
            assert states(run_shorepass)["keychain"] == state
            return
        with keyring_daemon(tmp_path, address):
            if state == "locked":
                lock(address)
            assert states(run_shorepass)["keychain"] == state
            assert (run_shorepass("stores", "use", "keychain").status == 0) == (state == "works")


def test_a_login_says_that_only_the_library_for_the_keyring_is_missing(
    run_shorepass: RunShorepass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, our_helper: str
) -> None:
    """Docker's helper works on a real keyring: the login names the store it used, why, and the command that helps."""
    without = tmp_path / "without"
    without.mkdir()
    (without / "secretstorage.py").write_text("raise ImportError('not installed')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(without), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PATH", f"{os.path.dirname(our_helper)}:{programs.SYSTEM_PATH}")
    with (
        Registry(users={"alice": "wonderland"}) as registry,
        bus(tmp_path / "bus") as address,
        keyring_daemon(tmp_path, address),
    ):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        words = ("login", "-u", "alice", "--password-stdin", registry.host)
        said = run_shorepass(*words, stdin="wonderland").stderr
        command = f"{sys.executable} -m pip install secretstorage"
        assert "logins are stored in the vault, not in the keychain" in said
        assert "secretstorage is not installed, although helper:secretservice works" in said
        assert f": {command} && shorepass stores use keychain\n" in said
        rows = json.loads(run_shorepass("stores", "--json").stdout)["stores"]
        assert [row["fix"] for row in rows if row["name"] == "keychain"] == [command]
        assert run_shorepass(*words, stdin="wonderland").stderr == ""
