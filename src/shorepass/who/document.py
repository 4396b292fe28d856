"""What ``who`` found, as JSON: documented in ``docs/reference/commands.md``, and stable."""

from __future__ import annotations

from shorepass.credential import Basic, BearerToken, IdentityToken
from shorepass.who.login import BROKEN, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shorepass.credential import Credential
    from shorepass.who.login import Login, Looked

__all__ = ["date", "document", "summary"]


def document(looked: Sequence[Looked]) -> dict[str, Any]:
    """Return everything that was found, without a secret in it."""
    return {
        "summary": summary(looked),
        "places": [_place(found) for found in looked],
        "logins": [_login(login) for found in looked for login in found.logins],
    }


def _place(found: Looked) -> dict[str, Any]:
    place = found.place
    return {
        "context": place.name,
        "inside": place.inside or None,
        "state": place.state or None,
        "trouble": found.trouble,
    }


def _login(login: Login) -> dict[str, Any]:
    return {
        "context": login.context,
        "clients": list(login.clients),
        "key": login.key,
        "registry": login.registry or None,
        "account": login.account or None,
        "kind": login.kind or None,
        "path": login.path,
        "helper": login.helper,
        "plain_text": login.plain_text,
        "fingerprint": _fingerprint(login.credential),
        "state": login.state.value,
        "expires": date(login.expires) if login.expires is not None else None,
        "detail": login.detail or None,
        "hint": login.hint,
        "shared": [{"what": share.what, "with": share.other} for share in login.shared],
    }


def _fingerprint(credential: Credential | None) -> str | None:
    if isinstance(credential, Basic):
        return credential.password.fingerprint()
    return credential.token.fingerprint() if isinstance(credential, IdentityToken | BearerToken) else None


def date(seconds: float) -> str:
    """Return seconds since 1970 as a date in UTC: ``2026-03-01T12:00:00Z``."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def summary(looked: Sequence[Looked]) -> dict[str, int]:
    """Return counts: of places, of those with logins and out of reach, of logins and those that are of no use or bare."""
    logins = [login for found in looked for login in found.logins]
    useless = BROKEN | {State.REFUSED, State.EXPIRED}
    return {
        "places": len(looked),
        "places_with_logins": sum(bool(found.logins) for found in looked),
        "unreachable": sum(found.trouble is not None for found in looked),
        "logins": len(logins),
        "broken": sum(login.state in useless for login in logins),
        "plain_text": sum(login.plain_text for login in logins),
    }
