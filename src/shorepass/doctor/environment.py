"""SP4xx: environment variables, and a HOME, that lead a client away from the logins."""

from __future__ import annotations

from shorepass.clients.docker import DOCKER, VARIABLE, VARIABLE_SINCE
from shorepass.config import docker_config
from shorepass.config.locations import join
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS
from shorepass.doctor import stored
from shorepass.doctor.evidence import login, sends, shown
from shorepass.doctor.examination import CONTAINERS
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.doctor.repair import Advice
from shorepass.errors import FileError, MalformedFile, SourceError
from shorepass.names import Reference, server_url
from shorepass.stores.settings import BEHIND_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients import Client, Entry
    from shorepass.config.auth_entry import AuthConfig
    from shorepass.contexts import Context
    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check"]

CODES = {
    "SP401": "A variable leads away from the logins",
    "SP402": "DOCKER_AUTH_CONFIG stands before a stored login",
    "SP403": "DOCKER_AUTH_CONFIG is set, and not used",
    "SP404": "docker is a snap, with another HOME",
}

# Which variables name a client's file or its folder, the first that is set.
VARIABLES = {"docker": ("DOCKER_CONFIG",), "skopeo": ("REGISTRY_AUTH_FILE",)}
OF_PODMAN = ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG")


def check(examination: Examination) -> Iterator[Finding]:
    """Look at what the environment says about where logins are."""
    yield from merged(finding for client in examination.clients for finding in _elsewhere(examination, client))
    if any(client.name == "docker" for client in examination.clients):
        yield from _variable(examination)
        yield from _snap(examination)


# SP401


def _elsewhere(examination: Examination, client: Client) -> Iterator[Finding]:
    context = examination.context
    variable = next((name for name in VARIABLES.get(client.name, OF_PODMAN) if context.getenv(name)), None)
    if variable is None or context.getenv(BEHIND_VARIABLE):  # `shorepass run` has set it, for one command
        return
    place = context.getenv(variable) or ""
    entries = _spelled_out(examination, client, context)
    usual = _spelled_out(examination, client, context.with_env(**{variable: ""}))
    unseen = _missing(examination, client, usual, entries)
    stops = _stops(examination, client)
    gone = stops or (variable == "DOCKER_CONFIG" and not context.is_folder(place))
    if stops:
        severity, cause = Severity.ERROR, "it names a file that is not there"
    elif unseen:
        cause = "it hides the logins in the usual place"
        severity = Severity.WARNING if gone or not entries else Severity.NOTE
        severity = Severity.ERROR if examination.reference is not None else severity
    elif gone:
        severity, cause = Severity.NOTE, "it names a folder that is not there"
    else:
        return
    evidence = [f"{variable}={place}", *([f"{client.name} pulls nothing as long as that is so"] if stops else [])]
    for entry in unseen:
        said = login(entry.credential, examination.fingerprints) if entry.credential else "a login"
        evidence.append(f"{client.name} does not see {said} for {shown(entry.key)} in {entry.path}")
    advice = f"unset {variable}"
    if unseen:
        meant = stored.meaning(client.name, unseen[0].key)
        registry = meant.name if meant else "REGISTRY"
        advice += f"; or log in there, too: {command(context, 'login', registry, client=client.name)}"
    yield Finding("SP401", severity, context.name, variable, cause, tuple(evidence), Advice(advice))


def _stops(examination: Examination, client: Client) -> bool:
    """Tell whether the client is here, and stops because the file that the variable names is not there."""
    from shorepass.clients.containers import Containers

    context = examination.context
    if not isinstance(client, Containers) or not any(context.which(program) for program in CONTAINERS):
        return False
    try:
        return client.missing(context) is not None
    except FileError:
        return False  # other checks say so


def _spelled_out(examination: Examination, client: Client, context: Context) -> list[Entry]:
    """Return a client's logins, with those that a helper lists in the place of the one entry that names it."""
    found = []
    for entry in client.entries(context, ask_helpers=False):
        listed = examination.listed(entry.helper) if entry.helper and not entry.key else None
        found += [entry._replace(key=key) for key in listed] if isinstance(listed, dict) else [entry]
    return found


def _missing(examination: Examination, client: Client, usual: list[Entry], entries: list[Entry]) -> list[Entry]:
    """Return the usual logins for registries that have none among ``entries``; of one that is asked for, only its own."""
    seen = {stored.meaning(client.name, entry.key) for entry in entries}
    asked = examination.reference
    missing = []
    for entry in usual:
        meant = stored.meaning(client.name, entry.key)
        if entry.error is not None or meant is None or meant in seen:
            continue
        if asked is None or meant.registry == asked.registry:
            missing.append(entry)
    return missing


# SP402, SP403


def _variable(examination: Examination) -> Iterator[Finding]:
    context = examination.context
    text = context.getenv(VARIABLE)
    if not text:
        return
    release = DOCKER.release(context) if examination.runs else VARIABLE_SINCE
    try:
        auths = docker_config.load_variable(text)
    except MalformedFile as error:
        if release >= VARIABLE_SINCE:
            evidence = (error.reason, "docker says so on stderr, and goes on as if it were not set")
            yield _not_used(context, VARIABLE, "it is malformed", evidence, f"unset {VARIABLE}, or mend it")
        return
    for key, auth in auths.items():
        meant = stored.meaning("docker", key)
        asked = examination.reference
        if meant is None or (asked is not None and asked.registry != meant.registry):
            continue
        yield from _one_key(examination, key, meant, auth, release)


def _one_key(
    examination: Examination, key: str, meant: Reference, auth: AuthConfig, release: tuple[int, int]
) -> Iterator[Finding]:
    """Compare what the variable says about one registry with what docker does without the variable."""
    context, fingerprints = examination.context, examination.fingerprints
    without = DOCKER.resolve(context.with_env(**{VARIABLE: ""}), meant)
    if without.answer == auth.credential() or isinstance(without.answer, SourceError):
        return
    subject = f"{VARIABLE}: {shown(key)}"
    evidence = (f"it holds {login(auth.credential(), fingerprints)}", f"without it {sends(without, fingerprints)}")
    if release < VARIABLE_SINCE:
        cause = f"docker {release[0]}.{release[1]} does not read it: 28.3 and later do"
        yield _not_used(context, subject, cause, evidence, command(context, "login", meant.registry, client="docker"))
    elif key != server_url(meant.registry):
        cause = f"docker never looks under this key, but under {server_url(meant.registry)}, exactly"
        yield _not_used(context, subject, cause, evidence, f"rename the key to {server_url(meant.registry)}")
    elif without.answer != ANONYMOUS:
        cause = "docker takes this login, and not the one that is stored"
        yield Finding("SP402", Severity.WARNING, context.name, subject, cause, evidence, Advice(f"unset {VARIABLE}"))


def _not_used(context: Context, subject: str, cause: str, evidence: tuple[str, ...], advice: str) -> Finding:
    return Finding("SP403", Severity.ERROR, context.name, subject, cause, evidence, Advice(advice))


# SP404


def _snap(examination: Examination) -> Iterator[Finding]:
    """Find logins that a docker from a snap does not see: snapd gives it a HOME of its own."""
    context = examination.context
    program, home = context.which("docker"), context.home()
    if program is None or not program.endswith("/snap/bin/docker") or not home or context.getenv("DOCKER_CONFIG"):
        return
    folder = join(context, home, "snap", "docker", "current", ".docker")
    there = _spelled_out(examination, DOCKER, context.with_env(DOCKER_CONFIG=folder))
    unseen = _missing(examination, DOCKER, _spelled_out(examination, DOCKER, context), there)
    if unseen:
        meant = stored.meaning("docker", unseen[0].key)
        cause = f"it looks for logins in {folder}, and there are others in {join(context, home, '.docker')}"
        evidence = tuple(f"not seen: {shown(entry.key)} in {entry.path}" for entry in unseen)
        registry = meant.registry if meant else "REGISTRY"
        advice = Advice(command(context, "login", "--config", folder, registry))
        yield Finding("SP404", Severity.ERROR, context.name, program, cause, evidence, advice)
