"""What is left of the canary in some folders: in plain text, in base64 and hex however deep, and encrypted."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

from e2e import programs
from faults.canary import leaks

__all__ = ["Remains"]

DEPTH = 3  # base64 in base64 in base64: doctor's journal keeps in base64 files whose ``auth`` is base64
RUN = re.compile(rb"[A-Za-z0-9+/]{16,}")


class Remains:
    """Searches folders. ``learn`` remembers the keys that lie there now: what they open later is open, too."""

    def __init__(self, scratch: Path, *folders: Path) -> None:
        self._folders = folders
        self._keys = scratch / "keys"
        self._keys.mkdir()

    def learn(self) -> None:
        """Remember every private key that lies open in the folders."""
        for path in self._files():
            data = path.read_bytes()
            if b"AGE-SECRET-KEY-1" in data or data.startswith(b"-----BEGIN OPENSSH PRIVATE KEY"):
                self.know(data)

    def know(self, key: bytes) -> None:
        """Remember a key."""
        file = self._keys / f"{hash(key):x}"
        file.write_bytes(key)
        file.chmod(0o600)

    def found(self) -> list[str]:
        """Return the files that hold a piece of the canary."""
        self.learn()
        return [str(path) for path in self._files() if _holds(path.read_bytes()) or _holds(self._decrypted(path))]

    def _files(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from sorted(path for path in folder.rglob("*") if path.is_file())

    def _decrypted(self, path: Path) -> bytes:
        """Return what the age program makes of a file with the first key that opens it; nothing where none does."""
        if not path.read_bytes().startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE")):
            return b""
        for key in self._keys.iterdir():
            done = programs.run([programs.require("age"), "--decrypt", "-i", str(key), str(path)])
            if done.returncode == 0:
                return done.stdout.encode()
        return b""


def _holds(data: bytes, depth: int = DEPTH) -> bool:
    if leaks(data) or leaks(data.replace(b"\0", b"")):
        return True
    if not depth:
        return False
    inner = (run[shift : len(run) - (len(run) - shift) % 4] for run in RUN.findall(data) for shift in range(4))
    return any(_holds(b64decode(text), depth - 1) for text in inner)
