"""Lines of evidence about logins, without a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.engine.known_errors import Kind
from shorepass.errors import printable, without_user_info
from shorepass.explain import describe

if TYPE_CHECKING:
    from shorepass.credential import Credential
    from shorepass.resolution import Resolution
    from shorepass.secret import Fingerprints
    from shorepass.visit import Visit

__all__ = ["by_engine", "login", "sends", "shown"]


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
    part = f", the key {shown(source.key)}" if "/" in source.key and "://" not in source.key else ""
    return f"{resolution.client} sends {login(resolution.answer, fingerprints)} from {stored_in}{part}"


def by_engine(visit: Visit) -> tuple[str, ...]:
    """Return what the client's engine says about the same failure."""
    engine = visit.engine
    if engine is None or engine.kind in (Kind.NOT_ASKED, Kind.OK):
        return ()
    mirror = (f"the mirror says: {engine.mirror}",) if engine.mirror else ()
    return (f"the engine ({engine.name}) says: {engine.words}", *mirror)
