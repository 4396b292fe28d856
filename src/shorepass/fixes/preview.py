"""Show what a fix will change before it is made, without secrets.

A file is shown as a unified diff. Only harmless parts can be read: punctuation, keys (names of fields and of registries) and
the names of helpers. Everything else is ``...``, also in a file that is not JSON.
"""

from __future__ import annotations

import difflib
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from shorepass.config.document import SIZE_LIMIT
from shorepass.config.go_json import field_name, first_value
from shorepass.config.go_json import text as go_text
from shorepass.config.spans import JsonSyntaxError
from shorepass.errors import printable
from shorepass.fixes.repair import Advice, Edit, Mode, Owner
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shorepass.contexts import FileContent
    from shorepass.fixes.repair import Repair

__all__ = ["command", "masked", "preview", "shown"]

HIDDEN = "..."
PATH_LIMIT = 5000  # characters of a command: a path in it must not be cut
LINE_LIMIT = 200  # characters of a line in a diff
CONTEXT_LINES = 2

# Fields of an entry, which are shown before any colon. The document's own fields are collected from it.
_FIELDS = ("auth", "username", "password", "email", "serveraddress", "identitytoken", "registrytoken")
_name = re.compile(r"^\w+$")
_registry = re.compile(
    r"(?:https?://)?[\w.-]+(?::[0-9]+)?(?:/[\w./-]*)?"
)  # user info does not match, because it may be secret
_tokens = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\s{}\[\],:]+|[^\s{}\[\],:"]+|"')


def command(repair: Repair) -> str:
    """Return the command that a user would type, or the summary of an edit."""
    match repair:
        case Advice(text):
            return text
        case Edit():
            return repair.summary
        case Mode():
            return f"chmod {repair.mode:04o} {quoted(repair.path)}"
        case Owner():
            return f"chown -h {repair.uid}:{repair.gid} {quoted(repair.path)}"


def preview(repair: Repair) -> str:
    """Return the change as text: a command, or a summary and a diff. Raises FileError, MalformedFile."""
    return shown(repair)[0]


def shown(repair: Repair) -> tuple[str, bytes | None]:
    """Return the preview, and the file's bytes in it; None if the fix does not change a file's content.

    Raises FileError, MalformedFile.
    """
    if not isinstance(repair, Edit):
        text = printable(command(repair), PATH_LIMIT)
        if isinstance(repair, Owner) and repair.what:
            text += f"\nit is {printable(repair.what, PATH_LIMIT)}"
        return text, None
    content = repair.context.read(repair.path, SIZE_LIMIT)
    return _of_edit(repair, content), content.data if content else None


def _of_edit(repair: Edit, content: FileContent | None) -> str:
    edited = repair.edit(content)
    before, after = content.data if content else b"", edited if edited is not None else b""
    if edited is None:
        return f"{printable(repair.summary, PATH_LIMIT)}: there is nothing left to change"
    lines = list(_diff(repair.path, *masked(before, after)))
    return "\n".join([printable(repair.summary, PATH_LIMIT), *(lines or [f"(only hidden values change: {HIDDEN})"])])


def _diff(path: str, before: str, after: str) -> Iterator[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="", n=CONTEXT_LINES)
    for line in lines:
        yield line[:1] + _printable_line(line[1:])


def _printable_line(line: str) -> str:
    """Return a line with its indentation, safe for a terminal."""
    blank = len(line) - len(line.lstrip(" \t"))
    return line[:blank].expandtabs(4) + printable(line[blank:], LINE_LIMIT)


def masked(*contents: bytes) -> list[str]:
    """Return contents of a file in which everything that may be secret is hidden.

    The readable names are collected from the contents that are JSON, and are used for all. So the position of a word in a
    broken file does not make it readable.
    """
    texts = [go_text(content) for content in contents]
    keys, helpers = set(_FIELDS), {("", "")}
    for text in texts:
        try:
            _collect(first_value(text)[0], keys, helpers)
        except JsonSyntaxError:
            continue
    return ["".join(_shown(text, keys, helpers)) for text in texts]


def _collect(document: Any, keys: set[str], helpers: set[tuple[str, str]]) -> None:
    """Add the names of fields and registries to ``keys``, and each key with its helper to ``helpers``."""
    for name, value in document if isinstance(document, tuple) else ():
        keys.update(_name.findall(name))
        if field_name(name) == "credsstore" and isinstance(value, str):
            helpers.add((name, value))
        elif field_name(name) in ("auths", "credhelpers") and isinstance(value, tuple):
            keys.update(key for key, _ in value if _registry.fullmatch(key))
            helpers.update((key, suffix) for key, suffix in value if isinstance(suffix, str))


def _shown(text: str, keys: set[str], helpers: set[tuple[str, str]]) -> Iterator[str]:
    """Yield a text's tokens. Only known keys, and helpers after their key, are readable."""
    tokens: list[str] = _tokens.findall(text)
    last_key = ""
    for token, following in pairwise([*tokens, ""]):
        if not token.strip(" \t\r\n{}[],:") or token in ("true", "false", "null"):
            yield token
        elif not token.startswith('"'):
            yield HIDDEN
        elif following.lstrip().startswith(":"):
            last_key = token[1:-1]
            yield token if last_key in keys else f'"{HIDDEN}"'
        else:
            yield token if (last_key, token[1:-1]) in helpers else f'"{HIDDEN}"'
