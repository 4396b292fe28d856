"""Makes the man pages while a wheel is built: from the parsers of the command line, so that they cannot be out of date."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from argparse import SUPPRESS
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from argparse import Action

    from shorepass.cli.parser import Parser

FOLDER = "share/man/man1"
# What roff reads as something else: the beginning of an escape, and ASCII characters that it prints as typographic ones.
ESCAPES = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"})
EXIT_CODES = re.compile(r"^exit codes:", re.IGNORECASE | re.MULTILINE)
MEANING = re.compile(r"  (\S+) +(.+)", re.DOTALL)  # an indented line: a word, and what it means


class ManPages(BuildHookInterface):
    """Adds ``shorepass.1`` and one page per verb to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Write the pages into a temporary folder, and name them."""
        self.folder = tempfile.mkdtemp(prefix="shorepass-man-")
        for name, text in pages(self.root, self.metadata.version).items():
            path = os.path.join(self.folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            build_data["shared_data"][path] = f"{FOLDER}/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the temporary folder."""
        shutil.rmtree(self.folder)


def pages(root: str, version: str) -> dict[str, str]:
    """Return each man page by the name of its file. ``root``: the folder with ``src/``."""
    sys.path.insert(0, os.path.join(root, "src"))
    cli = import_module("shorepass.cli")
    parsers = {"shorepass": (cli.top_parser(), "registry logins for containers")}
    for verb, sentence in cli.VERBS.items():
        parsers[f"shorepass-{verb}"] = (cli.parser_of(verb), sentence)
    built = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    title = f'1 "{time.strftime("%Y-%m-%d", built)}" "Shorepass {version}"'
    found = {}
    for name, (parser, sentence) in parsers.items():
        others = ["shorepass"] if name != "shorepass" else [*parsers][1:]
        lines = page(name, sentence, parser, title, [*others, "docker-credential-shorepass"])
        found[f"{name}.1"] = "\n".join([*lines, ""])
    return found


def page(name: str, sentence: str, parser: Parser, title: str, others: list[str]) -> Iterator[str]:
    """Yield the lines of one page. ``others``: the pages that it names at its end."""
    yield f".TH {name.upper()} {title}"
    yield from (".SH NAME", f"{escaped(name)} \\- {escaped(sentence)}")
    yield from (".SH SYNOPSIS", f"\\fB{escaped(parser.prog)}\\fR {escaped(' '.join(parser.usage_words()))}")
    yield from (".SH DESCRIPTION", escaped(parser.description or ""))
    notes, codes = parts(parser.notes)
    yield from prose(notes, request=".PP")
    if parser.examples:
        yield from (".SH EXAMPLES", *literal(parser.examples.splitlines()))
    yield ".SH OPTIONS"
    for group, actions in parser.grouped().items():
        shown = [action for action in actions if action.help != SUPPRESS]
        if shown:
            yield f".SS {group}"
        for action in shown:
            yield from option(action)
    if codes:
        yield ".SH EXIT STATUS"
        yield from prose(codes, request="")
    yield ".SH SEE ALSO"
    yield " ,\n".join(f".BR {escaped(other)} (1)" for other in others)


def option(action: Action) -> Iterator[str]:
    """Yield the lines of one flag or argument."""
    value = str(action.metavar or action.dest.upper())
    if action.choices is not None and action.option_strings:
        value = ", ".join(map(str, action.choices))
    flags = ", ".join(f"\\fB{escaped(flag)}\\fR" for flag in action.option_strings)
    shown = f"\\fI{escaped(value)}\\fR"
    if flags:
        shown = flags if action.nargs == 0 else f"{flags} {shown}"
    yield from (".TP", shown, escaped(action.help or ""))


def parts(notes: str) -> tuple[str, str]:
    """Return the notes below a verb's help in two parts: prose, and what follows ``exit codes:``."""
    found = EXIT_CODES.search(notes)
    return (notes[: found.start()], notes[found.end() :]) if found else (notes, "")


def prose(text: str, request: str) -> Iterator[str]:
    """Yield paragraphs, and indented lines as a list. ``request``: what is before the first paragraph."""
    for paragraph in re.split(r"\n\s*\n|\n(?=  )|(?<=\.)\n", text.strip("\n")):
        meaning = MEANING.fullmatch(paragraph)
        if meaning:
            yield from (".TP", f"\\fB{escaped(meaning[1])}\\fR", escaped(meaning[2]))
        elif paragraph.strip():
            yield from filter(None, (request, " ".join(map(escaped, paragraph.split("\n")))))
        request = ".PP"


def literal(lines: list[str]) -> Iterator[str]:
    """Yield lines that are printed as they are."""
    yield from (".nf", *map(escaped, lines), ".fi")


def escaped(text: str) -> str:
    """Return text without what roff would read as a request or an escape."""
    return re.sub(r"^(?=[.'])", r"\\&", text.strip().translate(ESCAPES), flags=re.MULTILINE)
