"""systemd's unit files and environment files, and what its ``systemctl show`` prints: as text only, nothing is opened here.

Sources: systemd.syntax(7), systemd.exec(5) and systemd.unit(5) of systemd 252, and what that systemd gave to a service.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Settings", "assignments", "environment_file", "expanded", "quoted_word", "settings", "words"]

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
ESCAPES |= {char: char for char in "\"'\\$`"}  # the last two: only as ``systemctl show`` prints them
NUMBERED = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})")
SPECIFIER = re.compile(r"%(.)")


class Settings(NamedTuple):
    """The settings of a unit by section and name; each has its values in order, which ``NAME=`` with nothing has emptied."""

    values: Mapping[tuple[str, str], tuple[str, ...]]

    def all(self, section: str, name: str) -> tuple[str, ...]:
        """Return all values of a setting."""
        return self.values.get((section, name), ())

    def last(self, section: str, name: str) -> str:
        """Return the value of a setting that holds one, empty where it is not set."""
        return next(reversed(self.all(section, name)), "")


def settings(texts: Iterable[str]) -> Settings:
    r"""Return the settings of a unit: its file, then its drop-in files in their order.

    >>> settings(["[Service]\nUser=ci\nEnvironment=A=1\n", "[Service]\nEnvironment=B=2\n"]).all("Service", "Environment")
    ('A=1', 'B=2')
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for text in texts:
        section = ""
        for line in _logical_lines(text):
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
                continue
            name, equals, value = line.partition("=")
            key, value = (section, name.strip()), value.strip()
            if equals:
                found[key] = (*found.get(key, ()), value) if value else ()
    return Settings(found)


def _logical_lines(text: str) -> Iterable[str]:
    """Yield lines without comments; a backslash at the end of one joins the next, and comments between them go."""
    joined = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if line.endswith("\\"):
            joined += line[:-1] + " "
        else:
            yield (joined + line).strip()
            joined = ""
    if joined.strip():
        yield joined.strip()


def words(value: str) -> list[str]:
    r"""Return the words of a setting: quotes may be around one or a part of it, and backslashes escape as in C.

    Raises ValueError: an escape that C does not have; systemd then passes over the whole setting.

    >>> words('A=1 "B=x y" D=\\x41')
    ['A=1', 'B=x y', 'D=A']
    """
    found: list[str] = []
    word, quote, at = "", "", 0
    is_open = False
    while at < len(value):
        char = value[at]
        at += 1
        if char == "\\" and at < len(value):
            escaped, at = _escaped(value, at)
            word, is_open = word + escaped, True
        elif char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote, is_open = char, True
        elif not quote and char.isspace():
            found += [word] if is_open else []
            word, is_open = "", False
        else:
            word, is_open = word + char, True
    return [*found, word] if is_open else found


def quoted_word(text: str) -> str:
    r"""Return a word of a command line as ``ExecStart=`` has it: nothing in it is expanded.

    >>> quoted_word('/opt/50% "off"/$x')
    '"/opt/50%% \\"off\\"/$$x"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _escaped(value: str, at: int) -> tuple[str, int]:
    """Return the character behind a backslash, and where the rest begins."""
    if numbered := NUMBERED.match(value, at):
        digits = numbered[1] or numbered[2] or numbered[3]
        code = int(digits, 16) if digits else int(numbered[4], 8)
        if 0 < code <= 0x10FFFF:
            return chr(code), numbered.end()
    if value[at] not in ESCAPES:
        raise ValueError(value)
    return ESCAPES[value[at]], at + 1


def assignments(values: Iterable[str], specifiers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of ``Environment=`` settings; a word that assigns nothing is passed over, as systemd does.

    ``specifiers``: what ``%h`` and its like mean, by their letter; None: the text has none any more.
    """
    found: dict[str, str] = {}
    for value in values:
        try:
            pairs = [word.partition("=") for word in words(value)]
        except ValueError:
            continue
        found.update((name, text) for name, equals, text in pairs if equals and VARIABLE.fullmatch(name))
    return found if specifiers is None else {name: expanded(text, specifiers) for name, text in found.items()}


def expanded(text: str, specifiers: Mapping[str, str]) -> str:
    """Return a text with its specifiers replaced; one that is not known stays as it is written."""
    return SPECIFIER.sub(lambda found: specifiers.get(found[1], found[0]), text)


def environment_file(text: str) -> dict[str, str]:
    r"""Return the variables of an ``EnvironmentFile=``.

    Blanks at the end of a value without quotes go, a quoted part may hold several lines, and nothing is expanded.

    >>> environment_file('F=one two  \nG="a b" c\n# no\nexport J=1\n')
    {'F': 'one two', 'G': 'a bc'}
    """
    found: dict[str, str] = {}
    rest = text
    while rest:
        line, _, below = rest.partition("\n")
        name, equals, _ = line.partition("=")
        if line.lstrip()[:1] in ("#", ";"):
            rest = _below_comment(rest)
        elif not equals:
            rest = below
        else:
            value, rest = _value(rest[len(name) + 1 :])
            if VARIABLE.fullmatch(name.strip()):
                found[name.strip()] = value
    return found


def _below_comment(text: str) -> str:
    """Return what is below a comment, which a backslash at the end of its line continues."""
    while (line := text.partition("\n"))[0].endswith("\\"):
        text = line[2]
    return line[2]


# The parts of a value: blanks that are skipped, a part in double or in single quotes, one character without quotes.
BLANKS = re.compile(r"[ \t\r]*")
QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
BARE = re.compile(r"(?:[^\\\n]|\\.)*", re.DOTALL)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _value(text: str) -> tuple[str, str]:
    """Return the value at the beginning of a text, and what is below it: quoted parts, then one without quotes."""
    value, at = "", BLANKS.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    while part := QUOTED.match(text, at):
        value += part[1] if part[1] is not None else ESCAPED.sub(_in_double_quotes, part[2])
        at = BLANKS.match(text, part.end()).end()  # type: ignore[union-attr]
    bare = BARE.match(text, at)
    assert bare is not None  # noqa: S101  # it matches nothing, too
    plain = bare[0]
    kept = len(plain.rstrip(" \t\r"))
    if plain[:kept].endswith("\\"):
        kept += 1  # the blank is escaped
    value += ESCAPED.sub(lambda found: found[1].strip("\n"), plain[:kept])
    return value, text[bare.end() + 1 :]


def _in_double_quotes(found: re.Match[str]) -> str:
    if found[1] == "\n":
        return ""
    return found[1] if found[1] in '"\\`$' else found[0]
