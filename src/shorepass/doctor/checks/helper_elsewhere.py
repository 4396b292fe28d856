"""SP208: helpers that work in this user's shell, but not where other programs run the same clients.

A context without the PATH of a login shell (another user, sudo, cron) is compared with that user's login shell. From a shell,
only two others are examined: sudo, if this user may use it and it keeps HOME, and cron, if the user's crontab runs a client.
The environments of CI and systemd cannot be seen from here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shorepass.config.locations import docker_config_path, split
from shorepass.contexts.command import SYSTEM_FOLDERS as EVERYWHERE
from shorepass.contexts.command import said_there
from shorepass.contexts.find import find
from shorepass.doctor.finding import Finding, Severity
from shorepass.doctor.named import listed
from shorepass.errors import ContextError, FileError, HelperError
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.processes import ProcessError
from shorepass.stores.helper_backends import Bus, bus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context
    from shorepass.doctor.examination import Examination
    from shorepass.doctor.named import Named

__all__ = ["CODES", "check", "sudo_context"]

CODES = {"SP208": "A helper works in a login shell but not elsewhere"}

SUDOERS = frozenset(("sudo", "wheel", "admin"))  # sudo would report an incident for other users
UNSET = (
    "DOCKER_CONFIG",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
)  # they belong to a session, so sudo and cron do not have them
CRON = {"PATH": "/usr/bin:/bin", **dict.fromkeys(UNSET, "")}  # where the crontab sets nothing else (crontab(5))
TIMEOUT, OUTPUT_LIMIT = 3.0, 1024 * 1024

_client = re.compile(r"\b(?:docker|podman|skopeo|buildah)\b")
_assignment = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")


def check(examination: Examination) -> Iterator[Finding]:
    """Look for this user's helpers where sudo and cron would look."""
    context = examination.context
    if not examination.runs or context.platform == "windows":
        return
    for helper in examination.helpers:
        path = context.which(helper.program)
        if path is None and not helper.chosen:
            yield from _only_at_login(examination, helper)
        needs_bus = helper.suffix == "secretservice" and bus(context) is Bus.PRESENT
        if path is None or helper.chosen or (split(context, path)[0] in EVERYWHERE and not needs_bus):
            continue
        for name, there in _others(examination):
            if docker_config_path(there)[0] != helper.path:
                continue  # another file, and perhaps another helper
            folders = f"PATH there: {there.getenv('PATH')}"
            cause, advice = "", ""
            if there.which(helper.program) is None:
                cause, advice = f"it is {path}, and that folder is not on PATH there", _path_advice(name, there, path)
            elif needs_bus and bus(there) is not Bus.PRESENT:
                cause, advice = (
                    "the keyring is on this session's bus, which is not available there",
                    _bus_advice(name, context),
                )
            elif name == "sudo" and isinstance(examination.listed(helper.suffix), dict):
                error = listed(there, helper.suffix)
                if isinstance(error, HelperError):
                    cause, advice = f"it works for you, and fails there: {error.reason}", _bus_advice(name, context)
            if cause:
                subject = f"{helper.program} under {name}"
                evidence = (folders, *_risk(name, context, path), helper.why)
                yield Finding("SP208", Severity.WARNING, context.name, subject, cause, evidence, Advice(advice))


def _only_at_login(examination: Examination, helper: Named) -> Iterator[Finding]:
    """Find a helper that is on PATH in the user's login shell but not in this context."""
    context, there = examination.context, examination.at_login(helper)
    path = there.which(helper.program) if there else None
    if there is None or path is None:
        return
    folder = path.rpartition("/")[0]
    services = f"{folder}:{context.getenv('PATH') or ':'.join(EVERYWHERE)}"
    cause = f"it is {path}, which a login shell finds, but programs that start without one do not"
    if context.name in ("sudo", "sudo-login"):
        cause = f"it is {path}, which works for you, but sudo does not find it"
        advice = f'sudo env PATH={quoted(folder)}:"$PATH" {helper.clients[-1]} ...'
    else:
        assigned = quoted(f"PATH={services}")
        advice = f"in the first line of crontab -e: {assigned}; in a unit, below [Service]: Environment={assigned}"
    evidence = (
        f"PATH here: {context.getenv('PATH') or 'not set'}",
        "services, cron, IDEs and `ssh HOST docker ...` have such a PATH",
        helper.why,
    )
    # a user may have no services, but this process certainly runs
    severity = Severity.NOTE if context.name.startswith("user:") else Severity.WARNING
    yield Finding("SP208", severity, context.name, helper.program, cause, evidence, Advice(said_there(context, advice)))


def _others(examination: Examination) -> Iterator[tuple[str, Context]]:
    """Yield what else runs this user's clients: its name and its context."""
    context = examination.context
    there = sudo_context(examination)
    if there is not None:
        yield "sudo", there
    seen = set()
    for variables in _jobs(_printed(context, "crontab", "-l")):
        if variables["PATH"] not in seen:
            seen.add(variables["PATH"])
            yield "cron", context.with_env(**variables)


def sudo_context(examination: Examination) -> Context | None:
    """Return the context under sudo, None for root, for users who may not use sudo, and if sudo would ask for a password."""
    context = examination.context
    if context.uid == 0 or not SUDOERS.intersection(_printed(context, "id", "-nG").split()):
        return None
    if context.name == "me":
        try:
            return find("sudo", examination.here)  # on this terminal, by which sudo knows who has typed a password
        except ContextError:
            return None
    variables = dict(line.split("=", 1) for line in _printed(context, "sudo", "-n", "env").splitlines() if "=" in line)
    return context.with_env(**{**dict.fromkeys(UNSET, ""), **variables}) if "PATH" in variables else None


def _jobs(crontab: str) -> Iterator[dict[str, str]]:
    """Yield the variables of each job that runs a client."""
    variables = dict(CRON)
    for line in crontab.splitlines():
        assignment = _assignment.match(line)
        if assignment:
            variables[assignment[1]] = assignment[2].strip("\"'")
        elif not line.lstrip().startswith("#") and _client.search(line):
            yield dict(variables)


def _printed(context: Context, program: str, *arguments: str) -> str:
    """Return what a program prints, "" if it is missing or fails."""
    path = context.which(program)
    if path is None:
        return ""
    try:
        done = context.run([path, *arguments], b"", timeout=TIMEOUT, limit=OUTPUT_LIMIT)
    except ProcessError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.status == 0 else ""


def _path_advice(name: str, there: Context, path: str) -> str:
    first = (there.getenv("PATH") or "").partition(":")[0]
    if name == "cron":
        assigned = f"PATH={path.rpartition('/')[0]}:{there.getenv('PATH')}"
        return f"add this first line with crontab -e: {quoted(assigned)}"
    return f"sudo ln -s {quoted(path)} {quoted(first)}/"


def _risk(name: str, context: Context, path: str) -> Iterator[str]:
    """Yield the risk if another user can change the program that root runs."""
    try:
        status = context.status(path)
    except FileError:
        return
    if name == "sudo" and status is not None and status.uid != 0:
        yield f"{path} belongs to {status.owner or status.uid}, who can then change what root runs"


def _bus_advice(name: str, context: Context) -> str:
    if name == "cron":
        address = context.getenv("DBUS_SESSION_BUS_ADDRESS") or f"unix:path={context.getenv('XDG_RUNTIME_DIR')}/bus"
        return f"add this first line with crontab -e: DBUS_SESSION_BUS_ADDRESS={address}"
    return "run the client without sudo: members of the group docker can, and podman does not need root"
