"""Scopes: ``repository:acme/app:pull,push``, what a bearer token allows.

Source: distribution docs/content/spec/auth/scope.md; what each method needs: distribution registry/handlers/app.go
``appendAccessRecords``. Some registries use texts outside the grammar (``aws``, ``*``): they are kept as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.http import percent_decode

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Scope", "covers", "for_request", "parse", "repository", "repository_of", "split", "union"]

SCOPE_LIMIT = 64  # scopes in one challenge: a cross-repository mount has two
_ACTIONS = {
    "GET": "pull",
    "HEAD": "pull",
    "POST": "pull,push",
    "PUT": "pull,push",
    "PATCH": "pull,push",
    "DELETE": "delete",
}


class Scope(NamedTuple):
    """``type:name:action,action``. ``name`` may hold one colon (a port)."""

    type: str
    name: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


def parse(text: str) -> Scope | None:
    """Return the parts, None for a text outside the grammar. The deprecated ``repository(plugin)`` is a repository."""
    kind, first, rest = text.partition(":")
    name, last, actions = rest.rpartition(":")
    kind = kind.partition("(")[0] if kind.endswith(")") else kind
    if not (first and last and kind and name):
        return None
    return Scope(kind, name, tuple(action for action in actions.split(",") if action))


def split(text: str) -> tuple[str, ...]:
    """Return the scopes of a challenge's ``scope`` parameter; an empty one is the same as none."""
    return tuple(text.split())[:SCOPE_LIMIT]


def repository(name: str, *actions: str) -> str:
    """Return the scope for actions on a repository."""
    return str(Scope("repository", name, tuple(sorted(actions))))


def union(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return one scope for each resource, with all its actions sorted; ``*`` absorbs the others.

    The order of first appearance stays: some token servers honour only the first scope.
    """
    actions: dict[tuple[str, str], set[str]] = {}
    order: dict[str | tuple[str, str], None] = {}
    for text in scopes:
        scope = parse(text)
        if scope is None:
            order[text] = None
            continue
        order[scope[:2]] = None
        actions.setdefault(scope[:2], set()).update(scope.actions)
    merged: list[str] = []
    for key in order:
        if isinstance(key, tuple):
            merged.append(str(Scope(*key, _tidy(actions[key]))))
        elif key:
            merged.append(key)
    return tuple(merged)


def _tidy(actions: set[str]) -> tuple[str, ...]:
    return ("*",) if "*" in actions else tuple(sorted(actions))


def covers(held: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether a token for the scopes ``held`` can be used where ``wanted`` is needed."""
    have = {scope[:2]: set(scope.actions) for scope in map(parse, union(held)) if scope}
    verbatim = set(held)
    for text in union(wanted):
        scope = parse(text)
        actions = have.get(scope[:2], set()) if scope else set()
        if text not in verbatim and not (scope and ("*" in actions or actions.issuperset(scope.actions))):
            return False
    return True


def for_request(method: str, target: str) -> tuple[str, ...]:
    """Return the scopes a request on ``target`` (path and query) needs; none for ``/v2/`` itself and other paths."""
    path, _, query = target.partition("?")
    if path == "/v2/_catalog":
        return ("registry:catalog:*",)
    name = repository_of(path)
    action = _ACTIONS.get(method.upper())
    if not name or action is None:
        return ()
    wanted = [f"repository:{name}:{action}"]
    if method.upper() == "POST":
        wanted += [f"repository:{source}:pull" for source in _values(query, "from")]
    return tuple(wanted)


def repository_of(target: str) -> str:
    """Return the repository that a request on ``target`` is about, ``""`` for none.

    The last of the words counts: a repository may itself be called ``team/blobs``.
    """
    parts = target.partition("?")[0].split("/")
    if parts[:2] != ["", "v2"]:
        return ""
    for index in range(len(parts) - 2, 2, -1):
        if parts[index] in ("manifests", "blobs", "tags", "referrers"):
            return "/".join(parts[2:index])
    return ""


def _values(query: str, name: str) -> list[str]:
    pairs = (pair.partition("=") for pair in query.split("&"))
    return [percent_decode(value) for key, _, value in pairs if key == name and value]
