"""What every context promises, on every kind of ground: see ``shorepass.contexts.Context``."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from contract.grounds import KINDS_OF_ROOT, Ground
from e2e import programs
from shorepass.contexts import FileContent
from shorepass.errors import FileError, MalformedFile, ShorepassError, WriteError
from shorepass.processes import ProcessNotStarted, ProcessOutputTooLarge, ProcessTimeout

LIMIT = 1024 * 1024
# what could break the frames of an answer: NUL, line endings, bytes that are no UTF-8, no line ending at the end
BINARY = bytes(range(256)) * 3 + b"\r\n\n\x00 end"
NAMES = [
    "plain",
    "with blank",
    "quote's",
    'double"',
    "$(id)",
    "new\nline",
    "-n",
    "ümlaut",
    "glob*",
    "back\\slash",
    ".dot",
]


class TestFacts:
    """Who and what."""

    def test_who_it_is(self, ground: Ground) -> None:
        """User number, processor, operating system and home are those that the place itself tells."""
        uid, machine, system, home = ground.sh('id -u; uname -m; uname -s; echo "$HOME"').decode().splitlines()
        context = ground.context
        assert (str(context.uid), context.machine, context.platform) == (uid, machine, system.lower())
        assert context.home() == home or not home

    def test_environment(self, ground: Ground) -> None:
        """A variable that is not set is None; another context with it set leaves the first alone."""
        changed = ground.context.with_env(SHOREPASS_TEST="a 'b' \"c\" $d\n", SHOREPASS_EMPTY="")
        assert ground.context.getenv("SHOREPASS_TEST") is None
        assert changed.getenv("SHOREPASS_TEST") == "a 'b' \"c\" $d\n"
        assert changed.getenv("SHOREPASS_EMPTY") == ""
        assert changed.name == ground.context.name
        assert changed.with_env(HOME="/elsewhere").home() == "/elsewhere"
        assert changed.home() == ground.context.home()


class TestReading:
    """read, head, status, is_folder, names."""

    def test_absent(self, ground: Ground) -> None:
        """What is not there is a value: below nothing, below a file, behind a dangling link."""
        ground.write("file", b"x")
        ground.sh("ln -s nothing dangling", b"")
        for name in ("none", "none/below", "file/below", "dangling"):
            path = ground.at(name)
            context = ground.context
            assert (context.read(path, 9), context.head(path, 9), context.status(path)) == (None, None, None)
            assert not context.is_folder(path)
            assert context.names(path) == []

    def test_bytes(self, ground: Ground) -> None:
        """Every byte arrives, with owner and mode; ``head`` cuts."""
        path = ground.write("file", BINARY, 0o640)
        found = ground.context.read(path, LIMIT)
        assert found is not None
        assert (found.path, found.data, found.mode) == (path, BINARY, "0640")
        assert found.owner is not None
        assert found.owner.endswith(f"({ground.context.uid})")
        assert ground.context.head(path, 5) == BINARY[:5]
        assert ground.context.head(path, LIMIT) == BINARY
        empty = ground.context.read(ground.write("empty", b""), LIMIT)
        assert empty is not None
        assert empty.data == b""

    @pytest.mark.parametrize("name", NAMES)
    def test_names_of_every_kind(self, ground: Ground, name: str) -> None:
        """No name is read as anything but a name."""
        path = ground.write(name, b"mine")
        found = ground.context.read(path, LIMIT)
        assert found is not None
        assert found.data == b"mine"
        assert ground.context.names(ground.folder) == [name]

    def test_names_are_sorted(self, ground: Ground) -> None:
        """All names in a folder, hidden ones and dangling links too, sorted; a file has none."""
        for name in ("b", "a", ".c", "d/e"):
            ground.write(name, b"")
        ground.sh("ln -s nothing f", b"")
        assert ground.context.names(ground.folder) == [".c", "a", "b", "d", "f"]
        assert ground.context.names(ground.at("a")) == []
        assert [ground.context.is_folder(ground.at(name)) for name in ("d", "a", "f")] == [True, False, False]

    def test_name_that_can_be_no_path(self, ground: Ground) -> None:
        """A NUL in a path is an error of ours."""
        for ask in (ground.context.status, lambda path: ground.context.read(path, 9)):
            with pytest.raises(FileError):
                ask(f"{ground.folder}/a\0b")
        with pytest.raises(ShorepassError):
            ground.context.update(f"{ground.folder}/a\0b", lambda _: b"x")

    def test_too_large(self, ground: Ground) -> None:
        """More bytes than the limit are an error; just as many are not, a whole MiB neither."""
        path = ground.write("file", b"x" * 1000)
        with pytest.raises(MalformedFile, match="larger than 999 bytes"):
            ground.context.read(path, 999)
        found = ground.context.read(path, 1000)
        assert found is not None
        assert len(found.data) == 1000
        large = ground.context.read(ground.write("large", b"y" * LIMIT), LIMIT)
        assert large is not None
        assert large.data == b"y" * LIMIT

    @pytest.mark.parametrize(
        ("make", "reason"), [("mkdir it", "a folder, not a file"), ("mkfifo it", "not a regular file")]
    )
    def test_what_is_no_file(self, ground: Ground, make: str, reason: str) -> None:
        """A folder and a FIFO are errors that say so, and nothing waits for a FIFO's writer."""
        ground.sh(make, b"")
        path = ground.at("it")
        for ask in (lambda: ground.context.read(path, 9), lambda: ground.context.head(path, 9)):
            with pytest.raises(FileError) as caught:
                ask()
            assert (caught.value.reason, caught.value.path) == (reason, path)

    def test_closed(self, ground: Ground) -> None:
        """What its user may not read is an error and not absent: file, folder, and what is below a closed folder."""
        path = ground.write("file", b"x", 0o000)
        ground.write("folder/below", b"x")
        ground.sh("chmod 000 folder", b"")
        try:
            if ground.is_roots:
                found = ground.context.read(path, 9)
                assert found is not None
                assert found.data == b"x"
                assert ground.context.names(ground.at("folder")) == ["below"]
                return
            for ask in (
                lambda: ground.context.read(path, 9),
                lambda: ground.context.head(path, 9),
                lambda: ground.context.names(ground.at("folder")),
                lambda: ground.context.status(ground.at("folder/below")),
                lambda: ground.context.read(ground.at("folder/below"), 9),
            ):
                with pytest.raises(FileError) as caught:
                    ask()
                assert caught.value.reason == "permission denied"
            with pytest.raises(FileError) as caught:
                ground.context.read(path, 9)
            assert caught.value.mode == "0000"
        finally:
            ground.sh("chmod 700 folder", b"")

    def test_status(self, ground: Ground) -> None:
        """Kind, mode, owner and size of what stands there, links followed; a loop is an error."""
        ground.write("file", b"12345", 0o604)
        ground.sh(
            "ln -s file link; ln file twin; cp file copy; mkdir -m 1750 folder; mkfifo fifo; ln -s loop loop", b""
        )
        status = {
            name: ground.context.status(ground.at(name)) for name in ("file", "link", "twin", "copy", "folder", "fifo")
        }
        kinds = {name: found.kind for name, found in status.items() if found}
        assert kinds == {**dict.fromkeys(("file", "link", "twin", "copy"), "file"), "folder": "folder", "fifo": "other"}
        link, folder = status["link"], status["folder"]
        assert link is not None
        assert folder is not None
        assert (link.path, link.mode, link.size, link.uid) == (ground.at("link"), 0o604, 5, ground.context.uid)
        assert folder.mode == 0o1750
        identities = [found.identity for name in ("file", "link", "twin", "copy") if (found := status[name])]
        assert identities[0] is not None
        assert identities[0] == identities[1] == identities[2] != identities[3]
        with pytest.raises(FileError):
            ground.context.status(ground.at("loop"))


class TestPrograms:
    """which and run."""

    def program(self, ground: Ground, name: str, script: str, mode: int = 0o700) -> str:
        return ground.write(name, b"#!/bin/sh\n" + script.encode() + b"\n", mode)

    def test_which(self, ground: Ground) -> None:
        """The first executable file in PATH's absolute folders, as Go looks it up."""
        ground.sh("mkdir -p a/tool", b"")
        self.program(ground, "b/tool", "", 0o600)
        expected = self.program(ground, "c/tool", "")
        self.program(ground, "d/tool", "")
        path = ":".join(["relative", "", *(ground.at(name) for name in "zabcd")])
        context = ground.context.with_env(PATH=path)
        assert context.which("tool") == expected
        assert context.which(expected) == expected
        for name in ("other", "c/tool", "./tool", ground.at("b/tool"), ground.at("none")):
            assert context.which(name) is None
        assert context.with_env(PATH="").which("tool") is None

    def test_run(self, ground: Ground) -> None:
        """Arguments, input and variables arrive as they are; both outputs and the exit status come back apart.

        It runs where a client that runs here would start it: in our working directory; elsewhere in the root folder.
        """
        folder = os.getcwd() if ground.context.name == "me" else "/"
        script = 'printf "%s|" "$@" "$SHOREPASS_TEST" "$(pwd)"; cat; echo problem >&2; exit 7'
        tool = self.program(ground, "tool", script)
        words = ["", "two words", "quote's", "$HOME", "new\nline", "*"]
        context = ground.context.with_env(SHOREPASS_TEST="a 'b'\n$c")
        done = context.run([tool, *words], BINARY, timeout=60, limit=LIMIT)
        assert done.stdout == "|".join([*words, "a 'b'\n$c", folder, ""]).encode() + BINARY
        assert (done.status, done.stderr) == (7, b"problem\n")

    def test_run_with_much_input(self, ground: Ground) -> None:
        """More input than a pipe holds arrives; input that is not read harms nothing."""
        data = os.urandom(300_000)
        assert ground.context.run(["/bin/cat"], data, timeout=60, limit=LIMIT).stdout == data
        tool = self.program(ground, "tool", "echo done")
        assert ground.context.run([tool], data, timeout=60, limit=LIMIT) == (0, b"done\n", b"")

    def test_run_too_long(self, ground: Ground) -> None:
        """A program that does not end is left after the time it was given."""
        tool = self.program(ground, "tool", "sleep 300")
        started = time.monotonic()
        with pytest.raises(ProcessTimeout):
            ground.context.run([tool], b"", timeout=1, limit=LIMIT)
        assert time.monotonic() - started < 60

    def test_run_too_much(self, ground: Ground) -> None:
        """More output than the limit is an error, on either stream."""
        for stream in (1, 2):
            tool = self.program(ground, f"tool{stream}", f"printf 1234567890 >&{stream}")
            assert ground.context.run([tool], b"", timeout=60, limit=10).status == 0
            with pytest.raises(ProcessOutputTooLarge):
                ground.context.run([tool], b"", timeout=60, limit=9)

    def test_run_what_cannot_be(self, ground: Ground) -> None:
        """What the kernel would not start is an error, and no shell makes a script of it."""
        self.program(ground, "closed", "echo ran", 0o600)
        ground.write("plain", b"echo ran\n", 0o700)
        ground.write("lost", b"#!/no/such/interpreter\n", 0o700)
        for name in ("none", "closed", "plain", "lost"):
            with pytest.raises(ProcessNotStarted):
                ground.context.run([ground.at(name)], b"", timeout=60, limit=LIMIT)
        with pytest.raises(ProcessNotStarted):
            ground.context.run(["sh", "-c", "echo ran"], b"", timeout=60, limit=LIMIT)

    def test_what_a_program_changed_is_seen(self, ground: Ground) -> None:
        """A file that was read before a program wrote it is read anew."""
        path = ground.write("file", b"old")
        tool = self.program(ground, "tool", f"printf new >{shlex.quote(path)}")
        assert ground.context.read(path, LIMIT)
        ground.context.run([tool], b"", timeout=60, limit=LIMIT)
        found = ground.context.read(path, LIMIT)
        assert found is not None
        assert found.data == b"new"


class TestUpdate:
    """update."""

    def test_new_file(self, ground: Ground) -> None:
        """A new file is its user's, 0600, in folders 0700 that were missing; the edit is given None."""
        seen: list[FileContent | None] = []

        def edit(current: FileContent | None) -> bytes | None:
            seen.append(current)
            return BINARY

        assert ground.context.update(ground.at("a/b/file"), edit)
        assert set(seen) <= {None, *(item for item in seen if item and item.data == BINARY)}
        assert seen[0] is None
        assert ground.look("a/b/file") == (ground.own("600"), BINARY)
        modes = ground.sh("stat -c '%u %a' a a/b", b"").decode().splitlines()
        assert modes == [ground.own("700")] * 2
        assert ground.context.names(ground.at("a/b")) == ["file"]

    def test_existing_file(self, ground: Ground) -> None:
        """Mode, owner and the symlink that leads there stay; what was read is what is there."""
        ground.write("real", b"old", 0o640)
        ground.sh("ln -s real link; ln -s link again", b"")
        path = ground.at("again")
        edit = {b"old": b"old+new"}
        assert ground.context.update(path, lambda current: edit.get(current.data) if current else None)
        assert ground.look("real") == (ground.own("640"), b"old+new")
        assert ground.sh("readlink link; readlink again", b"") == b"real\nlink\n"
        found = ground.context.read(path, LIMIT)
        assert found is not None
        assert found.data == b"old+new"

    def test_through_a_dangling_link(self, ground: Ground) -> None:
        """The file that a link names is made where it names it."""
        ground.sh("ln -s sub/file link", b"")
        assert ground.context.update(ground.at("link"), lambda _: b"new")
        assert ground.look("sub/file") == (ground.own("600"), b"new")

    def test_nothing_to_change(self, ground: Ground) -> None:
        """None and the same bytes change nothing, and no folder is made for nothing."""
        path = ground.write("file", b"same")
        before = ground.sh("ls -i", b"")
        assert not ground.context.update(path, lambda _: None)
        assert not ground.context.update(path, lambda current: current.data if current else b"?")
        assert not ground.context.update(ground.at("sub/file"), lambda _: None)
        assert ground.sh("ls -i", b"") == before

    def test_edit_that_fails(self, ground: Ground) -> None:
        """What the edit raises arrives, and nothing has changed."""

        def edit(_: FileContent | None) -> bytes | None:
            raise KeyError("mine")

        path = ground.write("file", b"same")
        with pytest.raises(KeyError, match="mine"):
            ground.context.update(path, edit)
        assert ground.look("file") == (ground.own("600"), b"same")
        assert ground.sh("ls -A", b"") == b"file\n"

    @pytest.mark.parametrize("before", [b"old", None], ids=["file", "none"])
    def test_somebody_else_writes_meanwhile(self, ground: Ground, before: bytes | None) -> None:
        """What another program writes between our reading and our saving is kept: the edit runs on that again."""
        if before is not None:
            ground.write("file", before)
        calls = []

        def edit(current: FileContent | None) -> bytes | None:
            data = current.data if current else b""
            if b"+ours" in data:
                return None
            calls.append(data)
            if len(calls) == 1:
                ground.write("file", data + b"+theirs")
            return data + b"+ours"

        assert ground.context.update(ground.at("file"), edit)
        assert ground.look("file")[1] == (before or b"") + b"+theirs+ours"
        assert ground.sh("ls -A", b"") == b"file\n"

    def test_what_cannot_be_written(self, ground: Ground) -> None:
        """A folder in the file's place, and one that is closed to writing, are errors; nothing is left behind."""
        ground.sh("mkdir it; mkdir closed; chmod 500 closed", b"")
        with pytest.raises((WriteError, FileError)):
            ground.context.update(ground.at("it"), lambda _: b"x")
        if ground.is_roots:
            assert ground.context.update(ground.at("closed/file"), lambda _: b"x")
        else:
            with pytest.raises(WriteError, match="permission denied"):
                ground.context.update(ground.at("closed/file"), lambda _: b"x")
            assert ground.sh("ls -A it closed", b"") == b"closed:\n\nit:\n"


class TestRights:
    """set_mode and set_owner."""

    def test_mode(self, ground: Ground) -> None:
        """Mode bits are set and seen at once; of what is not there it is an error."""
        path = ground.write("file", b"x", 0o644)
        assert ground.context.status(path)
        ground.context.set_mode(path, 0o600)
        assert ground.look("file")[0] == ground.own("600")
        status = ground.context.status(path)
        assert status is not None
        assert status.mode == 0o600
        with pytest.raises(WriteError):
            ground.context.set_mode(ground.at("none"), 0o600)

    def test_owner(self, ground: Ground) -> None:
        """A symlink is given itself, not what it leads to; who may not give gets an error."""
        path = ground.write("file", b"x")
        ground.sh("ln -s file link", b"")
        if ground.is_roots or ground.context.name.startswith(("user:", "docker:", "podman:")):
            ground.context.set_owner(ground.at("link"), 12345, 54321)
            assert ground.sh("stat -c '%u %g' link", b"") == b"12345 54321\n"
            assert ground.look("file")[0] == ground.own("600")
        else:
            with pytest.raises(WriteError, match="not permitted"):
                ground.context.set_owner(path, 0, 0)
            assert ground.look("file")[0] == ground.own("600")


if os.geteuid() != 0:

    def test_kinds_that_need_root(tmp_path: Path) -> None:
        """The contexts that only root has keep the same promises."""
        kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
        kinds = " or ".join(KINDS_OF_ROOT)
        words = [
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--basetemp={tmp_path / 'root'}",
            "-k",
            kinds,
            __file__,
        ]
        done = programs.run(programs.as_root(["env", *kept, sys.executable, *words]), timeout=300)
        assert done.returncode == 0, done.stdout
