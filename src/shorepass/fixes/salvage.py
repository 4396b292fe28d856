"""Turn text that is nearly JSON into JSON, and report each change. No I/O.

Users and crashed programs damage config files in typical ways: a wrong or missing comma, a comment, a missing quotation mark,
a second document after the first, another encoding, a missing end. Each mistake is corrected where the decoder stops. If that
does not help, the text is cut there and only the part before is kept.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from shorepass.bounded_json import loads
from shorepass.config.go_json import text as go_text
from shorepass.config.spans import JsonSyntaxError, read_value, skip_blank

__all__ = ["Salvaged", "salvage"]

CORRECTIONS = 100  # mistakes in one file; a file with more is something else
CUTS = 1000  # positions at which to cut it, the last first
SIZE_LIMIT = 1024 * 1024  # bytes of a file; a larger one is not examined
WORK = 64 * 1024 * 1024  # characters that all cuts together read: about a second

_string = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_comment = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
_wrapped = re.compile(r'"[\w+/=.-]+(?:[ \t]*\r?\n[ \t]*[\w+/=.-]*)+"(?=\s*[,}\]])', re.ASCII)  # base64 of several lines
_bare_end = re.compile(r"[ \t]*,?[ \t]*\r?$")


class Salvaged(NamedTuple):
    """JSON text, the changes that made it (``add a missing comma, line 3``), and whether a login was lost."""

    data: bytes
    done: tuple[str, ...]
    lost: bool = False


def salvage(data: bytes) -> Salvaged | None:
    """Return a JSON object made from ``data``, None if that is not possible. Valid JSON is not changed."""
    if len(data) > SIZE_LIMIT:
        return None
    text, done = _decoded(data)
    for _ in range(CORRECTIONS):
        start = skip_blank(text, 0)
        try:
            value, end = read_value(text, start)
        except JsonSyntaxError as error:
            corrected = _corrected(text, error.offset) if error.offset is not None else None
            if corrected is None:
                return _cut(text, error.offset or 0, done)
            text, what, at = corrected
            done.append(f"{what}, line {text.count(chr(10), 0, at) + 1}")
            continue
        if not isinstance(value, dict):
            return None
        behind = text[end:]
        if behind.strip():
            done.append(f"remove the text after the first value, line {text.count(chr(10), 0, end) + 1}")
            text = text[:end] + "\n"
        return Salvaged(text.encode(), tuple(done), lost='"' in behind)
    return None


def _decoded(data: bytes) -> tuple[str, list[str]]:
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), ["convert UTF-16 to UTF-8"]
    if data.startswith(codecs.BOM_UTF8):
        return go_text(data[3:]), ["remove the byte order mark"]
    return go_text(data), []


def _corrected(text: str, at: int) -> tuple[str, str, int] | None:
    """Return the text with the mistake at ``at`` corrected, the change, and its position.

    None if the mistake is of no known kind.
    """
    before = text[:at].rstrip()
    comment = _comment.match(text, at)
    if comment:
        return text[:at] + text[comment.end() :], "remove a comment", at
    if text[at : at + 1] == "," or (before.endswith(",") and text[at : at + 1] in ("}", "]")):
        comma = at if text[at] == "," else len(before) - 1
        return text[:comma] + text[comma + 1 :], "remove a comma", comma
    if text[at : at + 1] == '"' and before[-1:] in ('"', "}", "]"):
        return before + "," + text[len(before) :], "add a missing comma", len(before)
    at_line_end = text[at : at + 1] in ("\n", "\r")
    last_quote = text.rfind('"', 0, at)
    wrapped = _wrapped.match(text, last_quote) if at_line_end else None
    if wrapped:
        joined = "".join(wrapped[0].split())
        return text[: wrapped.start()] + joined + text[wrapped.end() :], "join the lines of one value", at
    unended = -1
    if at_line_end:
        unended = last_quote
    elif text[at : at + 1] == '"':
        unended = at
    if unended >= 0 and "\n" in text[unended:]:
        line = text[unended : text.index("\n", unended)]
        end = unended + len(_bare_end.sub("", line))
        if end > unended + 1 and not _string.match(text, unended):
            return text[:end] + '"' + text[end:], "add a missing quotation mark", end
    if at >= len(text.rstrip()) and before[-1:] in ('"', "}", "]") and (closing := _closing(before)):
        return before + closing + "\n", "add the missing end", len(before)
    return None


def _closing(text: str) -> str:
    """Return the closing brackets that are missing."""
    open_brackets: list[str] = []
    for bracket in re.findall(r"[{}\[\]]", _string.sub("", text)):
        if bracket in "{[":
            open_brackets.append({"{": "}", "[": "]"}[bracket])
        elif open_brackets:
            open_brackets.pop()
    return "".join(reversed(open_brackets))


def _cut(text: str, at: int, done: list[str]) -> Salvaged | None:
    """Return the text up to the last complete member before ``at``."""
    places = [match.start() for match in re.finditer(r"[,{]", text[:at])]
    cuts = min(CUTS, 1 + WORK // max(len(text), 1))
    for place in reversed(places[-cuts:]):
        end = place + 1 if text[place] == "{" else place
        kept = text[:end].rstrip()
        kept += _closing(kept) + "\n"
        try:
            value = loads(kept)
        except ValueError:
            continue
        if isinstance(value, dict):
            line = text.count("\n", 0, at) + 1
            return Salvaged(kept.encode(), (*done, f"remove everything after the mistake, line {line}"), lost=True)
    return None
