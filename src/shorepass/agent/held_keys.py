"""The unlocked keys of the agent, and its memory of files, which has no other key with a passphrase."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.contexts.memory import Memory
from shorepass.files import FileContent
from shorepass.stores.vault.held import fingerprint
from shorepass.stores.vault.key import keys_in, needs_passphrase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shorepass.stores.vault.key import Key

__all__ = ["AgentMemory", "Held", "HeldKeys", "NeedsPassphrase"]


class NeedsPassphrase(Exception):
    """The user must type a passphrase first. The text names the key file."""


class Held(NamedTuple):
    """The keys of one file. ``until``: in seconds of ``time.monotonic``."""

    path: str
    keys: Sequence[Key]
    until: float


class HeldKeys:
    """The keys that the user has unlocked, each for a time."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def hold(self, file: str, path: str, opened: bytes, seconds: float) -> None:
        """Hold the keys in a key file's content for so many seconds. ``file``: its fingerprint. Raises StoreError."""
        self._held[file] = Held(path, keys_in(path, opened), time.monotonic() + seconds)

    def of(self, file: str) -> Sequence[Key]:
        """Return the keys of a file, by its fingerprint; empty if it is not held, or no longer."""
        held = self._held.get(file)
        if held is None:
            return ()
        if held.until <= time.monotonic():
            self._held.pop(file, None)
            return ()
        return held.keys

    def all(self) -> list[Held]:
        """Return what is held now."""
        return [held for file in list(self._held) if self.of(file) and (held := self._held.get(file))]

    def expire(self) -> bool:
        """Drop the keys whose time is over; tell whether there was one."""
        return bool([file for file in list(self._held) if not self.of(file)])

    def forget(self) -> None:
        """Drop all keys."""
        self._held.clear()


class AgentMemory(Memory):
    """What the agent remembers of files. A key with a passphrase is only in ``HeldKeys``, which ends in time."""

    def __init__(self, held: HeldKeys) -> None:
        super().__init__()
        self._held = held

    def keys(self, key_file: bytes, parse: Callable[[], Sequence[Key]]) -> Sequence[Key]:
        """Return the keys in a key file. Raises NeedsPassphrase, and what ``parse`` raises."""
        content = FileContent("", key_file)
        if not needs_passphrase(content):
            return super().keys(key_file, parse)
        found = self._held.of(fingerprint(key_file))
        if not found:
            raise NeedsPassphrase("a passphrase must be typed first")
        return found
