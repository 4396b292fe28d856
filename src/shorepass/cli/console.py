"""The one door to standard output and standard error: each line that goes out is safe on a terminal.

A path, a name, a label or the words of a server may have characters that a terminal obeys.
This module makes them visible. Nothing else in the package writes to the two streams, but the helper program, whose answers are
the protocol's bytes (tests/unit/test_architecture.py).

Standard output has colours only on a terminal that shows them, and only without --no-color and NO_COLOR. With --quiet, standard
error has only errors and questions.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, TextIO

from shorepass.errors import ShorepassError
from shorepass.foreign_text import visible
from shorepass.waiting import WATCHERS, settle

__all__ = [
    "Painted",
    "agrees",
    "close_stdout",
    "count",
    "crash",
    "data",
    "err",
    "finish",
    "hidden_question",
    "hint",
    "is_terminal",
    "note",
    "out",
    "out_lines",
    "present",
    "print_document",
    "print_error",
    "print_json",
    "print_table",
    "question",
    "say",
    "show_waits",
    "width",
]

UNBOUNDED = 100_000  # columns: off a terminal a row is one line, however long
SCHEMA_VERSION = 1  # of every document; a member that is added does not change it
GAP = "   "  # between columns
INDENT = "    "  # of what is still the same row

ANSI = {"green": "32", "red": "31", "yellow": "33", "bold": "1", "dim": "2"}


class Painted(NamedTuple):
    """Text that is coloured on a terminal. ``colour``: a key of ANSI; ``""`` for none."""

    text: str
    colour: str


class _Presentation:
    """How this process prints, as the flags of its command line say."""

    quiet = False
    colour = True


_presentation = _Presentation()


def present(*, quiet: bool, colour: bool) -> None:
    """Set how this process prints from now on. ``quiet``: no notes and no progress."""
    _presentation.quiet = quiet
    _presentation.colour = colour


def _in_colour() -> bool:
    """Return whether standard output shows colours: https://no-color.org, and CLICOLOR of BSD programs."""
    variables = os.environ
    if variables.get("NO_COLOR") or variables.get("CLICOLOR") == "0" or variables.get("TERM") == "dumb":
        return False
    return _presentation.colour and is_terminal()


def out(*parts: str | Painted) -> None:
    """Print one line on standard output: the parts, side by side."""
    in_colour = _in_colour()
    _write(sys.stdout, "".join(_shown(part, in_colour=in_colour) for part in parts) + "\n")


def _shown(part: str | Painted, *, in_colour: bool) -> str:
    if isinstance(part, str):
        return visible(part)
    text = visible(part.text)
    return f"\033[{ANSI[part.colour]}m{text}\033[0m" if in_colour and part.colour else text


def out_lines(text: str) -> None:
    """Print text of several lines on standard output. What is foreign in it must have been made one line before."""
    for line in text.split("\n"):
        out(line)


def err(line: str = "") -> None:
    """Print one line on standard error, after all that was printed on standard output."""
    _settle()
    _write(sys.stderr, visible(line) + "\n")


def say(line: str = "") -> None:
    """Print one line on standard error that is not an error."""
    if not _presentation.quiet:
        err(line)


def note(text: str) -> None:
    """Print ``shorepass: text`` on standard error, about something that is not an error."""
    say(f"shorepass: {text}")


def hint(text: str) -> None:
    """Print ``hint: text`` on standard error, below a note."""
    say(f"hint: {text}")


def print_error(error: ShorepassError) -> None:
    """Print an error, and its hint."""
    err(f"shorepass: {error.message}")
    if error.hint:
        err(f"hint: {error.hint}")


def question(prompt: str) -> str:
    """Ask on standard error; return the line from standard input with its line feed, ``""`` at its end."""
    _settle()
    _write(sys.stderr, visible(prompt))
    sys.stderr.flush()
    answer = ""
    try:
        answer = sys.stdin.readline()
    finally:
        if not answer.endswith("\n"):  # Ctrl-C or Ctrl-D: what is printed next begins a line
            err()
    return answer


def agrees(prompt: str) -> bool:
    """Ask a question that ``y`` or ``yes`` agrees to."""
    return question(prompt).strip().lower() in ("y", "yes")


def hidden_question(prompt: str) -> str:
    """Ask for a secret, which is not shown; ``""`` if the user typed nothing (Ctrl-D)."""
    from getpass import getpass  # it loads termios, which only a question needs

    _settle()
    settle()
    try:
        return getpass(visible(prompt), sys.stderr)
    except EOFError:
        err()
        return ""


def count(done: int, of: int, what: str) -> None:
    """Show on a terminal how far it is, each time over what was shown before."""
    if sys.stderr.isatty() and not _presentation.quiet:
        _settle()
        end = "\n" if done == of else ""
        _write(sys.stderr, f"\r{visible(what)} {done} of {of}{end}")
        sys.stderr.flush()


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """Print a JSON document in ASCII, so that no character of it is obeyed; without ``indent`` in one line."""
    separators = None if indent else (",", ":")
    text = json.dumps(document, indent=indent, separators=separators)
    _write(sys.stdout, text.replace("\x7f", "\\u007f") + "\n")


def print_document(members: Mapping[str, Any]) -> None:
    """Print what ``--json`` prints: one object, its schema version first. ``docs/reference/json.md`` describes each."""
    print_json({"schema_version": SCHEMA_VERSION, **members})


def data(content: bytes) -> None:
    """Write what is for programs, as it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.flush()


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str | Painted]]) -> None:
    """Print aligned columns, without frames.

    A row takes several lines if it is wider than the terminal: no cell is cut or folded, so you can copy each one. The terminal
    wraps a cell that is wider by itself.
    """
    from rich.cells import cell_len

    cells = [[Painted(heading, "bold") for heading in headings], *([_painted(cell) for cell in row] for row in rows)]
    sizes = [[cell_len(cell.text) for cell in row] for row in cells]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    limit = width() if is_terminal() else None
    for row, lengths in zip(cells, sizes, strict=True):
        for indent, columns in _lines(widths, limit):
            parts: list[Painted] = [Painted(indent, "")]
            for at in columns:
                parts += [row[at], Painted(" " * (widths[at] - lengths[at]) + GAP, "")]
            while parts and not parts[-1].text.strip():
                parts.pop()
            if parts or not indent:
                out(*parts)


def _painted(cell: str | Painted) -> Painted:
    """Return a cell with its text safe for a terminal."""
    if isinstance(cell, str):
        return Painted(visible(cell), "")
    return Painted(visible(cell.text), cell.colour)


def _lines(widths: Sequence[int], limit: int | None) -> list[tuple[str, list[int]]]:
    """Return which columns are side by side: for each line of a row its indentation, and their numbers."""
    lines: list[tuple[str, list[int]]] = [("", [])]
    left = limit or UNBOUNDED
    for at, size in enumerate(widths):
        if lines[-1][1] and size > left:
            lines.append((INDENT, []))
            left = (limit or UNBOUNDED) - len(INDENT)
        lines[-1][1].append(at)
        left -= size + len(GAP)
    return lines


def is_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout.isatty()


def width() -> int | None:
    """Return the columns of the terminal that standard output is; None if it is not a terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):  # no terminal, or no such file at all
        return None


def finish() -> None:
    """Write out all that was printed. Raises OSError: standard output does not take it."""
    sys.stdout.flush()
    sys.stderr.flush()


def close_stdout() -> None:
    """Let what is still to be printed go nowhere, or Python complains again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of an error that is a fault of Shorepass: what it quotes may be foreign. A ``sys.excepthook``."""
    import traceback

    for line in "".join(traceback.format_exception(kind, error, trace)).rstrip("\n").split("\n"):
        err(line)


def show_waits() -> Callable[[], None]:
    """Show on a terminal what this command waits for, from now on; return what ends that."""
    if not sys.stderr.isatty() or _presentation.quiet:
        return lambda: None
    from shorepass.cli.wait_line import WaitLine  # it loads threads, which only a terminal needs

    line = WaitLine(_overwrite)
    WATCHERS.append(line)

    def end() -> None:
        WATCHERS.remove(line)
        line.settle()

    return end


def _overwrite(old: str, new: str) -> None:
    """Put one line into the place of another on standard error; no control sequence but a carriage return."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80  # 0: it does not say
    except (OSError, ValueError):
        columns = 80
    old, new = (visible(text)[: columns - 1] for text in (old, new))
    end = "" if new else "\r"
    try:  # contextlib is not loaded for this
        sys.stderr.write("\r" + new.ljust(len(old)) + end)
        sys.stderr.flush()
    except OSError:
        pass  # the terminal is gone


def _settle() -> None:
    """Bring standard output up to date, so that what follows on standard error is below it; a failure shows at the end."""
    try:  # noqa: SIM105  # contextlib is not loaded for this
        sys.stdout.flush()
    except OSError:
        pass


def _write(stream: TextIO, text: str) -> None:
    """Write to a stream; what its encoding has no bytes for is escaped."""
    settle()
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
