"""The desktop's keyring: the same logins as docker's own helper, and an answer in three seconds, whatever is the matter."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.keyring_service import bus, keyring_daemon, lock
from e2e import programs
from shorepass import LocalContext
from shorepass.credential import Basic, IdentityToken
from shorepass.errors import StoreLocked
from shorepass.secret import Secret
from shorepass.stores import Store
from shorepass.stores.external import External
from shorepass.stores.secret_service import SecretService

pytestmark = pytest.mark.usefixtures("nothing_set")

HELPER = [sys.executable, "-m", "shorepass.docker_credential"]
ALICE = Basic("alice", Secret("wonderland"))
BOB = Basic("bob", Secret("builder"))


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bus with a real gnome-keyring on it."""
    with bus(tmp_path / "bus") as address, keyring_daemon(tmp_path, address):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        monkeypatch.setenv("PATH", programs.SYSTEM_PATH)
        yield address


def ours() -> Store:
    return SecretService(LocalContext.current())


def dockers() -> Store:
    return External(LocalContext.current(), "secretservice")


@pytest.mark.usefixtures("keyring")
@pytest.mark.parametrize(("writer", "reader"), [(ours, dockers), (dockers, ours)], ids=["ours", "docker's"])
def test_each_finds_the_logins_of_the_other(writer: Callable[[], Store], reader: Callable[[], Store]) -> None:
    """What docker-credential-secretservice has stored we get, list and erase, and it what we have."""
    for login in (ALICE, IdentityToken(Secret("token"))):
        writer().store("https://registry.example/v1/", login)
        assert reader().get("https://registry.example/v1/") == login
        assert len(reader().list()) == 1
        reader().erase("https://registry.example/v1/")
        assert writer().list() == {}


@pytest.mark.usefixtures("keyring")
def test_one_login_takes_the_place_of_all_that_docker_left() -> None:
    """Docker's helper keeps a login for each user name; a login by us leaves one, and our erase none."""
    dockers().store("a.example", ALICE)
    dockers().store("a.example", BOB)
    ours().store("a.example", Basic("carol", Secret("c")))
    assert ours().get("a.example") == dockers().get("a.example") == Basic("carol", Secret("c"))
    dockers().store("a.example", ALICE)
    assert ours().erase("a.example") is True
    assert ours().list() == dockers().list() == {}


def test_a_locked_keyring_is_not_an_empty_one(keyring: str) -> None:
    """Locked, a login that is there and one that is not are both "locked": nobody can tell."""
    ours().store("a.example", ALICE)
    lock(keyring)
    for key in ("a.example", "b.example"):
        with pytest.raises(StoreLocked, match="the keyring is locked"):
            ours().get(key)


@pytest.fixture(
    params=["no bus", "no such bus", "bus that is silent", "bus without a keyring", "keyring that never comes"]
)
def without_keyring(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each way in which a session can be without a keyring."""
    if request.param == "no bus":
        yield
    elif request.param == "no such bus":
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
        yield
    elif request.param == "bus that is silent":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "bus"))
            listener.listen()
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
            yield
    else:
        starts = "/bin/sleep 300" if request.param == "keyring that never comes" else ""
        with bus(tmp_path / "bus", starts=starts) as address:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            yield


@pytest.mark.usefixtures("without_keyring")
@pytest.mark.parametrize("verb", ["get", "store", "erase", "list"])
def test_without_a_keyring_it_says_so(home: Path, verb: str) -> None:
    """The cause, and what to do: never "not found", and never docker's 25 seconds. How soon: ``bench/no_keyring.py``."""
    settings = home / ".config/shorepass/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('store = "keychain"\n')
    stdin = (
        json.dumps({"ServerURL": "a.example", "Username": "alice", "Secret": "x"}) if verb == "store" else "a.example"
    )
    start = time.monotonic()
    done = subprocess.run(
        [*HELPER, verb], input=stdin.encode(), capture_output=True, env=os.environ, timeout=60, check=False
    )
    taken = time.monotonic() - start
    assert done.returncode == 1
    assert b"keychain: " in done.stdout
    assert b"bus" in done.stdout
    assert b"shorepass vault init" in done.stdout
    assert b"not found" not in done.stdout
    assert taken < 20, f"{taken:.1f} s"
