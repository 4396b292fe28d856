"""Turn text that is nearly JSON into JSON, and report each change. No I/O.

Users and crashed programs damage config files in typical ways: a wrong or missing comma, a comment, a missing quotation mark,
a second document after the first, another encoding, a missing end. Each mistake is corrected where the decoder stops. If that
does not help, the text is cut there and only the part before is kept.
"""

from __future__ import annotations

import base64
import codecs
import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.config.go_json import text as go_text
from shorepass.config.spans import JsonSyntaxError, read_value, skip_blank

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Salvaged", "document_in", "salvage"]

CORRECTIONS = 100  # mistakes in one file; a file with more is something else
CUTS = 1000  # positions at which to cut it, the last first
SIZE_LIMIT = 1024 * 1024  # bytes of a file; a larger one is not examined
WORK = 64 * 1024 * 1024  # characters that all cuts together read: about a second

_string = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_comment = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
_wrapped = re.compile(r'"[\w+/=.-]+(?:[ \t]*\r?\n[ \t]*[\w+/=.-]*)+"(?=\s*[,}\]])', re.ASCII)  # base64 of several lines
SECRET_MEMBER = ".dockerconfigjson"  # noqa: S105  # the name of a member, no secret
_secret = re.compile(rb"^ *\.dockerconfigjson: *\"?([A-Za-z0-9+/=]+)\"? *$", re.MULTILINE)
_sign = re.compile(r"[^\w\s]")  # neither a letter, a digit nor a blank
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


def document_in(secret: dict[str, Any]) -> bytes:
    """Return the config file in a Secret of Kubernetes or in its data, b"" if it is not one that has any."""
    data = secret.get("data")
    found = data if secret.get("kind") == "Secret" and isinstance(data, dict) else secret
    text = found.get(SECRET_MEMBER)
    return _from_base64(text) if isinstance(text, str) else b""


def _from_base64(text: str) -> bytes:
    """Return the JSON object that a text has in base64, b"" if it has none."""
    try:
        found = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return b""
    return found if found.lstrip().startswith(b"{") else b""


def _decoded(data: bytes) -> tuple[str, list[str]]:
    whole = _from_base64(data.decode("ascii", "replace"))
    if whole:
        return go_text(whole), ["decode the base64 text"]
    secret = _secret.search(data) if b"kind:" in data else None
    inner = _from_base64(secret[1].decode()) if secret else b""
    if inner:
        return go_text(inner), ["write the document that is in the Secret of Kubernetes"]
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
    backslash = at - 1 if text[at - 1 : at + 1] == "\\u" else at
    if text[backslash : backslash + 1] == "\\":
        return _with_whole_escape(text, backslash)
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


def _with_whole_escape(text: str, at: int) -> tuple[str, str, int]:
    r"""Return the text with the backslash at ``at`` corrected.

    Before a sign a shell or a pattern wanted it, and it goes. Before a letter it is meant: ``DOMAIN\user``.
    """
    if _sign.match(text, at + 1):
        return text[:at] + text[at + 1 :], "remove a backslash", at
    return text[:at] + "\\" + text[at:], "write a backslash twice", at


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
