"""What ``who`` found, as JSON: documented in ``docs/reference/json.md``, and stable."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from shorepass.credential import Basic, BearerToken, IdentityToken
from shorepass.errors import without_user_info
from shorepass.foreign_text import visible
from shorepass.secret import Fingerprints
from shorepass.who.login import BROKEN, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from shorepass.credential import Credential
    from shorepass.who.lent import Lent
    from shorepass.who.login import Login, Looked, Share

__all__ = ["date", "described", "document", "lent_in_words", "sentence", "shares_of", "summary", "unseen"]

UNASKED = "registries are asked with --check"  # why a login is not checked, where nothing else is the reason


def document(looked: Sequence[Looked], grants: Sequence[Lent]) -> dict[str, Any]:
    """Return everything that was found, without a secret in it."""
    fingerprints = Fingerprints()
    shares = shares_of(looked)
    numbers = {share: number for number, share in enumerate(shares)}
    return {
        "summary": summary(looked),
        "contexts": [_place(found, numbers) for found in looked],
        "logins": [_login(login, numbers, fingerprints) for login in logins_of(looked)],
        "shares": [share._asdict() for share in shares],
        "grants": [_grant(one) for one in grants],
    }


def logins_of(looked: Sequence[Looked]) -> list[Login]:
    """Return the logins of all contexts, in order."""
    return [*chain.from_iterable(found.logins for found in looked)]


def shares_of(looked: Sequence[Looked]) -> list[Share]:
    """Return everything that contexts share, each once."""
    rows: list[tuple[Share, ...]] = []
    for found in looked:
        rows += [found.shared, *(login.shared for login in found.logins)]
    return list(dict.fromkeys(chain.from_iterable(rows)))


def described(share: Share) -> str:
    """Return a share in words."""
    words = {"mount": "mounted from this machine", "socket": "the engine's socket", "credential": "one login"}
    return f"{words.get(share.what, f'one {share.what}')}: {share.subject}: {', '.join(share.contexts)}"


def lent_in_words(one: Lent) -> str:
    """Return a grant in words."""
    unused = "never" if one.grant.is_seen else "not seen"
    last = date(one.last_use) if one.last_use is not None else unused
    return (
        f"{', '.join(one.subject)}: {one.lender} lends it to {', '.join(one.targets)} in mode {one.grant.mode} "
        f"until {date(one.grant.until)}; last use: {last}; grant {one.grant.id}"
    )


def unseen(looked: Sequence[Looked]) -> dict[tuple[str, str | None], list[str]]:
    """Return the contexts that cannot be examined, by the reason and the next step."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for one in looked:
        if one.trouble:
            found.setdefault((one.trouble, one.hint), []).append(one.place.name)
    return found


def _place(found: Looked, numbers: Mapping[Share, int]) -> dict[str, Any]:
    place = found.place
    return {
        "context": place.name,
        "inside": place.inside or None,
        "state": place.state or None,
        "error": found.trouble and visible(found.trouble),
        "hint": found.hint and visible(found.hint),
        "notes": list(map(visible, found.notes)),
        "shared": [numbers[share] for share in found.shared],
    }


def _login(login: Login, numbers: Mapping[Share, int], fingerprints: Fingerprints) -> dict[str, Any]:
    return {
        "context": login.context,
        "clients": list(login.clients),
        "key": without_user_info(login.key),
        "registry": login.registry or None,
        "user": login.user or None,
        "kind": login.kind or None,
        "stored_in": login.stored_in,
        "path": login.path,
        "helper": login.helper,
        "plain_text": login.plain_text,
        "fingerprint": _fingerprint(login.credential, fingerprints),
        "state": login.state.value,
        "expires": date(login.expires) if login.expires is not None else None,
        "until_restart": login.until_restart,
        "detail": visible(login.detail) or (UNASKED if login.state is State.NOT_CHECKED else None),
        "hint": login.hint and visible(login.hint),
        "shared": [numbers[share] for share in login.shared],  # in "shares"
    }


def _grant(one: Lent) -> dict[str, Any]:
    grant = one.grant
    return {
        "id": grant.id,
        "lender": one.lender,
        "target": visible(grant.target),
        "contexts": list(one.contexts),
        "mode": grant.mode,
        "registries": list(grant.registries),
        "repositories": list(grant.repositories),
        "push": grant.push,
        "created": date(grant.created),
        "until": date(grant.until),
        "last_use": date(one.last_use) if one.last_use is not None else None,
    }


def _fingerprint(credential: Credential | None, fingerprints: Fingerprints) -> str | None:
    if isinstance(credential, Basic):
        return fingerprints.of(credential.password)
    return fingerprints.of(credential.token) if isinstance(credential, IdentityToken | BearerToken) else None


def date(seconds: float) -> str:
    """Return seconds since 1970 as a date in UTC: ``2026-03-01T12:00:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def summary(looked: Sequence[Looked]) -> dict[str, int]:
    """Return counts of contexts (all, with logins, unreachable) and of logins (all, unusable, plain text)."""
    logins = logins_of(looked)
    useless = BROKEN | {State.REFUSED, State.EXPIRED}
    return {
        "contexts": len(looked),
        "contexts_with_logins": sum(bool(found.logins) for found in looked),
        "unreachable": sum(found.trouble is not None for found in looked),
        "logins": sum(_is_login(login) for login in logins),
        "broken": sum(login.state in useless for login in logins),
        "plain_text": sum(login.plain_text for login in logins),
    }


def _is_login(login: Login) -> bool:
    """Tell whether a row is a login, or the entry of one that is broken; not a file, nor a helper that was not asked."""
    return bool(login.key) and (bool(login.kind) or login.state in BROKEN)


def sentence(looked: Sequence[Looked]) -> str:
    """Return the summary in words: ``14 logins in 6 contexts, 2 broken, 3 in plain text``."""
    count = summary(looked)
    is_unasked = any(login.state is State.NOT_CHECKED and not login.detail for login in logins_of(looked))
    unasked = f"; {UNASKED}" if is_unasked else ""
    unseen = f"; {_counted(count['unreachable'], 'context')} not looked at" if count["unreachable"] else ""
    return (
        f"{_counted(count['logins'], 'login')} in {_counted(count['contexts'] - count['unreachable'], 'context')},"
        f" {count['broken']} broken, {count['plain_text']} in plain text{unseen}{unasked}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
