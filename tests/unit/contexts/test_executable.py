"""What the first bytes of a program tell about where it can run."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from e2e.programs import require
from shorepass.contexts.executable import HEAD_SIZE, Program, describe


def compiled(tmp_path: Path, *flags: str) -> bytes:
    source = tmp_path / "main.c"
    source.write_text("int main(void) { return 0; }\n")
    target = tmp_path / "program"
    env = {"PATH": "/usr/bin:/bin"}
    subprocess.run([require("gcc"), *flags, "-o", str(target), str(source)], check=True, timeout=60, env=env)
    return target.read_bytes()[:HEAD_SIZE]


def test_a_dynamic_program_names_its_loader(tmp_path: Path) -> None:
    """What gcc makes by itself: this machine's processor, glibc, and a loader that is there."""
    found = describe(compiled(tmp_path))
    assert found is not None
    assert (found.kind, found.machine, found.libc) == ("elf", platform.machine(), "glibc")
    assert found.interpreter is not None
    assert Path(found.interpreter).exists()


def test_a_static_program_needs_no_loader(tmp_path: Path) -> None:
    """With -static it is an ELF file without PT_INTERP."""
    assert describe(compiled(tmp_path, "-static")) == Program("elf", platform.machine(), "")


def test_musl_is_told_from_glibc(tmp_path: Path) -> None:
    """A program linked for musl's loader, as Alpine's are."""
    loader = f"/lib/ld-musl-{platform.machine()}.so.1"
    found = describe(compiled(tmp_path, f"-Wl,--dynamic-linker={loader}"))
    assert found is not None
    assert (found.interpreter, found.libc) == (loader, "musl")


def test_bytes_that_end_before_the_loader_say_so(tmp_path: Path) -> None:
    """A loader's name that lies beyond the bytes is unknown (None), and not absent."""
    head = compiled(tmp_path)
    assert describe(head[:600]) == Program("elf", platform.machine(), None)
    assert describe(head[:100]) == Program("elf", platform.machine(), None)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"#!/bin/sh\necho", Program("script", "", "/bin/sh")),
        (b"#! /usr/bin/env python3\n", Program("script", "", "/usr/bin/env", "python3")),
        (b"#!/bin/sh\r\n", Program("script", "", "/bin/sh\r")),  # which no kernel finds
        (b"#!/bin/sh", Program("script", "", "/bin/sh")),
        (b"MZ\x90\0", Program("pe")),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", Program("mach-o")),
        (b"echo hello\n", None),
        (b"", None),
        (b"#!\n", None),
        (b"\x7fELF", None),
        (b"\x7fELF\x02\x01\x01" + bytes(20), None),
    ],
)
def test_other_files(head: bytes, expected: Program | None) -> None:
    """Scripts name their interpreter; what no kernel runs is None; nothing raises."""
    assert describe(head) == expected


def test_a_foreign_processor(tmp_path: Path) -> None:
    """The machine's number in the header decides: 183 is aarch64, 40 in 32 bits is arm."""
    head = bytearray(compiled(tmp_path, "-static"))
    head[18:20] = (183).to_bytes(2, "little")
    arm = describe(bytes(head))
    assert arm is not None
    assert arm.machine == "aarch64"
    assert not arm.fits("x86_64")
    assert arm.fits("aarch64")


@pytest.mark.parametrize(
    ("program", "machine", "expected"),
    [
        (Program("elf", "i686"), "x86_64", True),
        (Program("elf", "x86_64"), "i686", False),
        (Program("script", "", "/bin/sh"), "riscv64", True),
        (Program("elf", "aarch64"), "", True),
        (Program("pe"), "x86_64", False),
        (Program("mach-o"), "aarch64", False),
    ],
)
def test_fits(program: Program, machine: str, *, expected: bool) -> None:
    """A processor runs its own programs and its 32-bit forebear's; other systems' programs never run on Linux."""
    assert program.fits(machine) is expected


def test_a_hostile_header_costs_nothing() -> None:
    """65535 program headers of size 0 or beyond the file end the look, they do not hang it."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    head[18] = 62
    head[54:56], head[56:58] = b"\0\0", b"\xff\xff"
    assert describe(bytes(head)) == Program("elf", "x86_64")
    head[54:56] = b"\xff\xff"
    assert describe(bytes(head)) == Program("elf", "x86_64", None)
