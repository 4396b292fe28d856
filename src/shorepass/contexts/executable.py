"""What a program file says of itself in its first bytes.

They tell its processor, and what must be there to load it.

Pure: ``describe(context.head(path, HEAD_SIZE))`` works for a file in whatever place. Sources: elf(5), the ELF
supplements of the processors for the numbers, execve(2) for ``#!``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["HEAD_SIZE", "Program", "describe"]

HEAD_SIZE = 4096  # bytes: the program headers and the loader's name stand in the first 1000, where no tool moved them
SHEBANG_LIMIT = 256  # bytes of the first line that Linux looks at (BINPRM_BUF_SIZE)

_PT_INTERP = 3
_HEADER_SIZES = {32: 52, 64: 64}
# e_machine to what `uname -m` says there; where the byte order or the word size decides too, it is in the key.
_MACHINES = {
    (3, 32, "little"): "i686",
    (62, 64, "little"): "x86_64",
    (62, 32, "little"): "x86_64",  # x32
    (40, 32, "little"): "armv7l",  # or armv6l, which the header does not tell
    (183, 64, "little"): "aarch64",
    (21, 64, "little"): "ppc64le",
    (21, 64, "big"): "ppc64",
    (22, 64, "big"): "s390x",
    (243, 64, "little"): "riscv64",
    (258, 64, "little"): "loongarch64",
    (8, 64, "little"): "mips64",
    (8, 32, "little"): "mips",
}
_ALSO_RUNS = {"x86_64": ("i686",), "aarch64": ("armv7l",), "armv8l": ("armv7l",), "armv6l": ("armv7l",)}
_MACH_O = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf")
_LIBCS = (("/ld-musl-", "musl"), ("/ld-linux", "glibc"), ("/ld64.so", "glibc"), ("/ld.so", "glibc"))


class Program(NamedTuple):
    """One program file.

    ``kind``: ``elf``, ``script``, ``mach-o`` (macOS) or ``pe`` (Windows). ``machine``: as ``Context.machine``; empty for
    a script and where unknown. ``interpreter``: the loader that an ELF file names (PT_INTERP), or a script's ``#!``
    program; empty where none is needed (a static program), None where the bytes given do not reach that far.
    ``argument``: what follows it on the ``#!`` line, as ``python3`` behind ``/usr/bin/env``.
    """

    kind: str
    machine: str = ""
    interpreter: str | None = ""
    argument: str = ""

    @property
    def libc(self) -> str:
        """``glibc``, ``musl``, or empty: static, or another."""
        if self.kind != "elf" or not self.interpreter:
            return ""
        return next((libc for mark, libc in _LIBCS if mark in self.interpreter), "")

    def fits(self, machine: str) -> bool:
        """Tell whether a Linux machine of that name can run it.

        ``machine``: as in ``Context.machine``. Return True where either is unknown.
        """
        if self.kind in ("mach-o", "pe"):
            return False
        return not self.machine or not machine or machine == self.machine or self.machine in _ALSO_RUNS.get(machine, ())


def describe(head: bytes) -> Program | None:
    """Return what a file with these first bytes is.

    None: nothing that a kernel runs.
    """
    if head[:4] == b"\x7fELF":
        return _elf(head)
    if head[:2] == b"#!":
        return _script(head)
    if head[:4] in _MACH_O:
        return Program("mach-o")
    return Program("pe") if head[:2] == b"MZ" else None


def _script(head: bytes) -> Program | None:
    line = head[2:SHEBANG_LIMIT].partition(b"\n")[0].strip(b" \t")  # a carriage return stays: the kernel keeps it too
    interpreter, _, argument = line.decode("utf-8", "surrogateescape").replace("\t", " ").partition(" ")
    return Program("script", "", interpreter, argument.strip(" ")) if interpreter else None


def _elf(head: bytes) -> Program | None:
    bits = {b"\x01": 32, b"\x02": 64}.get(head[4:5], 0)
    order: Literal["little", "big"] = "big" if head[5:6] == b"\x02" else "little"
    if not bits or len(head) < _HEADER_SIZES[bits]:
        return None
    number = partial(_number, head, order)
    word, wide = bits // 8, bits == 64
    machine = _MACHINES.get((number(18, 2), bits, order), f"elf-{number(18, 2)}")
    start = number(32, 8) if wide else number(28, 4)  # e_phoff, e_phentsize, e_phnum
    size, count = (number(54, 2), number(56, 2)) if wide else (number(42, 2), number(44, 2))
    for at in range(start, start + size * count, size or 1):
        if at + size > len(head):
            return Program("elf", machine, None)
        if number(at, 4) == _PT_INTERP:
            offset, length = number(at + word, word), number(at + 4 * word, word)  # p_offset, p_filesz
            name = head[offset : offset + length]
            whole = len(name) == length and name.endswith(b"\0")
            if not whole:
                return Program("elf", machine, None)
            return Program("elf", machine, name.rstrip(b"\0").decode("utf-8", "surrogateescape"))
    return Program("elf", machine)


def _number(data: bytes, order: Literal["little", "big"], at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], order)
