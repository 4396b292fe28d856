"""Which account is meant for an image, and why: by ``SHOREPASS_ACCOUNT``, or by a rule in the settings."""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from shorepass import settings
from shorepass.config.locations import split
from shorepass.contexts import Context
from shorepass.errors import FileError, InvalidReference
from shorepass.names import HUB_REGISTRY, Reference, registry_meant
from shorepass.settings import Rule, Settings

__all__ = ["Choice", "Chooser", "choose", "part_of"]


class Choice(NamedTuple):
    """An account, and ``why`` it is the one: a sentence in lower case. ``rule``: the one that chose it, if one did."""

    account: str
    why: str
    rule: Rule | None = None


def choose(context: Context, reference: Reference) -> Choice | None:
    """Return the account that is meant for an image, None for the default login.

    ``SHOREPASS_ACCOUNT`` overrides the longest rule for a repository that fits. That overrides the rule of the nearest
    folder above the working directory. Without a repository in the reference only rules for a whole registry fit.
    Raises UsageError, MalformedFile, FileError.
    """
    return Chooser(context, settings.load(context)).choose(reference)


class Chooser:
    """Chooses for one context with one state of its settings, again and again. See ``choose``. Raises UsageError."""

    def __init__(self, context: Context, found: Settings) -> None:
        named = context.getenv(settings.ACCOUNT_VARIABLE)
        self._named = Choice(settings.check_account(named), f"{settings.ACCOUNT_VARIABLE} names it") if named else None
        self._context = context
        self._settings = found

    def choose(self, reference: Reference) -> Choice | None:
        """Return the account that is meant for an image."""
        if self._named or not self._settings.rules:
            return self._named
        return self.by_repository(reference) or self._by_directory

    def by_repository(self, reference: Reference) -> Choice | None:
        """Return what the rules for repositories alone choose."""
        return _by_repository(self._settings, reference)

    def for_key(self, key: str) -> Choice | None:
        """Return the account that is meant by a key of the helper protocol, which knows no repository."""
        return self.choose(Reference(key))  # whose registry is found in any way to write it

    @cached_property
    def _by_directory(self) -> Choice | None:
        return _by_directory(self._context, self._settings)


def _by_repository(found: Settings, reference: Reference) -> Choice | None:
    fitting = [rule for rule in found.rules if rule.repository and _fits(rule.repository, reference)]
    if not fitting:
        return None
    rule = max(fitting, key=lambda rule: (len(part_of(rule.repository)[1]), not rule.repository.endswith("/*")))
    return Choice(rule.account, f"the rule for {rule.repository} in {found.path}", rule)


def part_of(pattern: str) -> tuple[str, str]:
    """Return the registry that a rule is for, and the part of it: "" for all. ``docker.io/nginx`` is an official image."""
    host, _, path = pattern.removesuffix("/*").partition("/")
    if path and "/" not in path and not pattern.endswith("/*") and registry_meant(host) == HUB_REGISTRY:
        path = f"library/{path}"
    return host, path


def _fits(pattern: str, reference: Reference) -> bool:
    host, path = part_of(pattern)
    try:
        if registry_meant(host) != registry_meant(reference.registry):
            return False
    except InvalidReference:
        return False
    if pattern.endswith("/*") or not path:
        return not path or f"{reference.repository}/".startswith(f"{path}/")
    return reference.repository == path


def _by_directory(context: Context, found: Settings) -> Choice | None:
    """Return the choice of the nearest folder: symlinks on either way lead to the same one."""
    rules = [rule for rule in found.rules if rule.directory]
    here = context.cwd() if rules else None
    if here is None:
        return None
    known = {rule.directory: _identity(context, rule.directory) for rule in rules}
    for folder in _upwards(context, here):
        identity = _identity(context, folder)
        for rule in rules:
            if rule.directory == folder or (identity is not None and identity == known[rule.directory]):
                return Choice(rule.account, f"the rule for the folder {rule.directory} in {found.path}", rule)
    return None


def _identity(context: Context, path: str) -> str | None:
    try:
        status = context.status(path)
    except FileError:
        return None
    return status.identity if status else None


def _upwards(context: Context, folder: str) -> Iterator[str]:
    while True:
        yield folder
        above, name = split(context, folder)
        if not name:
            return
        folder = above or folder[: -len(name)]
