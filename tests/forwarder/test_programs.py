"""The four programs of an installation, by what their files say. Those for macOS are built here, and never run here."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from forwarder.conftest import installed_for
from shorepass.agent_client.forwarder_file import path_for

LIMIT = 64 << 10
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
MACH_O_MACHINES = {"x86_64": 0x01000007, "arm64": 0x0100000C}
PROGRAM_INTERPRETER, DYNAMIC, STACK = 3, 2, 0x6474E551
EXECUTABLE = 1
LOAD_DYLIB, CODE_SIGNATURE = 0x0C, 0x1D


@pytest.mark.parametrize("machine", ELF_MACHINES)
def test_linux(machine: str) -> None:
    """Static: no interpreter, no library. The stack is not executable."""
    data = installed_for("Linux", machine).read_bytes()
    assert len(data) <= LIMIT
    assert data[:6] == b"\x7fELF\x02\x01"
    assert struct.unpack_from("<H", data, 18) == (ELF_MACHINES[machine],)
    [first] = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = dict(struct.unpack_from("<II", data, first + size * number) for number in range(count))
    assert PROGRAM_INTERPRETER not in headers
    assert DYNAMIC not in headers
    assert headers[STACK] & EXECUTABLE == 0


@pytest.mark.parametrize("machine", MACH_O_MACHINES)
def test_macos(machine: str) -> None:
    """The system's library and no other. Signed for arm64, without which macOS starts no program."""
    data = installed_for("Darwin", machine).read_bytes()
    assert len(data) <= LIMIT
    assert struct.unpack_from("<II", data) == (0xFEEDFACF, MACH_O_MACHINES[machine])
    commands = list(load_commands(data))
    libraries = [body[16:].rstrip(b"\0") for kind, body in commands if kind == LOAD_DYLIB]
    assert libraries == [b"/usr/lib/libSystem.B.dylib"]
    assert machine == "x86_64" or CODE_SIGNATURE in dict(commands)


def load_commands(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the rest of each load command of a Mach-O file."""
    at = 32
    for _ in range(struct.unpack_from("<I", data, 16)[0]):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


def test_names_of_machines() -> None:
    """As uname, Python and containers' engines name them; None where there is no program."""
    assert path_for("linux", "amd64") == path_for("Linux", "x86_64")
    assert path_for("linux", "arm64") == path_for("Linux", "aarch64")
    assert path_for("Linux", "riscv64") is None
    assert path_for("Windows", "AMD64") is None
