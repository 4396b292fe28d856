"""docker: the rules by which ``docker pull`` and ``docker push`` find a login, and ``docker login`` stores one.

Version followed: 28.2.2 (docker/cli ``cli/config/``, ``cli/command/registry.go``). What other releases do differently:

- 28.3 and later look into ``DOCKER_AUTH_CONFIG`` first. Where that variable is set, the docker on PATH is asked for its
  release; without one the newest rules count.
- 29 and later stop ``pull`` when a helper fails; those before went on without a word (29 changed ``pull``, 28.5 ``push``).
- 26 and earlier knew no scheme but ``http`` and ``https`` in a key, and no user info (``docker@20.10``).
- 24 and earlier read ``~/.dockercfg`` where there is no ``config.json``; that is left out here.
- 22 and earlier put up with an empty user name in ``auth``, and knew no registry by IPv6 address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import Entry, Target, docker_entries
from shorepass.clients.docker_entries import beside_helper
from shorepass.clients.docker_files import DockerFiles
from shorepass.clients.facts import Facts, Words
from shorepass.clients.release import Release, full_name
from shorepass.clients.trace import Trace, said
from shorepass.config import docker_config
from shorepass.config.auth_entry import AuthConfig, Dialect
from shorepass.config.docker_config import DockerConfig
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import docker_config_path
from shorepass.contexts.command import fixed_by
from shorepass.credential import ANONYMOUS, Anonymous, BearerToken, Credential
from shorepass.errors import HelperError, MalformedFile, SourceError, without_user_info
from shorepass.helper.advice import log_in
from shorepass.names import HUB_SERVER_URL, host_of_key, registry_of_server, server_url
from shorepass.resolution import Outcome, Resolution, Source

if TYPE_CHECKING:
    from collections.abc import Collection

    from shorepass.clients import Client
    from shorepass.contexts import Context, FileContent
    from shorepass.names import Reference

__all__ = ["DOCKER", "DOCKER_WORDS", "KEPT_KEYS", "VARIABLE", "VARIABLE_SINCE", "Docker", "client"]

VARIABLE = "DOCKER_AUTH_CONFIG"
FOLLOWED = Release(28, 2)
VARIABLE_SINCE = Release(28, 3)
URL_PARSE_SINCE = Release(27)
NAMED_USER_SINCE = Release(23)

BROKEN_FILE = (
    "docker prints a warning, continues with what it had read of the file until then, and saves that at the next login"
)
KEPT_KEYS = (HUB_SERVER_URL, f"{HUB_SERVER_URL}access-token", f"{HUB_SERVER_URL}refresh-token")  # a login by browser
DOCKER_WORDS = Words(
    success="Login Succeeded",
    trying="Authenticating with existing credentials... [Username: {username}]",
    still_good="Login Succeeded",
    removing="Removing",
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
    past_missing_helper="docker pull takes that one all the same, docker create stops",
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
SILENT_HELPER = "docker pull sends {}, silently (docker 29 stops with an error)"


class _Picked(NamedTuple):
    """What docker's file says to a server URL. ``others``: what else it may say when docker is asked again."""

    key: str
    auth: AuthConfig
    others: tuple[AuthConfig, ...] = ()


NOTHING_PICKED = _Picked("", AuthConfig())


class Docker(DockerFiles):
    """docker of one ``release``. None: 28.2, and for newer matters the docker that is on PATH."""

    facts = FACTS

    def __init__(self, release: Release | None = None) -> None:
        self.name = full_name("docker", release)
        self.release = release
        self._rules = release or FOLLOWED

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what docker sends to the daemon for an image, as the daemon uses it."""
        trace = Trace(context, reference, self.name, server_url(reference.registry), broken=BROKEN_FILE)
        try:
            answer = self._ask_variable(trace) or self._ask_file(trace)
        except SourceError as error:
            answer = trace.resolution(error)
        return answer

    def _ask_variable(self, trace: Trace) -> Resolution | None:
        text = trace.context.getenv(VARIABLE)
        if not text:
            return None
        release = self._release_in(trace.context)
        if release < VARIABLE_SINCE:
            reason = f"set, and docker {release} does not read it: 28.3 and later do"
            trace.add("file", Outcome.SKIPPED, VARIABLE, reason)
            return None
        try:
            auths = docker_config.load_variable(text)
        except SourceError as error:
            reason = f"{error.message}; docker says so on stderr and goes on as if it were not set"
            trace.add("file", Outcome.FAILED, VARIABLE, reason, f"unset {VARIABLE}, or mend it")
            return None
        if trace.server_url not in auths:
            trace.add("file", Outcome.SKIPPED, VARIABLE, f"set, and holds no key {trace.server_url!r}")
            return None
        trace.add("file", Outcome.OK, VARIABLE, "set, and stands before every file and helper")
        trace.add("key", Outcome.OK, trace.server_url, "what docker asks for, exactly")
        credential = auths[trace.server_url].credential()
        trace.add_entry(VARIABLE, credential)
        return trace.resolution(credential, Source(VARIABLE, trace.server_url))

    def _release_in(self, context: Context) -> Release:
        """Return the release whose docker decides about ``DOCKER_AUTH_CONFIG``: the one that is on PATH."""
        return self.release or _release_on_path(context)

    def _ask_file(self, trace: Trace) -> Resolution:
        path, config = self._load(trace)
        helper, why = _helper(trace.context, config, trace.server_url)
        if helper:
            trace.add("helper", Outcome.OK, f"docker-credential-{helper}", why)
        else:
            trace.add("helper", Outcome.SKIPPED, "none", why)
        picked = self._pick(config, trace.server_url)
        if helper:
            return _ask_helper(trace, helper, path, picked)
        if picked is NOTHING_PICKED:
            trace.add("key", Outcome.SKIPPED, trace.server_url, f"no key in {path} is or names that registry")
            return trace.resolution(ANONYMOUS)
        trace.add_key(picked.key, len(picked.others))
        credential = picked.auth.credential()
        trace.add_entry(picked.key, credential)
        source = None if isinstance(credential, Anonymous) else Source(path, picked.key)
        return trace.resolution(credential, source, alternatives=_distinct(credential, picked))

    def _read(self, context: Context) -> tuple[str, DockerConfig]:
        path = docker_config_path(context)[0]
        try:
            return path, self._decode(context.read(path, SIZE_LIMIT))
        except MalformedFile as error:
            raise fixed_by(error, context) from None

    def _decode(self, content: FileContent | None) -> DockerConfig:
        return docker_config.load(content, Dialect(nobody=self._rules < NAMED_USER_SINCE))

    def _load(self, trace: Trace) -> tuple[str, DockerConfig]:
        """Read docker's file, and say so."""
        path, why = docker_config_path(trace.context)
        try:
            content = trace.context.read(path, SIZE_LIMIT)
            config = self._decode(content)
        except SourceError as error:
            fixed_by(error, trace.context)
            trace.add("file", Outcome.FAILED, path, error.message.removeprefix(path).lstrip(": "), error.hint)
            raise
        if content is None:
            trace.add("file", Outcome.SKIPPED, path, f"there is no such file ({why})")
        else:
            trace.add("file", Outcome.OK, path, why)
        return path, config

    def _pick(self, config: DockerConfig, server_url: str) -> _Picked:
        """Return the entry that docker's file store takes: the exact key, else any key of that host.

        docker goes through the keys in the random order of a Go map; ours is the alphabet's first.
        """
        keys = self.fitting_key(config.auths, server_url)
        if not keys:
            return NOTHING_PICKED
        entries = [config.entry(key) for key in keys]
        return _Picked(keys[0], entries[0], tuple(entries[1:]))

    def fitting(self, keys: Collection[str], reference: Reference) -> list[str]:
        """Return those of a file's keys whose login docker may take for an image."""
        return self.fitting_key(keys, server_url(reference.registry))

    def fitting_key(self, keys: Collection[str], server_url: str) -> list[str]:
        """Return those of a file's keys whose login docker may take for a server URL."""
        if server_url in keys:
            return [server_url]
        host_of = host_of_key if self._rules >= URL_PARSE_SINCE else _host_of_key_before_28
        seek = "" if server_url.startswith("[") else server_url  # Go may add these brackets, all else is in the key
        return sorted(key for key in keys if seek in key and host_of(key) == server_url)

    def target(self, context: Context, server: str) -> Target:
        """Return where ``docker login SERVER`` stores; Docker Hub for an empty name and for every name of Hub's index.

        (docker itself takes ``index.docker.io`` for a registry of its own, and never finds that login again.)
        """
        path, config = self._read(context)
        key = _login_key(server)
        helper, _ = _helper(context, config, key)
        return Target(path, key, helper or None, detected=bool(helper) and not config.holds_auth, records=bool(helper))

    def erasures(self, context: Context, server: str) -> list[Target]:
        """Return what ``docker logout SERVER`` erases: the server as typed, its host, and that with both schemes.

        For Docker Hub: its key, and the two tokens of a login by browser. (docker itself does that only where no
        server is named, and passes over Hub's key for ``docker.io``.)
        """
        path, config = self._read(context)
        key = _login_key(server)
        if key == HUB_SERVER_URL:
            names = [key, f"{key}access-token", f"{key}refresh-token"]
            if server not in ("", "docker.io"):
                names.append(server)
        else:
            names = [server, key, f"http://{key}", f"https://{key}"]
        helpers = {name: _helper(context, config, name)[0] or None for name in names}
        detected = not config.holds_auth
        return [Target(path, name, helper, detected=bool(helper) and detected) for name, helper in helpers.items()]

    def entries(self, context: Context, *, ask_helpers: bool = True) -> list[Entry]:
        """Return docker's stored logins: all of the default store, and one for each registry with its own helper."""
        path = docker_config_path(context)[0]
        found = self._variable_entries(context)
        try:
            _, config = self._read(context)
        except SourceError as error:
            return [*found, Entry("", "", "", path, error=error)]
        default = _helper(context, config, "")[0]
        return found + docker_entries.entries(context, path, config, default, ask_helpers=ask_helpers)

    def passes_over_variable(self, context: Context, *, runs: bool) -> str:
        """Return why not: this release does not know it."""
        release = self._release_in(context) if runs else VARIABLE_SINCE
        if release >= VARIABLE_SINCE:
            return ""
        return f"docker {release} does not read it: 28.3 and later do"

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
        if not text or self._release_in(context) < VARIABLE_SINCE:
            return []
        try:
            auths = docker_config.load_variable(text)
        except SourceError as error:
            return [Entry("", "", "", VARIABLE, error=error)]
        found = [docker_entries.entry(key, auth, VARIABLE) for key, auth in auths.items()]
        return [entry for entry in found if entry]


DOCKER = Docker()


def client(name: str, release: Release | None = None) -> Client:  # noqa: ARG001
    """Return the one client of this file."""
    return Docker(release) if release else DOCKER


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


def _detect(context: Context) -> str:
    """Return the store docker chooses by itself (``cli/config/credentials/default_store*.go``), empty for none."""
    if context.platform == "linux":
        store = "pass" if context.which("pass") else "secretservice"
    else:
        store = {"darwin": "osxkeychain", "windows": "wincred"}.get(context.platform, "")
    return store if store and context.which(f"docker-credential-{store}") else ""


def _ask_helper(trace: Trace, helper: str, path: str, picked: _Picked) -> Resolution:
    """Ask a helper; a registry token is still taken from the file's entry (``credentials/native_store.go``)."""
    from shorepass.helper.client import HelperClient

    client = HelperClient(trace.context, helper)
    trace.add("key", Outcome.OK, trace.server_url, "what docker asks the helper for")
    try:
        answer = client.get(trace.server_url)
    except HelperError as error:
        trace.add("helper", Outcome.FAILED, client.program, f"get: {error.reason}", error.hint)
        kept = [auth.credential() for auth in (picked.auth, *picked.others)]
        instead = "an empty auth"
        if any(credential != ANONYMOUS for credential in kept):
            instead = f"what is left in {path} under {without_user_info(picked.key)!r}"
        return trace.resolution(error, behaviour=SILENT_HELPER.format(instead))
    if isinstance(answer, Anonymous):
        login = log_in(trace.context, trace.reference.registry, client=trace.client, helper=helper)
        trace.add("helper", Outcome.SKIPPED, client.program, "it has no login for that", login)
    elif isinstance(beside_helper(AuthConfig(), answer).credential(), Anonymous):
        trace.add("helper", Outcome.SKIPPED, client.program, "its answer lacks the user name or the secret")
    else:
        trace.add("helper", Outcome.OK, client.program, said(answer))
    merged = [beside_helper(auth, answer).credential() for auth in (picked.auth, *picked.others)]
    credential = merged[0]
    source = Source(path, trace.server_url, helper)
    if isinstance(credential, BearerToken):
        trace.add_key(picked.key, len(picked.others))
        key = without_user_info(picked.key)
        trace.add("entry", Outcome.OK, key, f"{said(credential)}: docker keeps it beside what a helper says")
        source = Source(path, picked.key)
    others = tuple(dict.fromkeys(other for other in merged[1:] if other != credential))
    return trace.resolution(credential, None if isinstance(credential, Anonymous) else source, alternatives=others)


def _distinct(credential: Credential, picked: _Picked) -> tuple[Credential, ...]:
    others = (auth.credential() for auth in picked.others)
    return tuple(dict.fromkeys(other for other in others if other != credential))


def _host_of_key_before_28(key: str) -> str:
    return key.removeprefix("http://" if key.startswith("http://") else "https://").partition("/")[0]


def _release_on_path(context: Context) -> Release:
    """Return the release of the docker on PATH: ``Docker version 28.2.2, build ...``; the newest where none answers."""
    from shorepass.processes import ProcessError

    program = context.which("docker")
    newest = Release(999)
    if program is None:
        return newest
    try:
        done = context.run([program, "--version"], b"", timeout=10, limit=65536)
    except ProcessError:
        return newest
    words = done.stdout.decode("ascii", "replace").partition(" version ")[2].partition(",")[0].split(".")
    known = len(words) > 1 and all(word.isdigit() and len(word) < 6 for word in words[:2])
    return Release(int(words[0]), int(words[1])) if known else newest


def _login_key(server: str) -> str:
    """Return the key that a login is stored under. Raises InvalidReference."""
    server = server.strip()
    if not server:
        return HUB_SERVER_URL
    registry_of_server(server)  # it must be one
    return server_url(host_of_key(server))
