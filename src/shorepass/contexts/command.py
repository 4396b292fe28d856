"""The commands that hints show: complete, quoted, with the rights, the context, the client and the files that they need.

A hint is typed by the person who reads it, in the shell in which this Shorepass was started. So a command for another user
begins with ``sudo``, and behind ``sudo`` stands a program that sudo finds: its PATH (``secure_path``, sudoers(5)) has no
folder of a home or of a virtual environment.
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

# How a program is run in another context, by kind; {} is the context's own name.
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
    """Return ``shorepass VERB`` with what makes it work for a context, ready to be pasted.

    ``context``: its name where it could not be opened; None for verbs that have no ``--in``. ``client``: for ``--client``;
    empty for verbs without that flag, and for the default. ``words``: the rest, quoted here.
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
    """Return the words for a name from somebody's file, which may look like a flag: for the end of a command."""
    return ("--", text) if text.startswith("-") else (text,)


def fixed_by(error: Error, context: Context | str | None) -> Error:
    """Return an error; that of a config file which is broken gets the hint which fixes it, unless it has one."""
    if isinstance(error, MalformedFile) and error.hint is None:
        error.hint = f"{command(context, 'doctor', '--fix')}, where that can fix it; else edit it, or move it away"
    return error


def said_there(context: Context, advice: str) -> str:
    """Return advice with the context in which it is to be followed, where that is another one."""
    return advice if context.name == "me" else f"in {quoted(context.name)}: {advice}"


def run_there(context: Context, line: str) -> str:
    """Return a line of shell words as it is typed here, so that it runs in a context, as its user."""
    kind, _, rest = context.name.partition(":")
    if kind == "user":
        return f"sudo -iu {quoted(rest)} {line}" if _came_by_sudo() else f"su - {quoted(rest)} -c {quoted(line)}"
    way = WAYS.get(kind, "")
    return " ".join([*way.replace("{}", quoted(rest) if rest else "").split(), line])


def by_hand(context: Context, path: str, verb: str, server: str) -> str:
    """Return how a person tries what failed: one call of a credential helper. ``server``: for what, empty for ``list``."""
    call = run_there(context, f"{quoted(path)} {verb}")
    if verb == "store":  # for a registry that does not exist: it is the store that is tried
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
    """Return the flags that this command was given, and the next one needs as well: what the environment does not say."""
    if context is None or isinstance(context, str) or context.name != "me":
        return []
    here = LocalContext.current()
    return [
        word
        for name, flag in FILE_FLAGS
        if (path := context.getenv(name)) and path != here.getenv(name)
        if flag not in words and _has(client, flag)
        for word in (flag, path)
    ]


def _has(client: str, flag: str) -> bool:
    """Tell whether a command for a client has a flag: where its file is told by its folder, it has none for a file."""
    return flag != FILE_FLAG or not client or row_of(client).flag == flag


def _program(context: Context | str | None) -> str:
    """Return the words that start this very Shorepass again, with root's rights where they are needed."""
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
    """Tell whether this process is root's by sudo: then the person at the terminal has to type sudo again."""
    return sys.platform != "win32" and os.geteuid() == 0 and bool(LocalContext.current().getenv("SUDO_UID"))


def _path() -> str:
    """Return the words of the program that runs: its absolute path, or Python's and ``-m shorepass``."""
    for program in (os.path.abspath(sys.argv[0]), sys.executable):
        beside = os.path.join(os.path.dirname(program), NAME)
        if os.path.isfile(beside):
            return quoted(beside)
    return f"{quoted(sys.executable)} -m {NAME}"
