"""``shorepass completion``: a completion script, made from the very parsers that read the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console, parser_of_everything

if TYPE_CHECKING:
    import argparse

SHELLS = ("bash", "zsh", "fish", "tcsh")

EXAMPLES = """\
examples:
  shorepass completion bash > ~/.local/share/bash-completion/completions/shorepass
  shorepass completion zsh > "${fpath[1]}/_shorepass"
  shorepass completion fish > ~/.config/fish/completions/shorepass.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one argument."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    script = shtab.complete(parser_of_everything(), shell=arguments.shell)
    console.data(script.encode() + b"\n")
    return 0
