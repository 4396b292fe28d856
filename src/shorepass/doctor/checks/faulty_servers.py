"""Registries that answer, and from which no client gets the image, whatever its login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.credential import ANONYMOUS
from shorepass.doctor.evidence import by_engine, sends
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import NoChallenge, NoSuchTag, StorageFails
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from shorepass.doctor.examination import Examination
    from shorepass.visit import Visit

__all__ = ["CODES", "ERRORS", "judge"]

CODES = {
    "SP523": "The server that has the data of images does not give it",
    "SP524": "The registry has no such tag",
    "SP525": "The registry refuses requests and asks for no login",
}
ERRORS = (StorageFails, NoSuchTag, NoChallenge)


def judge(examination: Examination, visit: Visit) -> Finding | None:
    """Return the problem with the registry or with its storage, None for nothing."""
    reference = visit.resolution.reference
    match next((error for error in visit.errors if isinstance(error, ERRORS)), None):
        case StorageFails() as error:
            advice = (
                f"ask the administrator of {quoted(reference.registry)} to make that server reachable from here, "
                "or to turn redirects off (storage.redirect.disable)"
            )
            return _finding(examination, visit, "SP523", reference.registry, error.reason, advice)
        case NoSuchTag() as error:
            is_login = visit.resolution.answer != ANONYMOUS
            allowed = "the login may pull" if is_login else "a pull needs no login"
            cause = f"{allowed}, but {error.reason}"
            advice = f"skopeo list-tags {quoted(f'docker://{reference.name}')}"
            return _finding(examination, visit, "SP524", reference.name, cause, advice)
        case NoChallenge() as error:
            cause = f"no client can send a login: {error.reason}"
            return _finding(examination, visit, "SP525", reference.registry, cause, error.hint or "")
    return None


def _finding(examination: Examination, visit: Visit, code: str, subject: str, cause: str, advice: str) -> Finding:
    """Return a finding. A missing tag is a note, because the login is good."""
    severity = Severity.NOTE if code == "SP524" else Severity.ERROR
    evidence = (*by_engine(visit), sends(visit.resolution, examination.fingerprints))
    return Finding(code, severity, examination.context.name, subject, cause, evidence, Advice(advice))
