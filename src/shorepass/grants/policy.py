"""The user's policy: which logins may be lent, how, and for how long; and which containers get a grant by themselves. No I/O.

``policy_file`` reads it. Each rule has the line on which it is written, so that a refusal can name it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.grants.globs import matches
from shorepass.grants.grant import FORWARD, MOUNT
from shorepass.names import registry_meant, split_host_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shorepass.grants.grant import Grant

__all__ = ["DEFAULT_SECONDS", "Automatic", "Policy", "Verdict", "Wish", "as_time"]

DEFAULT_SECONDS = 2 * 3600.0  # of a grant
ANSWER_SECONDS = 50.0  # for the user's yes; the forwarder waits 55


class Wish(NamedTuple):
    """What is to be lent.

    ``registry``: a registry, or a pattern. ``repository``: ``ghcr.io/acme/app`` or a pattern, "" for the whole registry.
    ``seconds``: the time of the grant, or how old it is.
    """

    registry: str
    repository: str = ""
    mode: str = FORWARD
    push: bool = False
    seconds: float = 0.0


class Verdict(NamedTuple):
    """``refusal``: what follows "the policy", "" if it allows the wish. ``line``: the line that decided, 0 if none did."""

    refusal: str = ""
    line: int = 0


class Automatic(NamedTuple):
    """Containers that get a grant by themselves. ``image``, ``project``: patterns, of which one is "".

    ``mode``: "" for the default; ``seconds``: 0 for the default. ``line``: of its heading.
    """

    line: int
    image: str = ""
    project: str = ""
    registries: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    mode: str = ""
    seconds: float = 0.0
    push: bool = False
    confirm: bool = False


class Policy(NamedTuple):
    """What the file has. ``allowed_*``: None if all are allowed. ``longest``: seconds, 0 without a limit.

    ``mode``: "" if it names none. ``answer_seconds``: how long a use waits for the user's yes. ``lines``: where a rule is, by
    its name in the file, such as ``allowed.push``.

    >>> policy.judge(Wish("vault.internal.example")).refusal
    'never lends *.internal.example (line 1)'
    """

    seconds: float = DEFAULT_SECONDS
    longest: float = 0.0
    mode: str = ""
    confirm: bool = False
    answer_seconds: float = ANSWER_SECONDS
    never: tuple[str, ...] = ()
    allowed_registries: tuple[str, ...] | None = None
    allowed_repositories: tuple[str, ...] | None = None
    allowed_modes: tuple[str, ...] | None = None
    allowed_push: bool = True
    automatic: tuple[Automatic, ...] = ()
    lines: Mapping[str, int] = {}

    def judge(self, wish: Wish) -> Verdict:
        """Decide about a wish."""
        for glob in self.never:
            if _is_never(glob, wish.registry):
                return self._refusal("never", f"never lends {glob}")
        if self.allowed_modes is not None and wish.mode not in self.allowed_modes:
            return self._refusal("allowed.modes", f"does not allow the mode {wish.mode}")
        limits = {"never": self.never, "allowed.registries": self.allowed_registries}
        limits["allowed.repositories"] = self.allowed_repositories
        for key, names in limits.items():
            if wish.mode == MOUNT and names:
                return self._refusal(key, "limits the registries, and mode mount gives the helper with all logins")
        if wish.push and not self.allowed_push:
            return self._refusal("allowed.push", "does not allow pushes")
        if self.longest and wish.seconds > self.longest:
            return self._refusal("defaults.max", f"allows a grant for at most {as_time(self.longest)}")
        return self._judge_name(wish)

    def _judge_name(self, wish: Wish) -> Verdict:
        registries, repositories = self.allowed_registries, self.allowed_repositories
        if registries is None and repositories is None:
            return Verdict()
        if any(matches(glob, wish.registry) for glob in registries or ()):
            return Verdict(line=self.lines.get("allowed.registries", 0))
        if wish.repository and any(matches(glob, wish.repository) for glob in repositories or ()):
            return Verdict(line=self.lines.get("allowed.repositories", 0))
        key = "allowed.repositories" if registries is None else "allowed.registries"
        asked = wish.repository or wish.registry
        if not wish.repository and any(_registry_of(glob) == wish.registry for glob in repositories or ()):
            asked = f"all of {wish.registry}"
        return self._refusal(key, f"does not allow {asked}")

    def _refusal(self, key: str, words: str) -> Verdict:
        line = self.lines.get(key, 0)
        return Verdict(f"{words} (line {line})", line)

    def refusal_of(self, grant: Grant, now: float | None = None) -> str:
        """Return why a new grant must not be made, "" if it may be. ``now``: why it must not be used in whole any more."""
        seconds = grant.until - grant.created if now is None else now - grant.created
        for wish in _wishes(grant, seconds):
            if refusal := self.judge(wish).refusal:
                return refusal
        return ""

    def refusal_of_row(self, row: Automatic) -> str:
        """Return why the grant of a row must not be made, "" if it may be."""
        mode, seconds = row.mode or self.mode or FORWARD, row.seconds or self.seconds
        wishes = [Wish(_registry_of(name), name, mode, row.push, seconds) for name in row.repositories]
        wishes += [Wish(registry, "", mode, row.push, seconds) for registry in row.registries]
        return next((refusal for wish in wishes if (refusal := self.judge(wish).refusal)), "")

    def refusal_of_use(self, grant: Grant, repository: str, now: float, *, push: bool = False) -> str:
        """Return why a grant must not be used now, "" if it may be.

        ``repository``: ``ghcr.io/acme/app``, or a registry alone. Raises InvalidReference.
        """
        registry, _, path = repository.partition("/")
        registry = registry_meant(registry)
        name = f"{registry}/{path}" if path else ""
        return self.judge(Wish(registry, name, grant.mode, push, now - grant.created)).refusal

    def automatic_for(self, *, image: str = "", project: str = "") -> Automatic | None:
        """Return the first row for an image (its name with the registry, without tag) or a compose project."""
        for row in self.automatic:
            if (row.image and matches(row.image, image)) or (row.project and matches(row.project, project)):
                return row
        return None


def _wishes(grant: Grant, seconds: float) -> Iterator[Wish]:
    """Yield what a grant would lend."""
    for repository in grant.repositories:
        yield Wish(_registry_of(repository), repository, grant.mode, grant.push, seconds)
    for registry in () if grant.repositories else grant.registries:
        yield Wish(registry, "", grant.mode, grant.push, seconds)


def _registry_of(repository: str) -> str:
    return repository.partition("/")[0]


def _is_never(glob: str, registry: str) -> bool:
    """Tell whether a registry is never lent. A pattern without a port is for every port, because it must not miss one."""
    return matches(glob, registry) or matches(glob, split_host_port(registry)[0])


def as_time(seconds: float) -> str:
    """Return a time as it is written in the file.

    >>> as_time(1800.0)
    '30m'
    """
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
