"""Text of others, made safe to show: a name, a path, a label, the words of a server or of a helper. Pure.

A terminal obeys some characters, and others change what a person believes to read: controls (ESC, and U+009B, which is ESC
and ``[`` in one), marks that turn the direction of writing, and characters without a width. None of them is ever printed.
"""

from __future__ import annotations

import re

__all__ = ["printable", "visible", "without_user_info"]

FOREIGN_TEXT_LIMIT = 300  # characters of somebody else's text in one of our messages: three terminal lines

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


def printable(text: str, limit: int = FOREIGN_TEXT_LIMIT) -> str:
    """Return foreign text made safe for a terminal: one line, no control characters, at most ``limit`` long.

    A user name and password in a URL are left out.
    """
    text = re.sub(r"(?<=://)[^\s/]*@", "", text[: limit * 4])
    cleaned = "".join(c if c.isprintable() else " " for c in text)
    cleaned = " ".join(cleaned.split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 3] + "..."


def without_user_info(key: str) -> str:
    """Return a config key or server URL as it may be shown: ``https://user:password@host/`` is ``https://host/``."""
    return re.sub(r"^([a-zA-Z][\w+.-]*://)?[^\s/]*@", r"\1", key)
