"""Vaults that somebody else wrote, who may write where the vault is and knows the public half of its key.

They become no reader of later logins, and no login of theirs is used, unless the owner says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyrage import decrypt, encrypt, ssh, x25519

from cli.test_vault import TYPED, on_a_terminal
from e2e import programs
from shorepass.stores.vault.signature import is_signed, mac, sign
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import Done, RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set", "our_helper")

HELPER = [sys.executable, "-m", "shorepass.docker_credential"]
SHOREPASS = [sys.executable, "-m", "shorepass"]
PLANTED = {"ghcr.io": {"username": "mallory", "password": "evil"}}
OWN = {"quay.io": {"username": "alice", "password": "wonderland"}}


class Attacker:
    """Somebody with an age key of their own, who knows the victim's public key and may write in the vault's folder."""

    def __init__(self, folder: Path, public: str) -> None:
        self.folder = folder
        self.vault = folder / "vault.age"
        self.identity = x25519.Identity.generate()
        self.recipient = str(self.identity.to_public())
        self.public = public

    def forge(
        self, recipients: list[str], auths: dict[str, Any], *, version: int = 1, path: Path | None = None
    ) -> None:
        """Write a vault that the victim's key opens."""
        text = json.dumps({"shorepassVault": version, "recipients": recipients, "auths": auths}, indent=1).encode()
        if version > 1:
            text = sign(text + b"\n", [partial(mac, b"a guess")])
        seal = ssh if self.public.startswith("ssh-") else x25519
        (path or self.vault).write_bytes(encrypt(text, [seal.Recipient.from_str(self.public)]))

    def reads(self) -> bool:
        """Tell whether the attacker's key opens the vault or one of its generations."""
        for path in self.folder.glob("vault.age*"):
            try:
                decrypt(path.read_bytes(), [self.identity])
            except Exception:  # noqa: BLE001  # the library has an error of its own
                continue
            return True
        return False


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry where alice has a login."""
    with Registry(users={"alice": "wonderland"}) as running:
        yield running


@pytest.fixture
def key(home: Path) -> Path:
    """The victim's SSH key."""
    return ssh_key(home / ".ssh/id_ed25519")


def ssh_key(path: Path, kind: str = "ed25519", passphrase: str = "", *more: str) -> Path:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    argv = [programs.require("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-f", str(path), *more]
    assert programs.run(argv).returncode == 0
    return path


def public_half(key: Path) -> str:
    return " ".join(Path(f"{key}.pub").read_text().split()[:2])


@pytest.fixture
def attacker(home: Path, key: Path, run_shorepass: RunShorepass, registry: Registry) -> Attacker:
    """Somebody who may write in the folder of a vault that the SSH key opens, and which holds a login."""
    assert run_shorepass("vault", "init", "--ssh-key", str(key)).status == 0
    assert log_in(run_shorepass, registry).status == 0
    return Attacker(home / ".local/share/shorepass", public_half(key))


def log_in(run: RunShorepass, registry: Registry) -> Done:
    return run("login", "-u", "alice", "--password-stdin", registry.host, stdin="wonderland")


def helper(verb: str, stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HELPER, verb], input=stdin, capture_output=True, text=True, timeout=60, check=False)


FORGERIES: dict[str, Callable[[Attacker], None]] = {
    "a reader, version 1": lambda a: a.forge([a.public, a.recipient], {}),
    "a reader, version 2": lambda a: a.forge([a.public, a.recipient], {}, version=2),
    "the attacker alone": lambda a: a.forge([a.recipient], {}),
    "planted logins, version 1": lambda a: a.forge([a.public], PLANTED),
    "planted logins, version 2": lambda a: a.forge([a.public], PLANTED, version=2),
    "a key beside it": lambda a: key_of_their_own(a, link=False),
    "a link to a key beside it": lambda a: key_of_their_own(a, link=True),
}


def key_of_their_own(attacker: Attacker, *, link: bool) -> None:
    """Put a key that the attacker has in the place of the victim's, with a vault signed by it and for both."""
    from shorepass.stores.vault.signature import secret_of

    own = attacker.folder / "vault.key"
    own.unlink(missing_ok=True)
    if link:
        own.symlink_to("theirs")
        own = attacker.folder / "theirs"
    own.write_text(f"{attacker.identity}\n")
    text = {"shorepassVault": 2, "recipients": [attacker.public, attacker.recipient], "auths": PLANTED}
    signed = sign(
        json.dumps(text, indent=1).encode() + b"\n", [partial(mac, secret_of(str(attacker.identity).encode()))]
    )
    attacker.vault.write_bytes(encrypt(signed, [attacker.identity.to_public()]))


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_vault_is_an_error_at_every_verb(
    attacker: Attacker, run_shorepass: RunShorepass, registry: Registry, forgery: str
) -> None:
    """Nothing is stored in it, nothing of it is used, and every verb says so and what accepts it on purpose."""
    FORGERIES[forgery](attacker)
    forged = attacker.vault.read_bytes()
    for done in (
        *(log_in(run_shorepass, registry), run_shorepass("vault"), run_shorepass("list"), run_shorepass("doctor")),
        *(run_shorepass("get", registry.host), run_shorepass("logout", registry.host)),
    ):
        said = done.stdout + done.stderr
        assert done.status != 0, said
        assert "not trusted: it" in said, said
        assert "shorepass vault trust" in said
        assert "mallory" not in said
    for verb in ("get", "list"):
        answer = helper(verb, "ghcr.io")
        assert (answer.returncode, "shorepass vault trust" in answer.stdout) == (1, True)
    assert attacker.vault.read_bytes() == forged
    assert not any(request for request in registry.requests if "evil" in str(request))


@pytest.mark.parametrize("forgery", sorted(FORGERIES.keys() - {"a key beside it", "a link to a key beside it"}))
def test_the_hint_leads_back_to_the_last_copy(
    attacker: Attacker, run_shorepass: RunShorepass, registry: Registry, forgery: str
) -> None:
    """After the command that the hint names the logins are those of before, and the next save is for their owner alone."""
    log_in(run_shorepass, registry)
    helper("store", json.dumps({"ServerURL": "a.example", "Username": "carol", "Secret": "x"}))
    FORGERIES[forgery](attacker)
    command = run_shorepass("vault").stderr.partition("last trusted copy: ")[2].strip()
    assert programs.run(["/bin/sh", "-c", command]).returncode == 0
    assert log_in(run_shorepass, registry).status == 0
    assert attacker.reads() is False
    assert json.loads(helper("list", "").stdout) == {registry.host: "alice"}


def test_trust_shows_what_it_accepts(attacker: Attacker, run_shorepass: RunShorepass, registry: Registry) -> None:
    """It names the new reader and the logins, asks, and then the vault works; no terminal and a "no" change nothing."""
    attacker.forge([attacker.public, attacker.recipient], OWN)
    refused = run_shorepass("vault", "trust")
    assert (refused.status, "--yes" in refused.stderr) == (2, True)
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "trust"], ["n"])
    assert status == 2
    assert run_shorepass("vault").status == 3
    for text in (
        f"  {attacker.recipient}\n",
        "(your key)",
        "quay.io as alice",
        "readers that this machine does not know",
    ):
        assert text in refused.stdout
        assert text.strip() in shown
    status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "trust"], ["y"])
    assert status == 0, shown
    assert json.loads(helper("list", "").stdout) == {"quay.io": "alice"}
    assert log_in(run_shorepass, registry).status == 0
    assert attacker.reads() is True


def test_a_reader_that_was_taken_out_does_not_come_back(
    attacker: Attacker, run_shorepass: RunShorepass, registry: Registry, key: Path
) -> None:
    """Whoever could read the vault once puts back a whole old copy of it, which is signed: they read no later login."""
    words = ("--ssh-key", str(key))
    assert run_shorepass("vault", "rekey", *words, "--also", attacker.recipient).status == 0
    assert attacker.reads() is True
    old = attacker.vault.read_bytes()
    assert run_shorepass("vault", "rekey", *words).status == 0
    assert attacker.reads() is False
    attacker.vault.write_bytes(old)
    done = log_in(run_shorepass, registry)
    assert (done.status, attacker.recipient in done.stderr) == (1, True)


def test_a_forged_generation_does_not_stand_in(
    attacker: Attacker, run_shorepass: RunShorepass, registry: Registry
) -> None:
    """Where the vault is damaged, a copy of it that somebody forged is passed over, and one that is trusted is taken."""
    helper("store", json.dumps({"ServerURL": "a.example", "Username": "carol", "Secret": "x"}))
    helper("store", json.dumps({"ServerURL": "b.example", "Username": "carol", "Secret": "x"}))
    attacker.forge([attacker.public, attacker.recipient], PLANTED, path=attacker.folder / "vault.age.1")
    attacker.vault.write_bytes(attacker.vault.read_bytes()[:-1])
    listed = helper("list", "")
    assert json.loads(listed.stdout) == {registry.host: "alice"}
    assert "vault.age.2 instead" in listed.stderr
    assert log_in(run_shorepass, registry).status == 0
    assert attacker.reads() is False


# A vault in a folder that is synced


def other_machine(home: Path, name: str) -> dict[str, str]:
    """Return the environment of a machine that has the same home folder, but for what belongs to a machine."""
    state = home.parent / name
    state.mkdir()
    return {"XDG_STATE_HOME": str(state)}


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "rsa in PEM"])
def test_two_machines_with_one_ssh_key_share_a_vault(
    run_shorepass: RunShorepass, registry: Registry, home: Path, kind: str
) -> None:
    """The second needs no command, and what each stores the other uses; a new reader needs one on the other machine."""
    pem = ("-m", "PEM") if "PEM" in kind else ()
    key = ssh_key(home / ".ssh/id", kind.partition(" ")[0], "", *pem)
    second = other_machine(home, "second")
    assert run_shorepass("vault", "init", "--ssh-key", str(key)).status == 0
    words = ("login", "-u", "alice", "--password-stdin", registry.host)
    for env in ({}, second, {}):
        done = run_shorepass(*words, stdin="wonderland", env=env)
        assert (done.status, done.stderr) == (0, "")
        assert run_shorepass("get", registry.host, env=env).status == 0
    reader = str(x25519.Identity.generate().to_public())
    assert run_shorepass("vault", "rekey", "--ssh-key", str(key), "--also", reader).status == 0
    refused = run_shorepass("get", registry.host, env=second)
    assert (refused.status, "shorepass vault trust" in refused.stderr) == (3, True)
    assert run_shorepass("vault", "trust", "--yes", env=second).status == 0
    assert run_shorepass("get", registry.host, env=second).status == 0
    assert run_shorepass("get", registry.host).status == 0


@pytest.mark.parametrize("forgery", ["a key beside it", "a link to a key beside it", "a reader, version 1"])
def test_on_a_machine_that_never_saw_the_vault(
    attacker: Attacker, run_shorepass: RunShorepass, registry: Registry, home: Path, forgery: str
) -> None:
    """There, too, neither a key that came with the vault nor a reader is trusted without a question."""
    FORGERIES[forgery](attacker)
    done = run_shorepass("get", registry.host, env=other_machine(home, "second"))
    assert (done.status, "shorepass vault trust" in done.stderr) == (3, True)


@pytest.mark.parametrize("change", ["-N another -C comment", "-m PEM -N another", "-N another"])
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_key_in_another_file_format_signs_the_same(
    run_shorepass: RunShorepass, home: Path, kind: str, change: str
) -> None:
    """A new passphrase, another comment or format of the SSH key changes the file, and not what it signs."""
    key = ssh_key(home / ".ssh/id", kind)
    assert run_shorepass("vault", "init", "--ssh-key", str(key)).status == 0
    assert helper("store", json.dumps({"ServerURL": "a.example", "Username": "carol", "Secret": "x"})).returncode == 0
    words = change.split()
    if "-C" in words:
        argv = [programs.require("ssh-keygen"), "-q", "-c", "-C", "comment", "-f", str(key)]
        assert programs.run(argv).returncode == 0
        words = words[:2]
    argv = [programs.require("ssh-keygen"), "-q", "-p", "-P", "", *words, "-f", str(key)]
    assert programs.run(argv).returncode == 0
    status, shown, out = on_a_terminal([*HELPER, "list"], ["another"], stdin=b"")
    assert (status, json.loads(out)) == (0, {"a.example": "carol"}), shown


# A vault that Shorepass 0.1 made


def as_0_1_made_it(vault: Path, recipients: list[str], readers: list[str]) -> None:
    """Put a vault of version 1, with generations, in the place of one."""
    text = json.dumps({"shorepassVault": 1, "recipients": recipients, "auths": OWN}).encode()
    to = [(ssh if name.startswith("ssh-") else x25519).Recipient.from_str(name) for name in readers]
    for path in (vault, Path(f"{vault}.1"), Path(f"{vault}.2")):
        path.write_bytes(encrypt(text, to))
    shutil.rmtree(Path(os.environ["HOME"], ".local/state/shorepass/vaults.json"), ignore_errors=True)
    Path(os.environ["HOME"], ".local/state/shorepass/vaults.json").unlink()


@pytest.mark.parametrize("kind", ["machine", "ssh", "passphrase"])
def test_a_vault_of_0_1_goes_on_working(run_shorepass: RunShorepass, home: Path, kind: str) -> None:
    """Its logins are all there, with one sentence about it; from then on it is signed, and a forged one is refused."""
    folder, typed = home / ".local/share/shorepass", [TYPED] if kind == "passphrase" else []
    if kind == "ssh":
        made = run_shorepass("vault", "init", "--ssh-key", str(ssh_key(home / ".ssh/id")))
    elif kind == "machine":
        made = run_shorepass("vault", "init")
    else:
        status, shown, _ = on_a_terminal([*SHOREPASS, "vault", "init", "--passphrase"], [TYPED, TYPED])
        assert status == 0
        assert run_shorepass("vault").status == 3
    shown = shown if kind == "passphrase" else made.stdout
    own = shown.partition("encrypted to: ")[2].partition("\n")[0].strip()
    as_0_1_made_it(folder / "vault.age", [own], [own])
    for said in (1, 0):
        status, shown, out = on_a_terminal([*HELPER, "list"], typed, stdin=b"")
        assert (status, json.loads(out)) == (0, {"quay.io": "alice"}), shown
        assert shown.count("was written by Shorepass 0.1") == said
    login = json.dumps({"ServerURL": "b.example", "Username": "bob", "Secret": "x"}).encode()
    assert on_a_terminal([*HELPER, "store"], typed, stdin=login)[0] == 0
    Attacker(folder, own).forge([own], PLANTED)
    status, _, out = on_a_terminal([*HELPER, "list"], typed, stdin=b"")
    assert (status, "shorepass vault trust" in out) == (1, True)


def test_a_vault_of_0_1_with_a_second_reader_needs_one_command(run_shorepass: RunShorepass, home: Path) -> None:
    """Nobody can tell it from an attacker's: it is shown, and kept whole until its owner says yes."""
    made = run_shorepass("vault", "init").stdout
    own = made.partition("encrypted to: ")[2].partition("\n")[0]
    reader = str(x25519.Identity.generate().to_public())
    as_0_1_made_it(home / ".local/share/shorepass/vault.age", [own, reader], [own, reader])
    refused = run_shorepass("vault")
    assert (refused.status, reader in refused.stderr) == (3, True)
    assert run_shorepass("vault", "trust", "--yes").status == 0
    assert json.loads(helper("list", "").stdout) == {"quay.io": "alice"}
    assert reader in run_shorepass("vault").stdout


def test_a_vault_of_0_1_in_a_home_that_cannot_be_written(run_shorepass: RunShorepass, home: Path) -> None:
    """It is read as it is, each time."""
    made = run_shorepass("vault", "init").stdout
    own = made.partition("encrypted to: ")[2].partition("\n")[0]
    vault = home / ".local/share/shorepass/vault.age"
    as_0_1_made_it(vault, [own], [own])
    before = vault.read_bytes()
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    argv = programs.as_root(["unshare", "--mount", "sh", "-c", script, "sh", str(home), *HELPER, "list"])
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "PATH": programs.SYSTEM_PATH}
    )
    assert json.loads(done.stdout) == {"quay.io": "alice"}
    assert vault.read_bytes() == before


# The signature itself


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"alice", b"mallo"),
        lambda text: text.replace(b'"mac": "', b'"mac": "0'),
        lambda text: text + b" ",
        lambda text: text.replace(b'"\n}\n', b' ", "auths": {"ghcr.io": {}}, "q": "\n}\n'),
        lambda text: text.replace(b'"\n}\n', b'", "auths": {"ghcr.io": {}}\n}\n'),
        lambda text: text.replace(b'"\n}\n', b' "\n}\n'),
        lambda text: text.rpartition(b",\n")[0] + b"\n}\n",
    ],
)
def test_nothing_can_be_changed_or_added(change: Callable[[bytes], bytes]) -> None:
    """A text is good as it was signed, and in no other way."""
    text = sign(json.dumps({"auths": OWN}, indent=1).encode() + b"\n", [partial(mac, b"one"), partial(mac, b"two")])
    assert json.loads(text)["auths"] == OWN
    assert [is_signed(text, [partial(mac, secret)]) for secret in (b"one", b"two", b"three")] == [True, True, False]
    assert is_signed(change(text), [partial(mac, b"one"), partial(mac, b"two")]) is False
