"""Which client really uses a stored login, by its real resolution without helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from shorepass.clients import find
from shorepass.errors import SourceError
from shorepass.names import Reference
from shorepass.processes import ProcessError, ProcessNotStarted

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from shorepass.contexts import Context
    from shorepass.resolution import Resolution
    from shorepass.who.login import Login

__all__ = ["is_looked_up", "plain", "quiet", "remembered", "resolve", "uses"]

LOOKS = frozenset(("head", "home", "is_folder", "names", "read", "status", "version", "which"))


class _Remembered:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[object, ...], object] = {}
        self.name, self.platform = context.name, context.platform
        for look in LOOKS:
            setattr(self, look, self._remembered(look))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def _remembered(self, name: str) -> Callable[..., object]:
        def remembered(*args: object) -> object:
            question = (name, *args)
            if question not in self._known:
                try:
                    self._known[question] = getattr(self._context, name)(*args)
                except (SourceError, ProcessError) as error:
                    self._known[question] = error
            answer = self._known[question]
            if isinstance(answer, (SourceError, ProcessError)):
                raise answer
            return answer

        return remembered


class _WithoutHelpers:
    def __init__(self, context: Context) -> None:
        self._context = context
        self.name, self.platform = context.name, context.platform

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def run(self, *_: object, **__: object) -> NoReturn:
        raise ProcessNotStarted("not asked")


class _Quiet(_WithoutHelpers):
    def version(self, _: str) -> NoReturn:
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
    """Return what a client does about the registry, or the part of it, that a login is for; no helper is run."""
    found = find(client)
    has_part = found.facts.repositories and "://" not in login.key
    namespace = login.key.partition("/")[2] if has_part else ""
    return found.resolve(cast("Context", _WithoutHelpers(context)), Reference(login.registry, namespace.strip("/")))


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
