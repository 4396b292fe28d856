"""Text of others, made safe to show: a name, a path, a label, the words of a server or of a helper. Pure.

A terminal obeys some characters, and others change what a person believes to read: controls (ESC, and U+009B, which is ESC
and ``[`` in one), marks that turn the direction of writing, and characters without a width. None of them is ever printed.
"""

from __future__ import annotations

import re

__all__ = ["printable", "quoted", "visible", "without_user_info"]

FOREIGN_TEXT_LIMIT = 300  # characters of somebody else's text in one of our messages: three terminal lines

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")  # a word of a shell that needs no quotes

_PARTS = re.compile(r"([a-zA-Z][\w+.-]*://)?(.*?)(@sha(?:256|384|512):[0-9a-f]*)?", re.DOTALL)  # scheme, rest, digest

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# What Unicode writes as a space or a letter is harmless; str.isprintable counts the first among what is not.


def visible(text: str) -> str:
    r"""Return text as one line in which each character that cannot be seen is its Python escape: ``\x1b``, ``\u202e``.

    Nothing is cut, and text of any language stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _SPACES else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def quoted(text: str) -> str:
    r"""Return text as one word of a shell, to be pasted: in quotes where it needs them, as ``$'\x1b'`` where it cannot be seen.

    Only for what people read: ``$'...'`` is a word of bash, ksh and zsh, not of every sh.
    """
    if _PLAIN.fullmatch(text):
        return text
    if visible(text) == text:
        return "'" + text.replace("'", "'\"'\"'") + "'"
    return "$'" + "".join(map(_in_ansi_quotes, text)) + "'"


def _in_ansi_quotes(character: str) -> str:
    if character in ("'", "\\"):
        return f"\\{character}"
    if visible(character) == character:
        return character
    errors = "surrogatepass"
    if "\udc80" <= character <= "\udcff":  # a byte of a path that is not UTF-8
        errors = "surrogateescape"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors))


def printable(text: str, limit: int = FOREIGN_TEXT_LIMIT) -> str:
    """Return foreign text made safe for a terminal: one line, no control characters, at most ``limit`` long.

    A user name and password in a URL are left out.
    """
    text = re.sub(r"(?<=://)[^\s/]*@", "", text[: limit * 4])
    cleaned = "".join(c if c.isprintable() else " " for c in text)
    cleaned = " ".join(cleaned.split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 3] + "..."


def without_user_info(key: str) -> str:
    """Return a config key or server URL as it may be shown: ``https://user:password@host/`` is ``https://host/``.

    So is ``user:password@host``, and what has a slash, a space or another ``@`` in the password. A digest behind an image
    (``@sha256:...``) stays.
    """
    scheme, rest, digest = _PARTS.fullmatch(key).groups("")  # type: ignore[union-attr]  # it fits any text
    return scheme + rest.rpartition("@")[2] + digest
