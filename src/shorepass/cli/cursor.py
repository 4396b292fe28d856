"""What fits at the cursor of a command line, by the parsers that read command lines."""

from __future__ import annotations

from argparse import REMAINDER, SUPPRESS
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shorepass.cli import VERBS, parser_of, top_parser
from shorepass.cli.candidates import LIMIT, SOURCES, is_typed_as_it_is

if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Iterable, Sequence

    from shorepass.cli.candidates import Candidate
    from shorepass.contexts.local import LocalContext

__all__ = ["PATHS", "offer"]

# Kinds of an offer. A shell knows the names of files, folders and programs by itself.
WORDS, FILES, FOLDERS, PROGRAMS = "words", "files", "folders", "programs"
PATHS = {"FILE": FILES, "DIR": FOLDERS}  # by what the help calls the value


def offer(words: Sequence[str], here: LocalContext) -> tuple[str, list[Candidate]]:
    """Return the kind of what fits, and for WORDS the values, each with its meaning.

    ``words``: those behind ``shorepass``; the last is the one at the cursor, as far as it is typed.
    """
    *before, word = words
    parser = top_parser()
    if before and before[0] in VERBS:
        parser = parser_of(before[0])
        before = before[1:]
    cursor = _Cursor(parser.actions())
    for each in before:
        cursor.pass_over(each)
    return cursor.offer(word, here)


class _Cursor:
    """A command line up to a word of it: how many values it has, and whether a flag waits for its own."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self._flags: dict[str, Action] = {}
        for action in actions:
            self._flags.update(dict.fromkeys(action.option_strings, action))
        self._values = [action for action in actions if not action.option_strings]
        self._given = 0
        self._waiting: Action | None = None
        self._no_more_flags = False

    def pass_over(self, word: str) -> None:
        """Go to the word behind this one."""
        flag = self._flags.get(word)
        if self._waiting:
            self._waiting = None
        elif word == "--" and not self._no_more_flags:
            self._no_more_flags = True
        elif self._no_more_flags or not word.startswith("-"):
            self._no_more_flags = self._no_more_flags or self._next_value_is_a_command()
            self._given += 1
        elif flag and flag.nargs is None:
            self._waiting = flag

    def offer(self, word: str, here: LocalContext) -> tuple[str, list[Candidate]]:
        """Return what fits in the place of this word."""
        if self._waiting:
            return _values_of(self._waiting, here)
        if word.startswith("-") and not self._no_more_flags:
            return self._offer_flag(word, here)
        if self._next_value_is_a_command():
            return PROGRAMS, []
        if self._given < len(self._values):
            return _values_of(self._values[self._given], here)
        return self._offer_rest()

    def _offer_flag(self, word: str, here: LocalContext) -> tuple[str, list[Candidate]]:
        name, equals, _ = word.partition("=")
        if not equals:
            shown = {name: action for name, action in self._flags.items() if action.help != SUPPRESS}
            return WORDS, [(name, _first_words(action.help)) for name, action in shown.items()]
        if name not in self._flags:
            return WORDS, []
        kind, offered = _values_of(self._flags[name], here)
        return kind, [(f"{name}={value}", meaning) for value, meaning in offered]

    def _offer_rest(self) -> tuple[str, list[Candidate]]:
        """Return what fits behind the last value: files, where that is a command."""
        is_command = bool(self._values) and self._values[-1].nargs == REMAINDER
        return FILES if is_command else WORDS, []

    def _next_value_is_a_command(self) -> bool:
        return self._given < len(self._values) and self._values[self._given].nargs == REMAINDER


def _values_of(action: Action, here: LocalContext) -> tuple[str, list[Candidate]]:
    """Return the values of a flag or an argument."""
    if action.choices is not None:
        return WORDS, list(_described(action.choices))
    if action.metavar in PATHS:
        return PATHS[action.metavar], []
    source = SOURCES.get(action.dest)
    found = source(here) if source else ()
    typed = [candidate for candidate in found if is_typed_as_it_is(candidate[0])]
    return WORDS, typed[:LIMIT]


def _described(choices: Iterable[str]) -> Iterable[Candidate]:
    meanings = choices if isinstance(choices, Mapping) else {}
    return ((str(choice), str(meanings.get(choice, ""))) for choice in choices)


def _first_words(text: str | None) -> str:
    """Return the beginning of a flag's help: shells have one line for it."""
    return (text or "").partition(";")[0].partition(" (")[0]
