"""Makes text of other programs and users safe to show: a name, a path, a message.

A terminal obeys control characters (ESC, and U+009B, which means ESC and ``[``). Marks that change the direction of writing,
and characters without a width, make you read another text. Shorepass never prints any of these.
"""

from __future__ import annotations

import re

__all__ = ["printable", "quoted", "visible", "without_secrets", "without_user_info"]

FOREIGN_TEXT_LIMIT = 300  # characters of foreign text in one message: three terminal lines

_PLAIN = r"[A-Za-z0-9_@%+=:,./-]+"  # a word of a shell that needs no quotes

_PARTS = r"([a-zA-Z][\w+.-]*://)?(.*?)(@sha(?:256|384|512):[0-9a-f]*)?"  # scheme, rest, digest
# The value of a field with a secret, in a file's text, also if a shell removed or escaped its quotes.
_FIELD = r"""([{,"']\s*(?:auth|password|secret|identitytoken|registrytoken)\\?["']?\s*:\s*\\?["']?)[^"'\\,}]+"""
_ENCODED = r"\beyJhdXRo[A-Za-z0-9+/=]+"  # {"auth in base64
# They are patterns and not compiled: `get` starts often, and rarely needs them.

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# Unicode's spaces are harmless, but str.isprintable is false for them.

_UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159"
_VARIANTS = (("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))
# Letters and marks that show nothing, though str.isprintable is true for them: two names with them look the same. Source:
# Unicode's Default_Ignorable_Code_Point; its first and last variation selectors; two signs that are blank by their name.


def visible(text: str) -> str:
    r"""Return text as one line, with an escape for each character that cannot be seen.

    The escapes are Python's: ``\x1b``, ``\u202e``. Nothing is cut, and text of any language is unchanged.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _is_seen(character: str) -> bool:
    if not character.isprintable() or character in _UNSEEN:
        return False
    return not any(first <= character <= last for first, last in _VARIANTS)


def _escaped(character: str) -> str:
    if _is_seen(character) or character in _SPACES:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def quoted(text: str) -> str:
    r"""Return text as one word of a shell, with quotes if it needs them.

    Characters that cannot be seen are written as ``$'\x1b'``. Use it only in messages, because ``$'...'`` is a word of bash,
    ksh and zsh, but not of every sh.
    """
    if re.fullmatch(_PLAIN, text):
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
    """Return foreign text that is safe for a terminal.

    It is one line without control characters, at most ``limit`` long. A user name and password in a URL are left out, and so
    are the secrets of a config file's text.
    """
    text = re.sub(r"(?<=://)[^\s/]*@", "", without_secrets(text[: limit * 4]))
    blanked = {ord(c): " " for c in set(text) if not _is_seen(c)}
    cleaned = " ".join(text.translate(blanked).split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 3] + "..."


def without_secrets(text: str) -> str:
    """Return text with ``...`` for the secrets of a config file's text.

    A variable that must name a file sometimes has the text of one.
    """
    text = re.sub(_FIELD, r"\1...", text) if "{" in text else text
    return re.sub(_ENCODED, "...", text)


def without_user_info(key: str) -> str:
    """Return a config key or server URL without user name and password.

    ``https://user:password@host/`` becomes ``https://host/``. This also works for ``user:password@host``, and if the password
    has a slash, a space or another ``@``. A digest behind an image (``@sha256:...``) remains.
    """
    found = re.fullmatch(_PARTS, key, re.DOTALL)
    scheme, rest, digest = found.groups("")  # type: ignore[union-attr]  # it fits any text
    return scheme + rest.rpartition("@")[2] + digest
