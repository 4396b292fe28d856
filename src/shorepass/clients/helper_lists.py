"""The logins that helpers list, as entries: each helper is asked once, however many registries it is named for."""

from __future__ import annotations

from shorepass.clients import Entry
from shorepass.errors import SourceError
from shorepass.helper import OURSELVES, protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["HelperLists"]


class HelperLists:
    """The lists of the helpers in one context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[str, dict[str, str] | SourceError] = {}

    def entries(self, path: str, suffix: str, key: str | None) -> list[Entry]:
        """Return a helper's login for one key of the file ``path``; None: all that it lists. What failed is an entry, too."""
        names = self._names(suffix)
        if isinstance(names, SourceError):
            return [Entry(key or "", "", "", path, suffix, names)]
        if key is None:
            return [_entry(name, names[name], path, suffix) for name in names]
        found = next((name for name in _same(suffix, key) if name in names), None)
        return [] if found is None else [_entry(key, names[found], path, suffix)]

    def _names(self, suffix: str) -> dict[str, str] | SourceError:
        from shorepass.helper.client import HelperClient

        if suffix not in self._known:
            try:
                self._known[suffix] = HelperClient(self._context, suffix).list()
            except SourceError as error:
                self._known[suffix] = error
        return self._known[suffix]


def _same(suffix: str, key: str) -> tuple[str, ...]:
    """Return the keys by which a helper has the login for ``key``: ours gives Docker Hub's for either name."""
    from shorepass.stores.accounts import spellings

    return spellings(key) if suffix == OURSELVES else (key,)


def _entry(key: str, name: str, path: str, suffix: str) -> Entry:
    if name == protocol.TOKEN_USERNAME:
        return Entry(key, "", "identity token", path, suffix)
    return Entry(key, name, "password", path, suffix)
