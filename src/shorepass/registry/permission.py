"""What a credential may do with a repository, learned without a pull or a push, the cheapest evidence first.

1. The ``access`` claim of the token for ``pull,push``: what is missing there is denied. Opaque tokens have none.
2. ``HEAD`` of the manifest, for pull: a missing tag is still a granted pull. Docker Hub does not bill HEAD.
3. For push, only where the caller asks for it: begin an upload and cancel it. Some registries create the repository.

4. If the registry keeps the data of images elsewhere: whether that server answers. Docker Hub counts that as a pull, and is
   not asked.

At the end the same without the credential: a public image needs no login, and a bad login can be all that breaks it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.bounded_json import loads
from shorepass.credential import ANONYMOUS, Anonymous, Basic, BearerToken
from shorepass.errors import (
    InvalidReference,
    LoginInTheWay,
    LoginRefused,
    NoSuchTag,
    NotARegistry,
    PermissionDenied,
    RateLimited,
    RegistryError,
    StorageFails,
    UsageError,
    printable,
)
from shorepass.http import Request, parse_url, percent_encode
from shorepass.names import HUB_REGISTRY, parse
from shorepass.registry import answer, clock, scope
from shorepass.registry.challenge import parse_challenges
from shorepass.registry.known_answers import known_answer
from shorepass.registry.product_passwords import password_for
from shorepass.registry.token import authorization, secrets_of
from shorepass.resolution import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from shorepass.credential import Credential
    from shorepass.http import Response, Url
    from shorepass.names import Reference
    from shorepass.registry.client import RegistryClient

__all__ = ["access_claim", "examine"]

_TOKEN_ERRORS = frozenset({"invalid_token", "insufficient_scope", "invalid_request"})  # RFC 6750 3.1
DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")
MANIFEST_KINDS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
)


def examine(
    client: RegistryClient,
    reference: Reference,
    credential: Credential,
    actions: Sequence[str],
    *,
    probe_push: bool = False,
) -> list[Step]:
    """Return a step for each thing that was learned; a refused credential is a failed step.

    Raises InvalidReference, and Unreachable, NotARegistry, RealmRefused, RateLimited when nothing could be learned.
    """
    if not reference.repository or parse(str(reference)) != reference:
        # A name that is not one would be an authenticated request to somewhere else in the registry (CVE-2024-3727).
        raise InvalidReference(str(reference), "not a repository of this registry")
    is_named = bool(reference.tag or reference.digest)
    visit = _Visit(client, reference, credential, needs_tag=is_named and "push" not in actions)
    try:
        asked = visit.ask_for_token(actions)
        steps = [*client.trust(), *asked]
        pull = visit.pull()
        steps += [pull, *visit.limit(), *visit.data()]
        if "push" in actions:
            steps.append(visit.push(probe=probe_push))
    except (LoginRefused, PermissionDenied) as error:
        pull = Step("registry", Outcome.FAILED, client.registry, error.reason, error.hint, error)
        steps = [pull]
    if not isinstance(credential, Anonymous):
        steps += _as_stranger(client, reference, works_with_login=pull.outcome is Outcome.OK)
    return steps


def _as_stranger(client: RegistryClient, reference: Reference, *, works_with_login: bool) -> list[Step]:
    """Return a step if a pull works without a login: then the login is not needed, or makes the pull fail."""
    stranger = _Visit(client, reference, ANONYMOUS)
    try:
        stranger.ask_for_token(("pull",))
        pull = stranger.pull()
    except RegistryError:
        return []
    if pull.outcome is not Outcome.OK:
        return []
    if works_with_login:
        return [Step("permission", Outcome.OK, reference.name, "public: a pull needs no login")]
    detail = "public: a pull works without a login, and fails with this login"
    error = LoginInTheWay(reference.registry, detail)
    return [Step("permission", Outcome.FAILED, reference.name, detail, error=error)]


class _Visit:
    """One credential and one repository. ``needs_tag``: a pull of a named tag was asked for."""

    def __init__(
        self, client: RegistryClient, reference: Reference, credential: Credential, *, needs_tag: bool = False
    ) -> None:
        self._client = client
        self._reference = reference
        self._credential = credential
        self._headers: tuple[tuple[str, str], ...] = ()
        self._sends_password = False
        self._password = ""  # what the registry wants as the password
        self._granted: frozenset[str] | None = None  # None: unknown
        self._limited: RateLimited | None = None
        self._is_there = False
        self._needs_tag = needs_tag

    def ask_for_token(self, actions: Sequence[str]) -> list[Step]:
        """Get what the registry's challenge asks for; return what was seen of the grant.

        Raises LoginRefused, PermissionDenied (the token server refuses even a pull) and what the client raises.
        """
        client = self._client
        response = client.greet()
        if response.status == 200:
            response = self._manifest("HEAD")  # the registry is open, but the repository may need a login
        if response.status != 401:
            return [Step("registry", Outcome.OK, client.registry, "needs no login here")]
        challenge = client.challenge(response)
        if challenge.scheme != "bearer" or isinstance(self._credential, BearerToken):
            self._headers = (client.header(challenge, (), self._credential),)
            self._sends_password = isinstance(self._credential, Basic)
            self._password = password_for(challenge.get("realm"), "")
            return []
        wanted = (scope.repository(self._reference.repository, *actions),)
        try:
            token = client.token(challenge, wanted, self._credential)
        except PermissionDenied:
            if tuple(actions) == ("pull",):
                raise
            steps = self.ask_for_token(("pull",))  # such servers refuse every action if one is missing
            self._granted = frozenset({"pull"})
            return steps
        self._headers = (authorization(BearerToken(token.secret)),)
        self._granted = self._actions_in(access_claim(token.secret.reveal()), token.scope)
        return [self._token_step(challenge.get("realm"), actions)]

    def _actions_in(self, claim: list[scope.Scope] | None, answered: str | None) -> frozenset[str] | None:
        if claim is None and answered is not None:
            claim = [parsed for parsed in map(scope.parse, scope.split(answered)) if parsed]
        if claim is None:
            return None
        own = ("repository", self._reference.repository)
        actions: set[str] = set()
        for entry in claim:
            if entry[:2] == own:
                actions.update(entry.actions)
        return frozenset(actions)

    def _token_step(self, realm: str, actions: Sequence[str]) -> Step:
        subject, name = printable(realm), self._reference.repository
        if self._granted is None:
            return Step("token", Outcome.OK, subject, f"a token for {name}; it does not say what it allows")
        granted = [action for action in actions if self._has(action)]
        missing = [action for action in actions if not self._has(action)]
        said = f"granted: {', '.join(granted) or 'nothing'}" + (f"; missing: {', '.join(missing)}" if missing else "")
        return Step("token", Outcome.OK, subject, f"a token for {name}; {said}")

    def _has(self, action: str) -> bool:
        return self._granted is not None and (action in self._granted or "*" in self._granted)

    def pull(self) -> Step:
        """Look at the manifest, without fetching it."""
        response = self._manifest("HEAD")
        if response.status == 401 and self._sends_password:
            has_htpasswd = bool(response.header(answer.DISTRIBUTION_HEADER))
            # Not asked again, because accounts get locked.
            raise LoginRefused(
                self._client.registry,
                "incorrect username or password",
                has_htpasswd=has_htpasswd,
                password=self._password,
            )
        if response.status >= 400 and response.status != 429:
            response = self._manifest("GET")  # the text of an error is in its body, and HEAD has no body
        return self._pull_step(response)

    def _pull_step(self, response: Response) -> Step:
        name = self._reference.name
        what = self._reference.digest or f"tag {self._reference.tag or 'latest'}"
        if response.status == 200:
            self._limited = answer.limit_reached(self._client.registry, response)
            self._is_there = True
            return Step("permission", Outcome.OK, name, f"pull: granted ({what} can be read)")
        codes = answer.codes(response)
        if response.status == 404 and "NAME_UNKNOWN" not in codes:
            detail = f"pull: granted, but there is no {what}"
            error = NoSuchTag(self._client.registry, f"there is no {what}") if self._needs_tag else None
            return Step("permission", Outcome.OK, name, detail, error=error)
        if response.status == 404:
            words = answer.said(response, secrets_of(self._credential))
            detail = f"pull: no such repository, or it is hidden from this login{words}"
            denied = self._denied("pull", detail)
            known = None if isinstance(self._credential, Anonymous) else known_answer(words)
            denied.hint = known.hint if known else None
            return Step("permission", Outcome.FAILED, name, detail, error=denied)
        return self._denial("pull", response)

    def limit(self) -> list[Step]:
        """Return a failed step if the answer to ``pull`` says that the limit is reached: HEAD itself is not limited."""
        error = self._limited
        return [Step("limit", Outcome.FAILED, error.registry, error.reason, error.hint, error)] if error else []

    def data(self) -> list[Step]:
        """Return a failed step if the data of the image cannot be fetched, else []."""
        client = self._client
        if not self._is_there or client.registry == HUB_REGISTRY:
            return []
        try:
            digest = self._config_digest()
            if digest:
                client.check_data(Request("GET", self._url(f"blobs/{digest}"), self._headers))
        except StorageFails as error:
            return [Step("storage", Outcome.FAILED, client.registry, error.reason, error.hint, error)]
        except RegistryError:
            pass  # what the registry answered before counts
        return []

    def _config_digest(self) -> str:
        """Return the digest of the image's configuration, of the first image in an index; "" for another kind of manifest."""
        manifest = _document(self._manifest("GET"))
        inner = manifest.get("manifests")
        if isinstance(inner, list) and inner:
            digest = _digest_in(inner[0])
            manifest = _document(self._manifest("GET", digest)) if digest else {}
        return _digest_in(manifest.get("config"))

    def push(self, *, probe: bool) -> Step:
        """Return whether a push is granted: by the token, or by a trial upload."""
        name = self._reference.name
        if self._granted is not None and not self._has("push"):
            detail = "push: denied, the token server does not grant it to this login"
            return Step("permission", Outcome.FAILED, name, detail, error=self._denied("push", detail))
        if not probe:
            if self._has("push"):
                return Step("permission", Outcome.OK, name, "push: granted by the token server (not tried)")
            return Step("permission", Outcome.SKIPPED, name, "push: unknown without a trial upload")
        return self._probe()

    def _probe(self) -> Step:
        """Begin an upload and cancel it: one request, never repeated, to the repository that the user named."""
        name = self._reference.name
        response = self._client.send(Request("POST", self._url("blobs/uploads/"), self._headers))
        if response.status != 202:
            return self._denial("push", response)
        left = "" if self._cancel(response) else "; the trial upload remains until the registry removes it"
        return Step("permission", Outcome.OK, name, f"push: granted, an upload could begin{left}")

    def _cancel(self, begun: Response) -> bool:
        """Delete the trial upload, with another token if needed, because a delete is another action."""
        client, repository = self._client, self._reference.repository
        try:
            location = parse_url(begun.header("location"), begun.url)
            if location.origin != begun.url.origin:
                return False  # no credential goes to another host (CVE-2026-50151)
            response = client.send(Request("DELETE", location, self._headers))
            if response.status == 401 and not isinstance(self._credential, BearerToken):
                challenge = client.challenge(response)
                wanted = (scope.repository(repository, "pull", "push", "delete"),)
                header = client.header(challenge, wanted, self._credential)
                response = client.send(Request("DELETE", location, (header,)))
        except (RegistryError, UsageError):
            return False
        return response.status in (200, 202, 204)

    def _denial(self, action: str, response: Response) -> Step:
        """Return the failed step for an error answer. Raises RegistryError if the error is not about permissions."""
        client = self._client
        if response.status not in (401, 403, 404, 405):
            raise answer.other_status(client.registry, response, secrets_of(self._credential))
        missing = ", ".join(answer.missing_actions(response, secrets_of(self._credential)))
        words = answer.said(response, secrets_of(self._credential))
        offered = parse_challenges(response.lines("www-authenticate"))
        error = "".join({f" ({c.get('error')})" for c in offered if c.get("error") in _TOKEN_ERRORS})
        if missing:
            detail = f"{action}: denied, missing: {missing}"
        elif isinstance(self._credential, Anonymous):
            detail = f"{action}: denied without a login{words}"
        else:
            detail = f"{action}: denied with status {response.status}{error}{words}"
        denied: RegistryError = self._denied(action, detail)
        known = None if isinstance(self._credential, Anonymous) else known_answer(words)
        if known and known.is_login:
            denied = known.error(client.registry, words)
        elif known:
            denied.hint = known.hint
        if "invalid_token" in error and self._headers and not isinstance(self._credential, BearerToken):
            reason = f"it refuses the token that its own token server gave{words}"
            trouble = client.token_trouble(response, self._headers[0][1])
            denied = trouble or NotARegistry(client.registry, reason)
            detail = f"{action}: {denied.reason}"
        return Step("permission", Outcome.FAILED, self._reference.name, detail, denied.hint, denied)

    def _denied(self, action: str, reason: str) -> PermissionDenied:
        granted = None if self._granted is None else tuple(sorted(self._granted))
        return PermissionDenied(self._client.registry, reason, granted=granted, missing=(action,))

    def _manifest(self, method: str, what: str = "") -> Response:
        what = what or self._reference.digest or self._reference.tag or "latest"
        headers = (("Accept", MANIFEST_KINDS), *self._headers)
        return self._client.send(Request(method, self._url(f"manifests/{percent_encode(what)}"), headers))

    def _url(self, rest: str) -> Url:
        repository = "/".join(percent_encode(part) for part in self._reference.repository.split("/"))
        return self._client.url(f"/v2/{repository}/{rest}")


def _document(response: Response) -> dict[str, Any]:
    try:
        document = loads(response.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _digest_in(descriptor: object) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return digest if isinstance(digest, str) and DIGEST.fullmatch(digest) else ""


def access_claim(token: str) -> list[scope.Scope] | None:
    """Return what a token allows, None if that cannot be read from it. A hint: nothing is verified."""
    access = clock.claims(token).get("access")
    if not isinstance(access, list):
        return None
    found = []
    for entry in access:
        if isinstance(entry, dict) and isinstance(entry.get("actions"), list):
            actions = tuple(str(action) for action in entry["actions"])
            found.append(scope.Scope(str(entry.get("type")), str(entry.get("name")), actions))
    return found
