"""Makes what a wheel has beside the sources: the man pages, and the forwarder for four kinds of machine.

The man pages are made from the parsers of the command line, so that they cannot be out of date. The forwarder is compiled from
``forwarder/`` by zig, which compiles for all of them on any of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from argparse import SUPPRESS
from collections.abc import Iterator
from glob import glob
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


FORWARDERS = "shorepass/forwarders"
# The name of each binary, and zig's name of its machine. macOS 11 is the first on both.
TARGETS = {
    "linux-x86_64": "x86_64-linux-musl",
    "linux-aarch64": "aarch64-linux-musl",
    "darwin-x86_64": "x86_64-macos.11.0",
    "darwin-arm64": "aarch64-macos.11.0",
}
# The program needs no C library, so it runs with each of the two. These are the oldest releases that pip has names for.
LINUX_TAGS = ("manylinux_2_5_{0}", "musllinux_1_1_{0}")
COMPILE = ["cc", "-c", "-Os", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
# The files of forwarder/ that a program is compiled from. linux.c is in the place of a C library. It is the first, so that its
# variables and the beginning of a call's frame are on one page.
LINUX_PARTS = ("linux", "forwarder", "agent", "original", "wire", "relay")
MACOS_PARTS = ("forwarder", "agent", "original", "wire")
# Without these, zig and clang add calls of a library that is not there.
FREESTANDING = [
    "-fno-PIE",
    "-fno-builtin",
    "-fno-stack-protector",
    "-fno-sanitize=all",
    "-fno-asynchronous-unwind-tables",
]


class BuiltFiles(BuildHookInterface):
    """Adds ``shorepass.1``, one page per verb, and the forwarders to the wheel."""

    def dependencies(self) -> list[str]:
        """Return what must be installed to build: zig takes 10 seconds, and only new forwarders need it."""
        return [] if self.is_up_to_date() else self.config["compiler"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files, and name them. ``version`` is ``editable`` where the sources are used where they are."""
        self.folder = tempfile.mkdtemp(prefix="shorepass-built-")
        for name, text in pages(self.root, self.metadata.version).items():
            path = os.path.join(self.folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            build_data["shared_data"][path] = f"{FOLDER}/{name}"
        try:
            if not self.is_up_to_date():
                self.make_forwarders()
        except (ImportError, OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"shorepass: built without the forwarder: {error}")
            return
        if version != "editable":
            build_data["force_include"] |= {self.forwarder(name): f"{FORWARDERS}/{name}" for name in TARGETS}
            build_data["tag"] = f"py3-none-{platform_tags()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the temporary folder."""
        shutil.rmtree(self.folder)

    def forwarder(self, name: str) -> str:
        """Return the path of a forwarder. It is in the source tree, where an editable installation finds it."""
        return os.path.join(self.root, "src", FORWARDERS, name)

    def is_up_to_date(self) -> bool:
        """Tell whether no forwarder is older than what it is made from."""
        sources = [*glob(os.path.join(self.root, "forwarder", "*")), "hatch_build.py", "pyproject.toml"]
        newest = max(os.path.getmtime(os.path.join(self.root, name)) for name in sources)
        paths = [self.forwarder(name) for name in TARGETS]
        return all(os.path.exists(path) and os.path.getmtime(path) > newest for path in paths)

    def make_forwarders(self) -> None:
        """Compile the forwarder for each target. Raises ImportError, OSError, CalledProcessError without a zig that works."""
        zig = os.path.join(os.path.dirname(str(import_module("ziglang").__file__)), "zig")
        env = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": self.folder, "ZIG_LOCAL_CACHE_DIR": self.folder}
        for name, target in TARGETS.items():
            made = os.path.join(self.folder, name)
            for command in commands(self.root, self.metadata.version, target, made):
                subprocess.run([zig, *command], env=env, check=True)  # noqa: S603  # zig, with flags from here
            os.makedirs(os.path.dirname(self.forwarder(name)), exist_ok=True)
            # Another build in this tree may do the same.
            beside = f"{self.forwarder(name)}.{os.getpid()}"
            shutil.copy(made, beside)
            os.replace(beside, self.forwarder(name))


def commands(root: str, version: str, target: str, program: str) -> Iterator[list[str]]:
    """Yield zig's commands that make a program for one target."""
    flags = [*COMPILE, f'-DVERSION="{version}"', "-target", target]
    if "macos" in target:  # it has a library for system calls, which a program must use
        parts = MACOS_PARTS
        link = ["build-exe", "-target", target, "-lc", "-fstrip", "-fno-compiler-rt", "-fno-ubsan-rt"]
        output = [f"-femit-bin={program}"]
    else:
        parts = LINUX_PARTS
        flags += FREESTANDING
        link = ["ld.lld", "-static", "-s", "--gc-sections", "-z", "noexecstack"]
        output = ["-o", program]
    for part in parts:
        yield [*flags, f"{root}/forwarder/{part}.c", "-o", f"{program}-{part}.o"]
    yield [*link, *(f"{program}-{part}.o" for part in parts), *output]


def platform_tags() -> str:
    """Return the machines that a wheel built here is for, as its file name has them."""
    system, _, machine = sysconfig.get_platform().partition("-")
    if system == "linux":
        return ".".join(LINUX_TAGS).format(machine)
    return re.sub(r"[-.]", "_", sysconfig.get_platform())


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
