"""A store that is a dict, for tests of what is done with stores."""

from __future__ import annotations

from shorepass.credential import ANONYMOUS, Credential
from shorepass.stores import check

__all__ = ["MemoryStore"]


class MemoryStore:
    """See ``Store``."""

    name = "vault"

    def __init__(self) -> None:
        self.logins: dict[str, Credential] = {}

    def get(self, key: str) -> Credential:
        return self.logins.get(key, ANONYMOUS)

    def store(self, key: str, credential: Credential) -> None:
        check(key, credential)
        self.logins[key] = credential

    def erase(self, key: str) -> bool:
        return self.logins.pop(key, None) is not None

    def list(self) -> dict[str, str]:
        return dict.fromkeys(self.logins, "")
