"""What counts as signed: the whole text, with nothing behind the signature."""

from __future__ import annotations

import hashlib

import pytest

from shorepass.stores.vault.signature import is_signed, sign

TEXT = b'{\n\t"auths": {}\n}\n'


def ours(body: bytes) -> bytes:
    """Return what one key signs a text with."""
    return hashlib.sha256(b"ours" + body).digest()


def theirs(body: bytes) -> bytes:
    """Return what another key signs a text with."""
    return hashlib.sha256(b"theirs" + body).digest()


SIGNED = sign(TEXT, [theirs, ours])


def test_one_key_of_several_is_enough() -> None:
    """A vault has a signature of each of its keys, and a machine knows one."""
    assert is_signed(SIGNED, [ours])
    assert is_signed(SIGNED, [theirs])
    assert not is_signed(sign(TEXT, [theirs]), [ours])


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        b"",
        SIGNED.replace(b"{}", b'{"a": {}}'),
        SIGNED.replace(b'"\n}\n', b'",\n\t"auths": {"a": {}}\n}\n'),
        SIGNED.replace(b'"\n}\n', b'"}\n'),
        SIGNED.replace(b'"\n}\n', b""),
        SIGNED + b"\n",
        SIGNED + SIGNED,
        SIGNED.replace(b" ", b""),
        SIGNED.replace(b'"\n}\n', b'\xff"\n}\n'),
        b',\n\t"mac": ""\n}\n',
    ],
)
def test_a_text_that_was_changed_is_not_signed(text: bytes) -> None:
    """Members behind the signature would count without being signed, so nothing may follow it."""
    assert not is_signed(text, [ours])
