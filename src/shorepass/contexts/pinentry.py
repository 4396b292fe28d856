"""Asks for a passphrase or a yes by ``pinentry``, the program that GnuPG uses.

It is for a desktop without a terminal.

Source: the Assuan protocol and pinentry's manual: commands are lines, data is percent-encoded, the answer is ``D`` and ``OK``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from shorepass.errors import StoreLocked
from shorepass.foreign_text import visible
from shorepass.processes import ProcessError

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = ["ask_by", "confirm_by", "pinentry_of"]

SECONDS = 120.0  # for the user to type
LIMIT = 64 * 1024  # bytes of its answers
DISPLAYS = ("WAYLAND_DISPLAY", "DISPLAY")
CONFIRM_ANSWER = 6  # the answer to CONFIRM is behind the greeting and the five answers before it
TIMED_OUT = "83886142"  # GPG_ERR_TIMEOUT of pinentry (libgpg-error: source 5, code 62)


def pinentry_of(here: LocalContext) -> str | None:
    """Return the pinentry of this desktop.

    Return None without a desktop, or without the program.
    """
    has_desktop = any(here.getenv(name) for name in DISPLAYS)
    return here.which("pinentry") if has_desktop else None


def ask_by(here: LocalContext, program: str, prompt: str) -> str:
    """Return what the user typed.

    Raises StoreLocked: the user cancelled, or it does not work.
    """
    prompt = visible(prompt).replace("%", "%25")
    commands = ["SETTITLE Shorepass", f"SETDESC {prompt}", "SETPROMPT Passphrase:", "GETPIN", "BYE", ""]
    try:
        done = here.run([program], "\n".join(commands).encode(), timeout=SECONDS, limit=LIMIT)
    except ProcessError as error:
        raise StoreLocked("vault", f"{program}: {error}") from None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    typed = [line.removeprefix("D ") for line in lines if line.startswith("D ")]
    if not typed:
        raise StoreLocked("vault", "no passphrase was given")
    return unquote(typed[0])


def confirm_by(here: LocalContext, program: str, question: str, seconds: float) -> bool | None:
    """Return whether the user agrees.

    Return None without an answer in time, or if the program does not work.
    """
    text = visible(question).replace("%", "%25")
    commands = ["SETTITLE Shorepass", f"SETDESC {text}", "SETOK Allow", "SETCANCEL Refuse"]
    commands += [f"SETTIMEOUT {max(1, round(seconds))}", "CONFIRM", "BYE", ""]
    try:
        done = here.run([program], "\n".join(commands).encode(), timeout=max(seconds, 1.0), limit=LIMIT)
    except ProcessError:
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    answers = [line.split()[:2] for line in lines if line.startswith(("OK", "ERR"))]
    if len(answers) <= CONFIRM_ANSWER:
        return None
    if answers[CONFIRM_ANSWER][0] == "OK":
        return True
    return None if answers[CONFIRM_ANSWER][1:] == [TIMED_OUT] else False
