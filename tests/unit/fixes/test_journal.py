"""The journal of repairs: what is kept, for how long, and what an undo does and refuses."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from shorepass.contexts.local import LocalContext
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import MalformedFile, UsageError, WriteError
from shorepass.fixes import journal as journal_module
from shorepass.fixes.apply import apply_repair, undo
from shorepass.fixes.journal import KEPT, Journal, Kept
from shorepass.fixes.repair import Edit, Mode, Repair


@pytest.fixture
def here() -> LocalContext:
    return LocalContext.current()


@pytest.fixture
def journal(here: LocalContext) -> Journal:
    return Journal(here)


def finding(repair: Repair) -> Finding:
    return Finding("SP999", Severity.ERROR, "me", "a subject", "a cause", (), repair)


def edit(here: LocalContext, file: Path, after: bytes) -> Finding:
    return finding(Edit(here, str(file), lambda _: after, "change it"))


def entries(journal: Journal) -> list[Path]:
    folder = Path(journal.folder)
    return sorted(folder.iterdir()) if folder.exists() else []


def test_an_edit_and_its_undo(here: LocalContext, journal: Journal, home: Path) -> None:
    """An edit keeps mode and owner, its entry is for its owner's eyes alone, and undo brings back every byte."""
    file = home / "config.json"
    file.write_bytes(b"\xff\x00 any bytes at all")
    file.chmod(0o640)
    name = apply_repair(edit(here, file, b"{}"), journal)
    assert name is not None
    assert file.read_bytes() == b"{}"
    (entry,) = entries(journal)
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert stat.S_IMODE(entry.parent.stat().st_mode) == 0o700
    undo(name, journal, here)
    assert file.read_bytes() == b"\xff\x00 any bytes at all"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert entries(journal) == []


def test_the_state_folder(home: Path, tmp_path: Path) -> None:
    """XDG_STATE_HOME says where the journal is; else it is in the home."""
    assert Journal(LocalContext({"HOME": str(home)})).folder == f"{home}/.local/state/shorepass/doctor"
    elsewhere = LocalContext({"HOME": str(home), "XDG_STATE_HOME": str(tmp_path)})
    assert Journal(elsewhere).folder == f"{tmp_path}/shorepass/doctor"


def test_root_writes_into_no_home_but_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under sudo with HOME kept the journal, which may hold what others may not read, is in root's home."""
    import pwd

    status = LocalContext.status
    monkeypatch.setattr(
        LocalContext, "status", lambda self, path: (found := status(self, path)) and found._replace(uid=1000)
    )
    here = LocalContext({"HOME": str(home)}, uid=0)
    assert Journal(here).folder == f"{pwd.getpwuid(0).pw_dir}/.local/state/shorepass/doctor"


def test_nothing_to_change(here: LocalContext, journal: Journal, home: Path) -> None:
    """A repair that changes nothing is not kept, and a file that is not there is not made."""
    file = home / "config.json"
    assert apply_repair(edit(here, file, b"{}"), journal) is None
    assert not file.exists()
    file.write_bytes(b"{}")
    assert apply_repair(edit(here, file, b"{}"), journal) is None
    assert entries(journal) == []


def test_a_repair_that_fails_is_not_kept(here: LocalContext, journal: Journal, home: Path) -> None:
    """Where the change cannot be made nothing is changed, and nothing is left in the journal."""
    file = home / "config.json"
    file.write_bytes(b"before")

    def fail(_: object) -> bytes:
        raise WriteError(str(file), "no")

    for repair in (Edit(here, str(file), fail, ""), Mode(here, str(home / "absent"), 0o600)):
        with pytest.raises(WriteError):
            apply_repair(finding(repair), journal)
    assert file.read_bytes() == b"before"
    assert entries(journal) == []


def test_what_cannot_be_kept_is_not_changed(
    here: LocalContext, journal: Journal, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is too large for the journal is left as it is: a repair that cannot be undone is not made."""
    monkeypatch.setattr(journal_module, "SIZE_LIMIT", 10)
    file = home / "config.json"
    file.write_bytes(b"more than ten bytes")
    with pytest.raises(WriteError, match="too large"):
        apply_repair(edit(here, file, b"{}"), journal)
    assert file.read_bytes() == b"more than ten bytes"


def test_undo_refuses_what_was_changed_since(here: LocalContext, journal: Journal, home: Path) -> None:
    """A file that somebody has changed or removed since is left alone, and the entry stays."""
    file = home / "config.json"
    file.write_bytes(b"before")
    name = apply_repair(edit(here, file, b"{}"), journal)
    assert name is not None
    file.write_bytes(b"theirs")
    with pytest.raises(WriteError, match="did not change it"):
        undo(name, journal, here)
    assert file.read_bytes() == b"theirs"
    file.unlink()
    with pytest.raises(WriteError, match="did not change it"):
        undo(name, journal, here)
    assert not file.exists()
    assert len(entries(journal)) == 1


def test_undo_of_an_undone_edit(here: LocalContext, journal: Journal, home: Path) -> None:
    """Where a file is by now what it was before, there is nothing to do but to forget the repair."""
    file = home / "config.json"
    file.write_bytes(b"before")
    name = apply_repair(edit(here, file, b"{}"), journal)
    assert name is not None
    file.write_bytes(b"before")
    undo(name, journal, here)
    assert file.read_bytes() == b"before"
    assert entries(journal) == []


def test_an_edit_that_another_program_interrupts(here: LocalContext, journal: Journal, home: Path) -> None:
    """When another program writes meanwhile, what it wrote is what comes back."""
    file = home / "config.json"
    file.write_bytes(b"before")
    written = []

    def change(_: object) -> bytes:
        if not written:
            written.append(1)
            file.write_bytes(b"theirs")
        return b"{}"

    name = apply_repair(finding(Edit(here, str(file), change, "")), journal)
    assert name is not None
    assert journal.read(name).before == b"theirs"
    undo(name, journal, here)
    assert file.read_bytes() == b"theirs"


def test_only_so_many_and_only_so_long(journal: Journal) -> None:
    """The oldest go when there are too many, and what is older than a month goes in any case; new names never clash."""
    kept = Kept("SP999", "me", "/file", "edit", b"before", b"")
    journal.keep("20200101-000000.000-SP999", kept)
    names = []
    for _ in range(KEPT + 5):
        names.append(journal.name("SP999"))
        journal.keep(names[-1], kept)
    assert len(set(names)) == KEPT + 5
    assert journal.names() == sorted(names)[-KEPT:]


def test_the_newest_is_the_last(journal: Journal) -> None:
    """Names sort by age, whatever the code."""
    kept = Kept("SP999", "me", "/file", "edit", b"before", b"")
    names = []
    for code in ("SP512", "SP101", "SP300"):
        names.append(journal.name(code))
        journal.keep(names[-1], kept)
    assert journal.names() == names


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b'{"version": 2}', b'{"version": 1, "code": 1}'])
def test_a_broken_entry(journal: Journal, text: bytes) -> None:
    """An entry that is none is an error with its path, and no traceback."""
    os.makedirs(journal.folder)
    Path(journal.folder, "broken.json").write_bytes(text)
    with pytest.raises(MalformedFile, match=r"broken\.json"):
        journal.read("broken")
    with pytest.raises(UsageError):
        journal.read("../../../etc/passwd")


@pytest.mark.parametrize(
    "before",
    [
        b'{"auths": {"https://ghcr.io/v1/": {}}}',
        b'{"auths": {"GHCR.io": {"auth": "no end',
        '{"auths": {"ghcr.io": {}}}'.encode("utf-16"),
        rb'{"auths": {"\u0067hcr.io": {}}}',
        b"\xff\0 // ghcr.io",
    ],
)
def test_what_names_a_host_is_forgotten(journal: Journal, before: bytes) -> None:
    """A repair whose bytes name the host goes, whether they are JSON or not; what names others stays."""
    journal.keep("91", Kept("SP999", "me", "/file", "edit", before, b""))
    journal.keep("92", Kept("SP999", "me", "/file", "edit", b'{"auths": {"quay.io": {}}}', b""))
    journal.keep("93", Kept("SP999", "me", "/home/ghcr.io", "mode", b"0644", b"0600"))
    assert journal.forget_what_names(["ghcr.io"], "me", ()) == ["91"]
    assert journal.names() == ["92", "93"]


@pytest.mark.parametrize(
    ("context", "forgotten"),
    [("me", ["92", "93"]), ("user:bob", ["92"]), ("docker:web", ["91"]), ("docker:db", [])],
)
def test_what_another_place_had_stays_but_for_the_same_file(
    journal: Journal, context: str, forgotten: list[str]
) -> None:
    """Repairs of another place stay, unless it is a user of this machine, and the file the one that was logged out of."""
    for name, place, path in (("91", "docker:web", "/shared"), ("92", "sudo", "/shared"), ("93", "me", "/file")):
        journal.keep(name, Kept("SP999", place, path, "edit", b"ghcr.io", b""))
    assert journal.forget_what_names(["ghcr.io"], context, ["/shared"]) == forgotten


def test_what_cannot_be_undone_anyway_is_forgotten(journal: Journal) -> None:
    """An entry that cannot be read may hold anything, and what a killed save left, too: both go."""
    journal.keep("91", Kept("SP999", "me", "/file", "edit", b"quay.io", b""))
    Path(journal.folder, "92.json").write_bytes(b"cut o")
    Path(journal.folder, ".93.json.shorepass-1-0123456789abcdef").write_bytes(b"any")
    assert journal.forget_what_names(["ghcr.io"], "me", ()) == ["92"]
    assert [entry.name for entry in entries(journal)] == ["91.json"]


def test_nothing_to_forget(journal: Journal) -> None:
    """Without a journal there is nothing to forget, and none is made."""
    assert journal.forget_what_names(["ghcr.io"], "me", ()) == []
    assert not Path(journal.folder).exists()
