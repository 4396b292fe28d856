"""A grant: the registries whose logins a target may use, and its end. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from shorepass.grants.globs import matches
from shorepass.names import registry_meant, registry_of_key

__all__ = [
    *("ENGINE", "EXPORT", "FOLDERS", "FORWARD", "MODES", "MOUNT", "TOKEN", "Grant", "Mode"),
]

FOLDERS = "grants"  # the name of the folder in which each grant has its own
FORWARD = "forward"
ENGINE = "engine"
TOKEN = "token"  # noqa: S105  # a mode
EXPORT = "export"
MOUNT = "mount"


class Mode(NamedTuple):
    """What a grant of one mode can have.

    ``repositories``: it can be for repositories; ``exact``: it must be, without ``*``. ``registries``: it can be for whole
    registries, ``globs``: also with ``*``. ``push``: pushes can be lent. ``counts``: its uses are seen, and can be limited.
    """

    repositories: bool = False
    exact: bool = False
    registries: bool = True
    globs: bool = False
    push: bool = False
    counts: bool = False


MODES = {
    FORWARD: Mode(globs=True, counts=True),
    ENGINE: Mode(repositories=True, globs=True, push=True, counts=True),
    TOKEN: Mode(repositories=True, exact=True, registries=False, push=True),
    EXPORT: Mode(),
    MOUNT: Mode(),
}


class Grant(NamedTuple):
    """What a target may use. It has no secret.

    ``target``: the user's word for who gets it. ``registries``: registries, ``*`` for any characters. ``folder``: the absolute
    path of the folder with the grant's socket. ``config``: docker's folder when the grant was made, "" for the usual one.
    ``created``, ``until``: seconds since 1970. ``max_uses``: how many times a login may be asked for, 0 without a limit.
    ``repositories``: ``ghcr.io/acme/*`` or ``ghcr.io/acme/app``, empty for all of ``registries``; ``push``: also to push.
    ``realms``: hosts of token servers that the user trusts with the login. Only in mode ``engine``: ``engine``: the socket of
    the user's engine; ``deny``: pass only calls that give no rights on this machine.
    ``helpers``: mode ``mount``: the helper of each registry, in their order.
    ``any_user``: mode ``export``: every user of the container can read the file. ``own_logins``: mode ``forward``: clients in
    the container can log in, too, into a folder of the grant.
    ``confirm``: the user must allow the first use by each container. ``relay``: the process that relays, as
    ``contexts.proc.stamp`` names it, "" without one.

    >>> grant.allows("https://ghcr.io/v2/")
    True
    """

    id: str
    target: str
    mode: str
    registries: tuple[str, ...]
    folder: str
    config: str
    created: float
    until: float
    max_uses: int = 0
    uses: int = 0
    repositories: tuple[str, ...] = ()
    push: bool = False
    engine: str = ""
    deny: bool = False
    confirm: bool = False
    realms: tuple[str, ...] = ()
    relay: str = ""
    any_user: bool = False
    own_logins: bool = False
    helpers: tuple[str, ...] = ()

    def lends(self, repository: str, *, push: bool) -> bool:
        """Tell whether the grant is for a repository: ``ghcr.io/acme/app``, or a registry alone, of which any part is lent."""
        registry, _, path = repository.partition("/")
        if not self.allows(registry) or (push and not self.push):
            return False
        registry = registry_meant(registry)
        if not self.repositories:
            return True
        if not path:
            return any(_registry_of(glob) == registry for glob in self.repositories)
        return any(matches(glob, f"{registry}/{path}") for glob in self.repositories)

    def allows(self, key: str) -> bool:
        """Tell whether the grant is for the registry of a key of the helper protocol."""
        name = registry_of_key(key)
        if not name:
            return False
        # The scheme does not count: a login for http://ghcr.io:80 is stored for ghcr.io:80, which is another registry.
        registry = registry_meant(name)
        return any(matches(glob, registry) for glob in self.registries)

    def end(self, now: float) -> str:
        """Return why the grant no longer counts; "" if it does. ``now``: seconds since 1970."""
        if not self.created <= now < self.until:  # before: the clock was set back
            return "its time is over"
        if self.max_uses and self.uses >= self.max_uses:
            return f"it was used up ({self.uses} of {self.max_uses} uses)"
        return ""

    @property
    def is_seen(self) -> bool:
        """Whether its uses are seen."""
        return MODES[self.mode].counts

    @property
    def named(self) -> list[str]:
        """The registries that it names without ``*``."""
        return [registry for registry in self.registries if "*" not in registry]

    @property
    def whole(self) -> list[str]:
        """Those of ``named`` of which it lends every repository."""
        return [one for one in self.named if not self.repositories or f"{one}/*" in self.repositories]


def _registry_of(repository: str) -> str:
    return repository.partition("/")[0]
