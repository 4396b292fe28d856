"""A config file as a document: read it strictly, change one member of it and not one byte more.

docker's ``config.json`` and containers' ``auth.json`` are both read by Go's ``encoding/json``, so some of its habits
count here, each seen in the real programs: a top-level name is matched without regard to case, a repeated ``auths`` or
``credHelpers`` adds to the first one, and docker (not podman) ignores what follows the first value and takes an
empty file for an empty config.

An edit works on the text, not on a parsed copy: key order, indentation, line endings, numbers and escapes of all
other members stay as they were written.
"""

from __future__ import annotations

import json
from bisect import bisect
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import VALUES_LIMIT, has_too_many_values
from shorepass.config.go_json import field_name, first_value, may_hold_surrogates, without_surrogates
from shorepass.config.go_json import text as go_text
from shorepass.config.spans import JsonSyntaxError, Member, members, read_value, skip_blank
from shorepass.errors import MalformedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, NoReturn

    from shorepass.contexts import FileContent

__all__ = ["SIZE_LIMIT", "load", "load_pairs", "remove_member", "remove_members", "set_member"]

SIZE_LIMIT = 16 * 1024 * 1024  # bytes; 10,000 logins are below 1 MiB, and a log file named by mistake is above

# The top-level names that clients give a meaning to, by their lower-case spelling.
_FIELDS = {"auths": "auths", "credhelpers": "credHelpers", "credsstore": "credsStore"}
_MAPS = ("auths", "credHelpers")


class _Style(NamedTuple):
    """How members are laid out. ``newline`` is empty for those on one line."""

    newline: str
    unit: str
    comma: str
    colon: str


_TABS = _Style("\n", "\t", ",", ": ")  # docker's and podman's own
_ONE_LINE = _Style("", "", ", ", ": ")


def load(content: FileContent, *, first_value_only: bool = False) -> dict[str, Any]:
    """Return a config file's top-level object, with ``auths``, ``credHelpers`` and ``credsStore`` spelt so.

    ``first_value_only`` reads as docker does: what follows the first value is ignored, and an empty file is ``{}``.
    ``null`` is ``{}``, too. Lone surrogates become U+FFFD, as in Go. Values are not checked any further.

    Raises MalformedFile, with line and column, never with a piece of the content.
    """
    text = _decode(content)
    try:
        start = skip_blank(text, 0)
        if start == len(text) and first_value_only:
            return {}
        found, end = _top(text, start)
        behind = skip_blank(text, end)
        if behind < len(text) and not first_value_only:
            raise JsonSyntaxError("not valid JSON: something follows the first value", behind)
        loaded: dict[str, Any] = {}
        for member in found or ():
            _merge(loaded, _canonical(member.key), member.value)
        return without_surrogates(loaded) if may_hold_surrogates(text) else loaded
    except JsonSyntaxError as error:
        _refuse(content, text, error)


def load_pairs(content: FileContent, *, first_value_only: bool = True) -> Any:
    """Return a file's first JSON value, every object in it a tuple of (key, value) tuples; None for an empty file.

    For a reader that must know what Go does about a key that repeats. Every byte that is not UTF-8 becomes U+FFFD, as in
    Go. ``first_value_only`` False: there must be a value, and nothing may follow it. Raises MalformedFile.
    """
    text = _decode(content, strict=False)
    try:
        if first_value_only and skip_blank(text, 0) == len(text):
            return None
        value, end = first_value(text)
        if not first_value_only and (behind := skip_blank(text, end)) < len(text):
            raise JsonSyntaxError("not valid JSON: something follows the first value", behind)
        return value
    except JsonSyntaxError as error:
        _refuse(content, text, error)


def set_member(content: FileContent | bytes | None, path: Sequence[str], value: object) -> bytes:
    """Return the text with the member at ``path`` set to ``value`` (JSON types), and all other bytes unchanged.

    Objects on the way are made where they are missing or null. Of a repeated key the one is set that counts: the last.
    No content, an empty one or ``null`` becomes a new document in docker's style.

    Raises MalformedFile: not JSON, or something else than an object on the way.
    """
    text = _decode(content)
    try:
        return _set(text, tuple(path), value).encode()
    except JsonSyntaxError as error:
        _refuse(content, text, error)


def remove_member(content: FileContent | bytes | None, path: Sequence[str]) -> bytes:
    """Return the text without the member at ``path``, all repetitions of it included; unchanged where it has no such member.

    An object that loses its last member stays, as ``{}``. Raises MalformedFile as ``set_member`` does.
    """
    return remove_members(content, [path])


def remove_members(content: FileContent | bytes | None, paths: Iterable[Sequence[str]]) -> bytes:
    """Return the text without the members at these paths, none of which leads into another; it is read once for all."""
    gone: dict[str, Any] = {}
    for *outer, name in paths:
        inner = gone
        for step in outer:
            inner = inner.setdefault(step, {})
        inner[name] = None
    text = _decode(content)
    try:
        return _remove(text, gone).encode()
    except JsonSyntaxError as error:
        _refuse(content, text, error)


# Reading


def _decode(content: FileContent | bytes | None, *, strict: bool = True) -> str:
    given = content if isinstance(content, bytes | None) else content.data
    data = given or b""
    if len(data) > SIZE_LIMIT:
        _refuse(content, "", JsonSyntaxError(f"larger than {SIZE_LIMIT // 1024 // 1024} MiB: not a config file"))
    if has_too_many_values(data):
        _refuse(content, "", JsonSyntaxError(f"more than {VALUES_LIMIT} values: not a config file"))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if not strict:
            return go_text(data)
        before = data[: error.start].decode()
        _refuse(content, before, JsonSyntaxError("not UTF-8", len(before)))


def _refuse(content: FileContent | bytes | None, text: str, error: JsonSyntaxError) -> NoReturn:
    reason = error.reason
    if error.offset is not None:
        line = text.count("\n", 0, error.offset) + 1
        column = error.offset - text.rfind("\n", 0, error.offset)
        reason += f", at line {line}, column {column}"
    if content is None or isinstance(content, bytes):
        raise MalformedFile("config file", reason) from None
    raise MalformedFile(content.path, reason, owner=content.owner, mode=content.mode) from None


def _top(text: str, start: int) -> tuple[list[Member] | None, int]:
    """Return the members of the document, None for ``null``, and the offset behind it."""
    if text[start : start + 1] == "{":
        return members(text, start)
    value, end = read_value(text, start)
    if value is not None:
        raise JsonSyntaxError("not a config file: its JSON value is not an object", start)
    return None, end


def _canonical(name: str) -> str:
    return _FIELDS.get(field_name(name), name)


def _merge(loaded: dict[str, Any], name: str, value: Any) -> None:
    """Decode a member into ``loaded`` as Go does into a struct: maps add up, null empties a map and leaves a string."""
    before = loaded.get(name)
    if name in _MAPS and isinstance(before, dict) and isinstance(value, dict):
        before.update(value)
    elif not (name == "credsStore" and value is None and isinstance(before, str)):
        loaded[name] = value


# Editing


def _indices(found: list[Member], name: str, *, top: bool) -> list[int]:
    """Return which of an object's members go by ``name``: at the top as Go matches fields, below exactly."""
    if top:
        name = _canonical(name)
    return [i for i, member in enumerate(found) if (_canonical(member.key) if top else member.key) == name]


def _set(text: str, path: tuple[str, ...], value: object) -> str:
    start = skip_blank(text, 0)
    if start == len(text):
        return _render(_nested(path, value), _TABS, "")
    found, end = _top(text, start)
    if found is None:
        return text[:start] + _render(_nested(path, value), _TABS, "") + text[end:]
    style = _document_style(text, start, found)
    indent = ""
    for depth, name in enumerate(path):
        rest = path[depth + 1 :]
        indices = _indices(found, name, top=depth == 0)
        if not indices:
            at = _place(found, name) if depth else len(found)
            return _insert(text, start, found, name, _nested(rest, value), style, indent, at)
        index = _effective(found, indices, rest)
        member = found[index]
        if (
            member.value is None and rest and len(indices) > 1
        ):  # to put something in its place would revive what is before it
            return _insert(text, start, found, name, _nested(rest, value), style, indent, len(found))
        layout, indent = _layout(_lead(text, start, found, index), style, indent)
        if not rest or member.value is None:
            return text[: member.start] + _render(_nested(rest, value), layout, indent) + text[member.end :]
        if not isinstance(member.value, dict):
            raise JsonSyntaxError("not a config file: an object is expected", member.start)
        start = member.start
        found, _ = members(text, start)
    raise ValueError("the path is empty")


def _effective(found: list[Member], indices: list[int], rest: tuple[str, ...]) -> int:
    """Return which of several members of one name counts: the last that holds what is looked for."""
    for index in reversed(indices):
        value = found[index].value
        if rest and isinstance(value, dict) and rest[0] in value:
            return index
        if value is None:
            break  # what stands before a null is forgotten
    return indices[-1]


def _nested(path: tuple[str, ...], value: object) -> object:
    for name in reversed(path):
        value = {name: value}
    return value


def _document_style(text: str, start: int, found: list[Member]) -> _Style:
    """Return how the document is laid out, judged by its first member."""
    if not found:
        return _TABS
    lead = text[start + 1 : found[0].key_start]
    colon = text[found[0].key_end : found[0].start]
    comma = ", "
    if "\n" in lead or colon == ":":
        comma = ","
    if "\n" in colon:
        colon = ": "
    if "\n" in lead:
        return _Style(_newline(lead), lead.rpartition("\n")[2], comma, colon)
    return _Style("", "", comma, colon)


def _newline(blank: str) -> str:
    return "\r\n" if "\r\n" in blank else "\n"


def _lead(text: str, start: int, found: list[Member], index: int) -> str:
    """Return the white space before a member, and nothing of what is written in front of the comma."""
    behind = found[index - 1].end if index else start + 1
    return text[behind : found[index].key_start].rpartition(",")[2]


def _layout(lead: str, style: _Style, indent: str) -> tuple[_Style, str]:
    """Return the style and indentation of a member with ``lead`` before it: the document's, if it is written like it."""
    if "\n" in lead:
        indent = lead.rpartition("\n")[2]
        return (style if style.newline else _TABS._replace(newline=_newline(lead))), indent
    return (_ONE_LINE if style.newline else style), indent


def _place(found: list[Member], name: str) -> int:
    """Return where a new member belongs: in the order of its name if all are in that order, as Go writes them; else last."""
    keys = [member.key for member in found]
    in_order = all(first < second for first, second in pairwise(keys))
    return bisect(keys, name) if in_order else len(keys)


def _insert(
    text: str, start: int, found: list[Member], name: str, value: object, style: _Style, indent: str, at: int
) -> str:
    """Add a member to the object at ``start``, before the one with the number ``at`` or at the end, laid out like the last."""
    if not found:
        return text[:start] + _render({name: value}, style, indent) + text[text.index("}", start) + 1 :]
    layout, indent = _layout(_lead(text, start, found, len(found) - 1), style, indent)
    gap = layout.newline + indent if layout.newline else layout.comma[1:]
    member = json.dumps(name) + layout.colon + _render(value, layout, indent)
    if at < len(found):
        return text[: found[at].key_start] + member + "," + gap + text[found[at].key_start :]
    last = found[-1]
    return text[: last.end] + "," + gap + member + text[last.end :]


def _render(value: object, style: _Style, indent: str) -> str:
    """Return JSON text for a value whose first line is already indented by ``indent``."""
    if not style.newline:
        return json.dumps(value, separators=(style.comma, style.colon))
    rendered = json.dumps(value, indent=style.unit, separators=(",", style.colon))
    return rendered.replace("\n", style.newline + indent)  # a JSON string holds no bare newline


def _remove(text: str, gone: dict[str, Any]) -> str:
    start = skip_blank(text, 0)
    found = _top(text, start)[0] if start < len(text) else None
    parts, at = [], 0
    for begin, end in sorted(_spans(text, start, found or [], gone, top=True)):
        parts.append(text[at:begin])
        at = end
    return "".join([*parts, text[at:]])


def _spans(text: str, start: int, found: list[Member], gone: dict[str, Any], *, top: bool) -> Iterator[tuple[int, int]]:
    """Yield what to cut out, so that a comma goes with each member and the others keep the blanks before them.

    ``gone``: what goes of the object, by name: None for all of it, or what goes of the object there.
    """
    indices = []
    names = {_canonical(name): inner for name, inner in gone.items()} if top else gone
    for index, member in enumerate(found):
        name = _canonical(member.key) if top else member.key
        if name not in names:
            continue
        inner = names[name]
        if inner is None:
            indices.append(index)
        elif isinstance(member.value, dict):
            yield from _spans(text, member.start, members(text, member.start)[0], inner, top=False)
    if not indices:
        return
    if len(indices) == len(found):
        yield start + 1, text.index("}", found[-1].end)
        return
    left = {*range(len(found))} - {*indices}
    last = max(left)
    for index in indices:
        if index < last:
            yield found[index].key_start, found[index + 1].key_start
    if last + 1 < len(found):
        yield found[last].end, found[-1].end
