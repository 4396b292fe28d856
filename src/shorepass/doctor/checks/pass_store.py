"""SP214, SP215: the store of pass, whose logins gpg cannot decrypt or encrypt, or which has a half of a login.

docker-credential-pass lists logins without gpg, so its list shows nothing of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import said_there
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import HelperError, HelperTimeout, Trouble
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted
from shorepass.helper.client import HelperClient
from shorepass.stores.pass_folder import GPG_OPTIONS, empty_folders, key_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context
    from shorepass.doctor.examination import Examination
    from shorepass.doctor.named import Named

__all__ = ["CODES", "check"]

CODES = {
    "SP214": "gpg cannot decrypt or encrypt the logins of pass",
    "SP215": "pass has an empty folder in place of a login",
}

NO_QUESTION = "--pinentry-mode=error"  # gpg(1): fail instead of asking for a passphrase
LATER = "it forgets it again (max-cache-ttl in gpg-agent.conf); services and CI need a key without a passphrase"


def check(examination: Examination, helper: Named) -> Iterator[Finding]:
    """Examine the store of ``docker-credential-pass``. gpg asks for no passphrase."""
    context = examination.context
    if not examination.runs:
        return
    fault, left = key_fault(context), empty_folders(context)
    if fault:
        seen = tuple(f"an empty folder of a login that was broken off: {folder}" for folder in left.values())
        yield _finding(context, helper, "SP214", helper.program, fault.cause, seen, said_there(context, fault.fix))
        return
    yield from _forgotten(examination, helper)
    for server, folder in left.items():
        subject = f"{helper.program}: {server}"
        cause = "a login that was broken off left an empty folder, and the helper stops at that"
        seen = (folder, "its list fails, too: clients that list see no login of this store")
        fix = said_there(context, f"rmdir {quoted(folder)}")
        yield _finding(context, helper, "SP215", subject, cause, seen, fix)


def _forgotten(examination: Examination, helper: Named) -> Iterator[Finding]:
    """Find out whether gpg-agent has the passphrase, if no program can ask for it here."""
    context = examination.context
    server = _any_login(examination, helper)
    if server is None or _can_ask(context):
        return
    try:
        HelperClient(context.with_env(**{GPG_OPTIONS: NO_QUESTION}), helper.suffix).get(server)
    except HelperTimeout:
        return
    except HelperError as error:
        if error.trouble is not Trouble.GPG:
            return
        cause = "gpg-agent does not have the passphrase, and cannot ask for it: there is no terminal and no window here"
        printed = tuple(f"it printed: {line}" for line in error.printed)
        yield _finding(context, helper, "SP214", helper.program, cause, (*printed, LATER), error.hint or "")


def _any_login(examination: Examination, helper: Named) -> str | None:
    """Return the server URL of a stored login, None if there is no login."""
    names = examination.listed(helper.suffix)
    return next(iter(names), None) if isinstance(names, dict) else None


def _can_ask(context: Context) -> bool:
    """Return whether gpg-agent can open a window, or knows a terminal."""
    if context.getenv("DISPLAY") or context.getenv("WAYLAND_DISPLAY"):
        return True
    return (context.getenv("GPG_TTY") or "").startswith("/dev/")


def _finding(
    context: Context, helper: Named, code: str, subject: str, cause: str, seen: tuple[str, ...], fix: str
) -> Finding:
    evidence = (*seen, helper.why)
    severity = Severity.WARNING if helper.chosen else Severity.ERROR
    return Finding(code, severity, context.name, subject, cause, evidence, Advice(fix))
