"""``shorepass completion``: the completion file of a shell, and what fits at the cursor, for which such a file asks."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.resources import files
from threading import Timer
from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.cursor import offer
from shorepass.foreign_text import visible
from shorepass.profile import current

if TYPE_CHECKING:
    from typing import NoReturn

SCRIPTS = {"bash": "shorepass.bash", "zsh": "_shorepass", "fish": "shorepass.fish"}  # the wheel installs them, too
SECONDS = 2.0  # a shell waits for the answer at each press of TAB
INPUT_LIMIT = 100_000  # characters

EXAMPLES = """\
shorepass completion bash > ~/.local/share/bash-completion/completions/shorepass
shorepass completion zsh > "${fpath[1]}/_shorepass"
shorepass completion fish > ~/.config/fish/completions/shorepass.fish
"""
NOTES = """\
A system package, and pip outside a virtual environment, install these files where the shells find them.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument, and the hidden flag that the files use."""
    parser.add_argument("shell", choices=tuple(SCRIPTS), metavar="SHELL", help="bash, zsh or fish")
    parser.add_argument("--offer", action=_Offer, nargs=0, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Print the file."""
    console.data((files("shorepass") / "completions" / SCRIPTS[arguments.shell]).read_bytes())
    return 0


class _Offer(argparse.Action):
    """Print what fits at the cursor. Standard input has the words up to there, because a process list shows arguments.

    The first line is the kind of the offer. Then each value has a line, with a tab before its meaning. An error prints nothing,
    because the user is in the middle of a command line. An answer that takes too long prints nothing, either.
    """

    def __call__(self, *_: object) -> NoReturn:
        timer = Timer(SECONDS, os._exit, (0,))
        timer.daemon = True
        timer.start()
        try:
            words = sys.stdin.read(INPUT_LIMIT).removesuffix("\n").split("\n")
            kind, offered = offer(words, current())
            lines = [kind, *("\t".join(map(visible, candidate)) for candidate in offered)]
            console.data("\n".join([*lines, ""]).encode())
        except Exception:  # noqa: BLE001, S110  # see above
            pass
        finally:
            timer.cancel()
        raise SystemExit(0)
