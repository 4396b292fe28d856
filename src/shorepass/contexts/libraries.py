"""Finds the shared libraries that a program file names.

Source: elf(5): a program's PT_DYNAMIC segment has DT_NEEDED entries, which are offsets in the string table DT_STRTAB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

__all__ = ["folders_for", "needed_libraries"]

LIBRARIES_LIMIT = 200
NAME_LIMIT = 255  # bytes
_TABLE = {8: (32, 54), 4: (28, 42)}  # by the word: where e_phoff and e_phentsize are
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_END, _DT_NEEDED, _DT_STRTAB = 0, 1, 5


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def needed_libraries(data: bytes) -> list[str]:
    """Return the names of the libraries, such as ``libc.so.6``.

    A static program, and what is not an ELF file, have no such names.
    """
    if data[:4] != b"\x7fELF" or len(data) < 64:
        return []
    elf = _Elf(data)
    segments = list(elf.segments())
    dynamic = next((segment for segment in segments if segment.kind == _PT_DYNAMIC), None)
    if dynamic is None:
        return []
    entries = list(elf.entries(dynamic))
    table = next((value for tag, value in entries if tag == _DT_STRTAB), 0)
    start = next((one.offset + table - one.address for one in segments if _has(one, table)), None)
    if start is None:
        return []
    names = [elf.text(start + value) for tag, value in entries if tag == _DT_NEEDED]
    return names[:LIBRARIES_LIMIT]


def _has(segment: _Segment, address: int) -> bool:
    return segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size


class _Elf:
    """Numbers and texts in an ELF file.

    What is beyond its end is 0 or empty.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._word = 8 if data[4] == 2 else 4  # bytes
        self._order: Literal["little", "big"] = "big" if data[5] == 2 else "little"

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self._data[at : at + size], self._order)

    def segments(self) -> Iterator[_Segment]:
        """Yield the program headers."""
        word = self._word
        at, sizes = _TABLE[word]
        start = self._number(at, word)
        size, count = self._number(sizes, 2), self._number(sizes + 2, 2)
        for at in range(start, min(start + size * count, len(self._data)), size or 1):
            yield _Segment(
                self._number(at, 4),
                self._number(at + word, word),
                self._number(at + 2 * word, word),
                self._number(at + 4 * word, word),
            )

    def entries(self, dynamic: _Segment) -> Iterator[tuple[int, int]]:
        """Yield tag and value of each entry."""
        end = min(dynamic.offset + dynamic.size, len(self._data))
        for at in range(dynamic.offset, end, 2 * self._word):
            tag = self._number(at, self._word)
            if tag == _DT_END:
                return
            yield tag, self._number(at + self._word, self._word)

    def text(self, at: int) -> str:
        """Return a text that ends with a NUL."""
        return self._data[at : at + NAME_LIMIT].partition(b"\0")[0].decode("utf-8", "surrogateescape")


def folders_for(machine: str) -> list[str]:
    """Return the folders of the usual images with libraries of a machine (``x86_64``)."""
    triplet = f"{machine}-linux-gnu"
    return ["/lib", "/usr/lib", "/lib64", "/usr/lib64", f"/lib/{triplet}", f"/usr/lib/{triplet}", "/usr/local/lib"]
