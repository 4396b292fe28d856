"""TLS: unknown authorities, certificates that no client reads, and registries that use plain http."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from shorepass.clients import find
from shorepass.doctor.finding import Finding, Severity
from shorepass.engine.difference import folder_of
from shorepass.errors import FileError, PlainHttp, UnknownAuthority, UsageError
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.http.certificate_names import subject_of
from shorepass.http.pem import certificates
from shorepass.http.tls import whole_chain
from shorepass.registry.authorities import subjects
from shorepass.registry.certs_d import find as find_certificates
from shorepass.registry.certs_d import misplaced, of_authority, place_for

if TYPE_CHECKING:
    from shorepass.doctor.examination import Examination
    from shorepass.visit import Visit

__all__ = ["CODES", "judge"]

CODES = {
    "SP526": "The registry does not send the whole chain of certificates",
    "SP507": "The authority of the registry's certificate is unknown",
    "SP508": "A certificate is stored where the client does not look",
    "SP509": "A registry uses plain http and is not listed as insecure",
}

NEAR_LIMIT = 3  # authorities that are shown
COMMON_WORDS = ("ca", "certificate", "global", "go", "my", "public", "root", "secure", "self", "server", "the", "trust")


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
    near = _near(examination, visit, error) if error.is_alone and not elsewhere else ()
    if near or (error.is_alone and error.has_address and not elsewhere):
        cause = f"it sends only its own certificate, without that of {error.issuer}, which signed it"
        evidence = (*(f"trusted, but it did not sign it: {name}" for name in near), error.reason)
        until = _install("ISSUER.crt", place.replace("/ca.crt", "/issuer.crt"))
        advice = f"{whole_chain(registry, error.issuer)}; until then, with the certificate of that issuer: {until}"
        return _make(examination, visit, "SP526", cause, evidence, advice)
    if elsewhere:
        cause = f"{client} does not read {elsewhere[0]}"
        evidence = (*(f"not read: {path}" for path in elsewhere), f"read: {folder}/*.crt", error.reason)
        return _make(examination, visit, "SP508", cause, evidence, _install(elsewhere[0], place))
    cause = f"{client} trusts no authority that signed its certificate"
    said = [error.reason]
    if error.is_alone:
        said.append(f"if {error.issuer} is not a root authority, {whole_chain(registry, error.issuer)}")
    return _make(examination, visit, "SP507", cause, tuple(said), _install("AUTHORITY.crt", place))


def _near(examination: Examination, visit: Visit, error: UnknownAuthority) -> tuple[str, ...]:
    """Return the trusted authorities that probably signed the issuer's certificate, which the server does not send.

    These are the ones that a user has put there for this registry, and those whose name begins as the issuer's does.
    """
    context, registry = examination.context, visit.resolution.reference.registry
    try:
        own = find_certificates(context, find(visit.resolution.client), registry, visit.access.cert_dir).authorities
    except (FileError, UsageError):
        own = ()
    names = [subject_of(one) for one in chain.from_iterable(certificates(data) for _, data in own)]
    if not names:
        first = _first_word(error.issuer)
        names = [name for name in subjects(context) if first and _first_word(name) == first]
    return tuple(dict.fromkeys(names))[:NEAR_LIMIT]


def _first_word(name: str) -> str:
    """Return the first word of an authority's name, "" for one that many have."""
    word = name.split()[0].strip(",").lower() if name.split() else ""
    return "" if word in COMMON_WORDS else word


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
