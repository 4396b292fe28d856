"""Programs that a user has in a login shell, and that are not on the PATH of what starts without one.

A profile puts folders on PATH: ``~/.local/bin`` (pipx, uv tool), those of Nix, Homebrew, asdf, mise. A service, cron, an IDE
and ``ssh HOST COMMAND`` do not see that PATH. To know it, the user's own login shell is asked, which runs the user's own
files: as that user and never as root, without a terminal, for a bounded time, in the environment of a login, which holds no
secret of ours. It is asked only when a program is missing. Where it does not answer, the usual folders are looked at.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass.contexts import is_untouched
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
from shorepass.errors import SourceError
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts import Context

__all__ = ["USUAL", "as_at_login", "find_usual", "owner_context"]

SECONDS = 3.0  # for a profile to end; a person waits for it
OUTPUT_LIMIT = 1024 * 1024  # bytes of an environment
NO_SHELLS = ("nologin", "false", "sync")

# Where programs for one user are put, and which only a profile puts on PATH; {} is the home, {user} the user's name.
USUAL = (
    "{}/.local/bin",
    "{}/bin",
    "{}/.cargo/bin",
    "{}/go/bin",
    "{}/.nix-profile/bin",
    "{}/.local/state/nix/profile/bin",
    "/etc/profiles/per-user/{user}/bin",
    "/nix/var/nix/profiles/default/bin",
    "/run/current-system/sw/bin",
    "{}/.linuxbrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "{}/.asdf/shims",
    "{}/.local/share/mise/shims",
    "{}/.docker/bin",
    "{}/.rd/bin",
    "{}/google-cloud-sdk/bin",
    "/snap/bin",
)


def as_at_login(context: Context, program: str) -> Context | None:
    """Return a context whose PATH leads to a program, as in the user's login shell; None where the program is not there.

    ``program``: the name of one that the context's own PATH does not lead to.
    """
    if not _is_at_home(context):
        return None
    found = _found(context, _asked(context), program) or find_usual(context, program)
    if found is None:
        return None
    folders = [found.rpartition("/")[0], context.getenv("PATH") or ""]
    return context.with_env(PATH=":".join(filter(None, folders)))


def find_usual(context: Context, program: str) -> str | None:
    """Return the path of a program in a folder in which programs for one user usually are. Nothing is run."""
    return _found(context, _usual(context), program) if _is_at_home(context) else None


def _found(context: Context, folders: Sequence[str], program: str) -> str | None:
    try:
        return context.with_env(PATH=":".join(folders)).which(program) if folders else None
    except SourceError:
        return None


def _usual(context: Context) -> list[str]:
    home = context.home() or ""
    return [folder.replace("{user}", context.getenv("USER") or "").replace("{}", home) for folder in USUAL]


def _asked(context: Context) -> list[str]:
    """Return the folders on PATH that the user's own login shell has; none where it must not be asked, or does not answer."""
    shell = context.getenv("SHELL") or ""
    if not shell.startswith("/") or os.path.basename(shell) in NO_SHELLS or context.name in ("sudo", "sudo-login"):
        return []
    try:
        # env -0: what a profile prints before it stands in no variable's place
        done = context.run([shell, "-l", "-c", "exec env -0"], b"", timeout=SECONDS, limit=OUTPUT_LIMIT)
    except ProcessError:
        return []
    names = [line.rpartition("\n")[2] for line in done.stdout.decode("utf-8", "surrogateescape").split("\0")]
    paths = [name.removeprefix("PATH=") for name in names if name.startswith("PATH=")]
    return [folder for path in paths for folder in path.split(":") if folder.startswith("/")]


def _is_at_home(context: Context) -> bool:
    """Tell whether programs are run in a context, and whether its home is its user's own.

    What is in another user's home, as where sudo has kept HOME, never runs with this one's rights.
    """
    home = context.home()
    if is_untouched(context.name) or context.platform == "windows" or not home:
        return False
    try:
        status = context.status(home)
    except SourceError:
        return False
    return status is not None and status.uid == context.uid


def owner_context(context: Context, here: LocalContext, path: str) -> Context | None:
    """Return the context of the user who owns a file of a context, to see what works for that user; None: out of reach.

    ``here``: the context that we run in. sudo that keeps HOME makes root use another user's file.
    """
    try:
        status = context.status(path)
    except SourceError:
        return None
    if status is None or status.uid is None or status.uid == context.uid:
        return context
    if status.uid == here.uid:
        return here
    if sys.platform == "win32" or os.geteuid() != 0 or not isinstance(context, LocalContext):
        return None
    import pwd

    try:
        return find(f"user:{pwd.getpwuid(status.uid).pw_name}", here)
    except (KeyError, SourceError):
        return None
