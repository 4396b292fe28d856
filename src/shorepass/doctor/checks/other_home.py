"""Logins that sudo hides: a client under sudo reads root's files, and the same client without sudo reads the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import as_root, command
from shorepass.contexts.find import find
from shorepass.credential import ANONYMOUS
from shorepass.doctor.checks.helper_elsewhere import sudo_context
from shorepass.doctor.evidence import sends
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import SourceError
from shorepass.fixes.repair import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients import Client
    from shorepass.contexts import Context
    from shorepass.doctor.examination import Examination
    from shorepass.names import Reference
    from shorepass.resolution import Resolution

__all__ = ["CODES", "check"]

CODES = {"SP409": "The login is stored for another user, because of sudo"}


def check(examination: Examination) -> Iterator[Finding]:
    """Compare what a client sends with sudo and without, if both homes can be read without a password."""
    asked, context = examination.reference, examination.context
    if asked is None or context.name != "me" or not examination.runs:
        return
    is_root = context.uid == 0
    there = _caller(examination) if is_root else sudo_context(examination)
    for client in examination.clients if there is not None else ():
        if there is None or client.own_file(context) == client.own_file(there):
            continue  # sudo keeps HOME
        if examination.resolutions[client.name].answer == ANONYMOUS:
            yield from _only_there(examination, client, there, asked)
        elif not is_root:
            yield from _only_here(examination, client, there, asked)


def _caller(examination: Examination) -> Context | None:
    """Return the context of the user who called sudo, None if this is not under sudo."""
    name = examination.context.getenv("SUDO_USER")
    try:
        return find(f"user:{name}", examination.here) if name and name != "root" else None
    except SourceError:
        return None


def _only_there(examination: Examination, client: Client, there: Context, asked: Reference) -> Iterator[Finding]:
    """Find a login that the client would have with sudo, or without it, and does not have here."""
    found = _resolved(client, there, asked)
    if found is None or found.answer == ANONYMOUS:
        return
    context = examination.context
    words = ("--client", client.name, asked.registry)
    if context.uid == 0:
        cause = (
            f"under sudo, {client.name} reads root's files, and the login is stored for {context.getenv('SUDO_USER')}"
        )
        advice = f"{as_root('login', *words)}; or run {client.name} without sudo"
    else:
        cause = f"{client.name} has no login here, because it was stored under sudo, for root"
        advice = command(context, "login", asked.registry, client=client.name)
    evidence = (f"there {sends(found, examination.fingerprints)}",)
    follows = (("SP510", asked.name),)
    yield _finding(examination, client, Severity.ERROR, cause, evidence, advice, follows)


def _only_here(examination: Examination, client: Client, there: Context, asked: Reference) -> Iterator[Finding]:
    """Find a login that the client loses under sudo: a note, because it is good without."""
    found = _resolved(client, there, asked)
    if found is None or found.answer != ANONYMOUS:
        return
    cause = f"under sudo, {client.name} reads root's files, and has no login there"
    evidence = (f"here {sends(examination.resolutions[client.name], examination.fingerprints)}",)
    advice = f"{as_root('login', '--client', client.name, asked.registry)}, if you use sudo {client.name}"
    yield _finding(examination, client, Severity.NOTE, cause, evidence, advice, ())


def _resolved(client: Client, there: Context, asked: Reference) -> Resolution | None:
    """Return what a client sends there, None if its files cannot be read from here."""
    try:
        found = client.resolve(there, asked)
    except SourceError:
        return None
    return None if isinstance(found.answer, SourceError) else found


def _finding(
    examination: Examination,
    client: Client,
    severity: Severity,
    cause: str,
    evidence: tuple[str, ...],
    advice: str,
    follows: tuple[tuple[str, str], ...],
) -> Finding:
    reference = examination.reference
    subject = f"{reference.name if reference else ''} ({client.name})"
    return Finding(
        "SP409", severity, examination.context.name, subject, cause, evidence, Advice(advice), follows=follows
    )
