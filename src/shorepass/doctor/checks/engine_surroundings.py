"""What an engine does beside a pull for the client: mirrors that it asks first, and the services of a swarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.credential import ANONYMOUS
from shorepass.doctor.evidence import sends
from shorepass.doctor.finding import Finding, Severity
from shorepass.engine.info import address_of
from shorepass.engine.known_errors import Kind, address, kind_of
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.names import HUB_REGISTRY
from shorepass.registry.expiry import expires_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.doctor.examination import Examination
    from shorepass.visit import Visit

__all__ = ["CODES", "judge"]

CODES = {
    "SP516": "A mirror requires a login, which docker does not send to mirrors",
    "SP517": "A service of a swarm pulls without the login",
    "SP521": "docker's engine could not be asked",
    "SP520": "The services of a swarm do not have the login by themselves",
}
JOIN_GROUP = 'sudo usermod -aG docker "$USER"; then open a new session, because groups are read at its start'
NO_ENGINE = ("there is no such socket", "connection refused")  # docker prints then that it cannot connect
WANTS_LOGIN = (Kind.NO_LOGIN, Kind.REFUSED, Kind.DENIED)


def judge(examination: Examination, visits: Sequence[Visit]) -> Iterator[Finding]:
    """Yield the problems of mirrors and services, as the engine of these visits describes them."""
    asked = [visit for visit in visits if visit.engine is not None and visit.engine.kind is not Kind.NOT_ASKED]
    yield from _not_asked(examination, visits)
    for visit in asked:
        yield from _mirror(examination, visit)
    if any(visit.engine is not None and visit.engine.info.manages_swarm for visit in asked):
        yield from _services(examination, asked)


def _not_asked(examination: Examination, visits: Sequence[Visit]) -> Iterator[Finding]:
    """Yield one note for all visits whose engine Shorepass could not ask: their result is this shell's alone."""
    answers = [visit.engine for visit in visits if visit.engine is not None and visit.engine.kind is Kind.NOT_ASKED]
    for answer in answers[:1]:
        cause, severity = f"docker's engine was not asked, and it pulls: {answer.words}", Severity.NOTE
        if any(words in answer.words for words in NO_ENGINE):
            cause, severity = (
                f"docker's engine does not answer, so docker pulls nothing: {answer.words}",
                Severity.ERROR,
            )
        name = examination.context.name
        advice = JOIN_GROUP if "permission denied" in answer.words else "docker info"
        yield Finding("SP521", severity, name, answer.name, cause, (), Advice(advice))


def _mirror(examination: Examination, visit: Visit) -> Iterator[Finding]:
    """Yield the finding for a mirror that refused the engine, or that has a login of its own in the client's file."""
    engine, reference = visit.engine, visit.resolution.reference
    if engine is None:
        return
    refused = engine.mirror and kind_of(0, engine.mirror) in WANTS_LOGIN
    if refused:
        mirror = address_of(address(engine.mirror))
    elif examination.reference is None and engine.info.mirror_at(reference.registry):
        mirror = reference.registry
    else:
        return
    image = "library/IMAGE" if reference.registry == mirror else _image(visit)
    cause = f"the mirror {mirror} requires a login, and docker never sends a mirror's own login to a mirror"
    said = (f"the mirror says: {engine.mirror}",) if refused else ()
    onward = "docker continues with Docker Hub"
    closed = visit.failure if refused else None
    if closed is not None:
        onward += f", and that fails: {closed.detail}"
    severity = Severity.ERROR if closed else Severity.WARNING
    evidence = (*said, onward, sends(visit.resolution, examination.fingerprints))
    advice = f"docker pull {quoted(f'{mirror}/{image}')}; or use a mirror without a login"
    context = examination.context.name
    yield Finding("SP516", severity, context, HUB_REGISTRY, cause, evidence, Advice(advice))


def _image(visit: Visit) -> str:
    reference = visit.resolution.reference
    return str(reference).removeprefix(f"{reference.registry}/") or "library/IMAGE"


def _services(examination: Examination, visits: Sequence[Visit]) -> Iterator[Finding]:
    from shorepass.engine.swarm import failing_services  # late, because most engines manage no swarm

    with_login = {
        visit.resolution.reference.registry: visit
        for visit in visits
        if visit.resolution.answer != ANONYMOUS and visit.works
    }
    failing = [service for service in failing_services(examination.context) if service.registry in with_login]
    context = examination.context.name
    for service in failing:
        visit = with_login[service.registry]
        cause = (
            "the service was created without --with-registry-auth, or its login has expired: its nodes pull without one"
        )
        evidence = (f"a node says: {service.error}", sends(visit.resolution, examination.fingerprints))
        advice = Advice(f"docker service update --with-registry-auth {quoted(service.name)}")
        subject = f"service {service.name}"
        yield Finding("SP517", Severity.ERROR, context, subject, cause, evidence, advice)
    if failing or examination.reference is None:
        return
    for registry, visit in with_login.items():
        cause = "a service of this swarm uses this login only if it was created with --with-registry-auth"
        note = Finding("SP520", Severity.NOTE, context, registry, cause)
        if expires_at(visit.resolution.credential) is not None:
            note = note._replace(evidence=("the login expires: update the services after each login",))
        yield note._replace(repair=Advice("docker service update --with-registry-auth SERVICE"))
