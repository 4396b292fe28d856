"""The vault: what opens it, what is in it, and what happens when it is damaged."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e import programs
from shorepass import LocalContext
from shorepass.credential import ANONYMOUS, Basic, IdentityToken
from shorepass.errors import FileError, StoreBroken, StoreError, StoreLocked, StoreMissing, UsageError
from shorepass.secret import Secret
from shorepass.stores.vault.setup import Lock, from_file, init, machine_key, passphrase, rekey
from shorepass.stores.vault.signature import sign
from shorepass.stores.vault.vault import GENERATIONS, Vault

pytestmark = pytest.mark.usefixtures("nothing_set")

ALICE = Basic("alice", Secret("wonderland"))
BOB = Basic("bob", Secret("builder"))
TYPED = "correct horse"


def nobody(prompt: str) -> str:
    raise StoreLocked("vault", f"nobody is there to be asked: {prompt}")


def typist(prompt: str) -> str:
    assert prompt
    return TYPED


def here() -> LocalContext:
    return LocalContext.current()


def open_vault(ask: Callable[[str], str] = nobody, told: list[str] | None = None) -> Vault:
    return Vault(here(), ask=ask, tell=(told if told is not None else []).append)


@pytest.fixture
def vault() -> Vault:
    """A new vault with a machine key."""
    init(open_vault(), here(), machine_key())
    return open_vault()


def ssh_key(folder: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make an SSH key, return its path."""
    path = folder / f"id_{kind}"
    size = ["-b", "2048"] if kind == "rsa" else []
    argv = [programs.require("ssh-keygen"), "-q", "-t", kind, *size, "-N", passphrase, "-f", str(path)]
    assert programs.run(argv).returncode == 0
    return str(path)


def age(key: str, file: str) -> bytes:
    """Decrypt with the standard program."""
    argv = [programs.require("age"), "--decrypt", "-i", key, file]
    return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout


def identity_file(folder: Path) -> str:
    path = folder / "key.txt"
    assert programs.run([programs.require("age-keygen"), "-o", str(path)]).returncode == 0
    return str(path)


# What opens it


@pytest.mark.parametrize("kind", ["machine", "ed25519", "rsa", "identity", "passphrase"])
def test_every_kind_of_key_opens_it_and_so_does_age(tmp_path: Path, kind: str) -> None:
    """A login comes back with each kind of key, and the age program reads it with the file that shorepass vault names."""
    ask = typist if kind == "passphrase" else nobody
    if kind == "machine":
        lock = machine_key()
    elif kind == "passphrase":
        lock = passphrase(typist)
    else:
        path = identity_file(tmp_path) if kind == "identity" else ssh_key(tmp_path, kind)
        lock = from_file(here(), path, nobody)
    init(open_vault(ask), here(), lock)
    open_vault(ask).store("ghcr.io", ALICE)
    vault = open_vault(ask)
    assert vault.get("ghcr.io") == ALICE
    (key,) = [path for path in vault.key_paths if os.path.exists(path)]
    if kind != "passphrase":  # age asks for it on a terminal only: tests/cli/test_vault.py
        assert json.loads(age(key, vault.path))["auths"] == {"ghcr.io": {"username": "alice", "password": "wonderland"}}
    for path in (vault.path, key):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert b"wonderland" not in Path(path).read_bytes()


def test_a_second_recipient_opens_it_too(tmp_path: Path) -> None:
    """--also: whoever has the other key can read the vault, after every save."""
    other = identity_file(tmp_path)
    (recipient,) = [line.split()[-1] for line in Path(other).read_text().splitlines() if "public key" in line]
    init(open_vault(), here(), machine_key((recipient,)))
    open_vault().store("ghcr.io", ALICE)
    assert b"wonderland" in age(other, open_vault().path)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("ecdsa", "ecdsa-sha2-nistp256"),
        ("protected", "wrong passphrase"),
        ("no file", "no such file"),
        ("no key", "neither an age identity"),
    ],
)
def test_a_key_that_cannot_open_it_makes_none(tmp_path: Path, kind: str, reason: str) -> None:
    """Nobody is locked out: a key that would not open the vault is refused before there is one."""
    path = str(tmp_path / "key")
    if kind == "ecdsa":
        path = ssh_key(tmp_path, "ecdsa")
    elif kind == "protected":
        path = ssh_key(tmp_path, passphrase="a passphrase")
    elif kind == "no key":
        Path(path).write_text("hello\n")
    with pytest.raises((UsageError, StoreError), match=reason):
        from_file(here(), path, (lambda _: "another") if kind == "protected" else nobody)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "rsa in PEM"])
def test_an_ssh_key_with_a_passphrase_of_its_own(tmp_path: Path, kind: str) -> None:
    """The key that a careful person has: its passphrase is asked for once per context, and a wrong one is "locked"."""
    path = ssh_key(tmp_path, kind.partition(" ")[0], passphrase=TYPED)
    if kind == "rsa in PEM":
        words = ["-q", "-p", "-m", "PEM", "-P", TYPED, "-N", TYPED, "-f", path]
        assert programs.run([programs.require("ssh-keygen"), *words]).returncode == 0
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return typist(prompt)

    user = here()
    init(open_vault(ask), user, from_file(user, path, ask))
    vault = Vault(user, ask=ask, tell=lambda _: None)
    vault.store("ghcr.io", ALICE)
    assert vault.get("ghcr.io") == ALICE
    assert len(asked) == 1
    with pytest.raises(StoreLocked, match="wrong passphrase"):
        open_vault(lambda _: "another").get("ghcr.io")


def test_an_ssh_key_with_a_passphrase_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for it is an extra: without it the error names the command that installs it."""
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(StoreLocked) as refused:
        from_file(here(), ssh_key(tmp_path, passphrase="a passphrase"), nobody)
    assert refused.value.hint == f"{sys.executable} -m pip install 'cryptography[ssh]'"


def test_the_same_passphrase_twice() -> None:
    """Two passphrases that differ make no vault."""
    typed = iter(["one", "two"])
    with pytest.raises(UsageError, match="differ"):
        passphrase(lambda _: next(typed))


@pytest.mark.parametrize("junk", ["no recipient", "ssh-ed25519 AAAA", ""])
def test_no_recipient(junk: str) -> None:
    """--also takes recipients only."""
    with pytest.raises(UsageError, match="is not a recipient"):
        machine_key((junk,))


def test_init_never_replaces(vault: Vault) -> None:
    """A vault, what is left of one, or a key without a vault: a second init fails and changes nothing."""
    vault.store("ghcr.io", ALICE)
    for path in (vault.path, f"{vault.path}.1", vault.machine_path):
        before = {p: p.read_bytes() for p in Path(os.environ["HOME"]).rglob("*") if p.is_file()}
        with pytest.raises(UsageError, match="there is a"):
            init(open_vault(), here(), machine_key())
        assert {p: p.read_bytes() for p in Path(os.environ["HOME"]).rglob("*") if p.is_file()} == before
        os.unlink(path)


def test_without_its_key_it_is_locked(vault: Vault) -> None:
    """Another key, a key that cannot be read, none: locked, with the places where the key is looked for."""
    vault.store("ghcr.io", ALICE)
    other = machine_key()
    Path(vault.machine_path).write_bytes(other.data)
    with pytest.raises(StoreLocked, match="the key does not open it") as raised:
        open_vault().get("ghcr.io")
    assert vault.machine_path in raised.value.message
    os.unlink(vault.machine_path)
    with pytest.raises(StoreLocked, match="no key for"):
        open_vault().get("ghcr.io")
    os.mkdir(vault.machine_path)
    with pytest.raises(FileError, match="a folder"):
        open_vault().get("ghcr.io")


def test_a_wrong_passphrase_is_locked() -> None:
    """A wrong passphrase, and no terminal: locked, and never asked twice for one call."""
    init(open_vault(typist), here(), passphrase(typist))
    with pytest.raises(StoreLocked, match="wrong passphrase"):
        open_vault(lambda _: "wrong").get("ghcr.io")
    with pytest.raises(StoreLocked, match="nobody is there"):
        open_vault().get("ghcr.io")


# What is in it


def test_age_hands_docker_its_config(vault: Vault, home: Path) -> None:
    """What age decrypts is a config.json that docker reads as it is: docker finds the login in it."""
    from shorepass.clients import find
    from shorepass.names import Reference

    vault.store("ghcr.io", ALICE)
    vault.store("quay.io", IdentityToken(Secret("token")))
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_bytes(age(vault.machine_path, vault.path))
    for registry, login in (("ghcr.io", ALICE), ("quay.io", IdentityToken(Secret("token")))):
        assert find("docker").resolve(here(), Reference(registry)).credential == login


def test_what_it_does_not_know_stays(vault: Vault, tmp_path: Path) -> None:
    """Members that a later version wrote, in the file and in an entry, are there after a save by this one."""
    text = json.loads(age(vault.machine_path, vault.path))
    text |= {"later": [1, "é"], "auths": {"a.example": {"username": "a", "password": "b", "expires": 5}}}
    del text["mac"]
    (key,) = open_vault().keys()
    write(vault, tmp_path, sign(json.dumps(text, indent=1).encode() + b"\n", [key.mac]).decode())
    open_vault().store("ghcr.io", ALICE)
    after = json.loads(age(vault.machine_path, vault.path))
    del after["mac"]
    assert after == text | {"auths": {**text["auths"], "ghcr.io": {"username": "alice", "password": "wonderland"}}}


def write(vault: Vault, folder: Path, text: str) -> None:
    """Encrypt with the standard program."""
    plain = folder / "plain"
    plain.write_text(text)
    recipient = programs.run([programs.require("age-keygen"), "-y", vault.machine_path]).stdout.strip()
    argv = [programs.require("age"), "-r", recipient, "-o", vault.path, str(plain)]
    assert programs.run(argv).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", "x", "[" * 100_000),
        '{"shorepassVault": 3, "recipients": ["r"], "auths": {}}',
        '{"shorepassVault": 1, "recipients": [], "auths": {}}',
        '{"shorepassVault": 1, "recipients": ["r"], "auths": []}',
        '{"shorepassVault": 1, "recipients": ["r"], "auths": {"a": []}}',
    ],
)
def test_what_is_no_vault_is_broken(vault: Vault, tmp_path: Path, text: str) -> None:
    """A file that opens and holds something else, or a later version, is broken; a save leaves it as it is."""
    write(vault, tmp_path, text)
    before = Path(vault.path).read_bytes()
    with pytest.raises(StoreBroken):
        open_vault().get("ghcr.io")
    with pytest.raises(StoreBroken):
        open_vault().store("ghcr.io", ALICE)
    assert Path(vault.path).read_bytes() == before


# Damage


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "cut": lambda data: data[:-1],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "zeros": lambda data: bytes(len(data)),
    "one bit": lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
    "one bit of the header": lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    "longer": lambda data: data + b"x",
    "another file": lambda _: b'{"auths": {}}',
    "gone": lambda _: None,
}


def damage(path: str, how: str) -> None:
    data = DAMAGE[how](Path(path).read_bytes())
    if data is None:
        os.unlink(path)
    else:
        Path(path).write_bytes(data)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_falls_back_and_says_so(vault: Vault, how: str) -> None:
    """The youngest generation that is whole is used instead, with a message; all of its logins are there."""
    vault.store("a.example", ALICE)
    vault.store("b.example", BOB)
    damage(vault.path, how)
    told: list[str] = []
    assert open_vault(told=told).get("a.example") == ALICE
    assert len(told) == 1
    assert vault.path in told[0]
    assert f"{vault.path}.1 instead, without" in told[0]
    damage(f"{vault.path}.1", "zeros")
    assert open_vault().get("a.example") == ANONYMOUS  # the second generation is that of the new vault


@pytest.mark.parametrize("how", sorted(DAMAGE.keys() - {"one bit of the header"}))
def test_a_save_mends_it(vault: Vault, how: str) -> None:
    """The next save writes a whole vault with all that the generation had; what is damaged never becomes a generation."""
    vault.store("a.example", ALICE)
    vault.store("b.example", BOB)
    damage(vault.path, how)
    open_vault().store("c.example", BOB)
    told: list[str] = []
    assert open_vault(told=told).list() == {"a.example": "alice", "c.example": "bob"}
    assert told == []
    os.unlink(vault.path)
    assert open_vault().list() == {"a.example": "alice", "c.example": "bob"}


def test_what_only_lost_its_key_is_not_written_over(vault: Vault, tmp_path: Path) -> None:
    """A vault that came from elsewhere, for another key, is read from its generation, and never replaced."""
    vault.store("a.example", ALICE)
    other = identity_file(tmp_path)
    recipient = programs.run([programs.require("age-keygen"), "-y", other]).stdout.strip()
    argv = [programs.require("age"), "-r", recipient, "-o", vault.path, other]
    assert programs.run(argv).returncode == 0
    before = Path(vault.path).read_bytes()
    told: list[str] = []
    open_vault(told=told).get("a.example")
    assert told
    with pytest.raises(StoreLocked):
        open_vault().store("b.example", BOB)
    with pytest.raises(StoreLocked):
        open_vault().erase("a.example")
    assert Path(vault.path).read_bytes() == before


def test_when_all_are_damaged_it_is_broken(vault: Vault) -> None:
    """No generation is whole: broken, at every verb; nothing is written over."""
    for _ in range(GENERATIONS):
        vault.store("a.example", Basic("alice", Secret(os.urandom(4).hex())))
    paths = [vault.path, *(f"{vault.path}.{number}" for number in range(1, GENERATIONS + 1))]
    for path in paths:
        damage(path, "cut")
    before = [Path(path).read_bytes() for path in paths]
    for verb in (
        lambda v: v.get("a.example"),
        lambda v: v.list(),
        lambda v: v.store("b", BOB),
        lambda v: v.erase("a.example"),
    ):
        with pytest.raises(StoreBroken):
            verb(open_vault())
    assert [Path(path).read_bytes() for path in paths] == before


# Logout means gone


def holders(vault: Vault, secret: str) -> list[str]:
    """Return every file in the home that holds a secret, decrypted where it is encrypted."""
    files = [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file() and "machine.key" not in path.name]
    texts = {
        str(path): age(vault.machine_path, str(path)) if ".age" in path.name else path.read_bytes() for path in files
    }
    return sorted(os.path.basename(path) for path, text in texts.items() if secret.encode() in text)


def test_erased_is_gone_from_every_generation(vault: Vault) -> None:
    """After an erase no file of the home holds the secret, and the generation that is left holds all else."""
    vault.store("a.example", ALICE)
    vault.store("b.example", BOB)
    vault.store("c.example", BOB)
    assert holders(vault, "wonderland") == ["vault.age", "vault.age.1", "vault.age.2"]
    assert open_vault().erase("a.example") is True
    assert holders(vault, "wonderland") == []
    assert holders(vault, "builder") == ["vault.age", "vault.age.1"]
    os.unlink(vault.path)
    assert open_vault().list() == {"b.example": "bob", "c.example": "bob"}


def test_erased_is_gone_although_only_a_generation_had_it(vault: Vault) -> None:
    """A vault that another program replaced by an older one: what its generations still hold is erased, too."""
    old = Path(vault.path).read_bytes()
    vault.store("a.example", ALICE)
    vault.store("b.example", BOB)
    Path(vault.path).write_bytes(old)
    assert open_vault().erase("a.example") is True
    assert holders(vault, "wonderland") == []
    assert open_vault().erase("a.example") is False


def test_erased_is_gone_although_the_file_that_had_it_is_damaged(vault: Vault) -> None:
    """What is left of a damaged file goes with the erase: nobody can say that the login was not in it."""
    vault.store("b.example", BOB)
    vault.store("a.example", ALICE)
    damage(vault.path, "cut")
    damaged = Path(vault.path).read_bytes()
    open_vault().erase("a.example")
    assert damaged not in [path.read_bytes() for path in Path(vault.path).parent.iterdir()]
    told: list[str] = []
    assert (open_vault(told=told).list(), told) == ({"b.example": "bob"}, [])


def test_it_never_grows_beyond_what_it_can_read(vault: Vault) -> None:
    """A login that would make it too large is refused, and all others stay within reach."""
    large = Basic("alice", Secret("x" * 4_000_000))
    for number in range(4):
        vault.store(f"{number}.example", large)
    with pytest.raises(UsageError, match="at most 16 MiB"):
        vault.store("4.example", large)
    assert len(open_vault().list()) == 4
    assert open_vault().erase("0.example") is True


# Another key


def kinds(folder: Path) -> dict[str, Callable[[], Lock]]:
    return {
        "machine": machine_key,
        "passphrase": lambda: passphrase(typist),
        "ssh": lambda: from_file(here(), ssh_key(folder), nobody),
    }


# A passphrase costs two seconds at each use: that is what it is for, and why it is not in every pair here.
PAIRS = [("machine", "passphrase"), ("passphrase", "ssh"), ("ssh", "machine"), ("machine", "machine"), ("ssh", "ssh")]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_rekey(tmp_path: Path, before: str, after: str) -> None:
    """The logins stay; the old key opens nothing any more, no generation either; somebody's SSH key is left alone."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old = kinds(tmp_path / "old")[before]()
    init(open_vault(typist), here(), old)
    open_vault(typist).store("a.example", ALICE)
    open_vault(typist).store("b.example", BOB)
    new = kinds(tmp_path / "new")[after]()
    rekey(open_vault(typist), here(), new)
    vault = open_vault(typist)
    assert vault.list() == {"a.example": "alice", "b.example": "bob"}
    assert len([path for path in vault.key_paths if os.path.lexists(path)]) == 1
    assert all(os.path.exists(lock.to) for lock in (old, new) if lock.to)
    sealed = sorted(Path(vault.path).parent.glob("vault.age*"))
    assert len(sealed) == 2
    from pyrage import DecryptError, decrypt

    for path in sealed:
        decrypt(path.read_bytes(), [new.key.identity])
        with pytest.raises(DecryptError):
            decrypt(path.read_bytes(), [old.key.identity])


@pytest.mark.parametrize(("before", "after"), PAIRS[2:])
def test_rekey_that_stops_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    """Stopped behind any of its writes, the key that is in place then opens the vault; run again, it ends well."""
    from shorepass import files

    class Stop(BaseException):
        pass

    real = {name: getattr(files, name) for name in ("update", "symlink", "remove")}
    for stop_at in range(30):
        world = tmp_path / str(stop_at)
        monkeypatch.setenv("HOME", str(world))
        for name in ("old", "new"):
            (world / name).mkdir(parents=True)
        init(open_vault(typist), here(), kinds(world / "old")[before]())
        open_vault(typist).store("a.example", ALICE)
        lock, done = kinds(world / "new")[after](), 0

        def counted(name: str) -> Callable[..., object]:
            def call(*args: object, **named: object) -> object:
                nonlocal done
                result = real[name](*args, **named)
                done += 1
                if done > stop_at:  # noqa: B023  # called in this very round
                    raise Stop
                return result

            return call

        for name in real:
            monkeypatch.setattr(files, name, counted(name))
        stopped = True
        try:
            rekey(open_vault(typist), here(), lock)
            stopped = False
        except Stop:
            pass
        for name, function in real.items():
            monkeypatch.setattr(files, name, function)
        assert open_vault(typist).get("a.example") == ALICE, stop_at
        (world / "again").mkdir()
        rekey(open_vault(typist), here(), kinds(world / "again")[after]())
        assert open_vault(typist).get("a.example") == ALICE
        if not stopped:
            return
    pytest.fail("it never came to its end")


def test_a_missing_vault_is_missing() -> None:
    """Without a vault each verb says so, and none makes one."""
    for verb in (lambda v: v.get("a"), lambda v: v.list(), lambda v: v.store("a", BOB), lambda v: v.erase("a")):
        with pytest.raises(StoreMissing, match="there is no vault at") as raised:
            verb(open_vault())
        assert raised.value.hint == "shorepass vault init"
    assert list(Path(os.environ["HOME"]).iterdir()) == []


def _change_key(number: int) -> None:
    verb = init if number < 0 else rekey
    with contextlib.suppress(UsageError):
        verb(open_vault(), here(), machine_key())


@pytest.mark.parametrize("exists", [True, False], ids=["rekey", "init"])
def test_several_at_once_lock_nobody_out(*, exists: bool) -> None:
    """Processes that make a vault, or give it another key, at the same time: the key in place opens it in the end."""
    if exists:
        init(open_vault(), here(), machine_key())
        open_vault().store("a.example", ALICE)
    processes = multiprocessing.get_context("fork")
    workers = [processes.Process(target=_change_key, args=(number if exists else -1,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 6
    assert open_vault().list() == ({"a.example": "alice"} if exists else {})
