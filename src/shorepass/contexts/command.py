"""The commands that hints show: complete, and ready to be pasted.

They are quoted, and have the rights, the context, the client and the files that they need.

The user types a hint in the shell in which this Shorepass was started. So a command for another user begins with ``sudo``,
followed by a program that sudo finds: its PATH (``secure_path``, sudoers(5)) has no folder of a home or of a virtual
environment.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass.client_table import FILE_FLAG, FOLDER_FLAG, row_of
from shorepass.contexts.engine_family import Family
from shorepass.contexts.local import LocalContext
from shorepass.errors import MalformedFile
from shorepass.foreign_text import quoted, without_user_info

if TYPE_CHECKING:
    from typing import TypeVar

    from shorepass.contexts import Context
    from shorepass.errors import SourceError

    Error = TypeVar("Error", bound=SourceError)

__all__ = ["SYSTEM_FOLDERS", "as_root", "by_hand", "command", "fixed_by", "operand", "run_there", "said_there"]

NAME = "shorepass"
SYSTEM_FOLDERS = ("/usr/bin", "/bin")  # on the PATH of every sudo and of every cron
FILE_FLAGS = (("DOCKER_CONFIG", FOLDER_FLAG), ("REGISTRY_AUTH_FILE", FILE_FLAG))

# The words that run a program in another context, by kind; {} is the context's own name.
WAYS: dict[str, str] = {
    "sudo": "sudo",
    "sudo-login": "sudo -i",
    Family.DOCKER: "docker exec -i {}",
    Family.PODMAN: "podman exec -i {}",
    "ssh": "ssh {}",
    "wsl": "wsl.exe -d {} -e",
    "lima": "limactl shell {}",
    "colima": "colima ssh {} --",
    "podman-machine": "podman machine ssh {}",
}


def command(context: Context | str | None, verb: str, *words: str, client: str = "") -> str:
    """Return a complete ``shorepass VERB`` for a context, ready to be pasted.

    ``context``: its name if it could not be opened; None for verbs that have no ``--in``. ``client``: for ``--client``;
    empty for verbs without that flag, and for the default. ``words``: the other words; this function quotes them.
    """
    flags = _where(context)
    if client:
        flags += ["--client", client]
    flags += _files(context, client, words)
    return " ".join([_program(context), verb, *(quoted(word) for word in (*flags, *words))])


def as_root(verb: str, *words: str) -> str:
    """Return ``sudo shorepass VERB``, with a program that sudo finds."""
    return " ".join([_with_sudo(), verb, *map(quoted, words)])


def operand(text: str) -> tuple[str, ...]:
    """Return the last words of a command for a name from a file.

    The name may look like a flag.
    """
    return ("--", text) if text.startswith("-") else (text,)


def fixed_by(error: Error, context: Context | str | None) -> Error:
    """Return an error, with the hint that fixes it if a config file is broken.

    A hint that the error has remains.
    """
    if isinstance(error, MalformedFile) and error.hint is None:
        error.hint = f"{command(context, 'doctor', '--fix')}, if that can fix it; else edit it, or move it away"
    return error


def said_there(context: Context, advice: str) -> str:
    """Return advice with the name of its context, if that is not ``me``."""
    return advice if context.name == "me" else f"in {quoted(context.name)}: {advice}"


def run_there(context: Context, line: str) -> str:
    """Return what to type here so that ``line`` runs in a context, as its user.

    ``line``: shell words.
    """
    kind, _, rest = context.name.partition(":")
    if kind == "user":
        return f"sudo -iu {quoted(rest)} {line}" if _came_by_sudo() else f"su - {quoted(rest)} -c {quoted(line)}"
    name = quoted(rest) if rest else ""
    return " ".join([*WAYS.get(kind, "").replace("{}", name).split(), line])


def by_hand(context: Context, path: str, verb: str, server: str) -> str:
    """Return the command that tries a failed call of a credential helper again.

    ``server``: the server URL of the call, empty for ``list``.
    """
    call = run_there(context, f"{quoted(path)} {verb}")
    if verb == "store":  # for a registry that does not exist, because the command tries the store only
        return f"""printf '{{"ServerURL":"registry.invalid","Username":"try","Secret":"it"}}' | {call}"""
    if verb not in ("get", "erase"):
        return call
    key = "KEY" if without_user_info(server) != server else quoted(server)  # a password may be in it
    return f"printf %s {key} | {call}"


def _name(context: Context | str | None) -> str:
    if context is None:
        return "me"
    return context if isinstance(context, str) else context.name


def _where(context: Context | str | None) -> list[str]:
    name = _name(context)
    return [] if name == "me" else ["--in", name]


def _files(context: Context | str | None, client: str, words: tuple[str, ...]) -> list[str]:
    """Return the file flags of this command that the next one needs too.

    It needs them because no variable names the file.
    """
    if context is None or isinstance(context, str) or context.name != "me":
        return []
    here = LocalContext.current()
    flags: list[str] = []
    for name, flag in FILE_FLAGS:
        path = context.getenv(name)
        if path and path != here.getenv(name) and flag not in words and _has(client, flag):
            flags += [flag, path]
    return flags


def _has(client: str, flag: str) -> bool:
    """Tell whether a command for a client has a flag.

    Some clients name their file, others its folder.
    """
    return flag != FILE_FLAG or not client or row_of(client).flag == flag


def _program(context: Context | str | None) -> str:
    """Return the words that start this Shorepass again.

    They give it root's rights if it needs them.
    """
    of_other_user = _name(context).startswith("user:")
    if not _came_by_sudo() and not (of_other_user and _is_user()):
        return NAME
    return _with_sudo()


def _with_sudo() -> str:
    path = _path()
    return f"sudo {NAME}" if os.path.dirname(path) in SYSTEM_FOLDERS else f"sudo {path}"


def _is_user() -> bool:
    return sys.platform != "win32" and os.geteuid() != 0


def _came_by_sudo() -> bool:
    """Tell whether sudo started this process as root: then you must type sudo again."""
    return sys.platform != "win32" and os.geteuid() == 0 and bool(LocalContext.current().getenv("SUDO_UID"))


def _path() -> str:
    """Return the words of the program that runs.

    They are its absolute path, or Python's with ``-m shorepass``.
    """
    for program in (os.path.abspath(sys.argv[0]), sys.executable):
        beside = os.path.join(os.path.dirname(program), NAME)
        if os.path.isfile(beside):
            return quoted(beside)
    return f"{quoted(sys.executable)} -m {NAME}"
