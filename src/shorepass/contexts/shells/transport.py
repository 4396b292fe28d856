"""Sends a script through another program (ssh, kubectl ...), and reads its answer.

The other context needs a POSIX shell with the usual small tools (``dd``, ``head``, ``stat`` ...; busybox has all of them). It
does not need Shorepass. The script is sent on standard input, so that it is in no process list, and no shell on the way can
misread it. After the script follows the input of the program that it runs.

In the answer, a random mark precedes each record. What a banner, a profile or a ``.cshrc`` prints is in front of the first
mark, and is ignored. The content of a file cannot look like a mark, because no one can guess the mark.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.errors import ContextError, printable
from shorepass.processes import ProcessError, ProcessTimeout
from shorepass.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts.local import LocalContext
    from shorepass.processes import Streaming

__all__ = ["Answer", "Booted", "Record", "Transport"]

# Reads exactly the script, because every shell reads its own input ahead, in blocks; then runs it. It has no quotes and no
# backslashes, so that between single quotes it means the same to sh, csh and fish: ssh gives the line to one of them.
BOOT = "set -f; IFS=; eval $(dd bs=1 count={} 2>/dev/null)"
PREAMBLE = "unset IFS; set +f; sp_say() { printf '\\n%s %s\\n' MARK \"$*\"; }\n"
FRAMES_LIMIT = 1024 * 1024  # bytes in addition to what was asked for: the marks, and what a login prints
RECORDS_LIMIT = 20_000  # of one answer: a folder with as many names
NO_SHELL = "it did not run a POSIX shell with dd, head and stat"
MISSING_SHELL = re.compile("""exec: "sh"|['"`]sh['"`].*not found""")  # the words of container runtimes


class Record(NamedTuple):
    """One record of an answer.

    It has its kind, the words after the kind, and the bytes that follow.
    """

    kind: str
    words: tuple[str, ...]
    body: bytes


class Answer(NamedTuple):
    """The whole answer.

    ``stderr``: what the script's programs printed there.
    """

    records: tuple[Record, ...]
    stderr: bytes


class Booted(NamedTuple):
    """A script for a shell that may read more than the script.

    ``command``: the words that start it. ``text``: what its standard input must begin with. ``mark``: what is in front of each
    record that it prints. Without blanks, it is also a line of standard error in front of what the script prints there.
    """

    command: tuple[str, ...]
    text: bytes
    mark: bytes

    @classmethod
    def of(cls, script: str) -> Booted:
        """Return a script with ``sp_say KIND WORD...``, which makes a record."""
        mark = os.urandom(16).hex()
        text = (PREAMBLE.replace("MARK", mark) + f"echo {mark} >&2\n{script}\n").encode("utf-8", "surrogateescape")
        return cls(("sh", "-c", BOOT.format(len(text))), text, f"\n{mark} ".encode())


class Transport(NamedTuple):
    """A program that runs scripts in another context.

    ``name``: the context's name. ``prefix``: the program (an absolute path) and its arguments in front of the command.
    ``joins``: the program joins the command's words with blanks and gives the line to a shell, as ssh does. ``hint``: what the
    user can try if there is no answer. ``stays``: programs there run in this process's working directory.
    """

    name: str
    prefix: tuple[str, ...]
    joins: bool
    hint: str
    here: LocalContext
    stays: bool = False

    def ask(self, script: str, stdin: bytes = b"", *, timeout: float, limit: int = 0) -> Answer:
        """Run a script there, and return its records.

        Each ``sp_say KIND WORD...`` makes a record, with the output that follows it.

        ``stdin``: for the script's own programs. ``timeout``: in seconds. ``limit``: in bytes of output without the marks.

        Raises ContextError: the context cannot be reached, or has no such shell; ProcessTimeout, ProcessOutputTooLarge.
        """
        booted = Booted.of(f"{script}\nsp_say end")
        try:
            with Wait(self.name):
                done = self.here.run(
                    self._argv(booted), booted.text + stdin, timeout=timeout, limit=limit + FRAMES_LIMIT
                )
        except ProcessTimeout:
            raise
        except ProcessError as error:
            raise ContextError(self.name, f"{self.prefix[0]}: {error}", hint=self.hint) from None
        parts = done.stdout.split(booted.mark, RECORDS_LIMIT + 1)[1:]
        if len(parts) > RECORDS_LIMIT:
            raise ContextError(self.name, f"its answer has more than {RECORDS_LIMIT} parts", hint=self.hint)
        records = [_record(part) for part in parts]
        _, _, stderr = done.stderr.rpartition(booted.mark.strip() + b"\n")
        if not records or records[-1].kind != "end":
            raise ContextError(self.name, _reason(stderr, done.status), hint=self.hint)
        return Answer(tuple(records[:-1]), stderr)

    def stream(self, booted: Booted) -> Streaming:
        """Start a script there, with pipes to it.

        Raises ContextError.
        """
        try:
            return self.here.stream(self._argv(booted))
        except ProcessError as error:
            raise ContextError(self.name, f"{self.prefix[0]}: {error}", hint=self.hint) from None

    def _argv(self, booted: Booted) -> Sequence[str]:
        shell, flag, boot = booted.command
        return [*self.prefix, f"{shell} {flag} '{boot}'"] if self.joins else [*self.prefix, *booted.command]


def _record(part: bytes) -> Record:
    line, _, body = part.partition(b"\n")
    kind, *words = line.decode("utf-8", "surrogateescape").split(" ")
    return Record(kind, tuple(words), body)


def _reason(stderr: bytes, status: int) -> str:
    """Return why there is no answer.

    It is the last line that the program printed. For ssh and kubectl that is the reason.
    """
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = printable(lines[-1]) if lines else ""
    if MISSING_SHELL.search(said):
        return "it has no shell"
    return said or (f"exit status {status}" if status else NO_SHELL)
