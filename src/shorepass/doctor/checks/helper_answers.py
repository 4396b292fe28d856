"""SP205, SP206, SP209 to SP215: helpers that start but do not work.

They are asked to ``list``, the one verb that shows no secret. pass without a store and a locked keyring answer ``list``
although they can neither read nor store a login, so these two are examined themselves.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from shorepass.client_table import DEFAULT
from shorepass.clients import find
from shorepass.clients.helper_lists import user_name
from shorepass.contexts.packages import how_to_install
from shorepass.credential import ANONYMOUS
from shorepass.doctor.checks import pass_store
from shorepass.doctor.checks.helper_programs import fault, removal
from shorepass.doctor.evidence import shown
from shorepass.doctor.finding import Finding, Severity, merged
from shorepass.doctor.named import is_there
from shorepass.errors import HelperError, HelperTimeout, Trouble
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES
from shorepass.helper.known_failures import NO_GPG_ID
from shorepass.helper.login_command import asked_helper
from shorepass.helper.protocol import program_name
from shorepass.stores.helper_backends import Bus, bus, is_initialised, pass_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context
    from shorepass.doctor.examination import Examination
    from shorepass.doctor.named import Named
    from shorepass.fixes.repair import Repair

__all__ = ["CODES", "check"]

CODES = {
    "SP205": "A helper does not answer",
    "SP206": "A helper's answer does not follow the protocol",
    "SP209": "No session bus, or no keyring on it",
    "SP210": "The keyring is locked",
    "SP211": "pass is not initialised",
    "SP212": "A helper fails",
    "SP213": "A helper belongs to a program that is not running",
    **pass_store.CODES,
}

NO_KEYRING = {
    Bus.NONE: "no session bus here: DBUS_SESSION_BUS_ADDRESS is not set, and XDG_RUNTIME_DIR has no socket",
    Bus.NO_SOCKET: "no session bus here: DBUS_SESSION_BUS_ADDRESS names a socket that does not exist",
    Bus.PRESENT: "there is a session bus, but no keyring answers on it",
}

_CODE_OF: dict[Trouble | None, str] = {
    Trouble.GARBAGE: "SP206",
    Trouble.NO_STORE: "SP211",
    Trouble.NO_KEYRING: "SP209",
    Trouble.LOCKED: "SP210",
    Trouble.STOPPED: "SP213",
    Trouble.GPG: "SP214",
    Trouble.EMPTY_FOLDER: "SP215",
}


def check(examination: Examination) -> Iterator[Finding]:
    """Ask each helper for its list, and report what fails, or is listed and not given."""
    for helper in {helper.suffix: helper for helper in reversed(examination.helpers)}.values():
        if examination.context.which(helper.program) is not None and fault(examination, helper) is None:
            yield from _trouble(examination, helper)
    if examination.runs:
        yield from merged(_not_given(examination))


def _not_given(examination: Examination) -> Iterator[Finding]:
    """Find logins that a helper lists and does not give: clients then send none, and print no error."""
    for resolution in examination.decisions:
        suffix, key = asked_helper(resolution) or "", resolution.server_url
        names = examination.listed(suffix) if suffix and suffix != OURSELVES else None
        if resolution.answer != ANONYMOUS or not isinstance(names, dict) or user_name(suffix, key, names) is None:
            continue
        asked = examination.reference
        program = program_name(suffix)
        cause = f"it lists a login for {shown(key)}, and gives none: clients send no login, and print no error"
        advice = f"printf %s {quoted(key)} | {program} get, in a terminal; then log in again"
        severity = Severity.WARNING if asked is None else Severity.ERROR
        follows = (("SP510", asked.name),) if asked else ()
        evidence = (f"asked: {program} list, then get",)
        yield Finding(
            "SP206", severity, examination.context.name, program, cause, evidence, Advice(advice), follows=follows
        )


def _trouble(examination: Examination, helper: Named) -> Iterator[Finding]:
    context = examination.context
    if helper.suffix == "pass" and not is_initialised(context):
        cause = "pass has no store, so it cannot store a login"
        fix = NO_GPG_ID
        if context.which(helper.suffix) is None:
            fix = f"{how_to_install(context, helper.suffix)}; then {NO_GPG_ID}"
        yield _finding(context, helper, "SP211", cause, (f"no .gpg-id in {pass_folder(context)}",), Advice(fix))
        return
    if helper.suffix == "pass":
        found = list(pass_store.check(examination, helper))
        if found:
            yield from found
            return
    for error in _errors(examination, helper):
        yield _failed(examination, helper, error)
        return  # one finding per helper is enough


def _failed(examination: Examination, helper: Named, error: HelperError) -> Finding:
    """Return the finding for a helper's error."""
    context = examination.context
    code = "SP205" if isinstance(error, HelperTimeout) else _CODE_OF.get(error.trouble, "SP212")
    if code == "SP210" and helper.suffix == OURSELVES:
        code = "SP212"  # its vault is not a keyring
    cause = error.cause or error.reason
    printed = [f"it printed: {line}" for line in error.printed] if error.cause else error.printed[1:]
    seen = (f"asked: {error.program} {error.verb}", *printed)
    if code == "SP209":
        cause, seen = NO_KEYRING[bus(context)], (f"{error.program} {error.verb}: {error.reason}",)
    elif code == "SP210" and not printed:
        seen = ("the keyring reports this on the session bus",)
    repair: Repair | None = Advice(error.hint) if error.hint else None
    if code == "SP213" and error.fits_elsewhere:
        repair = removal(context, helper)
    return _finding(context, helper, code, cause, seen, repair)


def _errors(examination: Examination, helper: Named) -> Iterator[HelperError]:
    """Yield the errors of a helper: instead of its list, and when clients asked it for a login."""
    answer = examination.listed(helper.suffix)
    if isinstance(answer, HelperError):
        yield answer
        return
    asked = [entry.error for entry in chain.from_iterable(examination.entries.values())]
    for error in (*asked, *(resolution.answer for resolution in examination.resolutions.values())):
        if isinstance(error, HelperError) and error.program.endswith(helper.program):
            yield error


def _finding(
    context: Context, helper: Named, code: str, cause: str, seen: tuple[str, ...], repair: Repair | None
) -> Finding:
    severity = Severity.ERROR
    if helper.chosen:
        has_stored = is_there(context, find(DEFAULT).own_file(context))
        severity = Severity.WARNING if has_stored else Severity.NOTE
    return Finding(code, severity, context.name, helper.program, cause, (*seen, helper.why), repair)
