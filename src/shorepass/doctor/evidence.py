"""Lines of evidence about logins, without a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.errors import printable, without_user_info
from shorepass.explain import describe

if TYPE_CHECKING:
    from shorepass.credential import Credential
    from shorepass.resolution import Resolution
    from shorepass.secret import Fingerprints

__all__ = ["login", "sends", "shown"]


def shown(key: str) -> str:
    """Return a key for people: user info in it may hold a password."""
    return printable(without_user_info(key))


def login(credential: Credential, fingerprints: Fingerprints) -> str:
    """Return ``the password of 'alice' (fingerprint 1a2b3c4d)``."""
    said = describe(credential, fingerprints)
    what = said["kind"]
    who = f" of {said['user']!r}" if said.get("user") else ""
    return f"the {what}{who} (fingerprint {said['fingerprint']})"


def sends(resolution: Resolution, fingerprints: Fingerprints) -> str:
    """Return what a client sends, and where that is stored."""
    source = resolution.source
    if source is None or isinstance(resolution.answer, Exception):
        return f"{resolution.client} sends no login"
    stored_in = f"docker-credential-{source.helper}" if source.helper else source.path
    return f"{resolution.client} sends {login(resolution.answer, fingerprints)} from {stored_in}"
