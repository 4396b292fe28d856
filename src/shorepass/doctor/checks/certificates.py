"""TLS: unknown authorities, certificates that no client reads, and registries that use plain http."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.clients import find
from shorepass.doctor.finding import Finding, Severity
from shorepass.engine.difference import folder_of
from shorepass.errors import FileError, PlainHttp, UnknownAuthority
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.registry.certs_d import misplaced, of_authority, place_for

if TYPE_CHECKING:
    from shorepass.doctor.examination import Examination
    from shorepass.visit import Visit

__all__ = ["CODES", "judge"]

CODES = {
    "SP507": "The authority of the registry's certificate is unknown",
    "SP508": "A certificate is stored where the client does not look",
    "SP509": "A registry uses plain http and is not listed as insecure",
}


def judge(examination: Examination, visit: Visit) -> Finding | None:
    """Return the TLS problem that stops a client before it sends anything, or None."""
    for error in visit.errors:
        if isinstance(error, UnknownAuthority):
            return _unknown(examination, visit, error)
        if isinstance(error, PlainHttp):
            return _plain(examination, visit)
        if isinstance(error, FileError):
            advice = error.hint or f"fix {quoted(error.path)}, or remove it"
            return _make(examination, visit, "SP508", error.message, (), advice)
    return None


def _unknown(examination: Examination, visit: Visit, error: UnknownAuthority) -> Finding:

    client, registry = visit.resolution.client, visit.resolution.reference.registry
    elsewhere = misplaced(examination.context, find(client), registry)
    if error.issuer and not elsewhere:
        elsewhere = of_authority(examination.context, find(client), registry, error.issuer)
    folder = visit.access.cert_dir or place_for(examination.context, find(client), registry)
    if visit.engine is not None and visit.engine.info.is_rootless:
        folder = folder_of(examination.context, registry, visit.engine.info)
    place = f"{folder}/ca.crt" if folder else ""
    if elsewhere:
        cause = f"{client} does not read {elsewhere[0]}"
        evidence = (*(f"not read: {path}" for path in elsewhere), f"read: {folder}/*.crt", error.reason)
        return _make(examination, visit, "SP508", cause, evidence, _install(elsewhere[0], place))
    cause = f"{client} trusts no authority that signed its certificate"
    return _make(examination, visit, "SP507", cause, (error.reason,), _install("AUTHORITY.crt", place))


def _install(source: str, place: str) -> str:
    """Return the command that puts a certificate where the client looks. docker reads the folder again at each pull.

    ``place`` is "" for a client that has no such folder and trusts what the system trusts.
    """
    if not place:
        return f"sudo cp {quoted(source)} /usr/local/share/ca-certificates/ && sudo update-ca-certificates"
    folder = place.rpartition("/")[0]
    sudo = "sudo " if folder.startswith("/etc/") else ""
    return f"{sudo}mkdir -p {quoted(folder)} && {sudo}cp {quoted(source)} {quoted(place)}"


def _plain(examination: Examination, visit: Visit) -> Finding:
    client, registry = visit.resolution.client, visit.resolution.reference.registry
    cause = f"it uses plain http, and {client} does not list it as insecure"
    advice = find(client).facts.plain_http_advice.format(registry=registry, client=client)
    evidence = ("the server does not speak TLS: passwords can be read on the network",)
    return _make(examination, visit, "SP509", cause, evidence, advice)


def _make(
    examination: Examination, visit: Visit, code: str, cause: str, evidence: tuple[str, ...], advice: str
) -> Finding:
    subject = f"{visit.resolution.reference.registry} ({visit.resolution.client})"
    return Finding(code, Severity.ERROR, examination.context.name, subject, cause, evidence, Advice(advice))
