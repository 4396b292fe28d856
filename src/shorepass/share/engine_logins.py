"""Which requests to an engine carry a login, and how a lent login is added to them. No I/O.

Source: the Docker Engine API 1.47: ``X-Registry-Auth`` has one login, base64url of a JSON object, and ``X-Registry-Config`` of
``/build`` has several by registry.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.credential import Basic, IdentityToken
from shorepass.errors import InvalidReference
from shorepass.names import parse, server_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from shorepass.credential import Credential
    from shorepass.share.request_head import RequestHead

    class Lend(Protocol):
        """Finds a lent login."""

        def __call__(self, repository: str, *, push: bool) -> Credential | None:
            """Return the login for a repository (``ghcr.io/acme/app``), None if it is not lent. ``push``: to push to it."""


__all__ = ["Lent", "with_login"]

AUTH, CONFIG = "x-registry-auth", "x-registry-config"
PUSH = re.compile(r"/images/(.+)/push")
LOOK_UP = re.compile(r"/distribution/(.+)/json")
SERVICE = re.compile(r"/services/(?:create|[^/]+/update)")


class Lent(NamedTuple):
    """What a request is about: a repository, and whether it pushes."""

    repository: str
    push: bool


def with_login(head: RequestHead, lend: Lend, registries: Iterable[str]) -> tuple[RequestHead, Lent | None]:
    """Return the request with a lent login, and what it is for; None if none was added.

    A login that the sender has itself is not replaced. ``registries``: those of the grant, for ``/build``.
    """
    if head.method == "POST" and head.path == "/build":
        return _with_config(head, lend, registries)
    lent = _meant(head)
    if lent is None or _has_login(head.field(AUTH)):
        return head, None
    credential = lend(lent.repository, push=lent.push)
    if credential is None:
        return head, None
    return head.with_field(AUTH, _encoded(_members(lent.repository, credential))), lent


def _meant(head: RequestHead) -> Lent | None:
    """Return the repository that a request needs a login for, None if it needs none."""
    name, push = "", False
    if head.method == "POST" and head.path == "/images/create":
        name = head.query("fromImage")
    elif head.method == "POST" and (found := PUSH.fullmatch(head.path)):
        name, push = found[1], True
    elif head.method == "GET" and (found := LOOK_UP.fullmatch(head.path)):
        name = found[1]
    if not name:
        return None
    try:
        reference = parse(name)
    except InvalidReference:
        return None  # which the engine refuses
    return Lent(reference.name, push)


def _with_config(head: RequestHead, lend: Lend, registries: Iterable[str]) -> tuple[RequestHead, Lent | None]:
    """Add each lent registry to the logins of a classic build. It pulls; it does not push."""
    known = _decoded(head.field(CONFIG))
    added = {}
    for registry in registries:
        credential = lend(registry, push=False)
        if credential is not None and server_url(registry) not in known:
            added[server_url(registry)] = _members(registry, credential)
    if not added:
        return head, None
    return head.with_field(CONFIG, _encoded({**known, **added})), Lent(", ".join(added), push=False)


def _members(repository: str, credential: Credential) -> dict[str, str]:
    server = server_url(repository.partition("/")[0])
    if isinstance(credential, Basic):
        login = {"username": credential.username, "password": credential.password.reveal()}
    elif isinstance(credential, IdentityToken):
        login = {"identitytoken": credential.token.reveal()}
    else:
        login = {}
    return {**login, "serveraddress": server}


def _has_login(header: str) -> bool:
    found = _decoded(header)
    return any(found.get(name) for name in ("username", "password", "identitytoken", "registrytoken", "auth"))


def _encoded(members: dict[str, object] | dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).decode()


def _decoded(header: str) -> dict[str, object]:
    """Return the members of a header of the engine, none if it is not one."""
    text = header.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        found = json.loads(binascii.a2b_base64(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
