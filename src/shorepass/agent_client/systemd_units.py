"""The user's systemd units for the agent: copies of ``contrib/systemd/``, which start this installation."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.config.locations import join
from shorepass.config.own_folders import settings_folder
from shorepass.config.unit_files import quoted_word
from shorepass.errors import ShorepassError, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from shorepass.contexts import Context, FileContent
    from shorepass.contexts.local import LocalContext

__all__ = ["SERVICE", "SOCKET", "installed", "paths", "remove", "systemctl", "write"]

SOCKET, SERVICE = "shorepass-agent.socket", "shorepass-agent.service"
SIZE_LIMIT = 64 * 1024  # bytes
SECONDS = 60.0  # for systemctl
OURS = b"# Shorepass: "  # how each begins
EXEC_START = re.compile(rb"^ExecStart=.*$", re.MULTILINE)


def paths(context: Context) -> tuple[str, str]:
    """Return the paths of the user's units: the socket's and the service's (systemd.unit(5))."""
    folder = join(context, os.path.dirname(settings_folder(context)), "systemd", "user")
    return join(context, folder, SOCKET), join(context, folder, SERVICE)


def installed(context: Context) -> list[str]:
    """Return the paths of the units that are there and are Shorepass's. Raises FileError."""
    found = [context.read(path, SIZE_LIMIT) for path in paths(context)]
    return [content.path for content in found if content is not None and content.data.startswith(OURS)]


def write(here: LocalContext) -> list[str]:
    """Write the units for this installation; return their paths. Raises UsageError: another file is there; WriteError."""
    command = b" ".join(
        [quoted_word(sys.executable).encode(), *(b"-m", b"shorepass", b"agent", b"start", b"--foreground")]
    )
    for path in paths(here):
        text = (_folder() / os.path.basename(path)).read_bytes()
        text = EXEC_START.sub(lambda _: b"ExecStart=" + command, text)

        def edit(content: FileContent | None, text: bytes = text) -> bytes:
            if content is not None and not content.data.startswith(OURS):
                raise UsageError(f"{content.path} is not Shorepass's", hint=f"move it away: {quoted(content.path)}")
            return text

        files.update(path, edit, owner=here.home_owner(path))
    return list(paths(here))


def remove(here: LocalContext) -> list[str]:
    """Remove the units that are Shorepass's, and return their paths. Raises FileError, WriteError."""
    found = installed(here)
    for path in found:
        files.remove(path)
    return found


def systemctl(here: LocalContext, *words: str) -> None:
    """Ask the user's systemd to do something. Raises ShorepassError: it fails, or there is no systemctl."""
    line = f"systemctl --user {' '.join(words)}"
    program = here.which("systemctl")
    if program is None:
        raise ShorepassError("systemctl is not on PATH", hint=f"where systemd runs: {line}")
    try:
        done = here.run([program, "--user", *words], b"", timeout=SECONDS, limit=SIZE_LIMIT)
    except ProcessError as error:
        raise ShorepassError(f"{line}: {error}") from None
    if done.status != 0:
        said = printable(done.stderr.decode("utf-8", "replace")) or f"exit status {done.status}"
        raise ShorepassError(f"{line}: {said}")


def _folder() -> Path:
    """Return the folder of the units: in the package, or beside ``src/`` in a checkout."""
    package = Path(__file__).parents[1]
    found = package / "contrib"
    return (found if found.is_dir() else package.parents[1] / "contrib") / "systemd"
