"""Which requests to an engine carry a login, and how a lent login is added to them. No I/O.

Engines read a request in different ways. Podman uses the last of two values, and finds their names in any case of letters. It
reads a tag with slashes as a part of the name, and has values that send the login to another registry. So only a request that
docker could send gets a login, and its image is named in whole.

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
from shorepass.names import TAG, parse, server_url

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
TAG_OR_DIGEST = re.compile(rf"(?:{TAG}|sha\d+:[0-9a-f]+)?", re.ASCII)
IMAGE = "fromImage"


class _Kind(NamedTuple):
    """A call that can need a login. ``path`` has the name of its image, unless a value has it. ``values``: all of docker's."""

    method: str
    path: re.Pattern[str]
    values: tuple[str, ...]
    push: bool = False


KINDS = (
    _Kind("POST", re.compile(r"/images/create"), (IMAGE, "tag", "platform")),
    _Kind("POST", re.compile(r"/images/(?P<image>.+)/push"), ("tag", "platform"), push=True),
    _Kind("GET", re.compile(r"/distribution/(?P<image>.+)/json"), ()),
)


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
    meant = _meant(head)
    if meant is None or _has_login(head.field(AUTH)):
        return head, None
    named, lent = meant
    credential = lend(lent.repository, push=lent.push)
    if credential is None:
        return head, None
    return named.with_field(AUTH, _encoded(_members(lent.repository, credential))), lent


def _meant(head: RequestHead) -> tuple[RequestHead, Lent] | None:
    """Return a request that needs a login, with the whole name of its image, and what it is for; None if it needs none."""
    for kind in KINDS:
        found = kind.path.fullmatch(head.path)
        if found and head.method == kind.method:
            return _named(head, kind, found)
    return None


def _named(head: RequestHead, kind: _Kind, found: re.Match[str]) -> tuple[RequestHead, Lent] | None:
    values = dict(head.queries)
    if (
        len(values) < len(head.queries)
        or not set(values) <= set(kind.values)
        or not TAG_OR_DIGEST.fullmatch(head.query("tag"))
    ):
        return None  # docker sends no such request
    written = found.groupdict().get("image") or values.get(IMAGE, "")
    try:
        reference = parse(written)
    except InvalidReference:
        return None  # which the engine refuses
    if not reference.repository:
        return None
    path = head.whole_path
    if IMAGE in values:
        values[IMAGE] = str(reference)
    else:
        start, end = found.span("image")
        version = path.removesuffix(head.path)
        path = f"{version}{head.path[:start]}{reference}{head.path[end:]}"
    return head.with_target(path, values.items()), Lent(reference.name, kind.push)


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
