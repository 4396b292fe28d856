"""The parser of one verb's command line: its help in groups, and the nearest known word in the hint of an error."""

from __future__ import annotations

import argparse
import itertools
from functools import cache
from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.cli.nearest import SECRET_FLAGS, has_only_known_flags, nearest, position
from shorepass.errors import UsageError
from shorepass.foreign_text import printable, without_user_info

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import NoReturn

    from shorepass.errors import UnknownWord

__all__ = ["Parser", "add_output_flags"]

HELP_WIDTH = 100  # columns, off a terminal

# The groups of --help in their order, and the flags of each in theirs. All other flags and the arguments are in OTHERS.
OTHERS = "What"
GROUPS: dict[str, tuple[str, ...]] = {
    "Where": ("--in", "--client", "--as", "--for", "--store", "--directory", "--authfile", "--config"),
    OTHERS: (),
    "Registry": ("--check", "--offline", "--tls-verify", "--cert-dir", "--trust-realm", "--timeout"),
    "Output": ("--json", "--html", "--field", "--output", "--verbose", "--quiet", "--no-color", "--help"),
}


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal; argparse itself would import shutil to find that out, at every start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


@cache  # argparse makes one formatter for each flag
def _width() -> int:
    columns = console.width()
    return HELP_WIDTH if columns is None else columns - 2


class Parser(argparse.ArgumentParser):
    """A parser that exits with the imitated client's code for a wrong command line.

    ``too_many_code`` returns the code for too many arguments if that depends on the client that the flags name.
    """

    too_many_code: Callable[[argparse.Namespace], int] | None = None
    usage_exit_code = 2

    def __init__(
        self,
        verb: str,
        sentence: str,
        *,
        examples: str = "",
        notes: str = "",
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(
            prog=f"shorepass {verb}".rstrip(),
            description=sentence[0].upper() + sentence[1:] + ".",
            formatter_class=_Help,
            allow_abbrev=False,
        )
        self._verb = verb
        self.examples = examples
        self.notes = notes
        self._groups = groups or {}
        self._words: Sequence[str] = ()
        self._correction: str | None = None  # the command that a wrong value should have been part of

    def actions(self) -> Sequence[argparse.Action]:
        """Return its flags and arguments."""
        return self._actions

    def flags(self) -> Collection[str]:
        """Return the spellings of its flags."""
        return self._option_string_actions

    def refuse_order(self, words: Sequence[str]) -> NoReturn:
        """Print that flags come after the verb, with the right command, and exit. ``words``: all but the verb."""
        if has_only_known_flags(words, self._option_string_actions):
            self._correction = self._command(words)
        self.error("flags come after the verb")

    def parse_args(self, args: Sequence[str]) -> argparse.Namespace:  # type: ignore[override]  # all that we need of it
        """Parse all words. Those that are left over are not repeated: one may be a password."""
        self._words = args
        parsed, left = self.parse_known_args(args)
        flags = [word if word.startswith("--") else word[:2] for word in left if word.startswith("-")]
        if flags:
            unknown = [flag.partition("=")[0] for flag in flags]
            self._correction = self._with_known_flags(unknown)
            self.error("unknown flag: " + ", ".join(unknown))
        if left and self.too_many_code:
            self.usage_exit_code = self.too_many_code(parsed)
        if left:
            self.error("too many arguments")
        return parsed

    def corrected(self, error: UnknownWord) -> str | None:
        """Return the command with the nearest known word in place of an unknown one; None without a near word."""
        near = nearest(error.word, error.known)
        if near is None or near == error.word:
            return None
        return self._with_value(error.text, near + error.text.removeprefix(error.word))

    def _with_known_flags(self, unknown: Sequence[str]) -> str | None:
        """Return the command with the nearest known flag in place of each unknown one; None if no flag is near."""
        shown = {flag for flag, action in self._option_string_actions.items() if action.help != argparse.SUPPRESS}
        known = [flag for flag in shown if flag.startswith("--")]
        words = list(self._words)
        right = ""
        for flag in unknown:
            near = nearest(flag[2:], (name[2:] for name in known)) if flag.startswith("--") else None
            if near is not None:
                near = f"--{near}"
                right = right or near
                words = [near + word.removeprefix(flag) if word.partition("=")[0] == flag else word for word in words]
        if not right:
            return None
        has_secrets = any(flag in self._option_string_actions for flag in SECRET_FLAGS)
        if has_secrets or not has_only_known_flags(words, self._option_string_actions):
            words = [right]
        return self._command(words)

    def _with_value(self, wrong: str, right: str, flags: Collection[str] = ()) -> str | None:
        """Return the command with ``right`` in place of ``wrong``; only this part of a command that may hold a password."""
        words = list(self._words)
        at = position(words, wrong, flags)
        if at is None:
            return None
        words[at] = words[at].removesuffix(wrong) + right
        if not has_only_known_flags(words, self._option_string_actions):
            first = at - 1 if at and words[at - 1].startswith("-") else at
            words = words[first : at + 1]
        return self._command(words)

    def _command(self, words: Iterable[str]) -> str:
        from shorepass.contexts.command import command  # only a wrong command line needs it

        verb, *rest = [*self._verb.split(), *map(without_user_info, words)]
        return command(None, verb, *rest)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        wrong = str(value)
        known = list(map(str, action.choices))
        near = nearest(wrong, known)
        if near is not None:
            self._correction = self._with_value(wrong, near, action.option_strings)
        shown = printable(without_user_info(wrong))  # it may be a key with a password in it
        raise argparse.ArgumentError(action, f"{shown!r} is not one of {', '.join(known)}")

    def error(self, message: str) -> NoReturn:
        """Print the error and the next command, and exit."""
        console.print_error(UsageError(message, hint=self._correction or f"{self.prog} --help"))
        self.exit(self.usage_exit_code)

    def format_help(self) -> str:
        """Return the usage, a sentence, examples, the flags in their groups, and notes."""
        formatter = self._get_formatter()
        formatter.add_text("usage: " + " ".join([self.prog, *self.usage_words()]))
        formatter.add_text(self.description)
        if self.examples:
            formatter.add_text("\n  ".join(["Examples:", *self.examples.splitlines()]))
        for group, actions in self.grouped().items():
            formatter.start_section(group)
            formatter.add_arguments(actions)
            formatter.end_section()
        formatter.add_text(self.notes.rstrip("\n"))
        return formatter.format_help()

    def usage_words(self) -> Iterator[str]:
        """Yield the flags that must be given, ``[FLAG ...]`` for the others, and the arguments."""
        for action in self._actions:
            if action.option_strings and action.required:
                yield f"{action.option_strings[-1]} {action.metavar}"
        yield "[FLAG ...]"
        for action in self._actions:
            name = str(action.metavar or action.dest.upper())
            if action.nargs == argparse.REMAINDER:
                yield f"-- {name} ..."
            elif not action.option_strings:
                yield f"[{name}]" if action.nargs == "?" else name

    def grouped(self) -> dict[str, list[argparse.Action]]:
        """Return the actions of each group, in the order of the table. The groups of the verb alone follow OTHERS."""
        own = list(itertools.chain.from_iterable(self._groups.values()))
        table: dict[str, Sequence[str]] = {}
        for group, common in GROUPS.items():
            table[group] = [flag for flag in common if flag not in own]
            if group == OTHERS:
                table.update(self._groups)
        grouped: dict[str, list[argparse.Action]] = {}
        for group, flags in table.items():
            found = (self._option_string_actions.get(flag) for flag in flags)
            grouped[group] = [action for action in found if action is not None]
        in_table = list(itertools.chain.from_iterable(grouped.values()))
        grouped[OTHERS] = [action for action in self._actions if action not in in_table]
        return grouped

    def print_help(self, file: object = None) -> None:  # noqa: ARG002  # always on standard output
        """Print the help on standard output."""
        console.out_lines(self.format_help().rstrip("\n"))


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every verb has. Neither docker's nor podman's ``login`` and ``logout`` has a flag ``-q``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print no notes and no progress, only errors")
    parser.add_argument("--no-color", action="store_true", help="print no colors, as with NO_COLOR=1")
