"""Migrations that meet with something on their way: a store that is not what it says, a file that changes, a journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client_files import auth
from memory_store import MemoryStore
from shorepass.clients import FAMILIES
from shorepass.config import docker_config
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic, Credential
from shorepass.errors import MalformedFile, StoreBroken, UsageError
from shorepass.files import FileContent
from shorepass.migration import journal
from shorepass.migration.move import Done, move
from shorepass.migration.sources import plan
from shorepass.migration.undo import undo
from shorepass.secret import Secret

ALICE, BOB = auth("alice:wonderland"), auth("bob:builder")


@pytest.fixture
def file(home: Path) -> Path:
    """Docker's file, with two logins."""
    (home / ".docker").mkdir()
    path = home / ".docker/config.json"
    path.write_text(json.dumps({"auths": {"a.example": ALICE, "b.example": BOB}}))
    return path


def apply(store: MemoryStore, meanwhile: object = None, file: Path | None = None) -> Done:
    """Move all logins into a store; while they are stored, another program writes ``meanwhile`` into a file."""
    here = LocalContext.current()

    def step(*_: int) -> None:
        if file:
            file.write_text(json.dumps(meanwhile))

    return move(here, plan(here, FAMILIES, store), lambda: store, step)


@pytest.mark.parametrize("entry", [{"auth": "Og==", "identitytoken": "t"}, {"auth": "Ym9iOg==", "identitytoken": "t"}])
def test_an_identity_token_of_podman_s_comes_back_as_podman_reads_it(world: Path, entry: dict[str, str]) -> None:
    """Podman takes no entry without "auth", be there a user name in it or not; docker takes none with an empty one."""
    file = world / "run/containers/auth.json"
    file.parent.mkdir()
    file.write_text(before := json.dumps({"auths": {"a.example": entry}}))
    store, here = MemoryStore(), LocalContext.current()
    done = apply(store)
    assert (len(done.moved), json.loads(file.read_text())["auths"]) == (1, {"a.example": {}})
    records = journal.Journal(here)
    assert done.name is not None
    assert undo(here, done.name, records.read(done.name), lambda: store).stays == ()
    assert json.loads(file.read_text()) == json.loads(before)


@pytest.mark.parametrize("password", ["\0pass\0", "a:b"])
def test_an_entry_of_before_auth_comes_back(home: Path, password: str) -> None:
    """Docker also reads a user name and a password side by side, which can hold what ``auth`` cannot."""
    (home / ".docker").mkdir()
    file = home / ".docker/config.json"
    key = "no host"  # so that no client looks for it: podman, which does not read such an entry, would keep it there
    file.write_text(json.dumps({"auths": {key: {"username": "alice", "password": password}}}))
    store, here = MemoryStore(), LocalContext.current()
    done = apply(store)
    assert (store.logins, done.name is None) == ({key: Basic("alice", Secret(password))}, False)
    records = journal.Journal(here)
    assert undo(here, done.name or "", records.read(done.name or ""), lambda: store).stays == ()
    found = docker_config.load(FileContent(str(file), file.read_bytes())).entry(key).credential()
    assert (found, store.logins) == (Basic("alice", Secret(password)), {})


def test_a_login_that_changes_meanwhile_is_left_alone(file: Path) -> None:
    """Docker logs in anew while the old login is being stored: the new one stays in the file, the other one moves."""
    changed = {"auths": {"a.example": BOB, "b.example": BOB}}
    store = MemoryStore()
    done = apply(store, changed, file)
    assert list(store.logins) == ["b.example"]  # the old one is nowhere any more
    assert [(stay.key, stay.reason) for stay in done.stays] == [("a.example", "another program changed it meanwhile")]
    assert json.loads(file.read_text()) == {
        "auths": {"a.example": BOB, "b.example": {}},
        "credHelpers": {"b.example": "shorepass"},
    }


@pytest.mark.parametrize("how", ["credHelpers", "credsStore"])
def test_a_login_that_our_helper_has_meanwhile_is_not_erased(file: Path, how: str) -> None:
    """Somebody logs in by our helper while the login is being stored: the store's is theirs now, in the file is none."""
    named = {"credHelpers": {"a.example": "shorepass"}} if how == "credHelpers" else {"credsStore": "shorepass"}
    store = MemoryStore()
    done = apply(store, {"auths": {"a.example": {}, "b.example": BOB}, **named}, file)
    assert [stay.key for stay in done.stays] == ["a.example"]
    assert list(store.logins) == ["a.example", "b.example"]


def test_a_key_that_comes_meanwhile_keeps_its_registry_in_the_file(file: Path) -> None:
    """Podman logs in to a part of the registry while its login is being stored: neither moves."""
    changed = {"auths": {"a.example": ALICE, "a.example/team": BOB, "b.example": BOB}}
    assert [stay.key for stay in apply(MemoryStore(), changed, file).stays] == ["a.example"]
    assert json.loads(file.read_text())["auths"] == {**changed["auths"], "b.example": {}}


class Trimming(MemoryStore):
    """Forgets the end of some secrets, as docker-credential-pass does with line ends."""

    def store(self, key: str, credential: Credential) -> None:
        assert isinstance(credential, Basic)
        end = -1 if key == "a.example" else None
        super().store(key, Basic(credential.username, Secret(credential.password.reveal()[:end])))


def test_what_the_store_does_not_give_back_stays(file: Path) -> None:
    """It is erased there, and is in the file as it was; the other login moves."""
    store = Trimming()
    done = apply(store)
    assert [(stay.key, "something else" in stay.reason) for stay in done.stays] == [("a.example", True)]
    assert json.loads(file.read_text())["auths"] == {"a.example": ALICE, "b.example": {}}
    assert list(store.logins) == ["b.example"]


class Full(MemoryStore):
    """Refuses one login, and breaks where it is told so."""

    broken = False

    def store(self, key: str, credential: Credential) -> None:
        if self.broken and self.logins:
            raise StoreBroken(self.name, "it broke")
        if key == "a.example":
            raise UsageError("no room for that")
        super().store(key, credential)


def test_what_the_store_refuses_stays(file: Path) -> None:
    """The store's own words are the reason."""
    done = apply(Full())
    assert [(stay.key, stay.reason) for stay in done.stays] == [("a.example", "no room for that")]
    assert json.loads(file.read_text())["auths"] == {"a.example": ALICE, "b.example": {}}


def test_a_store_that_breaks_changes_no_file_and_the_next_run_goes_on(file: Path, home: Path) -> None:
    """Nothing is taken out before all is stored; what was there before the first run is known to the last."""
    before = file.read_bytes()
    store = Full()
    store.broken = True
    file.write_text(json.dumps({"auths": {"c.example": ALICE, "b.example": BOB}}))
    before = file.read_bytes()
    with pytest.raises(StoreBroken):
        apply(store)
    assert file.read_bytes() == before
    assert list(store.logins) == ["c.example"]
    store.broken = False
    done = apply(store)
    assert (len(done.moved), done.stays) == (2, ())
    (name,) = journal.Journal(LocalContext.current()).names()  # one migration, which had a second try
    record = journal.Journal(LocalContext.current()).read(name)
    assert (record.done, record.had) == (True, ())
    assert [path.name for path in home.rglob("*.json")].count(f"{name}.json") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"version": 2}',
        '{"version": 1, "store": 1}',
        '{"version": 1, "store": "vault", "helper": "", "moved": [["a"]], "had": [], "named": [], "done": true}',
        '{"version": 1, "store": "vault", "helper": "", "moved": [], "had": [1], "named": [], "done": true}',
        '{"version": 1, "store": "vault", "helper": "", "moved": [], "had": [], "named": [[[1, []], 2]], "done": true}',
    ],
)
def test_a_journal_of_another_kind_is_an_error(text: str) -> None:
    """What we have not written is not obeyed."""
    with pytest.raises(MalformedFile):
        journal.decode(FileContent("/journal.json", text.encode()))
