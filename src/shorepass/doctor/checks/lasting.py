"""SP405 to SP407: logins that do not last, or that what runs without the user's session does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.client_table import FILE_FLAG, ROWS, program_of, programs
from shorepass.config.locations import join, split
from shorepass.contexts.ci import job_of
from shorepass.contexts.command import command
from shorepass.contexts.started_by_system import quadlets, started
from shorepass.credential import ANONYMOUS
from shorepass.doctor import stored
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import SourceError, UsageError
from shorepass.fixes.repair import Advice
from shorepass.names import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients import Client
    from shorepass.config.unit_files import Settings
    from shorepass.contexts import Context
    from shorepass.contexts.started_by_system import Started
    from shorepass.doctor.examination import Examination
    from shorepass.names import Reference

__all__ = ["CODES", "check", "lasting_login"]

CODES = {
    "SP405": "A unit or a cron job does not see the login of your shell",
    "SP406": "Other jobs of this machine can remove the login",
    "SP407": "podman auto-update has no login for the image of a unit",
}

SESSION = ("XDG_RUNTIME_DIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE")  # what only a session or a shell sets
HOME = "HOME"
NO_SESSION = dict.fromkeys(SESSION, "")
UPDATE, UPDATE_FILE = "io.containers.autoupdate", "io.containers.autoupdate.authfile"  # podman-auto-update(1)


def check(examination: Examination) -> Iterator[Finding]:
    """Look at what else uses the logins of this context, or changes them."""
    if not examination.runs or examination.context.name != "me":
        return
    yield from _unseen(examination)
    yield from _shared(examination)
    yield from _updates(examination)


def lasting_login(examination: Examination, client: Client, registry: str) -> str:
    """Return the login whose file is still there after a restart of the machine, "" if the usual login lasts."""
    files = client.files(examination.context, for_login=True)
    if not files or not files[0].until_restart:
        return ""
    return _login_outside(examination.context, examination.context.with_env(**NO_SESSION), client, registry)


def _login_outside(context: Context, there: Context, client: Client, registry: str) -> str:
    """Return the command that stores a login where programs without the session look: ``there`` has their variables."""
    own = [file for file in client.files(there) if file.family == client.row.family and not file.legacy]
    path = next((file.path for file in own if not file.until_restart), own[0].path)
    place = path if client.row.flag == FILE_FLAG else split(context, path)[0]
    return command(context, "login", client.row.flag, place, registry)


# SP405


def _unseen(examination: Examination) -> Iterator[Finding]:
    """Find units and cron jobs that use a registry whose login only the user's session has."""
    context = examination.context
    logins: list[tuple[Client, Reference]] = []
    for client in examination.clients:
        logins += [(client, reference) for reference in _registries(examination, client)]
    for unit in started(context, programs()) if logins else ():
        for client, reference in logins if _differs(context, unit) else ():
            if _uses(unit, client, reference) and not _has_login(context, unit, client, reference):
                yield _no_login_there(examination, unit, client, reference)


def _registries(examination: Examination, client: Client) -> list[Reference]:
    found = (stored.meaning_to(client, entry.key) for entry in examination.entries[client.name] if not entry.error)
    return list(dict.fromkeys(reference for reference in found if reference is not None))


def _uses(unit: Started, client: Client, reference: Reference) -> bool:
    """Return whether a command of a unit names an image of the registry, and no file of its own for the logins."""
    names = ROWS[client.row.family].programs
    for line in unit.lines:
        is_used = any(name in line for name in names) and f"{reference.registry}/" in line
        if is_used and "--authfile" not in line and "--creds" not in line:
            return True
    return False


def _differs(context: Context, unit: Started) -> str:
    """Return how the variables of a unit differ from those here, "" if they do not."""
    own = [f"{name}={value}" for name, value in unit.environ.items() if name in (HOME, *SESSION)]
    lost = [name for name in SESSION if context.getenv(name) and name not in unit.environ]
    if own:
        return f"runs with {' and '.join(own)}"
    return f"runs without {' and '.join(lost)}" if lost else ""


def _has_login(context: Context, unit: Started, client: Client, reference: Reference) -> bool:
    answer = client.resolve(context.with_env(**{**NO_SESSION, **unit.environ}), reference).answer
    return answer != ANONYMOUS


def _no_login_there(examination: Examination, unit: Started, client: Client, reference: Reference) -> Finding:
    context = examination.context
    there = context.with_env(**{**NO_SESSION, **unit.environ})
    cause = f"it uses {reference.registry} and does not see your login, because it {_differs(context, unit)}"
    evidence = (
        f"your login: {', '.join(_paths(examination, client, reference))}",
        f"there {client.name} looks in {', '.join(file.path for file in client.files(there) if not file.legacy)}",
    )
    advice = Advice(_login_outside(context, there, client, reference.registry))
    return Finding("SP405", Severity.ERROR, context.name, unit.path, cause, evidence, advice)


def _paths(examination: Examination, client: Client, reference: Reference) -> list[str]:
    entries = examination.entries[client.name]
    return list(dict.fromkeys(entry.path for entry in entries if stored.meaning_to(client, entry.key) == reference))


# SP406


def _shared(examination: Examination) -> Iterator[Finding]:
    """Find a client's file that all jobs of a machine share: each job that logs out removes the logins of the others."""
    context = examination.context
    job = job_of(context)
    for client in examination.clients if job is not None else ():
        path = client.files(context, for_login=True)[0].path
        if job is None or _is_below(path, job.folder) or not _is_there(context, path):
            continue
        resolution = examination.resolutions.get(client.name)
        is_gone = resolution is not None and resolution.answer == ANONYMOUS
        is_empty = resolution is None and not examination.entries[client.name]
        cause = "all jobs of this machine share this file, and a job that logs out removes the logins of the others"
        folder = f"${job.variable}/.{program_of(client.row.family)}"
        place = folder if client.row.flag != FILE_FLAG else f"{folder}/auth.json"
        advice = Advice(f'export {client.facts.variable}="{place}"; then log in again in this job')
        evidence = (f"this is a job of {job.system}; {job.variable}={job.folder} is only for this job",)
        asked = examination.reference
        follows = (("SP510", asked.name),) if asked is not None and is_gone else ()
        severity = Severity.ERROR if is_gone else Severity.WARNING
        if is_empty:
            severity = Severity.NOTE  # another job may have logged out, or this one has not logged in yet
        yield Finding("SP406", severity, context.name, path, cause, evidence, advice, follows=follows)
        return


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _is_there(context: Context, path: str) -> bool:
    try:
        return context.status(path) is not None
    except SourceError:
        return False


# SP407


def _updates(examination: Examination) -> Iterator[Finding]:
    """Find units whose image podman updates by itself, without the login that the unit pulled it with."""
    client = next((client for client in examination.clients if client.row.flag == FILE_FLAG), None)
    units = dict(quadlets(examination.context)) if client is not None else {}
    for path, unit in units.items():
        labels = _labels(unit)
        is_updated = unit.last("Container", "AutoUpdate") == "registry" or labels.get(UPDATE) in ("registry", "image")
        if client is not None and is_updated:
            yield from _update(examination, client, path, units, labels.get(UPDATE_FILE, ""))


def _update(
    examination: Examination, client: Client, path: str, units: dict[str, Settings], auth_file: str
) -> Iterator[Finding]:
    context = examination.context
    name = units[path].last("Container", "Image")
    image = units.get(join(context, split(context, path)[0], name)) if name.endswith(".image") else None
    try:
        reference = parse(_image(name, image))
    except UsageError:
        return
    has_own = image is not None and bool(image.last("Image", "Creds") or image.last("Image", "AuthFile"))
    if auth_file and not _is_there(context, auth_file):
        cause = f"its label names {auth_file} for the updates, and there is no such file"
    elif not auth_file and has_own and client.resolve(context, reference).answer == ANONYMOUS:
        cause = "the unit pulls with a login of its own, and podman auto-update does not use that"
    else:
        return
    advice = command(context, "login", reference.registry, client=client.name)
    if auth_file:
        advice = command(context, "login", "--authfile", auth_file, reference.registry)
    follows = (("SP510", examination.reference.name),) if examination.reference == reference else ()
    said = (f"podman auto-update asks {reference.registry} for {reference.repository}",)
    yield Finding("SP407", Severity.ERROR, context.name, path, cause, said, Advice(advice), follows=follows)


def _image(name: str, image: Settings | None) -> str:
    """Return the image that a container names, itself or by a file of Quadlet."""
    return image.last("Image", "Image") if image is not None else name


def _labels(unit: Settings) -> dict[str, str]:
    pairs = (word.partition("=") for word in " ".join(unit.all("Container", "Label")).split())
    return {name.strip('"'): value.strip('"') for name, _, value in pairs}
