"""The logins that helpers list, as entries: each helper is asked once, however many registries it is named for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.accounts.keys import spellings
from shorepass.clients import Entry
from shorepass.credential import ANONYMOUS, Basic, kind_of
from shorepass.errors import HelperError, HelperFailed, SourceError, Trouble
from shorepass.helper import OURSELVES, protocol
from shorepass.helper.client import HelperClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shorepass.contexts import Context
    from shorepass.credential import Credential

__all__ = ["HelperLists", "is_login", "must_be_asked", "user_name"]


class HelperLists:
    """The lists of the helpers in one context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[str, dict[str, str] | SourceError] = {}

    def entries(self, path: str, suffix: str, key: str | None) -> list[Entry]:
        """Return a helper's login for one key of the file ``path``; None: all that it lists. What failed is an entry, too."""
        names = self._names(suffix)
        if key is not None and must_be_asked(suffix, key, names):
            return self.asked(path, suffix, key)
        if isinstance(names, SourceError):
            return [Entry(key or "", "", "", path, suffix, names)]
        if key is None:
            return [_entry(name, names[name], path, suffix) for name in names]
        name = user_name(suffix, key, names)
        return [] if name is None else [_entry(key, name, path, suffix)]

    def asked(self, path: str, suffix: str, key: str) -> list[Entry]:
        """Return the login that a helper gives for one key of the file ``path``, whatever it lists; empty for none."""
        try:
            credential = HelperClient(self._context, suffix).get(key)
        except SourceError as error:
            return [Entry(key, "", "", path, suffix, error)]
        if not is_login(credential):
            return []
        return [Entry(key, getattr(credential, "username", ""), kind_of(credential), path, suffix)]

    def _names(self, suffix: str) -> dict[str, str] | SourceError:

        if suffix not in self._known:
            try:
                self._known[suffix] = HelperClient(self._context, suffix).list()
            except SourceError as error:
                self._known[suffix] = error
        return self._known[suffix]


def is_login(answer: Credential) -> bool:
    """Tell whether a helper's answer is a login: a user name without a password, or the reverse, is not one."""
    if isinstance(answer, Basic):
        return bool(answer.username and answer.password)
    return answer != ANONYMOUS


def user_name(suffix: str, key: str, names: Mapping[str, str]) -> str | None:
    """Return the user name that a helper lists for a key of a client's file, None where it lists no login for it.

    Shorepass's helper has Docker Hub's login under either of its two names.
    """
    keys = spellings(key) if suffix == OURSELVES else (key,)
    return next((names[name] for name in keys if name in names), None)


def must_be_asked(suffix: str, key: str, names: Mapping[str, str] | SourceError | None) -> bool:
    """Tell whether only ``get`` tells if a helper has a login for a key that a client's file names it for.

    Some helpers list nothing, or cannot list, and still give logins; Shorepass's lists all that it gives.
    One that is not there, gives no answer, or has no store to open is not asked a second time.
    """
    if suffix == OURSELVES or names is None:
        return False
    if isinstance(names, HelperError):
        return isinstance(names, HelperFailed) and names.trouble in (None, Trouble.GARBAGE)
    return not isinstance(names, SourceError) and user_name(suffix, key, names) is None


def _entry(key: str, name: str, path: str, suffix: str) -> Entry:
    if name == protocol.TOKEN_USERNAME:
        return Entry(key, "", "identity token", path, suffix)
    return Entry(key, name, "password", path, suffix)
