"""Make JSON of a text that is nearly JSON, and say what was done to it. No I/O.

What hands and crashed programs do to a config file: a comma too many or too few, a comment, a quotation mark left out, a
second document behind the first, another encoding, an end that is missing. Each is mended where the decoder stops; where
that does not help, the text is cut there, and only what stands before is kept.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from shorepass.bounded_json import loads
from shorepass.config.go_json import text as go_text
from shorepass.config.spans import JsonSyntaxError, read_value, skip_blank

__all__ = ["Salvaged", "salvage"]

MENDS = 100  # mistakes in one file; one with more is something else
CUTS = 1000  # places at which to cut it, the last first
SIZE_LIMIT = 1024 * 1024  # bytes of a file in which anything is looked for
WORK = 64 * 1024 * 1024  # characters that are read again in all, one cut after another: about a second

_string = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_comment = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
_wrapped = re.compile(r'"[\w+/=.-]+(?:[ \t]*\r?\n[ \t]*[\w+/=.-]*)+"(?=\s*[,}\]])', re.ASCII)  # base64 of several lines
_bare_end = re.compile(r"[ \t]*,?[ \t]*\r?$")


class Salvaged(NamedTuple):
    """JSON text, what was done to get it (``a comma put in, line 3``), and whether anything was lost."""

    data: bytes
    done: tuple[str, ...]
    lost: bool = False


def salvage(data: bytes) -> Salvaged | None:
    """Return a JSON object made from ``data``, None where there is none to be had. What is good is returned as it is."""
    if len(data) > SIZE_LIMIT:
        return None
    text, done = _decoded(data)
    for _ in range(MENDS):
        start = skip_blank(text, 0)
        try:
            value, end = read_value(text, start)
        except JsonSyntaxError as error:
            mended = _mended(text, error.offset) if error.offset is not None else None
            if mended is None:
                return _cut(text, error.offset or 0, done)
            text, what, at = mended
            done.append(f"{what}, line {text.count(chr(10), 0, at) + 1}")
            continue
        if not isinstance(value, dict):
            return None
        behind = text[end:]
        if behind.strip():
            done.append(f"what follows the first value cut off, line {text.count(chr(10), 0, end) + 1}")
            text = text[:end] + "\n"
        return Salvaged(text.encode(), tuple(done), lost='"' in behind)
    return None


def _decoded(data: bytes) -> tuple[str, list[str]]:
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), ["turned from UTF-16 into UTF-8"]
    if data.startswith(codecs.BOM_UTF8):
        return go_text(data[3:]), ["the byte order mark taken out"]
    return go_text(data), []


def _mended(text: str, at: int) -> tuple[str, str, int] | None:
    """Return the text with the mistake at ``at`` mended, what was done, and where; None for no such mistake."""
    before = text[:at].rstrip()
    comment = _comment.match(text, at)
    if comment:
        return text[:at] + text[comment.end() :], "a comment taken out", at
    if text[at : at + 1] == "," or (before.endswith(",") and text[at : at + 1] in ("}", "]")):
        comma = at if text[at] == "," else len(before) - 1
        return text[:comma] + text[comma + 1 :], "a comma taken out", comma
    if text[at : at + 1] == '"' and before[-1:] in ('"', "}", "]"):
        return before + "," + text[len(before) :], "a comma put in", len(before)
    wrapped = _wrapped.match(text, text.rfind('"', 0, at)) if text[at : at + 1] in ("\n", "\r") else None
    if wrapped:
        joined = "".join(wrapped[0].split())
        return text[: wrapped.start()] + joined + text[wrapped.end() :], "the lines of one value joined", at
    unended = text.rfind('"', 0, at) if text[at : at + 1] in ("\n", "\r") else at if text[at : at + 1] == '"' else -1
    if unended >= 0 and "\n" in text[unended:]:
        line = text[unended : text.index("\n", unended)]
        end = unended + len(_bare_end.sub("", line))
        if end > unended + 1 and not _string.match(text, unended):
            return text[:end] + '"' + text[end:], "a quotation mark put in", end
    if at >= len(text.rstrip()) and before[-1:] in ('"', "}", "]") and (closing := _closing(before)):
        return before + closing + "\n", "the end put in", len(before)
    return None


def _closing(text: str) -> str:
    """Return the brackets that are still open, closed."""
    open_ones: list[str] = []
    for bracket in re.findall(r"[{}\[\]]", _string.sub("", text)):
        if bracket in "{[":
            open_ones.append({"{": "}", "[": "]"}[bracket])
        elif open_ones:
            open_ones.pop()
    return "".join(reversed(open_ones))


def _cut(text: str, at: int, done: list[str]) -> Salvaged | None:
    """Return the text up to the last member that is whole before ``at``."""
    places = [match.start() for match in re.finditer(r"[,{]", text[:at])]
    cuts = min(CUTS, 1 + WORK // max(len(text), 1))
    for place in reversed(places[-cuts:]):
        kept = text[: place + (text[place] == "{")].rstrip()
        kept += _closing(kept) + "\n"
        try:
            value = loads(kept)
        except ValueError:
            continue
        if isinstance(value, dict):
            line = text.count("\n", 0, at) + 1
            return Salvaged(kept.encode(), (*done, f"all that follows the mistake dropped, line {line}"), lost=True)
    return None
