"""Contexts that a program reaches: ssh, WSL, and virtual machines.

The virtual machines are those of Lima, Colima and podman. A table has one row per kind: the program, its words in front of a
command, and the words that list what it has. ssh has no list, because a name in a config file does not give permission to
connect. ssh itself reads the user's ssh config.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from shorepass.bounded_json import loads
from shorepass.contexts.packages import how_to_install
from shorepass.contexts.place import Place
from shorepass.contexts.shells.shell import ANSWER_SECONDS, ShellContext
from shorepass.contexts.shells.transport import Transport
from shorepass.errors import ContextError, printable
from shorepass.foreign_text import quoted
from shorepass.processes import ProcessError, ProcessTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts.local import LocalContext

__all__ = ["discover", "find"]

CONNECT_SECONDS = 3  # who waits no longer either: REACH_SECONDS in contexts/discovery.py
LIST_LIMIT = 1024 * 1024  # bytes of a list of machines
SSH_OPTIONS = (
    "BatchMode=yes",  # because no one can answer
    f"ConnectTimeout={CONNECT_SECONDS}",
    "RequestTTY=no",  # a terminal would change bytes
    "RemoteCommand=none",
    "ClearAllForwardings=yes",
    "ServerAliveInterval=20",  # a relay must hear of a host that is gone
)


class _Kind(NamedTuple):
    """How a program reaches a context.

    ``words``: the words in front of the command, ``{}`` for the name; without a name such a word is left out. ``joins``: see
    ``Transport``. ``by_hand``: what to try if there is no answer. ``listing``: prints all as JSON. ``start``: the command
    that starts a machine that is off.
    """

    program: str
    words: tuple[str, ...]
    by_hand: str
    joins: bool = False
    listing: tuple[str, ...] = ()
    start: str = ""


_KINDS = {
    "ssh": _Kind(
        *("ssh", (*(f"-o{option}" for option in SSH_OPTIONS), "--", "{}"), "ssh -o BatchMode=yes {} true"),
        joins=True,
    ),
    "wsl": _Kind(
        *("wsl.exe", ("-d", "{}", "-e"), "wsl.exe -d {}"),  # -e: without the distribution's shell
        listing=("--list", "--verbose"),
        start="wsl.exe -d {} true",
    ),
    "lima": _Kind(
        *("limactl", ("shell", "--workdir", "/", "{}"), "limactl shell {}"),
        listing=("list", "--format", "json"),
        start="limactl start {}",
    ),
    "colima": _Kind(
        *("colima", ("ssh", "--profile={}", "--"), "colima status {}"),
        listing=("list", "--json"),
        start="colima start {}",
    ),
    "podman-machine": _Kind(
        *("podman", ("machine", "ssh", "{}"), "podman machine ssh {}"),
        joins=True,
        listing=("machine", "list", "--format", "json"),
        start="podman machine start {}",
    ),
}


def find(here: LocalContext, kind: str, rest: str, *, timeout: float = ANSWER_SECONDS) -> ShellContext:
    """Return the context that a program of this machine leads to.

    Raises ContextError.
    """
    name = f"{kind}:{rest}" if rest else kind
    way = _KINDS[kind]
    program = here.which(way.program)
    if program is None:
        hint = how_to_install(here, way.program)
        raise ContextError(printable(name), f"there is no {way.program} on PATH", hint=hint)
    if rest.startswith("-"):
        raise ContextError(printable(name), "a name cannot begin with '-'")
    words = [word.replace("{}", rest) for word in way.words if rest or "{}" not in word]
    hint = way.by_hand.replace("{}", quoted(rest)).rstrip()
    return ShellContext.open(Transport(name, (program, *words), way.joins, hint, _speaking(here)), timeout=timeout)


def discover(here: LocalContext, timeout: float) -> Iterator[Place]:
    """Yield the distributions and virtual machines that this machine's programs list."""

    def look(kind: str) -> list[Place]:
        program = here.which(_KINDS[kind].program)
        try:
            return list(_places(_speaking(here), kind, program, timeout)) if program else []
        except ProcessTimeout:
            return [Place(kind, trouble=f"{program} did not answer within {timeout:g} s", hint=by_hand(kind))]
        except (ProcessError, ValueError) as error:
            return [Place(kind, trouble=f"{program}: {error}", hint=by_hand(kind))]

    def by_hand(kind: str) -> str:
        return " ".join((_KINDS[kind].program, *_KINDS[kind].listing))

    kinds = [kind for kind in _KINDS if kind != "ssh"]
    with ThreadPoolExecutor(len(kinds)) as pool:
        for places in pool.map(look, kinds):
            yield from places


def _places(here: LocalContext, kind: str, program: str, timeout: float) -> Iterator[Place]:
    listing = _KINDS[kind].listing
    machines = _wsl(here, program, timeout) if kind == "wsl" else _machines(_ask(here, program, listing, timeout))
    for name, state in machines:
        rest = "" if kind == "colima" and name == "default" else name
        full_name = f"{kind}:{rest}" if rest else kind
        place = Place(full_name, state=state)
        if state == "running":
            yield place._replace(open=partial(find, here, kind, rest, timeout=timeout))
        else:
            argument = quoted(rest) if rest else ""
            start = _KINDS[kind].start.replace("{}", argument).rstrip()
            yield place._replace(trouble=f"it is {state}", hint=start)


def _wsl(here: LocalContext, program: str, timeout: float) -> Iterator[tuple[str, str]]:
    """Yield the distributions, from two lists of names.

    There are two because ``--verbose`` prints in the language of Windows.
    """
    running = _lines(_ask(here, program, ("--list", "--quiet", "--running"), timeout))
    for name in _lines(_ask(here, program, ("--list", "--quiet"), timeout)):
        yield name, "running" if name in running else "stopped"


def _lines(data: bytes) -> list[str]:
    """Return the lines that ``wsl.exe`` prints: UTF-16, or UTF-8 if it knows WSL_UTF8."""
    encoding = "utf-16-le" if b"\0" in data else "utf-8"
    text = data.decode(encoding, "replace").lstrip("\ufeff")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _machines(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and state from a JSON list, or from one object per line.

    Raises ValueError.
    """
    text = data.decode("utf-8", "replace").strip()
    try:
        found = loads(text) if text.startswith("[") else [loads(line) for line in text.splitlines()]
        for machine in found:
            name = machine.get("name") or machine["Name"]
            running = machine.get("status") == "Running" or machine.get("Running") is True
            yield str(name), "running" if running else str(machine.get("status", "stopped")).lower()
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ValueError("its list of machines is malformed") from None


def _ask(here: LocalContext, program: str, words: tuple[str, ...], timeout: float) -> bytes:
    """Return what a program prints.

    The answer is empty if it fails, as wsl.exe does without a distribution.
    """
    done = here.run([program, *words], b"", timeout=timeout, limit=LIST_LIMIT)
    return done.stdout if done.status == 0 else b""


def _speaking(here: LocalContext) -> LocalContext:
    return here.with_env(WSL_UTF8="1")
