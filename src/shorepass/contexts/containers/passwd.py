"""The users of a foreign root file system: its ``/etc/passwd`` and ``/etc/group``, read as runc reads them. Pure.

Source: opencontainers/runc libcontainer/user/user.go ``GetExecUser``; docker and podman choose a container's user with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Account", "account", "names"]

LINE_LIMIT = 64 * 1024  # bytes of a line; one of a group with very many members has some thousand
LINES_LIMIT = 100_000  # of one file that are looked at
GROUPS_LIMIT = 65_536  # of one user: Linux allows no more (NGROUPS_MAX)


class Account(NamedTuple):
    """Who a program runs as. ``groups`` are the supplementary ones."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def account(spec: str, passwd: bytes, group: bytes) -> Account | None:
    """Return who ``user``, ``uid``, ``user:group`` or nothing (root) is; None: a name that the files do not know."""
    user, _, group_spec = spec.partition(":")
    number = _number(user) if user else 0
    rows = _lines(passwd, 6)
    row = next((row for row in rows if (_number(row[2]) == number if number is not None else row[0] == user)), None)
    if row is None and number is None:
        return None
    uid = number if number is not None else _number(row[2]) if row else None
    gid = _number(row[3]) if row else 0
    groups: list[int | None] = []
    if group_spec:
        gid = _group(group_spec, group)
    elif row:
        groups = [_number(line[2]) for line in _lines(group, 4) if row[0] in line[3].split(",")][:GROUPS_LIMIT]
    # runc, which is given numbers only, takes HOME from the first line with that number
    home = next((row[5] for row in _lines(passwd, 6) if _number(row[2]) == uid), "/")
    if uid is None or gid is None:
        return None
    return Account(uid, gid, tuple(number for number in groups if number is not None), home)


def names(passwd: bytes) -> dict[int, str]:
    """Return the users' names by their numbers; the first line of a number counts."""
    found: dict[int, str] = {}
    for row in _lines(passwd, 3):
        number = _number(row[2])
        if number is not None:
            found.setdefault(number, row[0])
    return found


def _group(spec: str, group: bytes) -> int | None:
    number = _number(spec)
    if number is not None:
        return number
    return next((_number(line[2]) for line in _lines(group, 3) if line[0] == spec), None)


def _lines(data: bytes, fields: int) -> Iterator[list[str]]:
    """Yield the fields of each line, one at a time: a container may have any number of lines in such a file."""
    begin = 0
    for _ in range(LINES_LIMIT):
        if begin >= len(data):
            return
        end = data.find(b"\n", begin)
        end = len(data) if end < 0 else end
        if end - begin <= LINE_LIMIT:
            row = data[begin:end].decode("utf-8", "surrogateescape").strip().split(":")
            if len(row) >= fields and not row[0].startswith("#"):
                yield row
        begin = end + 1


def _number(text: str) -> int | None:
    return whole(text)
