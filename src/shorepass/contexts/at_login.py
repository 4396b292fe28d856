"""Programs that only a login shell has on its PATH.

A profile puts folders on PATH: ``~/.local/bin`` (pipx, uv tool), those of Nix, Homebrew, asdf, mise. A service, cron, an IDE
and ``ssh HOST COMMAND`` do not see that PATH. To learn it, Shorepass asks the user's own login shell, which runs the user's
own files. It runs as that user and never as root, without a terminal, for a limited time, and its environment has no secret
of Shorepass. Shorepass asks only if a program is missing. If there is no answer, it looks in the usual folders.
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

SECONDS = 3.0  # for a profile to end; the user waits for it
OUTPUT_LIMIT = 1024 * 1024  # bytes of an environment
NO_SHELLS = ("nologin", "false", "sync")

# Folders with one user's programs, which only a profile puts on PATH; {} is the home, {user} the user's name.
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
    """Return a context whose PATH leads to a program, as in the user's login shell.

    Return None if no folder has it.

    ``program``: the name of a program that is not on the context's own PATH.
    """
    if not _is_at_home(context):
        return None
    found = _found(context, _asked(context), program) or find_usual(context, program)
    if found is None:
        return None
    folders = [found.rpartition("/")[0], context.getenv("PATH") or ""]
    return context.with_env(PATH=":".join(filter(None, folders)))


def find_usual(context: Context, program: str) -> str | None:
    """Return the path of a program in one of the usual folders of one user.

    Nothing is run.
    """
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
    """Return the folders on PATH in the user's login shell.

    The answer is empty if it must not be asked, or does not answer.
    """
    shell = context.getenv("SHELL") or ""
    if not shell.startswith("/") or os.path.basename(shell) in NO_SHELLS or context.name in ("sudo", "sudo-login"):
        return []
    try:
        # env -0, because it separates the variables from what a profile prints
        done = context.run([shell, "-l", "-c", "exec env -0"], b"", timeout=SECONDS, limit=OUTPUT_LIMIT)
    except ProcessError:
        return []
    names = [line.rpartition("\n")[2] for line in done.stdout.decode("utf-8", "surrogateescape").split("\0")]
    paths = [name.removeprefix("PATH=") for name in names if name.startswith("PATH=")]
    folders = ":".join(paths).split(":")
    return [folder for folder in folders if folder.startswith("/")]


def _is_at_home(context: Context) -> bool:
    """Tell whether programs may run in a context, and whether its user owns its home.

    sudo may keep another user's HOME. Programs of that home must not run with root's rights.
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
    """Return the context of the user who owns a file of a context.

    It shows what works for that user.

    ``here``: the context that Shorepass runs in. If sudo keeps HOME, root uses another user's file. None: that user's context
    cannot be opened.
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
