"""docker: the rules by which ``docker pull`` and ``docker push`` find a login, and ``docker login`` stores one.

Source: docker/cli ``cli/config/``, ``cli/command/registry.go``. ``docker_releases`` has the rules that came with a release;
where one of them decides, the release on PATH counts.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import Entry, Target, docker_entries
from shorepass.clients.docker_entries import beside_helper
from shorepass.clients.docker_files import DockerFiles
from shorepass.clients.docker_releases import (
    CHECKS_FEATURES,
    FORGETS_DOCKERCFG,
    FORGETS_EXPERIMENTAL,
    FORGETS_KUBERNETES,
    FORGETS_ORCHESTRATOR,
    KEEPS_WHITESPACE,
    KNOWS_HUB_BY_HOST,
    KNOWS_IPV6,
    KNOWS_UPPER_CASE,
    NEEDS_USER_NAME,
    NEWEST,
    PARSES_URLS,
    READS_DASH,
    READS_VARIABLE,
    REPAIRS_URLS,
    SAYS_PARSING,
    STOPS_AT_HELPER,
    STORES_BY_HOST,
    TRIMS_PASSWORD,
)
from shorepass.clients.emulated import emulator_of
from shorepass.clients.facts import Facts, Words
from shorepass.clients.followed import Followed
from shorepass.clients.release import full_name
from shorepass.clients.trace import Trace, said
from shorepass.config import docker_config
from shorepass.config.auth_entry import STRICTEST, AuthConfig, Dialect
from shorepass.config.docker_config import DockerConfig
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import docker_config_path, dockercfg_path, in_the_way
from shorepass.contexts.command import fixed_by
from shorepass.credential import ANONYMOUS, Anonymous, BearerToken, Credential
from shorepass.errors import (
    ContextError,
    FileError,
    HelperError,
    MalformedFile,
    SourceError,
    UsageError,
    without_user_info,
)
from shorepass.foreign_text import quoted
from shorepass.names import (
    HUB_REGISTRY,
    HUB_SERVER_URL,
    TransportName,
    host_of_key,
    is_ipv6,
    is_upper_case_word,
    registry_of_server,
    server_url,
)
from shorepass.resolution import Outcome, Resolution, Source, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from shorepass.clients import Client
    from shorepass.clients.release import Release, Rule
    from shorepass.contexts import Context, FileContent
    from shorepass.names import Reference

__all__ = ["DOCKER", "DOCKER_WORDS", "KEPT_KEYS", "VARIABLE", "Docker", "client"]

VARIABLE = "DOCKER_AUTH_CONFIG"
# Fields of the file, in lower case, that a release does not know: those before a rule, or those since it.
UNKNOWN_BEFORE = ((CHECKS_FEATURES, ("features",)),)
UNKNOWN_SINCE = (
    (FORGETS_KUBERNETES, ("kubernetes",)),
    (FORGETS_ORCHESTRATOR, ("stackorchestrator",)),
    (FORGETS_EXPERIMENTAL, ("experimental", "email")),
)

HUB_HOSTS = ("docker.io", "index.docker.io")

BROKEN_FILE = (
    "docker prints a warning, continues with what it had read of the file until then, and saves that at the next login"
)
KEPT_KEYS = (HUB_SERVER_URL, f"{HUB_SERVER_URL}access-token", f"{HUB_SERVER_URL}refresh-token")  # a login by browser
DOCKER_WORDS = Words(
    success="Login Succeeded",
    trying="Authenticating with existing credentials... [Username: {username}]",
    still_good="Login Succeeded",
    removed="Removing login credentials for {server}",
    not_logged_in="not logged into {server}",
)
FACTS = Facts(
    label="docker",
    file_name="config.json",
    folders=(".docker", "docker"),
    variable="DOCKER_CONFIG",
    variables=("DOCKER_CONFIG",),
    words=DOCKER_WORDS,
    failure_code=1,
    broken_file="docker prints a warning, continues with what it had read until then, and saves that at the next login",
    broken_helper="docker pull silently continues without a login (docker 29 stops); docker login fails",
    past_missing_helper="docker 28 and earlier pull with that one, docker 29 stops",
    plain_http_advice=(
        'put "insecure-registries": ["{registry}"] into /etc/docker/daemon.json, then: sudo systemctl reload docker'
    ),
    reads_user_name=True,
    kept_keys=KEPT_KEYS,
    variable_with_logins=VARIABLE,
    reads_creds_store=True,
    chooses_store=True,
    records=True,
    needs_server=False,
    warns_of_plain_text=True,
    stops_at_closed_folder=True,
    has_engine=True,
    snap="docker",
)
STOPS = "docker pull stops with that error"
REFUSES_NAME = "docker pull stops: invalid reference format"
SILENT_HELPER = "docker pull sends an empty auth, silently (docker 29 stops with an error)"


class _Picked(NamedTuple):
    """What docker's file says to a server URL: the ``keys`` among which docker takes one, and what it may have read there.

    ``auths``: the entry of each key; of one that docker may or may not have decoded, both. ``is_spoilt``: an entry has less in
    it for docker than for people.
    """

    keys: list[str]
    auths: tuple[AuthConfig, ...] = (AuthConfig(),)
    is_spoilt: bool = False


class Docker(DockerFiles):
    """docker of one ``release``. None: the docker that is on PATH, else the newest."""

    facts = FACTS

    def __init__(self, release: Release | None = None) -> None:
        self.name = full_name("docker", release)
        self.release = release
        self.dialect = _dialect(lambda rule: rule.holds(release))

    def followed(self, context: Context) -> Followed:
        """Return the release whose rules count in a context."""
        return Followed(context, "docker", self.release, NEWEST)

    def remarks(self, context: Context, reference: Reference) -> list[Step]:
        """Return what ``docker build`` does differently, or that the program is another one."""
        from shorepass.clients.buildx import steps_of_build

        other = emulator_of(context, self.name)
        if other:
            detail = f"it is {other} under this name, which uses its own files: --client {other}"
            return [Step("client", Outcome.SKIPPED, self.name, detail)]
        return steps_of_build(context, reference)

    def reads_dash(self, context: Context) -> bool:
        """Tell whether the release does."""
        return self.followed(context).has(READS_DASH)

    def login_password(self, context: Context, text: str, *, from_stdin: bool) -> str:
        """Return the text, without the whitespace around it where the release takes that off."""
        password = super().login_password(context, text, from_stdin=from_stdin)
        rules = self.followed(context)
        if password == password.strip() or rules.has(KEEPS_WHITESPACE) or not rules.has(TRIMS_PASSWORD):
            return password
        return password.strip()

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what docker sends to the daemon for an image, as the daemon uses it."""
        trace = Trace(context, reference, self.name, server_url(reference.registry), broken=BROKEN_FILE)
        rules = self.followed(context)
        if isinstance(reference, TransportName):
            error = SourceError("docker reads no image with docker:// before its name", hint=f"docker pull {reference}")
            return trace.resolution(error, behaviour=REFUSES_NAME)
        rule = _rule_of_name(reference.registry)
        if rule and not rules.has(rule):
            reason = f"docker {rules.release} knows no registry by such a name: since {rule.since}, {rule.name}"
            return trace.resolution(SourceError(reason), behaviour=REFUSES_NAME)
        try:
            return _ask_variable(trace, rules) or self._ask_file(trace, rules)
        except SourceError as error:
            return trace.resolution(error)

    def _ask_file(self, trace: Trace, rules: Followed) -> Resolution:
        path, config = _load(trace, rules)
        if config.refusal:
            return _refused(trace, path, config)
        helper, why = _helper(trace.context, config, trace.server_url)
        if helper:
            trace.add("helper", Outcome.OK, f"docker-credential-{helper}", why)
        else:
            trace.add("helper", Outcome.SKIPPED, "none", why)
        picked = _pick(config, _fitting(config.auths, trace.server_url, rules.has))
        if helper:
            return _ask_helper(trace, helper, path, config, picked, rules)
        if not picked.keys:
            trace.add("key", Outcome.SKIPPED, trace.server_url, f"no key in {path} is or names that registry")
            return _answer(trace, config, picked, None)
        trace.add_key(picked.keys[0], len(picked.keys) - 1)
        trace.add_entry(picked.keys[0], picked.auths[0].credential())
        return _answer(trace, config, picked, Source(path, picked.keys[0]))

    def _read(self, context: Context) -> tuple[str, DockerConfig]:
        """Return docker's file and what is in it. Raises SourceError: it is broken."""
        path = docker_config_path(context)[0]
        rules = self.followed(context)
        content = context.read(path, SIZE_LIMIT)
        legacy = _legacy(context, rules) if content is None else None
        config = legacy[1] if legacy else _decode(content, rules)
        if config.error is not None:
            raise fixed_by(config.error, context)
        return path, config

    def refusal(self, content: FileContent) -> str:
        """Return the alias at which docker stops, "" for none."""
        return docker_config.read(content, self.dialect).refusal

    def fitting(self, keys: Collection[str], reference: Reference) -> list[str]:
        """Return those of a file's keys whose login docker may take for an image."""
        return self.fitting_key(keys, server_url(reference.registry))

    def fitting_key(self, keys: Collection[str], server_url: str) -> list[str]:
        """Return those of a file's keys whose login docker may take for a server URL."""
        return _fitting(keys, server_url, lambda rule: rule.holds(self.release))

    def target(self, context: Context, server: str) -> Target:
        """Return where ``docker login SERVER`` stores.

        That is Docker Hub's key for an empty name, for ``docker.io`` and for the key itself. For each other name of Docker
        Hub, such as ``index.docker.io``, it is the host: there ``docker pull`` never looks.
        """
        path, config = self._read(context)
        if config.refusal:
            raise _refusal(path, config)
        rules = self.followed(context)
        if config.auths and context.status(path) is None:
            old = dockercfg_path(context)
            reason = f"{self.name} reads {old} only as long as there is no {path}, which this login would create"
            raise UsageError(reason, hint=f"docker login REGISTRY, which copies the logins of {old}")
        key = _login_key(server, rules)
        helper = _keeper(context, config, key, rules)
        found_as = HUB_REGISTRY if key in HUB_HOSTS else ""
        typed = helper if key == HUB_SERVER_URL else _keeper(context, config, server, rules)
        if typed != helper and not rules.has(STORES_BY_HOST):
            helper, found_as = typed, found_as or key
        detected = bool(helper) and not config.holds_auth
        return Target(path, key, helper or None, detected=detected, records=bool(helper), found_as=found_as)

    def erasures(self, context: Context, server: str) -> list[Target]:
        """Return what ``docker logout SERVER`` erases: the server as typed, its host, and that with both schemes.

        For Docker Hub, also its key and the two tokens of a login by browser. (docker itself erases these only where no
        server is named.)
        """
        path, config = self._read(context)
        rules = self.followed(context)
        key = _login_key(server, rules)
        names = list(KEPT_KEYS) if key in (HUB_SERVER_URL, *HUB_HOSTS) else []
        if server:
            host = _host(server, rules.has)
            names += [server, host, f"http://{host}", f"https://{host}"]
        helpers = {name: _keeper(context, config, name, rules) or None for name in names}
        detected = not config.holds_auth
        return [Target(path, name, helper, detected=bool(helper) and detected) for name, helper in helpers.items()]

    def entries(self, context: Context, *, ask_helpers: bool = True) -> list[Entry]:
        """Return docker's stored logins: all of the default store, and one for each registry with its own helper."""
        path = docker_config_path(context)[0]
        found = self._variable_entries(context)
        try:
            content = context.read(path, SIZE_LIMIT)
            legacy = _legacy(context, self.followed(context)) if content is None else None
            path, config = legacy or (path, _decode(content, self.followed(context)))
        except SourceError as error:
            return [*found, Entry("", "", "", path, error=error)]
        if config.error is not None:  # what docker has read of such a file still counts
            found.append(Entry("", "", "", path, error=fixed_by(config.error, context)))
        default = _helper(context, config, "")[0]
        return found + docker_entries.entries(context, path, config, default, ask_helpers=ask_helpers)

    def passes_over_variable(self, context: Context, *, runs: bool) -> str:
        """Return why not: this release does not know it."""
        rules = self.followed(context)
        return _not_read_by(rules) if runs and not rules.has(READS_VARIABLE) else ""

    def certificate_folders(self, context: Context, host: str) -> list[str]:
        """Return the user's own and the system's."""
        from shorepass.clients.certificates import docker_folders

        return docker_folders(context, host)

    def is_insecure(self, context: Context, reference: Reference, *, tls: bool, seconds: float) -> bool:  # noqa: ARG002
        """Ask the engine, which has one list for both."""
        from shorepass.clients.insecure import is_listed_by_engine

        return is_listed_by_engine(context, reference.registry, seconds)

    def _variable_entries(self, context: Context) -> list[Entry]:
        text = context.getenv(VARIABLE)
        if not text or not self.followed(context).has(READS_VARIABLE):
            return []
        try:
            auths = docker_config.load_variable(text)
        except SourceError as error:
            return [Entry("", "", "", VARIABLE, error=error)]
        found = [docker_entries.entry(key, auth, VARIABLE) for key, auth in auths.items()]
        return [entry for entry in found if entry]


def _rule_of_name(registry: str) -> Rule | None:
    """Return the rule without which a name is not that of a registry; None: every release knows such names."""
    if is_ipv6(registry):
        return KNOWS_IPV6
    return KNOWS_UPPER_CASE if is_upper_case_word(registry) else None


def _helper(context: Context, config: DockerConfig, server_url: str) -> tuple[str, str]:
    """Return the helper that docker asks for a server URL, empty for the file, and why that one."""
    if server_url in config.cred_helpers:
        helper = config.cred_helpers[server_url]
        return helper, "credHelpers names it for this registry" if helper else "credHelpers has an empty name here"
    if config.creds_store:
        return config.creds_store, "credsStore names it"
    if config.holds_auth:
        return "", "the file names no helper for this registry"
    detected = _detect(context)
    if detected:
        return detected, "the file knows of no login, and this is the platform's own store and on PATH"
    return "", "the file names none, and the platform's own is not on PATH"


def _keeper(context: Context, config: DockerConfig, name: str, rules: Followed) -> str:
    """Return the helper that a login or a logout asks. Which of two is up to the release, for a name of Docker Hub."""
    helper = _helper(context, config, name)[0]
    if name not in HUB_HOSTS or helper == (of_hub := _helper(context, config, HUB_SERVER_URL)[0]):
        return helper
    return of_hub if rules.has(KNOWS_HUB_BY_HOST) else helper


def _detect(context: Context) -> str:
    """Return the store docker chooses by itself (``cli/config/credentials/default_store*.go``), empty for none."""
    if context.platform == "linux":
        store = "pass" if context.which("pass") else "secretservice"
    else:
        store = {"darwin": "osxkeychain", "windows": "wincred"}.get(context.platform, "")
    return store if store and context.which(f"docker-credential-{store}") else ""


def _ask_variable(trace: Trace, rules: Followed) -> Resolution | None:
    text = trace.context.getenv(VARIABLE)
    if not text:
        return None
    if not rules.has(READS_VARIABLE):
        trace.add("file", Outcome.SKIPPED, VARIABLE, f"set, and {_not_read_by(rules)}")
        return None
    try:
        auths = docker_config.load_variable(text)
    except SourceError as error:
        reason = f"{error.message}; docker prints that, and continues as if it were not set"
        trace.add("file", Outcome.FAILED, VARIABLE, reason, f"unset {VARIABLE}, or fix it")
        return None
    if trace.server_url not in auths:
        trace.add("file", Outcome.SKIPPED, VARIABLE, f"set, and holds no key {trace.server_url!r}")
        return None
    path = docker_config_path(trace.context)[0]
    config = _as_far_as_read(trace.context, path, rules)
    if config.refusal:
        return _refused(trace, path, config)
    trace.add("file", Outcome.OK, VARIABLE, "set, and overrides every file and helper")
    trace.add("key", Outcome.OK, trace.server_url, "what docker asks for, exactly")
    credential = auths[trace.server_url].credential()
    trace.add_entry(VARIABLE, credential)
    return trace.resolution(credential, Source(VARIABLE, trace.server_url))


def _as_far_as_read(context: Context, path: str, rules: Followed) -> DockerConfig:
    try:
        return _decode(context.read(path, SIZE_LIMIT), rules)
    except FileError:
        return docker_config.NOTHING  # docker warns, and knows nothing of it


def _refused(trace: Trace, path: str, config: DockerConfig) -> Resolution:
    """Return that docker stops before it looks for a login."""
    error = _refusal(path, config)
    trace.add("client", Outcome.FAILED, trace.client, error.message, error.hint)
    return trace.resolution(error, behaviour=STOPS)


def _refusal(path: str, config: DockerConfig) -> MalformedFile:
    return MalformedFile(path, config.refusal, hint=f'remove it from "aliases" in {quoted(path)}')


def _not_read_by(rules: Followed) -> str:
    return f"docker {rules.release} does not read it: {READS_VARIABLE.since} and later do"


def _load(trace: Trace, rules: Followed) -> tuple[str, DockerConfig]:
    """Read docker's file as far as docker gets, and add the step."""
    path, why = docker_config_path(trace.context)
    try:
        content = trace.context.read(path, SIZE_LIMIT)
        other = in_the_way(trace.context, path) if content is None else ""
        if content is None and not other and (legacy := _legacy(trace.context, rules)):
            return _load_legacy(trace, *legacy)
        config = _decode(content, rules)
        if other:
            config = config._replace(error=FileError(path, f"{other} is not a folder"))
    except ContextError:
        raise  # docker could read it: Shorepass cannot
    except SourceError as error:
        content, config = None, docker_config.NOTHING._replace(error=error, lost=True)
    if config.error is not None:
        broken = fixed_by(config.error, trace.context)
        reason = broken.message.removeprefix(path).lstrip(": ")
        trace.add("file", Outcome.FAILED, path, f"{reason}; {_warning(config, rules)}", broken.hint)
    elif content is None:
        trace.add("file", Outcome.SKIPPED, path, f"there is no such file ({why})")
    else:
        trace.add("file", Outcome.OK, path, why)
    return path, config


def _legacy(context: Context, rules: Followed) -> tuple[str, DockerConfig] | None:
    """Return the path of the file of before 2015, and what is in it; None: the release does not read it, or it is not there."""
    path = dockercfg_path(context)
    try:
        content = context.read(path, SIZE_LIMIT)
    except FileError:
        return None  # docker says nothing of it then
    if content is None or rules.has(FORGETS_DOCKERCFG):
        return None
    return path, docker_config.read_legacy(content, HUB_SERVER_URL, _dialect(rules.has))


def _load_legacy(trace: Trace, path: str, config: DockerConfig) -> tuple[str, DockerConfig]:
    """Add the step of the file of before 2015."""
    if config.error is None:
        trace.add("file", Outcome.OK, path, "docker 22 and earlier read it where there is no config.json")
    else:
        reason = config.error.message.removeprefix(path).lstrip(": ")
        trace.add("file", Outcome.FAILED, path, f'{reason}; docker prints "WARNING: Error loading config file"')
    return path, config


def _warning(config: DockerConfig, rules: Followed) -> str:
    """Return what docker prints about a broken file, and what it then has of that."""
    doing = "parsing" if rules.has(SAYS_PARSING) and isinstance(config.error, MalformedFile) else "loading"
    printed = f'docker prints "WARNING: Error {doing} config file"'
    if config.broken and not config.undecoded:
        return f'{printed}, and decodes the "auth" of a random part of the other entries'
    return f'{printed}, and decodes no "auth" of any entry'


def _decode(content: FileContent | None, rules: Followed) -> DockerConfig:
    """Decode docker's file. Which release it is only counts where one of them finds fault with it."""
    config = docker_config.read(content, STRICTEST)
    return config if config.error is None else docker_config.read(content, _dialect(rules.has))


def _dialect(has: Callable[[Rule], bool]) -> Dialect:
    unknown = [names for rule, names in UNKNOWN_SINCE if has(rule)]
    unknown += [names for rule, names in UNKNOWN_BEFORE if not has(rule)]
    return Dialect(nobody=not has(NEEDS_USER_NAME), retired=frozenset().union(*unknown))


def _pick(config: DockerConfig, keys: list[str]) -> _Picked:
    """Return the entry that docker's file store takes: the exact key, else any key of that host.

    docker goes through the keys in the random order of a Go map; Shorepass takes the alphabet's first.
    """
    if not keys:
        return _Picked(keys)
    auths = tuple(chain.from_iterable(config.possible(key) for key in keys))
    return _Picked(keys, auths, any(config.is_spoilt(key) for key in keys))


def _fitting(keys: Collection[str], server_url: str, has: Callable[[Rule], bool]) -> list[str]:
    if server_url in keys:
        return [server_url]
    seek = "" if server_url.startswith("[") else server_url  # Go may add these brackets, all else is in the key
    return sorted(key for key in keys if seek in key and _means(key, server_url, has))


def _means(key: str, server_url: str, has: Callable[[Rule], bool]) -> bool:
    """Tell whether a key means a host. The release is asked for only where releases differ about it."""
    possible = (_host_of_key_before_27(key), host_of_key(key), host_of_key(key, repair=True))
    return server_url in possible and _host(key, has) == server_url


def _answer(trace: Trace, config: DockerConfig, picked: _Picked, source: Source | None) -> Resolution:
    """Return what the file has: its error only where docker sends nothing because of that."""
    first, others = _distinct([auth.credential() for auth in picked.auths])
    if config.error is not None and first == ANONYMOUS and not others and (config.lost or picked.is_spoilt):
        return trace.resolution(config.error, alternatives=(ANONYMOUS,))
    return trace.resolution(first, source, alternatives=others)


def _ask_helper(
    trace: Trace, helper: str, path: str, config: DockerConfig, picked: _Picked, rules: Followed
) -> Resolution:
    """Ask a helper; a registry token is still taken from the file's entry (``credentials/native_store.go``)."""
    from shorepass.helper.client import HelperClient
    from shorepass.helper.login_command import log_in, why_none  # a login in a file needs neither

    client = HelperClient(trace.context, helper)
    trace.add("key", Outcome.OK, trace.server_url, "what docker asks the helper for")
    try:
        answer = client.get(trace.server_url)
    except HelperError as error:
        trace.add("helper", Outcome.FAILED, client.program, f"get: {error.said}", error.hint)
        if rules.has(STOPS_AT_HELPER):
            return trace.resolution(error, behaviour=STOPS)
        return _without_helper(trace, error, path, picked)
    if isinstance(answer, Anonymous):
        login = log_in(trace.context, trace.reference.registry, client=trace.client, helper=helper)
        reason = why_none(trace.context, trace.reference.registry, helper)
        trace.add("helper", Outcome.SKIPPED, client.program, reason, login)
    elif isinstance(beside_helper(AuthConfig(), answer).credential(), Anonymous):
        trace.add("helper", Outcome.SKIPPED, client.program, "its answer lacks the user name or the secret")
    else:
        trace.add("helper", Outcome.OK, client.program, said(answer))
    credential, others = _distinct([beside_helper(auth, answer).credential() for auth in picked.auths])
    if config.lost and config.error is not None and credential == ANONYMOUS:
        return trace.resolution(config.error, alternatives=(ANONYMOUS,))  # its file may have a login or name a helper
    source = Source(path, trace.server_url, helper)
    if isinstance(credential, BearerToken):
        trace.add_key(picked.keys[0], len(picked.keys) - 1)
        key = without_user_info(picked.keys[0])
        trace.add("entry", Outcome.OK, key, f"{said(credential)}: docker keeps it beside what a helper says")
        source = Source(path, picked.keys[0])
    return trace.resolution(credential, source, alternatives=others)


def _without_helper(trace: Trace, error: HelperError, path: str, picked: _Picked) -> Resolution:
    """Return what docker sends although its helper failed: what is left in the file."""
    first, others = _distinct([auth.credential() for auth in picked.auths])
    if first == ANONYMOUS and not others:
        return trace.resolution(error, behaviour=SILENT_HELPER, alternatives=(ANONYMOUS,))
    shown = without_user_info(picked.keys[0])
    detail = f"docker pull silently sends what is left in {path}: {said(first)} (docker 29 stops with an error)"
    trace.add("entry", Outcome.OK, shown, detail)
    return trace.resolution(first, Source(path, picked.keys[0]), alternatives=others)


def _distinct(credentials: list[Credential]) -> tuple[Credential, tuple[Credential, ...]]:
    """Return the first credential, and the others that differ."""
    first, *others = dict.fromkeys(credentials)
    return first, tuple(others)


def _host_of_key_before_27(key: str) -> str:
    scheme, _, rest = key.partition("://")
    return (rest if scheme in ("http", "https") else key).partition("/")[0]


def _login_key(server: str, rules: Followed) -> str:
    """Return the key that a login is stored under. Raises InvalidReference."""
    server = server.strip()
    if server in ("", HUB_REGISTRY, HUB_SERVER_URL):
        return HUB_SERVER_URL
    registry_of_server(server)  # it must be one
    return _host(server, rules.has)


def _host(server: str, has: Callable[[Rule], bool]) -> str:
    """Return the host of a server or a key as the release reads it, which is asked for only where releases differ."""
    old, usual, newest = _host_of_key_before_27(server), host_of_key(server), host_of_key(server, repair=True)
    if old == usual == newest or not has(PARSES_URLS):
        return old
    return newest if has(REPAIRS_URLS) else usual


DOCKER = Docker()


def client(name: str, release: Release | None = None) -> Client:  # noqa: ARG001
    """Return the one client of this file."""
    return Docker(release) if release else DOCKER
