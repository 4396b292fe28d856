"""A registry token for exact repositories: made from the user's login by the registry's own token server.

Only the wanted scope is asked for, and the answer is checked, because some servers ignore the scope. A token that allows more,
or that repeats the login, is not lent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.credential import Anonymous, BearerToken
from shorepass.errors import PermissionDenied
from shorepass.http import Request
from shorepass.registry import scope
from shorepass.registry.permission import access_claim
from shorepass.registry.token import secrets_of
from shorepass.secret import repeats
from shorepass.share.unlendable import Unlendable, no_login

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.credential import Credential
    from shorepass.registry.client import RegistryClient
    from shorepass.registry.scope import Scope
    from shorepass.registry.token import Token

__all__ = ["make"]

SHORTEST = 8  # characters: a shorter secret may be in a token by chance


def make(client: RegistryClient, repositories: Sequence[str], *, push: bool, credential: Credential) -> Token:
    """Return a token for repositories of the client's registry (``acme/app``). ``push``: also to push.

    Raises Unlendable, PermissionDenied, and what the client raises: LoginRefused, Unreachable, RealmRefused ...
    """
    registry = client.registry
    if isinstance(credential, Anonymous):
        raise no_login(registry)
    if isinstance(credential, BearerToken):
        raise Unlendable(registry, "your login is itself a registry token, from which no other one can be made")
    response = client.greet()
    if response.status == 200:  # open as a whole; a repository may still need a login
        response = client.send(Request("HEAD", client.url(f"/v2/{repositories[0]}/manifests/latest")))
    if response.status != 401:
        raise Unlendable(registry, "it needs no login")
    challenge = client.challenge(response)
    if challenge.scheme != "bearer":
        raise Unlendable(registry, "it asks for user name and password, and gives no tokens; use --mode export")
    actions = ("pull", "push") if push else ("pull",)
    scopes = tuple(scope.repository(repository, *actions) for repository in repositories)
    token = client.token(challenge, scopes, credential)
    text = token.secret.reveal()
    if any(len(secret) >= SHORTEST and repeats(text, secret) for secret in secrets_of(credential)):
        raise Unlendable(registry, "its token has your login in it; use --mode export if you want to hand that over")
    granted = _granted(token)
    if granted is not None:
        _check(registry, granted, {("repository", repository): set(actions) for repository in repositories})
    return token


def _granted(token: Token) -> list[Scope] | None:
    """Return what a token allows; None if neither the token nor the answer says that."""
    claim = access_claim(token.secret.reveal())
    if claim is not None or token.scope is None:
        return claim
    return [scope.parse(text) or scope.Scope(text, "", ("*",)) for text in scope.split(token.scope)]


def _check(registry: str, granted: Sequence[Scope], wanted: dict[tuple[str, str], set[str]]) -> None:
    """Raise Unlendable if more is granted than wanted, PermissionDenied if it is less."""
    missing = {resource: set(actions) for resource, actions in wanted.items()}
    for entry in granted:
        more = set(entry.actions) - wanted.get(entry[:2], set())
        if more:
            what = f"{', '.join(sorted(more))} on {entry.name or entry.type}"
            raise Unlendable(registry, f"its token allows more than was asked for: {what}")
        missing.get(entry[:2], set()).difference_update(entry.actions)
    for (_, repository), actions in missing.items():
        if actions:
            raise PermissionDenied(registry, f"your login may not {', '.join(sorted(actions))} {repository}")
