"""Reads the answers of ``scripts.look``: what another context has at a path."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Literal, NamedTuple

from shorepass.contexts import FileStatus
from shorepass.errors import printable
from shorepass.numbers import LARGEST_SIZE, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shorepass.contexts.shells.transport import Record

__all__ = ["Seen", "last_words", "seen", "text"]

ABSENT = ("No such file or directory", "Not a directory")  # strerror(3) of ENOENT and ENOTDIR, in every C library
_KINDS: dict[int, Literal["file", "folder"]] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}


class Seen(NamedTuple):
    """What was found at a path.

    If it has neither ``status`` nor ``error``, nothing is there.

    ``error``: why the status is unknown. ``closed``: it may not be read. ``data``: a file's first ``asked`` bytes. ``names``:
    those in a folder, None if they were not asked for.
    """

    status: FileStatus | None = None
    error: str = ""
    closed: bool = False
    data: bytes = b""
    asked: int = 0
    names: list[str] | None = None


def seen(records: Iterable[Record], asked: int) -> dict[str, Seen]:
    """Return what was found at each path that was looked at.

    Raises ValueError: the answer is malformed.
    """
    found: dict[str, Seen] = {}
    path = ""
    for kind, words, body in records:
        if kind == "look":
            path = text(body)
            found[path] = Seen(asked=asked)
        elif path not in found:
            continue  # the first call has other records before its first ``look``
        elif kind == "error":
            is_absent = text(body).strip().endswith(ABSENT)
            reason = "" if is_absent else last_words(body)
            found[path] = Seen(error=reason)
        elif kind == "stat":
            found[path] = Seen(_status(path, words), asked=asked)
        elif kind == "names":
            found[path] = found[path]._replace(names=[])
        elif kind == "name":
            names = found[path].names
            if names is not None:
                names.append(text(body))
        elif kind == "data":
            found[path] = found[path]._replace(data=body)
        elif kind == "closed":
            found[path] = found[path]._replace(closed=True)
    return found


def _status(path: str, words: Sequence[str]) -> FileStatus:
    """Read the words of ``stat``.

    They are the mode in hexadecimal, uid, gid, size, DEVICE:INODE, and the owner's name.
    """
    bits, *numbers, identity = words[:5]
    if len(numbers) != 3:
        raise ValueError("stat printed too few words")
    raw, name = whole(bits, base=16), " ".join(words[5:])
    uid, gid, size = whole(numbers[0]), whole(numbers[1]), whole(numbers[2], LARGEST_SIZE)
    if raw is None or uid is None or gid is None or size is None:
        raise ValueError("stat printed something else than numbers")
    kind = _KINDS.get(stat.S_IFMT(raw), "other")
    owner = f"{printable(name)}({uid})" if name and name not in ("UNKNOWN", numbers[0]) else str(uid)
    return FileStatus(path, kind, stat.S_IMODE(raw), uid, gid, size, owner, identity)


def last_words(said: bytes) -> str:
    """Return the reason at the end of a program's message.

    An example is ``stat: cannot stat 'x': Permission denied``.
    """
    return printable(text(said).strip().rpartition(": ")[2]).lower() or "no reason given"


def text(data: bytes) -> str:
    """Return text as Python stores file names: bytes that are not UTF-8 remain in it."""
    return data.decode("utf-8", "surrogateescape")
