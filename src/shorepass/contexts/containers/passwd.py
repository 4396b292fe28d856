"""Reads ``/etc/passwd`` and ``/etc/group`` of a container as runc does.

Source: opencontainers/runc libcontainer/user/user.go ``GetExecUser``; docker and podman choose a container's user with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Account", "account", "names"]

LINE_LIMIT = 64 * 1024  # bytes of a line; a group with very many members needs some thousand
LINES_LIMIT = 100_000  # lines of one file; further lines are ignored
GROUPS_LIMIT = 65_536  # of one user: Linux allows no more (NGROUPS_MAX)


class Account(NamedTuple):
    """The user of a program.

    ``groups``: the supplementary groups.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def account(spec: str, passwd: bytes, group: bytes) -> Account | None:
    """Return the account of ``user``, ``uid`` or ``user:group``.

    An empty text means root.

    None: the files do not have that name.
    """
    user, _, group_spec = spec.partition(":")
    uid = _number(user) if user else 0
    rows = _lines(passwd, 6)
    if uid is None:
        row = next((row for row in rows if row[0] == user), None)
        if row is None:
            return None
        uid = _number(row[2])
    else:
        row = next((row for row in rows if _number(row[2]) == uid), None)
    gid = _number(row[3]) if row else 0
    groups: list[int | None] = []
    if group_spec:
        gid = _group(group_spec, group)
    elif row:
        groups = [_number(line[2]) for line in _lines(group, 4) if row[0] in line[3].split(",")][:GROUPS_LIMIT]
    # The engine gives only numbers to runc, so HOME is that of the first line with the number.
    home = next((row[5] for row in _lines(passwd, 6) if _number(row[2]) == uid), "/")
    if uid is None or gid is None:
        return None
    return Account(uid, gid, tuple(number for number in groups if number is not None), home)


def names(passwd: bytes) -> dict[int, str]:
    """Return the users' names by their numbers.

    For each number the first line counts.
    """
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
    """Yield the fields of each line.

    It yields one line at a time, because a file may have many.
    """
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
