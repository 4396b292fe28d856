"""Names and words of somebody who wants a terminal, a person or a shell to obey them, and what must never be printed."""

from __future__ import annotations

import argparse
import base64
import contextlib
import gc
import io
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shorepass.cli import main, parser_of_everything

if TYPE_CHECKING:
    import pytest

__all__ = [
    "NAME",
    "SECRET",
    "check_hints",
    "check_output",
    "clients",
    "command_lines",
    "fill",
    "helper",
    "hints",
    "in_context",
    "run",
]

# ESC with OSC (a title), BEL, CSI in one byte of C1, CR, marks of direction, what has no width, a line of Unicode and DEL.
# Letters and marks that have no width, or look like a blank: Unicode's Default_Ignorable_Code_Point, and Braille's blank.
UNSEEN = "\u034f\u115f\u17b4\u180b\u2800\u3164\ufe0f\uffa0\U000e0100"
CONTROLS = f"\x1b]0;OWNED\x07\x1b[31m\x9b31m\r\u202e\u2066\u200f\u200b\u2028\x7f{UNSEEN}"
SHELL = "$(touch OWNED)`touch OWNED`;touch OWNED;'\"&&touch OWNED|touch OWNED"
NAME = f"{CONTROLS}{SHELL}\nFAKE\n"
QUIET = "q$(touch${IFS}OWNED)`touch${IFS}OWNED`;touch${IFS}OWNED&&'\""  # nothing in it that a host or a program may not have
SECRET = "S3cret-in-key"  # as a part of a key: a password that somebody has typed into an address
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, format, surrogates, private, unassigned, separators

MEMBERS = {"doctor": "hint|text", "stores": "fix"}  # of a verb's JSON, in which there are commands

HELPER = """#!/bin/sh
case "$1" in
  list) /bin/cat "$0.list"; exit 0;;
  *) /bin/cat "$0.words" >&2; /bin/cat "$0.words"; exit 1;;
esac
"""


def auth(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def config(registry: str) -> dict[str, object]:
    """Return a client's file in which every name is hostile; ``registry`` is one that answers."""
    login = {"auth": auth("alice", "pw")}
    return {
        "auths": {
            registry: {"auth": auth(f"al{NAME}", "pw")},
            f"r{NAME}.example": login,
            f"u1:{SECRET}@h1.example": login,
            f"https://u2:{SECRET}@h2.example/v1/": login,
            f"u3:{SECRET}/x@h3.example": login,
            f"u4:{SECRET} y@h4.example": login,
            "--all": login,
            f"{QUIET}.example": login,
            f"{QUIET}.example:5000": {"auth": "***"},
            f"https://{QUIET}.example/v1/": login,
            f"x{QUIET}.example/{QUIET}": login,
            "good.example": {"username": f"al{NAME}", "password": "pw"},
            "bad.example": {"auth": f"***{NAME}"},
            "h1.example": {"identitytoken": "token", "auth": auth(f"al{NAME}", "")},
        },
        "credHelpers": {
            "a.example": f"evil{NAME}",
            "b.example": "evil",
            f"{QUIET}.example:1": "evil",
            "q.example": f"evil{QUIET}",
            "good.example": f"evil{QUIET}",
            "other.example": f"evil{QUIET}.exe",
            f"c{NAME}": "evil",
            f"u6:{SECRET}@b.example": "evil",
        },
        f"field{NAME}": f"value{NAME}",
    }


def fill(home: Path, registry: str, *, malformed: bool) -> None:
    """Put the files of a client into a home. ``malformed``: none of them can be read as what it is."""
    text = json.dumps(config(registry))
    text = text[: len(text) // 2] if malformed else text
    conf = "x = [" if malformed else f'[[registry]]\nprefix = "good.example"\nlocation = {json.dumps("x" + CONTROLS)}\n'
    files = {
        ".docker/config.json": text,
        ".config/containers/auth.json": text,
        f".config/containers/registries.conf.d/01{NAME.replace('/', '')}.conf": conf,
        f".config/docker/certs.d/good.example/ca{NAME.replace('/', '')}.crt": "no certificate",
        f".docker/certs.d/good.example/ca{NAME.replace('/', '')}.crt": "no certificate",
    }
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o600)


def helper(folder: Path) -> None:
    """Put a credential helper into a folder of PATH whose every word is hostile."""
    program = folder / "docker-credential-evil"
    program.write_text(HELPER)
    program.chmod(0o755)
    words = f"failed{NAME.replace(chr(10), ' ')}; fix: touch OWNED {NAME}"
    (folder / "docker-credential-evil.words").write_text(words)
    for name in (f"x{NAME.replace('/', '')}", f"x{QUIET}", f"evil{QUIET}"):
        shutil.copy(program, folder / f"docker-credential-{name}")
        shutil.copy(folder / "docker-credential-evil.words", folder / f"docker-credential-{name}.words")
        (folder / f"docker-credential-{name}.list").write_text(json.dumps({f"{QUIET}.example": "bob"}))
    listed = {"b.example": f"al{NAME}", f"d{NAME}": "bob", f"u7:{SECRET}@e.example": "bob"}
    (folder / "docker-credential-evil.list").write_text(json.dumps(listed))


def clients(folder: Path) -> None:
    """Put clients into a folder of PATH that print their release: the real ones take ten times as long to do so."""
    for name in ("docker", "podman", "skopeo", "buildah"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {name} version {'28.2' if name == 'docker' else '1.9'}.2\n")
        program.chmod(0o755)


def command_lines(verb: str, registry: str, folder: Path, *, pairs: bool = True) -> Iterator[list[str]]:
    """Yield command lines of a verb: each form of what it takes, alone and with each flag; with ``pairs`` of plain flags.

    They come from the parser, so that a new verb and a new flag are among them.
    """
    parser = parser_of_everything()
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    actions = [action for action in verbs.choices[verb]._actions if action.dest not in ("help", "place", "places")]
    flags = [action for action in actions if action.option_strings]
    required = [word for action in flags if action.required for word in form(action, folder)[0]]
    words = [[]]
    for action in actions:
        if not action.option_strings:
            words = [[*before, *more] for before in words for more in forms_of_operand(action, registry)]
    yield from ([*required, *before] for before in words)
    for action in flags:
        for more in form(action, folder):
            yield [*required, *more, *words[min(1, len(words) - 1)]]
    if verb == "login":
        for operand in words:
            yield ["-v", "--store=file", "--username=alice", "--password-stdin", *operand]
    plain = [action.option_strings[-1] for action in flags if action.nargs == 0]
    plain += ["--html=-"] if verb == "who" else []
    for one, other in itertools.combinations(plain, 2) if pairs else ():
        yield [*required, one, other, *words[0]]


def forms_of_operand(action: argparse.Action, registry: str) -> list[list[str]]:
    """Return what may stand for an operand: nothing where that may be left out, each choice, names good and bad."""
    if action.nargs == argparse.REMAINDER:
        return [["--", "true"], ["--", f"no-such{NAME}"]]
    named = (
        [*action.choices]
        if action.choices
        else [f"{registry}/team/app:1", "good.example", "q.example", f"x{NAME}", f"{QUIET}.example"]
    )
    if action.dest in ("reference", "server"):
        named.append(f"u:{SECRET}@h.example")
    return [*([[]] if action.nargs == "?" else []), *([name] for name in named)]


def form(action: argparse.Action, folder: Path) -> list[list[str]]:
    """Return the words of a flag, with each value that it may have."""
    flag = action.option_strings[-1]
    if action.nargs == 0:
        return [[flag]]
    if action.choices:
        return [[flag, str(choice)] for choice in action.choices]
    special = {
        "timeout": ["2"],
        "registry": ["good.example", f"x{NAME}", f"{QUIET}.example"],
        "tls_verify": ["false"],
        "html": ["-", str(folder / f"map{NAME.replace('/', '')}.html")],
        "account": ["work", f"x{NAME}"],
        "helper": ["evil", f"evil{NAME}", f"evil{QUIET}"],
        "store": ["file", "helper:evil", f"helper:evil{QUIET}", f"helper:evil{NAME}", f"x{NAME}"],
        "explain": ["SP102", f"x{NAME}"],
        "output": [str(folder / f"export{NAME.replace('/', '')}.json")],
        "username": [f"al{NAME}", "alice"],
    }
    return [
        [f"{flag}={value}"] for value in special.get(action.dest, [f"x{NAME}", str(folder / NAME.replace("/", ""))])
    ]


def run(words: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the command line in this process; return all that it printed."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"pw")))
    with contextlib.suppress(SystemExit), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the end of the process closes what is open
        main(words)
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = capfd.readouterr()
    return out + err


def settle() -> None:
    """Close what the command lines have left open, as the end of their process would."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def in_context(verb: str, words: list[str], context: str) -> list[str]:
    """Return a command line for another context; empty where the verb has none, or these words name others."""
    if verb not in ("login", "logout", "get", "list", "who", "explain", "doctor"):
        return []
    return [] if {"--all", "--undo=x"} & {*words} and verb != "logout" else [verb, "--in", context, *words]


def check_output(text: str, command: object) -> None:
    """Nothing that a terminal or a page obeys is in a text, no line was made by a name, and no secret of a key is there."""
    between = "\n\t" if isinstance(command, list) and "--offer" in command else "\n"  # completion reads tabs
    bad = {
        f"U+{ord(c):04X}" for c in text if (unicodedata.category(c) in FORBIDDEN or c in UNSEEN) and c not in between
    }
    assert bad == set(), (command, bad, text)
    assert not any(line.startswith("FAKE") for line in text.splitlines()), (command, text)
    assert SECRET not in text, (command, text)


def hints(text: str, members: str = "hint") -> Iterator[str]:
    """Yield the commands that a text offers, and those in these members of JSON."""
    for found in re.finditer(r"(?:hint|--fix): (.*)", text):
        yield found[1]
    for found in re.finditer(rf'"(?:{members})": ("(?:[^"\\]|\\.)*")', text):
        yield json.loads(found[1])


def check_hints(commands: Iterator[str], folder: Path) -> None:
    """No offered command does what a name in it says, pasted into a shell as a whole or from one of its colons on."""
    shell, touch = shutil.which("bash", path=os.defpath), shutil.which("touch", path=os.defpath)
    assert shell
    assert touch
    (folder / "paste").mkdir()
    (folder / "paste-bin").mkdir()
    (folder / "paste-bin/touch").symlink_to(touch)
    for command in commands:
        pieces = {command, *(command[found.end() :] for found in re.finditer(r": |; |, ", command))}
        for piece in sorted(pieces):
            subprocess.run(
                [shell, "-c", piece],
                cwd=folder / "paste",
                env={"PATH": str(folder / "paste-bin")},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
            assert not (folder / "paste/OWNED").exists(), piece


def toml(text: str) -> str:
    """Return a text as TOML has it."""
    return '"' + "".join(c if c.isalnum() or c == "/" else f"\\U{ord(c):08X}" for c in text) + '"'


def shell_word(text: str) -> str:
    """Return a text as one word of any shell."""
    return shlex.quote(text)
