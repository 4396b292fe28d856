"""After a login, a logout and a logout of everything ``get``, ``list``, ``who``, ``explain`` and ``doctor`` say the same.

The stores are real: files, a vault, gnome-keyring, pass; set in Shorepass, or named in a client's file beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from client_files import our_helper
from contract.keyring_service import bus, keyring_daemon
from e2e import programs
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set")

USERS = {"alice": "wonderland", "bob": "builder"}
KEY = "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nSubkey-Type: ecdh\nSubkey-Curve: cv25519\n"


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A registry that asks for a login."""
    with Registry(users=USERS, auth="bearer") as registry:
        yield registry.host


@pytest.fixture(scope="module")
def real_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that lead to an unlocked gnome-keyring and to a password store."""
    folder = tmp_path_factory.mktemp("stores")
    gpg = {"GNUPGHOME": str(folder / "gpg"), "PASSWORD_STORE_DIR": str(folder / "passwords"), "HOME": str(folder)}
    (folder / "gpg").mkdir(mode=0o700)
    make = [programs.require("gpg"), "--batch", "--gen-key"]
    done = programs.run(make, env=gpg, stdin=f"{KEY}Name-Email: a@example.org\n%commit\n")
    assert done.returncode == 0, done.stderr
    assert programs.run([programs.require("pass"), "init", "a@example.org"], env=gpg).returncode == 0
    try:
        with bus(folder / "bus") as address, keyring_daemon(folder, address):
            yield {"DBUS_SESSION_BUS_ADDRESS": address, **{name: gpg[name] for name in gpg if name != "HOME"}}
    finally:
        programs.run([programs.require("gpgconf"), "--kill", "gpg-agent"], env=gpg)


class Setting(NamedTuple):
    """Where logins go: the ``store`` that is set in Shorepass, and what the client's file names before the first login."""

    store: str = ""
    creds_store: str = ""
    cred_helper: str = ""


SETTINGS = {
    **{name: Setting(store=name) for name in ("file", "vault", "keychain", "helper:pass", "helper:secretservice")},
    **{f"credsStore {name}": Setting(creds_store=name) for name in ("pass", "secretservice")},
    **{f"credHelpers {name}": Setting(cred_helper=name) for name in ("pass", "secretservice")},
    "credsStore shorepass": Setting(store="vault", creds_store="shorepass"),
    "credHelpers shorepass": Setting(store="vault", cred_helper="shorepass"),
}
CASES = [
    (client, name) for client in ("docker", "podman") for name in SETTINGS if client == "docker" or "sS" not in name
]


class Verbs:
    """What every verb says of the login of one client at one registry: the user name, or nothing."""

    def __init__(self, run: RunShorepass, client: str, host: str) -> None:
        self.run, self.client, self.host = run, client, host

    def _document(self, *words: str, statuses: tuple[int, ...] = (0,)) -> Any:
        done = self.run(*words, "--json")
        assert done.status in statuses, (words, done)
        return json.loads(done.stdout)

    def get(self) -> str:
        done = self.run("get", "--client", self.client, self.host)
        assert done.status in (0, 1), done
        return json.loads(done.stdout)["Username"] if done.status == 0 else ""

    def list(self) -> str:
        return self._one(row["user"] or "" for row in self._document("list", "--client", self.client)["logins"])

    def explain(self) -> str:
        words = ("explain", "--offline", "--client", self.client, self.host)
        return str(self._document(*words)["credential"].get("user", ""))

    def who(self, *flags: str) -> str:
        document = self._document("who", "--in", "me", *flags)
        rows = [row for row in document["logins"] if self.client in row["clients"] or not row["clients"]]
        assert {row["state"] for row in rows} <= {"works" if flags else "not checked"}
        assert document["summary"]["logins"] == len(document["logins"])
        assert document["summary"]["broken"] == 0
        return self._one(row["user"] for row in rows)

    def is_healthy(self) -> None:
        """Check that doctor says nothing of a registry, and asks none about a login that is not there."""
        document = self._document("doctor", "--check", "--client", self.client, statuses=(0, 1))
        assert [found for found in document["findings"] if found["code"].startswith("SP5")] == []

    @staticmethod
    def _one(names: Iterator[str]) -> str:
        found = list(names)
        assert len(found) <= 1, found
        return found[0] if found else ""

    def agree(self, name: str) -> None:
        """Check that all of them know of this login, ``""`` for none."""
        assert [self.get(), self.list(), self.explain(), self.who()] == [name] * 4
        if not name:
            assert self.who("--check") == ""
            self.is_healthy()


def lay_out(world: Path, home: Path, setting: Setting, client: str, host: str) -> None:
    for name in ("docker", "podman", "pass", "gpg", "docker-credential-pass", "docker-credential-secretservice"):
        (world / "bin" / name).symlink_to(programs.require(name))
    our_helper(world / "bin")
    if setting.store:
        settings = home / ".config/shorepass/config.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'store = "{setting.store}"\n')
    named: dict[str, object] = {"credsStore": setting.creds_store} if setting.creds_store else {}
    if setting.cred_helper:
        named["credHelpers"] = {host: setting.cred_helper}
    if named:
        file = home / ".docker/config.json" if client == "docker" else world / "run/containers/auth.json"
        file.parent.mkdir(mode=0o700)
        file.write_text(json.dumps(named))


@pytest.mark.parametrize(("client", "name"), CASES, ids=[" ".join(case) for case in CASES])
def test_verbs_agree(
    run_shorepass: RunShorepass,
    world: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    real_stores: dict[str, str],
    host: str,
    client: str,
    name: str,
) -> None:
    """A login is there for all of them, and after a logout for none: a helper that is still named is no login."""
    setting = SETTINGS[name]
    lay_out(world, home, setting, client, host)
    for variable, value in {**real_stores, "PATH": f"{world}/bin:{programs.SYSTEM_PATH}"}.items():
        monkeypatch.setenv(variable, value)
    if setting.store == "vault":
        assert run_shorepass("vault", "init").status == 0
    verbs = Verbs(run_shorepass, client, host)
    for logout in ((host,), ("--all",)):
        words = ("login", "--client", client, "-u", "alice", "--password-stdin", host)
        done = run_shorepass(*words, stdin=USERS["alice"])
        assert done.status == 0, done
        verbs.agree("alice")
        done = run_shorepass("logout", "--client", client, *logout)
        assert (done.status, "still logged in" in done.stderr) == (0, False), done
        verbs.agree("")


@pytest.mark.parametrize("client", ["docker", "podman"])
@pytest.mark.parametrize("store", ["vault", "keychain", "helper:secretservice"])
def test_an_account_beside(
    run_shorepass: RunShorepass,
    world: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    real_stores: dict[str, str],
    host: str,
    client: str,
    store: str,
) -> None:
    """An account beside is no login of the client that asks without it; ``--all`` leaves none of either."""
    lay_out(world, home, Setting(store=store), client, host)
    for variable, value in {**real_stores, "PATH": f"{world}/bin:{programs.SYSTEM_PATH}"}.items():
        monkeypatch.setenv(variable, value)
    if store == "vault":
        assert run_shorepass("vault", "init").status == 0
    verbs = Verbs(run_shorepass, client, host)
    words = ("login", "--client", client, "--password-stdin", host)
    for logout in ((host,), ("--all",)):
        assert run_shorepass(*words, "-u", "alice", stdin=USERS["alice"]).status == 0
        assert run_shorepass(*words, "-u", "bob", "--as", "work", stdin=USERS["bob"]).status == 0
        verbs.agree("alice")
        done = run_shorepass("logout", "--client", client, *logout)
        assert done.status == 0, done
        verbs.agree("")
        left = [row["account"] for row in json.loads(run_shorepass("accounts", "--json").stdout)["accounts"]]
        assert left == (["work"] if logout == (host,) else [])
        assert ("work is still logged in" in done.stderr) == bool(left)
