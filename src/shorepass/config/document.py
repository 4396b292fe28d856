"""A config file as a document: read it strictly, change one member of it and not one byte more.

docker's ``config.json`` and containers' ``auth.json`` are both read by Go's ``encoding/json``, so three of its habits
count here, each seen in the real programs: a top-level name is matched without regard to case, a repeated
``auths`` or ``credHelpers`` adds to the first one, and docker (not podman) ignores what follows the first
value and takes an empty file for an empty config.

An edit works on the text, not on a parsed copy: key order, indentation, line endings, numbers and escapes of all
other members stay as they were written.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from shorepass.errors import MalformedFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from shorepass.contexts import FileContent

__all__ = ["SIZE_LIMIT", "load", "remove_member", "set_member"]

SIZE_LIMIT = 16 * 1024 * 1024  # bytes; 10,000 logins are below 1 MiB, and a log file named by mistake is above
INTEGER_LIMIT = 4000  # digits; Python refuses to convert more than 4,300, Go does not look at such a number at all

# The top-level names that clients give a meaning to, by their lower-case spelling.
_FIELDS = {"auths": "auths", "credhelpers": "credHelpers", "credsstore": "credsStore"}
_MAPS = ("auths", "credHelpers")

_blank = re.compile(r"[ \t\r\n]*").match  # JSON's white space, less than Python's
_surrogate = re.compile("[\ud800-\udfff]")


class _Syntax(Exception):
    """``reason`` quotes nothing of the file: it holds secrets. ``offset`` is None where it says nothing."""

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class _Member(NamedTuple):
    """One ``"key": value`` as offsets into the text, and the value itself."""

    key: str
    start: int
    colon: int
    value_start: int
    end: int
    value: Any


class _Style(NamedTuple):
    """How a document is laid out. ``newline`` is empty when it stands on one line."""

    newline: str
    unit: str
    comma: str
    colon: str


_DOCKER_STYLE = _Style("\n", "\t", ",", ": ")  # podman's, too


def load(content: FileContent, *, first_value_only: bool = False) -> dict[str, Any]:
    """Return a config file's top-level object, with ``auths``, ``credHelpers`` and ``credsStore`` spelt so.

    ``first_value_only`` reads as docker does: what follows the first value is ignored, and an empty file is ``{}``.
    ``null`` is ``{}``, too. Lone surrogates become U+FFFD, as in Go. Values are not checked any further.

    Raises MalformedFile, with line and column, never with a piece of the content.
    """
    text = _decode(content)
    try:
        start = _skip(text, 0)
        if start == len(text) and first_value_only:
            return {}
        value, end, members = _read_top(text, start)
        if not first_value_only and _skip(text, end) < len(text):
            raise _Syntax("there is something after the JSON value", _skip(text, end))
    except _Syntax as error:
        _refuse(content, text, error)
    if not isinstance(value, dict):
        return {}
    loaded: dict[str, Any] = {}
    for member in members:
        _merge(loaded, _canonical(member.key), member.value)
    if "\\ud" in text or "\\uD" in text:
        return {_without_surrogates(k): _without_surrogates(v) for k, v in loaded.items()}
    return loaded


def set_member(content: FileContent | bytes | None, path: Sequence[str], value: object) -> bytes:
    """Return the text with the member at ``path`` set to ``value`` (JSON types), and all other bytes unchanged.

    Objects on the way are made where they are missing or null. Of a repeated key the last one is set, as it is the one
    that counts. No content, an empty one or ``null`` becomes a new document in docker's style.

    Raises MalformedFile: not JSON, or something else than an object on the way.
    """
    text, content = _text(content)
    try:
        return _set(text, tuple(path), value).encode()
    except _Syntax as error:
        _refuse(content, text, error)


def remove_member(content: FileContent | bytes | None, path: Sequence[str]) -> bytes:
    """Return the text without the member at ``path``, all repetitions of it included; unchanged where there is none.

    An object that loses its last member stays, as ``{}``. Raises MalformedFile as ``set_member`` does.
    """
    text, content = _text(content)
    try:
        while True:
            edited = _remove(text, tuple(path))
            if edited is None:
                return text.encode()
            text = edited
    except _Syntax as error:
        _refuse(content, text, error)


# Reading


def _text(content: FileContent | bytes | None) -> tuple[str, FileContent]:
    if content is None or isinstance(content, bytes):
        from shorepass.contexts import FileContent

        content = FileContent("config file", content or b"")
    return _decode(content), content


def _decode(content: FileContent) -> str:
    if len(content.data) > SIZE_LIMIT:
        raise MalformedFile(
            content.path,
            f"larger than {SIZE_LIMIT // 1024 // 1024} MiB: not a config file",
            owner=content.owner,
            mode=content.mode,
        )
    try:
        return content.data.decode()
    except UnicodeDecodeError as error:
        before = content.data[: error.start].decode()
        _refuse(content, before, _Syntax("not UTF-8", len(before)))


def _refuse(content: FileContent, text: str, error: _Syntax) -> NoReturn:
    reason = error.reason
    if error.offset is not None:
        line = text.count("\n", 0, error.offset) + 1
        column = error.offset - text.rfind("\n", 0, error.offset)
        reason += f", at line {line}, column {column}"
    raise MalformedFile(
        content.path, reason, owner=content.owner, mode=content.mode, hint="mend it in an editor, or move it away"
    ) from None


def _skip(text: str, offset: int) -> int:
    """Return the offset of the first character that is not white space."""
    blank = _blank(text, offset)
    assert blank is not None  # noqa: S101 - the pattern matches the empty string
    return blank.end()


def _no_constant(name: str) -> NoReturn:
    raise _Syntax(f"not valid JSON: {name}")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < INTEGER_LIMIT else float(digits)


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer)


def _read(text: str, offset: int) -> tuple[Any, int]:
    """Return the JSON value at ``offset`` and the offset behind it."""
    try:
        return _decoder.raw_decode(text, offset)
    except json.JSONDecodeError as error:
        reason = "a byte order mark" if text.startswith("\ufeff") else error.msg.partition(":")[0].lower()
        raise _Syntax(f"not valid JSON: {reason}", error.pos) from None
    except RecursionError:
        raise _Syntax("not a config file: it is nested too deeply") from None


def _members(text: str, start: int) -> list[_Member]:
    """Return the members of the object that opens at ``start``."""
    members: list[_Member] = []
    offset = _skip(text, start + 1)
    while text[offset : offset + 1] != "}" or members:
        if text[offset : offset + 1] != '"':
            raise _Syntax("not valid JSON: a key in double quotes is missing", offset)
        key, key_end = _read(text, offset)
        colon = _skip(text, key_end)
        if text[colon : colon + 1] != ":":
            raise _Syntax("not valid JSON: a colon is missing", colon)
        value_start = _skip(text, colon + 1)
        value, end = _read(text, value_start)
        members.append(_Member(key, offset, key_end, value_start, end, value))
        offset = _skip(text, end)
        if text[offset : offset + 1] == "}":
            break
        if text[offset : offset + 1] != ",":
            raise _Syntax("not valid JSON: a comma is missing", offset)
        offset = _skip(text, offset + 1)
    return members


def _read_top(text: str, start: int) -> tuple[Any, int, list[_Member]]:
    """Return the document's value, the offset behind it, and its members."""
    if text[start : start + 1] == "{":
        members = _members(text, start)
        end = text.index("}", members[-1].end if members else start) + 1
        return {}, end, members
    value, end = _read(text, start)
    if value is not None:
        raise _Syntax("not a config file: its JSON value is not an object")
    return value, end, []


def _canonical(name: str) -> str:
    # Go folds the long s, too (encoding/json fold.go); the Kelvin sign, its other oddity, lower() does.
    return _FIELDS.get(name.replace("\u017f", "s").lower(), name)


def _merge(loaded: dict[str, Any], name: str, value: Any) -> None:
    """Decode a member into ``loaded`` as Go does into a struct: maps add up, null empties a map and leaves a string."""
    before = loaded.get(name)
    if name in _MAPS and isinstance(before, dict) and isinstance(value, dict):
        loaded[name] = {**before, **value}
    elif not (name == "credsStore" and value is None and isinstance(before, str)):
        loaded[name] = value


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _surrogate.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value


# Editing


def _find(text: str, start: int, name: str, *, top: bool) -> tuple[list[_Member], list[int]]:
    """Return the members of the object at ``start`` and the indices of those that go by ``name``."""
    members = _members(text, start)
    if top:
        name = _canonical(name)
    return members, [i for i, m in enumerate(members) if (_canonical(m.key) if top else m.key) == name]


def _set(text: str, path: tuple[str, ...], value: object) -> str:
    start = _skip(text, 0)
    if start == len(text):
        return _render(_nested(path, value), _DOCKER_STYLE, "")
    document, end, members = _read_top(text, start)
    if document is None:
        return text[:start] + _render(_nested(path, value), _DOCKER_STYLE, "") + text[end:]
    style = _style(text, start, members)
    indent = ""
    for depth, name in enumerate(path):
        members, found = _find(text, start, name, top=depth == 0)
        rest = path[depth + 1 :]
        if not found:
            return _insert(text, start, members, name, _nested(rest, value), style, indent)
        member = _holder(members, found, rest)
        if not rest or member.value is None:
            layout, indent = _layout(text, members, members.index(member), start, style, indent)
            return text[: member.value_start] + _render(_nested(rest, value), layout, indent) + text[member.end :]
        if not isinstance(member.value, dict):
            raise _Syntax(f"not a config file: {name!r} is not an object", member.value_start)
        _, indent = _layout(text, members, members.index(member), start, style, indent)
        start = member.value_start
    raise AssertionError(path)


def _holder(members: list[_Member], found: list[int], rest: tuple[str, ...]) -> _Member:
    """Return the one of several members of one name that counts: the last that holds what is looked for."""
    for index in reversed(found):
        value = members[index].value
        if rest and isinstance(value, dict) and rest[0] in value:
            return members[index]
        if value is None:
            break  # what stands before a null is forgotten
    return members[found[-1]]


def _nested(path: tuple[str, ...], value: object) -> object:
    for name in reversed(path):
        value = {name: value}
    return value


def _style(text: str, start: int, members: list[_Member]) -> _Style:
    """Return how the document is laid out, judged by its top-level object."""
    if not members:
        return _DOCKER_STYLE
    lead = text[start + 1 : members[0].start]
    colon = text[members[0].colon : members[0].value_start]
    if "\n" not in lead:
        return _Style("", "", ", " if colon != ":" else ",", colon)
    return _Style("\r\n" if "\r\n" in lead else "\n", lead.rpartition("\n")[2], ",", ": " if "\n" in colon else colon)


def _layout(
    text: str, members: list[_Member], index: int, start: int, style: _Style, indent: str
) -> tuple[_Style, str]:
    """Return the style and the indentation of one member: those of the document, unless it stands differently."""
    behind = members[index - 1].end if index else start + 1
    lead = text[behind : members[index].start]
    if "\n" in lead:
        return style, lead.rpartition("\n")[2]
    if index == 0 or not style.newline:
        return _Style("", "", ", ", ": ") if style.newline else style, indent
    return _layout(text, members, index - 1, start, style, indent)


def _insert(
    text: str, start: int, members: list[_Member], name: str, value: object, style: _Style, indent: str
) -> str:
    """Add a member at the end of the object at ``start``, laid out like the one before it."""
    if not members:
        end = text.index("}", start) + 1
        return text[:start] + _render({name: value}, style, indent) + text[end:]
    last = members[-1]
    layout, indent = _layout(text, members, len(members) - 1, start, style, indent)
    lead = layout.newline + indent if layout.newline else layout.comma[1:]
    member = json.dumps(name) + layout.colon + _render(value, layout, indent)
    return text[: last.end] + "," + lead + member + text[last.end :]


def _render(value: object, style: _Style, indent: str) -> str:
    """Return JSON text for ``value`` whose first line is already indented by ``indent``."""
    if not style.newline:
        return json.dumps(value, separators=(style.comma, style.colon))
    rendered = json.dumps(value, indent=style.unit, separators=(",", style.colon))
    return rendered.replace("\n", style.newline + indent)  # no string holds a bare newline in JSON


def _remove(text: str, path: tuple[str, ...]) -> str | None:
    """Remove the last member at ``path``; None when there is none."""
    start = _skip(text, 0)
    if start == len(text) or _read_top(text, start)[0] is None:
        return None
    return _remove_below(text, start, path, top=True)


def _remove_below(text: str, start: int, path: tuple[str, ...], *, top: bool) -> str | None:
    members, found = _find(text, start, path[0], top=top)
    for index in reversed(found):
        if len(path) == 1:
            return _cut(text, start, members, index)
        if isinstance(members[index].value, dict):
            edited = _remove_below(text, members[index].value_start, path[1:], top=False)
            if edited is not None:
                return edited
    return None


def _cut(text: str, start: int, members: list[_Member], index: int) -> str:
    if len(members) == 1:
        return text[: start + 1] + text[text.index("}", members[0].end) :]
    if index + 1 < len(members):
        return text[: members[index].start] + text[members[index + 1].start :]
    return text[: members[index - 1].end] + text[members[index].end :]
