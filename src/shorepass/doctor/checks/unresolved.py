"""Clients that stop at a file without logins, before they look for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.errors import FileError
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check"]

CODES = {"SP310": "A file without logins stops a client"}


def check(examination: Examination) -> Iterator[Finding]:
    """Look at the answers of all clients. Files with logins have their own checks."""
    with_logins = {file.path for file in examination.files}
    found = []
    for resolution in examination.decisions:
        error = resolution.answer
        if not isinstance(error, FileError) or error.path in with_logins:
            continue
        evidence = tuple(filter(None, (f"{resolution.client} pulls nothing because of it", resolution.behaviour)))
        repair = Advice(error.hint or f"correct {quoted(error.path)}")
        context = examination.context.name
        found.append(Finding("SP310", Severity.ERROR, context, error.path, error.reason, evidence, repair))
    yield from merged(found)
