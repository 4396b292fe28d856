"""All stores on this machine: whether they work, why not, and the fix."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from shorepass import settings
from shorepass.config.locations import docker_config_path
from shorepass.contexts.terminal import nobody
from shorepass.errors import (
    FileError,
    HelperError,
    HelperMissing,
    HelperTimeout,
    ShorepassError,
    StoreLocked,
    StoreMissing,
    StoreUntrusted,
    Trouble,
)
from shorepass.helper import OURSELVES
from shorepass.helper.protocol import program_name
from shorepass.stores import probe
from shorepass.stores.in_use import DEFAULT, PREFIX, named
from shorepass.stores.vault.vault import Vault, init

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts.local import LocalContext

__all__ = ["Found", "helpers", "survey"]

HELPER_SECONDS = 5.0  # for the whole test of a helper: pass starts two programs per answer
CALL_SECONDS = "2"  # for each


STATES = (
    *("works", "not made yet", "locked", "not trusted", "not there", "no answer", "broken"),
    "plain text",
)


class Found(NamedTuple):
    """A store. ``state`` is one of STATES.

    ``in_use``: ``docker-credential-shorepass`` stores logins there. ``detail``: where it is, or why it does not work.
    ``fix``: the command that makes it work; empty if it works, or if no command helps.
    """

    name: str
    state: str
    in_use: bool
    detail: str
    fix: str = ""


def survey(here: LocalContext) -> list[Found]:
    """Return the stores of this machine. Keychain and helpers are tested at the same time, with a random entry.

    Raises MalformedFile, FileError: the settings.
    """
    in_use = settings.load(here).store or DEFAULT
    names = ["keychain", *(PREFIX + suffix for suffix in helpers(here))]
    if in_use not in ("vault", "file", *names):
        names.append(in_use)
    with ThreadPoolExecutor(max_workers=8) as pool:
        probed = list(pool.map(lambda name: _probed(here, name), names))
    found = [_vault(here), *probed, Found("file", "plain text", in_use=False, detail=docker_config_path(here)[0])]
    return [store._replace(in_use=store.name == in_use) for store in found]


def _vault(here: LocalContext) -> Found:

    asked: list[str] = []
    told: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        nobody(prompt)

    vault = Vault(here, ask=ask, tell=told.append)
    try:
        count = len(vault.list())
    except StoreMissing:
        return Found("vault", "not made yet", in_use=False, detail=vault.path, fix=init())
    except StoreLocked as error:
        if asked:
            detail = f"{vault.path}: asks for its passphrase on the terminal"
            return Found("vault", "works", in_use=False, detail=detail)
        return Found("vault", "locked", in_use=False, detail=error.reason, fix=error.hint or "")
    except StoreUntrusted as error:
        return Found("vault", "not trusted", in_use=False, detail=error.reason, fix=error.hint or "")
    except ShorepassError as error:
        return Found("vault", "broken", in_use=False, detail=error.message, fix=error.hint or "")
    logins = "1 login" if count == 1 else f"{count} logins"
    return Found("vault", "works", in_use=False, detail="; ".join([f"{vault.path}: {logins}", *told]))


def _probed(here: LocalContext, name: str) -> Found:
    """Return the test result of a keychain or a helper."""
    impatient = here.with_env(SHOREPASS_HELPER_TIMEOUT=CALL_SECONDS)
    try:
        store = named(name, impatient, ask=nobody, tell=lambda _: None)
        seconds = HELPER_SECONDS if name.startswith(PREFIX) else probe.SECONDS
        error = probe.trouble(store, seconds)
    except ShorepassError as refused:
        error = refused
    if error is None:
        where = program_name(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else "the keyring of this session"
        return Found(name, "works", in_use=False, detail=where)
    return Found(
        name, _state(error), in_use=False, detail=error.message.removeprefix(f"{name}: "), fix=error.hint or ""
    )


def _state(error: ShorepassError) -> str:
    trouble = error.trouble if isinstance(error, HelperError) else None
    if trouble is Trouble.LOCKED or isinstance(error, StoreLocked):
        return "locked"
    if trouble is Trouble.NO_STORE:
        return "not made yet"
    if trouble is Trouble.NO_KEYRING or isinstance(error, StoreMissing | HelperMissing):
        return "not there"
    return "no answer" if isinstance(error, HelperTimeout) else "broken"


def helpers(here: LocalContext) -> Iterator[str]:
    """Yield the NAMEs of all ``docker-credential-NAME`` on PATH, except Shorepass's."""
    prefix = program_name("")
    names: set[str] = set()
    separator = ";" if here.platform == "windows" else ":"
    for folder in (here.getenv("PATH") or "").split(separator):
        try:
            names.update(name.removesuffix(".exe") for name in here.names(folder) if name.startswith(prefix))
        except FileError:
            continue  # which() ignores it too
    for program in sorted(names):
        suffix = program.removeprefix(prefix)
        if suffix != OURSELVES and here.which(program):
            yield suffix
