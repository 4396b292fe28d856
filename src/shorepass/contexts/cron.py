"""``cron``, ``cron:USER``: what the jobs of a user's crontab run in.

cron reads ``/etc/environment`` by PAM, sets HOME, LOGNAME, SHELL and a short PATH, and then what the crontab assigns above a
job. There is no XDG_RUNTIME_DIR, so podman looks for other files. Sources: cron(8) and crontab(5) of Debian, and the
environment of a job there, as ``env`` printed it.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from shorepass.contexts.surroundings import in_surroundings
from shorepass.contexts.user import system_settings
from shorepass.errors import ContextError, printable
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    import pwd

    from shorepass.contexts.local import LocalContext

__all__ = ["assignments", "find"]

PATH = "/usr/bin:/bin"
SECONDS = 5.0  # for crontab to print a file
LIMIT = 1024 * 1024  # bytes of a crontab
ASSIGNMENT = re.compile(r"""[ \t]*(?:"([^"]*)"|'([^']*)'|(\w+))[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|(.*?))[ \t]*""")


def find(here: LocalContext, kind: str, rest: str) -> LocalContext:
    """Return the context of a user's cron jobs.

    Raises ContextError: no such user, or another user's without root's rights.
    """
    name = f"{kind}:{rest}" if rest else kind
    if sys.platform == "win32":
        raise ContextError(name, "Windows has no cron")
    import pwd

    try:
        account = pwd.getpwnam(rest) if rest else pwd.getpwuid(here.uid or 0)
    except (KeyError, ValueError):
        raise ContextError(printable(name), "there is no such user", hint="getent passwd lists them all") from None
    environ = {
        **system_settings("/etc/environment"),
        "HOME": account.pw_dir,
        "LOGNAME": account.pw_name,
        "SHELL": "/bin/sh",
        "PATH": PATH,
    }
    context = in_surroundings(here, name, account.pw_uid, environ, account.pw_dir)
    return context.with_env(**assignments(_crontab(here, account)))


def _crontab(here: LocalContext, account: pwd.struct_passwd) -> str:
    """Return the text of a user's crontab, empty where the user has no crontab."""
    program = here.which("crontab")
    if program is None:
        return ""
    who = [] if account.pw_uid == os.geteuid() else ["-u", account.pw_name]
    try:
        done = here.run([program, *who, "-l"], b"", timeout=SECONDS, limit=LIMIT)
    except ProcessError:
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.status == 0 else ""


def assignments(crontab: str) -> dict[str, str]:
    r"""Return the variables that a crontab assigns above its last job.

    >>> assignments('DOCKER_CONFIG = "/srv/my docker"\n@daily docker pull x\nLATE=1\n')
    {'DOCKER_CONFIG': '/srv/my docker'}
    """
    found: dict[str, str] = {}
    used: dict[str, str] = {}
    for line in crontab.splitlines():
        assigned = ASSIGNMENT.fullmatch(line)
        if assigned is not None:
            name, value = assigned[1] or assigned[2] or assigned[3], assigned[4] or assigned[5] or assigned[6] or ""
            found[name or ""] = value
        elif line.strip() and not line.lstrip().startswith("#"):
            used = dict(found)  # a job: what is assigned below is not for it
    return used
