"""A container's user, as runc finds it in the container's own files."""

from __future__ import annotations

import pytest

from shorepass.contexts.containers.passwd import Account, account, names

PASSWD = b"""root:x:0:0:root:/root:/bin/sh
# app:x:9:9::/no:
app:x:1000:1001::/home/app:/bin/sh
twin:x:1000:7::/home/twin:
bad
"""
GROUP = b"root:x:0:\nstaff:x:50:other,app\napp:x:1001:\nusers:x:100:app\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", Account(0, 0, (), "/root")),
        ("app", Account(1000, 1001, (50, 100), "/home/app")),
        ("1000", Account(1000, 1001, (50, 100), "/home/app")),
        ("twin", Account(1000, 7, (), "/home/app")),  # runc is given the number, and takes the first line with it
        ("app:staff", Account(1000, 50, (), "/home/app")),  # a group that is named is the only one
        ("app:77", Account(1000, 77, (), "/home/app")),
        ("4321", Account(4321, 0, (), "/")),
        ("4321:50", Account(4321, 50, (), "/")),
        ("nobody", None),
        ("app:nobody", None),
    ],
)
def test_user(spec: str, expected: Account | None) -> None:
    """Names and numbers, groups named and not, and lines that are none."""
    assert account(spec, PASSWD, GROUP) == expected


def test_no_files() -> None:
    """Without user database root is root, a number a number, and a name nobody."""
    assert account("", b"", b"") == Account(0, 0, (), "/")
    assert account("5", b"", b"") == Account(5, 0, (), "/")
    assert account("app", b"", b"") is None


def test_names() -> None:
    """The first name of a number counts."""
    assert names(PASSWD) == {0: "root", 1000: "app"}
