"""Which client really uses a stored login, by its real resolution without helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from shorepass.clients import find
from shorepass.errors import SourceError
from shorepass.names import Reference
from shorepass.processes import ProcessNotStarted

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from shorepass.contexts import Context
    from shorepass.resolution import Resolution
    from shorepass.who.login import Login

__all__ = ["is_looked_up", "plain", "quiet", "remembered", "resolve", "uses"]

LOOKS = frozenset(("head", "home", "is_folder", "names", "read", "status", "which"))


class _Remembered:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[object, ...], object] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._context, name)
        return self._remembered(name, found) if name in LOOKS else found

    def _remembered(self, name: str, look: Callable[..., object]) -> Callable[..., object]:
        def remembered(*args: object) -> object:
            question = (name, *args)
            if question not in self._known:
                try:
                    self._known[question] = look(*args)
                except SourceError as error:
                    self._known[question] = error
            answer = self._known[question]
            if isinstance(answer, SourceError):
                raise answer
            return answer

        return remembered


class _Quiet:
    def __init__(self, context: Context) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def run(self, *_: object, **__: object) -> NoReturn:
        raise ProcessNotStarted("not asked")


def remembered(context: Context) -> Context:
    """Return a context that answers each question once, because many clients and keys ask the same."""
    return cast("Context", _Remembered(context))


def plain(context: Context) -> Context:
    """Return the context behind ``remembered``, for changes."""
    return context._context if isinstance(context, _Remembered) else context  # noqa: SLF001  # of this very file


def quiet(context: Context) -> Context:
    """Return a context in which no program is started."""
    return cast("Context", _Quiet(context))


def resolve(context: Context, client: str, login: Login) -> Resolution:
    """Return what a client does about the registry, or the part of it, that a login is for; no program is run."""
    found = find(client)
    has_part = found.facts.repositories and "://" not in login.key
    namespace = login.key.partition("/")[2] if has_part else ""
    return found.resolve(quiet(context), Reference(login.registry, namespace.strip("/")))


def uses(context: Context, client: str, login: Login) -> bool:
    """Return whether a client uses this login of a file for its registry."""
    if not login.registry:
        return False
    resolution = resolve(context, client, login)
    source = resolution.source
    if isinstance(resolution.answer, SourceError) or (source is not None and source.helper):
        return True  # unknown until the helper is asked
    if resolution.alternatives:
        return True
    return source is not None and (source.path, source.key) == (login.path, login.key)


def is_looked_up(client: str, login: Login) -> bool:
    """Return whether a key is what a client looks for first, so that it uses the first file with it."""
    return login.key == find(client).asked_for(login.registry)
