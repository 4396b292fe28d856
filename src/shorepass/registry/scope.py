"""Scopes: ``repository:acme/app:pull,push``, what a bearer token is good for.

Source: distribution docs/content/spec/auth/scope.md; what each method needs: distribution registry/handlers/app.go
``appendAccessRecords``. Some registries use texts outside the grammar (``aws``, ``*``): they are kept as they are.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Scope", "covers", "for_request", "parse", "repository", "split", "union"]

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
    return tuple(key if isinstance(key, str) else str(Scope(*key, _tidy(actions[key]))) for key in order if key)


def _tidy(actions: set[str]) -> tuple[str, ...]:
    return ("*",) if "*" in actions else tuple(sorted(actions))


def covers(held: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether a token for the scopes ``held`` can be used where ``wanted`` is needed."""
    have = {scope[:2]: set(scope.actions) for scope in map(parse, union(held)) if scope}
    verbatim = set(held)
    for text in union(wanted):
        scope = parse(text)
        if text in verbatim or (
            scope and ("*" in have.get(scope[:2], ()) or set(scope.actions) <= have.get(scope[:2], set()))
        ):
            continue
        return False
    return True


def for_request(method: str, target: str) -> tuple[str, ...]:
    """Return the scopes a request on ``target`` (path and query) needs; none for ``/v2/`` itself and elsewhere."""
    path, _, query = target.partition("?")
    if not path.startswith("/v2/"):
        return ()
    rest = path[len("/v2/") :]
    if rest == "_catalog":
        return ("registry:catalog:*",)
    name = _repository_name(rest)
    action = _ACTIONS.get(method.upper())
    if not name or action is None:
        return ()
    wanted = [f"repository:{name}:{action}"]
    if method.upper() == "POST":
        wanted += [f"repository:{source}:pull" for source in _values(query, "from")]
    return tuple(wanted)


def _repository_name(path: str) -> str:
    """Return the name before the last ``/manifests/``, ``/blobs/``, ``/tags/`` or ``/referrers/``."""
    parts = path.split("/")
    for index in range(len(parts) - 2, 0, -1):
        if parts[index] in ("manifests", "blobs", "tags", "referrers"):
            # A repository may itself end in "/blobs": the digest form "blobs/uploads/ID" has one part more.
            return "/".join(parts[:index])
    return ""


def _values(query: str, name: str) -> list[str]:
    from shorepass.http import percent_decode

    pairs = (pair.partition("=") for pair in query.split("&"))
    return [percent_decode(value) for key, _, value in pairs if key == name and value]
