"""podman, skopeo and buildah: the rules of containers/image, which all three are built on.

Version followed: 5.23.1 (podman 4.3, buildah 1.28). Source: containers/image pkg/docker/config/config.go, and
containers/common pkg/auth for ``login`` and ``logout``. Helpers come from ``registries.conf``; the auth files are one of
them, and normally the only one. In a file ``credsStore`` is not read at all.
"""

from __future__ import annotations

from shorepass.clients import Entry, Target
from shorepass.config import document
from shorepass.config.auth_entry import read_containers_entry
from shorepass.config.locations import auth_files
from shorepass.config.registries_conf import AUTH_FILES, credential_helpers
from shorepass.credential import ANONYMOUS, Anonymous, Basic, Credential, IdentityToken
from shorepass.errors import MalformedFile, SourceError, UsageError, printable
from shorepass.resolution import Outcome, Resolution, Source, Step
from shorepass.shapes import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.config.locations import AuthFile
    from shorepass.contexts import Context
    from shorepass.names import Reference

__all__ = ["Containers"]

HUB_NAMES = ("registry-1.docker.io", "docker.io")
HUB_NORMAL = "index.docker.io"


class _Found(NamedTuple):
    """What one place answered. ``source`` is None when it has nothing."""

    credential: Credential
    source: Source | None = None
    alternatives: tuple[Credential, ...] = ()


class _File(NamedTuple):
    """A decoded auth file: entries by key, helper suffixes by registry."""

    auths: dict[str, dict[str, object]]
    helpers: dict[str, str]


class Containers:
    """One of the three programs; they differ in nothing that matters here."""

    def __init__(self, name: str) -> None:
        self.name = name

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what the program sends: the first helper with an answer wins, errors count only when none has one."""
        key, registry = reference.name, reference.registry
        steps = [Step("context", Outcome.OK, context.name, _whose(context))]
        errors: list[SourceError] = []
        found = _Found(ANONYMOUS)
        try:
            helpers = credential_helpers(context)
        except SourceError as error:
            steps.append(Step("file", Outcome.FAILED, "registries.conf", error.message, error.hint))
            return self._resolution(context, reference, error, steps)
        for helper in helpers:
            try:
                if helper == AUTH_FILES:
                    found = _ask_files(context, key, registry, steps)
                else:
                    found = _ask_helper(context, helper, registry, "registries.conf", steps)
            except SourceError as error:
                errors.append(error)
                continue
            if not isinstance(found.credential, Anonymous):
                return self._resolution(context, reference, found, steps)
        return self._resolution(context, reference, errors[0] if errors else found, steps)

    def _resolution(
        self, context: Context, reference: Reference, outcome: _Found | SourceError, steps: list[Step]
    ) -> Resolution:
        answer = outcome if isinstance(outcome, SourceError) else outcome.credential
        found = _Found(ANONYMOUS) if isinstance(outcome, SourceError) else outcome
        return Resolution(
            context=context.name,
            client=self.name,
            reference=reference,
            server_url=reference.registry,
            answer=answer,
            steps=tuple(steps),
            source=found.source,
            behaviour=f"{self.name} stops with that error" if isinstance(outcome, SourceError) else "",
            alternatives=found.alternatives,
        )

    def target(self, context: Context, server: str) -> Target:
        """Return where ``login`` stores: the helper that the auth file names for the registry, else the file itself."""
        key = _login_key(server)
        helper = next((name for name in credential_helpers(context) if name != AUTH_FILES), None)
        file = auth_files(context)[0]
        if helper is None and "/" not in key:
            helper = _load(context, file).helpers.get(key)
        else:
            _load(context, file)
        if helper and "/" in key:
            raise UsageError(
                f"docker-credential-{helper} stores no login for a part of a registry",
                hint=f"{self.name} login {key.partition('/')[0]}",
            )
        return Target(file.path, key, helper or None)

    def erasures(self, context: Context, server: str) -> list[Target]:
        """Return what ``logout SERVER`` erases: every configured helper's login, and the entry of the first file."""
        key = _login_key(server)
        file = auth_files(context)[0]
        targets = [Target(file.path, key, name) for name in credential_helpers(context) if name != AUTH_FILES]
        inner = _load(context, file).helpers.get(key)
        return [*targets, *([Target(file.path, key, inner)] if inner else []), Target(file.path, key)]

    def entries(self, context: Context) -> list[Entry]:
        """Return the logins of all auth files and helpers, broken places included."""
        entries: list[Entry] = []
        try:
            helpers = [name for name in credential_helpers(context) if name != AUTH_FILES]
        except SourceError as error:
            return [Entry("", "", "", "registries.conf", error=error)]
        for helper in helpers:
            entries.extend(_helper_entries(context, "registries.conf", helper))
        for file in auth_files(context):
            try:
                loaded = _load(context, file)
            except SourceError as error:
                entries.append(Entry("", "", "", file.path, error=error))
                continue
            for key, helper in loaded.helpers.items():
                entries.extend(_helper_entries(context, file.path, helper, key))
            entries.extend(_file_entries(file, loaded))
        return entries


def _whose(context: Context) -> str:
    return f"uid {context.uid}, home {context.home()}" if context.uid is not None else f"home {context.home()}"


def _login_key(server: str) -> str:
    """Return the key of a login: ``host[/namespace]``. Raises UsageError as the programs do."""
    for scheme in ("https://", "http://"):
        server = server.removeprefix(scheme)  # login drops it, with a warning
    server = server.rstrip("/")
    if "@" in server or ":" in server.partition("/")[2]:
        raise UsageError(f"{printable(server)}: a login has no tag or digest", hint="name a registry or a namespace")
    if not server:
        raise UsageError("no registry was named")
    return server


def _ask_helper(context: Context, suffix: str, registry: str, why: str, steps: list[Step]) -> _Found:
    from shorepass.helper.client import HelperClient

    client = HelperClient(context, suffix)
    try:
        credential = client.get(registry)
    except SourceError as error:
        steps.append(Step("helper", Outcome.FAILED, client.program, error.message, error.hint))
        raise
    if isinstance(credential, Anonymous):
        steps.append(Step("helper", Outcome.SKIPPED, client.program, f"has no login for {registry} (set in {why})"))
        return _Found(ANONYMOUS)
    steps.append(Step("helper", Outcome.OK, client.program, f"has a login for {registry} (set in {why})"))
    return _Found(credential, Source(why, registry, suffix))


def _ask_files(context: Context, key: str, registry: str, steps: list[Step]) -> _Found:
    """Return the first answer of the auth files, in their order; a file without one hands on to the next."""
    found = _Found(ANONYMOUS)
    for file in auth_files(context):
        try:
            content = context.read(file.path, document.SIZE_LIMIT)
            if content is None:
                steps.append(Step("file", Outcome.SKIPPED, file.path, f"not there ({file.why})"))
                continue
            loaded = _load(context, file)
        except SourceError as error:
            steps.append(Step("file", Outcome.FAILED, file.path, error.message, error.hint))
            raise
        steps.append(Step("file", Outcome.OK, file.path, file.why))
        if registry in loaded.helpers:
            found = _ask_helper(context, loaded.helpers[registry], registry, file.path, steps)
        else:
            found = _ask_entries(file, loaded, key, registry, steps)
        if not isinstance(found.credential, Anonymous):
            return found
    return found


def _ask_entries(file: AuthFile, loaded: _File, key: str, registry: str, steps: list[Step]) -> _Found:
    for candidate in [registry] if file.legacy else _keys(key):
        if candidate in loaded.auths:
            credential = _decode(file, loaded, candidate, steps)
            return _Found(credential, Source(file.path, candidate))
    same = [name for name in loaded.auths if _normal_key(name, legacy=file.legacy) == _normal(registry)]
    if not same:
        steps.append(Step("key", Outcome.SKIPPED, key, f"no key in {file.path} fits"))
        return _Found(ANONYMOUS)
    answers = [_decode(file, loaded, name, steps) for name in same]
    others = tuple(answer for answer in answers[1:] if answer != answers[0])
    return _Found(answers[0], Source(file.path, same[0]), others)


def _keys(key: str) -> Iterator[str]:
    """Yield ``host/ns/repo``, ``host/ns``, ``host``."""
    while True:
        yield key
        key, slash, _ = key.rpartition("/")
        if not slash:
            return


def _normal(registry: str) -> str:
    return HUB_NORMAL if registry in HUB_NAMES else registry


def _normal_key(key: str, *, legacy: bool) -> str:
    stripped = key.removeprefix("http://").removeprefix("https://")
    if legacy or stripped != key:
        stripped = stripped.partition("/")[0]
    return _normal(stripped)


def _decode(file: AuthFile, loaded: _File, key: str, steps: list[Step]) -> Credential:
    try:
        credential = read_containers_entry(loaded.auths[key])
    except ValueError as error:
        reason = f"the entry {key!r}: {error}"
        hint = f"log in again, or take the entry {key!r} out of {file.path}"
        steps.append(Step("entry", Outcome.FAILED, key, reason, hint))
        raise MalformedFile(file.path, reason, hint=hint) from None
    if isinstance(credential, Anonymous):
        steps.append(Step("entry", Outcome.SKIPPED, key, "holds no user name and password in its auth field"))
    else:
        steps.append(Step("key", Outcome.OK, key, _said(credential)))
    return credential


def _said(credential: Credential) -> str:
    if isinstance(credential, Basic):
        return f"user name {credential.username!r} and a password"
    return "an identity token"


def _load(context: Context, file: AuthFile) -> _File:
    """Return a decoded auth file, empty when absent. Raises FileError; MalformedFile where Go's decoder refuses it."""
    content = context.read(file.path, document.SIZE_LIMIT)
    if content is None:
        return _File({}, {})
    loaded = document.load(content)
    auths = loaded if file.legacy else loaded.get("auths")
    helpers = None if file.legacy else loaded.get("credHelpers")
    if not _is_map(auths, dict) or not _is_map(helpers, str):
        raise MalformedFile(
            file.path,
            "auths is not an object of objects, or credHelpers not one of names",
            owner=content.owner,
            mode=content.mode,
            hint="mend it in an editor, or move it away",
        )
    entries = {key: entry or {} for key, entry in (auths or {}).items()}
    return _File(entries, {key: suffix or "" for key, suffix in (helpers or {}).items()})


def _is_map(value: object, of: type) -> bool:
    return value is None or (
        isinstance(value, dict) and all(item is None or isinstance(item, of) for item in value.values())
    )


def _file_entries(file: AuthFile, loaded: _File) -> list[Entry]:
    entries = []
    for key, value in loaded.auths.items():
        try:
            credential = read_containers_entry(value)
        except ValueError as error:
            broken = MalformedFile(file.path, f"the entry {key!r}: {error}")
            entries.append(Entry(key, "", "", file.path, error=broken))
            continue
        if isinstance(credential, Basic):
            entries.append(Entry(key, credential.username, "password", file.path))
        elif isinstance(credential, IdentityToken):
            entries.append(Entry(key, credential.username, "identity token", file.path))
    return entries


def _helper_entries(context: Context, path: str, suffix: str, key: str | None = None) -> list[Entry]:
    """Return a helper's logins: for one key of a file, or all that it lists."""
    from shorepass.helper.client import HelperClient

    client = HelperClient(context, suffix)
    try:
        names = client.list()
    except SourceError as error:
        return [Entry(key or "", "", "", path, suffix, error)]
    rows = names.items() if key is None else [(key, names[key])] if key in names else []
    return [
        Entry(
            url, "" if user == "<token>" else user, "identity token" if user == "<token>" else "password", path, suffix
        )
        for url, user in rows
    ]
