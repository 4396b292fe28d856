"""crane: the default keychain of go-containerregistry, by which ko, kaniko and cosign find a login, too.

Version followed: 0.21.9, which is built on docker/cli 29.6. Sources: pkg/authn/keychain.go, cmd/crane/cmd/auth.go,
pkg/v1/remote/transport (what of an entry is sent), and docker/cli ``cli/config/``.

It reads one file: docker's where there is one in the home or in DOCKER_CONFIG, else the one that REGISTRY_AUTH_FILE names,
else podman's, each as docker reads its own. It asks twice: for the repository's full name, then for the registry. The first
answer with anything in it counts, even one of which nothing is sent. Any failure on the way ends the command.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import Entry, Target, docker_entries
from shorepass.clients.docker import DOCKER_WORDS, KEPT_KEYS, VARIABLE, Docker
from shorepass.clients.docker_entries import beside_helper
from shorepass.clients.docker_files import DockerFiles
from shorepass.clients.facts import Facts
from shorepass.clients.followed import Followed
from shorepass.clients.release import Release, full_name
from shorepass.clients.trace import Trace, said
from shorepass.config import docker_config
from shorepass.config.auth_entry import SINCE_29, AuthConfig
from shorepass.config.auth_file import AuthFile
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import docker_config_path, join
from shorepass.contexts.command import command, fixed_by
from shorepass.credential import ANONYMOUS, Anonymous, BearerToken
from shorepass.errors import HelperError, MalformedFile, SourceError, UsageError, printable, without_user_info
from shorepass.helper.client import HelperClient
from shorepass.helper.login_command import log_in
from shorepass.names import (
    HUB_REGISTRY,
    TransportName,
    is_registry,
    is_upper_case_word,
    registry_of_server,
    server_url,
    split_host_port,
)
from shorepass.resolution import Outcome, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from shorepass.clients import Client
    from shorepass.config.docker_config import DockerConfig
    from shorepass.contexts import Context
    from shorepass.names import Reference
    from shorepass.resolution import Resolution

__all__ = ["CRANE", "client"]

NEWEST = Release(0, 21, 9)  # the newest release that was compared with the real program
DIALECT = SINCE_29._replace(raw=True)  # crane itself makes the header, of the very bytes
FILE_STORE = Docker(Release(29, 6))  # whose way to find a key of the same host it shares
HUB_HOST = "index.docker.io"
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
STOPS = "crane stops with that error, and asks no registry"
FACTS = Facts(
    label="crane, ko, kaniko, cosign",
    file_name="config.json",
    folders=(".docker", "docker", "containers"),
    variable="DOCKER_CONFIG",
    variables=("DOCKER_CONFIG", "REGISTRY_AUTH_FILE"),
    words=DOCKER_WORDS,
    failure_code=1,
    broken_file=STOPS,
    broken_helper=STOPS,
    plain_http_advice="give {client} --insecure",
    reads=("podman",),
    reads_user_name=True,
    repositories=True,
    helper_repositories=True,
    kept_keys=KEPT_KEYS,
    variable_with_logins=VARIABLE,
    reads_creds_store=True,
    records=True,
    warns_of_plain_text=True,
)
NOTHING = AuthConfig()


class _Possible(NamedTuple):
    """What one key may be answered with, the alphabet's first first, and where that is from."""

    auths: list[AuthConfig]
    source: Source


class Crane(DockerFiles):
    """crane, and what else uses its default keychain. Its rules are the same in every release."""

    facts = FACTS
    dialect = DIALECT

    def __init__(self, release: Release | None = None) -> None:
        self.name = full_name("crane", release)
        self.release = release

    def followed(self, context: Context) -> Followed:
        """Return the release: its number changes nothing here."""
        return Followed(context, "crane", self.release, NEWEST)

    def files(self, context: Context, *, for_login: bool = False) -> list[AuthFile]:
        """Return the one file that is read, or docker's where no file exists: login writes that, whichever is read."""
        found = None if for_login else _file(context)
        return [found or AuthFile(*docker_config_path(context), self.row.family)]

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what crane sends for an image."""
        if reference.registry == "localhost" and reference.repository:  # pkg/name: a registry has a dot or a colon
            reference = reference._replace(registry=HUB_REGISTRY, repository=f"localhost/{reference.repository}")
        trace = Trace(context, reference, self.name, server_url(reference.registry), broken=STOPS)
        try:
            _check_name(reference)
            return _resolve(trace)
        except SourceError as error:
            return trace.resolution(error)

    def fitting(self, keys: Collection[str], reference: Reference) -> list[str]:
        """Return those of a file's keys whose login crane may take: the repository's own, else the registry's."""
        name, *_ = _keys(reference)
        return [name] if name in keys else FILE_STORE.fitting(keys, reference)

    def target(self, context: Context, server: str) -> Target:
        """Return where ``crane auth login SERVER`` stores: in docker's file, whichever file crane reads now."""
        return _target(context, server, "login")

    def erasures(self, context: Context, server: str) -> list[Target]:
        """Return what ``crane auth logout SERVER`` erases: the one key, in docker's file or its helper."""
        return [_target(context, server, "logout")]

    def entries(self, context: Context, *, ask_helpers: bool = True) -> list[Entry]:
        """Return the logins of the one file that crane reads, and of the variable beside it."""
        file = _file(context)
        if file is None:
            return []
        path = file.path
        found = _variable_entries(context)
        try:
            config = _load(context, path)
        except SourceError as error:
            return [*found, Entry("", "", "", path, error=error)]
        return found + docker_entries.entries(context, path, config, config.creds_store, ask_helpers=ask_helpers)

    def passes_over_variable(self, context: Context, *, runs: bool) -> str:  # noqa: ARG002
        """Return why not: there is no file beside it."""
        return "" if _file(context) else "crane reads it only beside a file, and no file exists"

    def certificate_folders(self, context: Context, host: str) -> list[str]:  # noqa: ARG002
        """Return none: crane trusts what the system trusts."""
        return []

    def is_insecure(self, context: Context, reference: Reference, *, tls: bool, seconds: float) -> bool:  # noqa: ARG002
        """Tell whether crane tries plain http by itself: at names and addresses that it takes for near (pkg/name)."""
        return not tls and _is_near(reference.registry)


CRANE = Crane()


def client(name: str, release: Release | None = None) -> Client:  # noqa: ARG001
    """Return the one client of this file."""
    return Crane(release) if release else CRANE


def _check_name(reference: Reference) -> None:
    """Raise SourceError where crane takes no such name for that of an image (pkg/name repository.go, digest.go)."""
    if isinstance(reference, TransportName):
        raise SourceError("crane reads no image with docker:// before its name", hint=f"crane digest {reference}")
    if reference.repository and is_upper_case_word(reference.registry):
        reason = f"crane reads no name of an image in a registry such as {reference.registry}"
        raise SourceError(reason, hint="give that registry a name with a dot")
    if len(reference.repository) == 1:
        raise SourceError("crane reads no name of an image that is a single letter")
    if reference.digest and not reference.digest.startswith("sha256:"):
        raise SourceError("crane reads no digest but sha256")


def _is_near(registry: str) -> bool:

    host, port = split_host_port(registry)
    if host in ("127.0.0.1", "[::1]") or host.endswith(".localhost") or (host == "localhost" and port):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in PRIVATE_NETWORKS)


def _file(context: Context) -> AuthFile | None:
    """Return the file that is read; None: none of them exists."""
    home, folder = context.home(), context.getenv("DOCKER_CONFIG")
    usual = join(context, home, ".docker", "config.json") if home else ""
    if (usual and _is_file(context, usual)) or (folder and _is_file(context, join(context, folder, "config.json"))):
        return AuthFile(
            *docker_config_path(context), "docker"
        )  # the one in DOCKER_CONFIG, even where only the other is there
    named = context.getenv("REGISTRY_AUTH_FILE")
    if named and _is_file(context, named):
        return AuthFile(named, "REGISTRY_AUTH_FILE names it, and docker's file is not there", "podman")
    runtime, config = context.getenv("XDG_RUNTIME_DIR"), context.getenv("XDG_CONFIG_HOME")
    own = config or (join(context, home, ".config") if home else "")
    for place, why in ((runtime, "it is in XDG_RUNTIME_DIR"), (own, "it is in XDG_CONFIG_HOME, or ~/.config")):
        path = join(context, place, "containers", "auth.json") if place else ""
        if path and _is_file(context, path):
            return AuthFile(path, f"{why}, and docker's file is not there", "podman")
    return None


def _is_file(context: Context, path: str) -> bool:
    """Tell whether crane takes a path for a file that is there: where it cannot look, it is not."""
    try:
        status = context.status(path)
    except SourceError:
        return False
    return status is not None and status.kind != "folder"


def _load(context: Context, path: str) -> DockerConfig:
    try:
        return docker_config.load(context.read(path, SIZE_LIMIT), DIALECT)
    except MalformedFile as error:
        raise fixed_by(error, context) from None


def _keys(reference: Reference) -> list[str]:
    """Return what crane asks for, in its order: the image's full name, then the registry."""
    host = HUB_HOST if reference.registry == HUB_REGISTRY else reference.registry
    name = [f"{host}/{reference.repository}"] if reference.repository else []
    return [*name, server_url(reference.registry)]


def _resolve(trace: Trace) -> Resolution:
    context, reference = trace.context, trace.reference
    file = _file(context)
    if file is None:
        trace.add(
            "file", Outcome.SKIPPED, docker_config_path(context)[0], "there is no such file, and none of podman's"
        )
        if context.getenv(VARIABLE):
            trace.add("file", Outcome.SKIPPED, VARIABLE, "set, but crane reads it only beside a file")
        return trace.resolution(ANONYMOUS)
    path, why = file.path, file.why
    try:
        content = context.read(path, SIZE_LIMIT)
        config = docker_config.load(content, DIALECT)
    except SourceError as error:
        fixed_by(error, context)
        trace.add("file", Outcome.FAILED, path, error.message.removeprefix(path).lstrip(": "), error.hint)
        raise
    if content is None:
        trace.add("file", Outcome.SKIPPED, path, f"there is no such file ({why})")
    else:
        trace.add("file", Outcome.OK, path, why)
    variable = _variable(trace)
    for key in _keys(reference):
        possible = _ask(trace, path, config, variable, key)
        if possible is not None and possible.auths != [NOTHING]:
            return _answer(trace, possible)
    return trace.resolution(ANONYMOUS)


def _answer(trace: Trace, possible: _Possible) -> Resolution:
    first, *others = [auth.credential() for auth in possible.auths]
    distinct = tuple(dict.fromkeys(other for other in others if other != first))
    return trace.resolution(first, possible.source, alternatives=distinct)


def _variable(trace: Trace) -> Mapping[str, AuthConfig]:
    """Return what DOCKER_AUTH_CONFIG says: nothing where it is malformed, as docker's."""
    text = trace.context.getenv(VARIABLE)
    if not text:
        return {}
    try:
        return docker_config.load_variable(text, DIALECT)
    except MalformedFile as error:
        reason = f"{error.message}; crane prints that, and continues as if it were not set"
        trace.add("file", Outcome.FAILED, VARIABLE, reason, f"unset {VARIABLE}")
        return {}


def _variable_entries(context: Context) -> list[Entry]:
    try:
        auths = docker_config.load_variable(context.getenv(VARIABLE) or "", DIALECT)
    except MalformedFile as error:
        return [Entry("", "", "", VARIABLE, error=error)]
    found = [docker_entries.entry(key, auth, VARIABLE) for key, auth in auths.items()]
    return [entry for entry in found if entry]


def _ask(
    trace: Trace, path: str, config: DockerConfig, variable: Mapping[str, AuthConfig], key: str
) -> _Possible | None:
    """Return what one key may be answered with; None: nothing has it. Raises HelperError."""
    if key in variable:
        trace.add("key", Outcome.OK, key, f"{VARIABLE} has it, and overrides every file and helper")
        trace.add_entry(VARIABLE, variable[key].credential())
        return _Possible([variable[key]], Source(VARIABLE, key))
    keys = FILE_STORE.fitting_key(config.auths, key)
    auths = [config.entry(found) for found in keys] or [NOTHING]
    if helper := config.helper(key):
        return _ask_helper(trace, path, helper, key, keys, auths)
    if not keys:
        trace.add("key", Outcome.SKIPPED, key, f"no key in {path} is or names that")
        return None
    if keys[0] == key:
        trace.add("key", Outcome.OK, without_user_info(key), "what crane asks for, exactly")
    else:
        trace.add_key(keys[0], len(keys) - 1)
    trace.add_entry(keys[0], auths[0].credential())
    return _Possible(auths, Source(path, keys[0]))


def _ask_helper(trace: Trace, path: str, helper: str, key: str, keys: list[str], auths: list[AuthConfig]) -> _Possible:
    """Ask a helper; a registry token is still taken from the file's entry."""
    client = HelperClient(trace.context, helper, named_in=path)
    try:
        answer = client.get(key)
    except HelperError as error:
        trace.add("helper", Outcome.FAILED, client.program, error.message, error.hint)
        raise
    if isinstance(answer, Anonymous):
        login = log_in(trace.context, trace.reference.registry, client=trace.client, helper=helper)
        trace.add("helper", Outcome.SKIPPED, client.program, f"has no login for {key}", login)
    else:
        trace.add("helper", Outcome.OK, client.program, f"for {key}: {said(answer)}")
    merged = [beside_helper(auth, answer) for auth in auths]
    if isinstance(merged[0].credential(), BearerToken):
        shown = without_user_info(keys[0])
        trace.add("entry", Outcome.OK, shown, "a registry token: crane keeps it beside what a helper says")
        return _Possible(merged, Source(path, keys[0]))
    return _Possible(merged, Source(path, key, helper))


def _target(context: Context, server: str, verb: str) -> Target:
    """Return where a login is, or will be. Raises InvalidReference, UsageError: more than a registry's name; SourceError."""
    registry = registry_of_server(server)
    if not is_registry(server):
        raise UsageError(
            f"crane takes no such registry: {printable(without_user_info(server))}",
            hint=command(context, verb, registry, client="crane"),
        )
    path, key = docker_config_path(context)[0], server_url(server)
    helper = _load(context, path).helper(key)
    return Target(path, key, helper or None, records=bool(helper))
