"""What the checks look at: one context and its clients, each asked once."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass.client_table import FAMILIES, FILE_FLAG, ROWS
from shorepass.clients import find
from shorepass.contexts import is_untouched
from shorepass.contexts.at_login import as_at_login, owner_context
from shorepass.contexts.local import LocalContext
from shorepass.doctor.decisions import of_stored_logins
from shorepass.doctor.named import is_silent, listed, named
from shorepass.doctor.visits import make as make_visits
from shorepass.secret import Fingerprints

if TYPE_CHECKING:
    from shorepass.clients import Client, Entry
    from shorepass.contexts import Context
    from shorepass.doctor.named import Named
    from shorepass.errors import HelperError
    from shorepass.names import Reference
    from shorepass.registry.client import Access
    from shorepass.resolution import Resolution
    from shorepass.visit import Visit

__all__ = ["HELPER_SECONDS", "ConfigFile", "Examination"]

HELPER_SECONDS = 5.0  # for a helper to answer, because the user waits for each one that hangs
HELPER_TIMEOUT = "SHOREPASS_HELPER_TIMEOUT"


class ConfigFile(NamedTuple):
    """A file in which clients look for logins, whether it exists or not.

    ``why``: why it is this file.

    ``family``: the client that owns the file. ``legacy``: it has no ``auths`` member.
    """

    path: str
    why: str
    clients: tuple[str, ...]
    family: str
    legacy: bool = False

    @property
    def judge(self) -> str:
        """The client whose rules count for the file: its owner if that reads it here, else the first that does."""
        return self.family if self.family in self.clients else self.clients[0]


class Examination:
    """One context under examination.

    ``here`` is the context that Shorepass runs in. ``reference``: the image or registry to examine, None for all
    logins. ``push``: also ask for the permission to push. ``access``: how to ask registries, None for no network.
    ``clients``: whose logins; by default docker's and podman's, or only docker's if podman is not used. ``by_flag``: a flag
    names podman's file: a missing file then stops newer releases, too.
    ``fingerprints``: those of the report that the findings are for.
    ``refusals``: the visits of this report that a registry refused, by reference and credential.
    Helpers get HELPER_SECONDS for an answer, unless SHOREPASS_HELPER_TIMEOUT is set.
    """

    def __init__(
        self,
        context: Context,
        here: LocalContext,
        *,
        reference: Reference | None = None,
        push: bool = False,
        access: Access | None = None,
        clients: tuple[str, ...] = (),
        by_flag: bool = False,
        fingerprints: Fingerprints | None = None,
        refusals: dict[object, Visit] | None = None,
    ) -> None:
        if not context.getenv(HELPER_TIMEOUT):
            context = context.with_env(**{HELPER_TIMEOUT: f"{HELPER_SECONDS:g}"})
        self.context = context
        self.here = here
        self.reference = reference
        self.push = push
        self.by_flag = by_flag
        self.access = access
        self.fingerprints = fingerprints or Fingerprints()
        self.refusals = {} if refusals is None else refusals
        self._asked_for = clients
        self._names = clients or _families(context)
        self._listed: dict[str, dict[str, str] | HelperError] = {}
        self._at_login: dict[tuple[str, str], Context | None] = {}

    def afresh(self) -> Examination:
        """Return the same examination with nothing known yet, to see whether a fix has helped."""
        for context in (self.context, self.here):
            if isinstance(context, LocalContext):
                context.memory.forget_answers()
        return Examination(
            self.context,
            self.here,
            reference=self.reference,
            push=self.push,
            access=self.access,
            clients=self._asked_for,
            by_flag=self.by_flag,
            fingerprints=self.fingerprints,
            refusals=self.refusals,
        )

    def is_asked_for(self, client: str) -> bool:
        """Return whether the caller has named a client, even if it is not used here."""
        return client in self._asked_for

    @cached_property
    def clients(self) -> tuple[Client, ...]:
        """The clients whose logins are examined."""
        return tuple(self._as_named(find(name)) for name in self._names)

    def is_named_by_flag(self, client: Client) -> bool:
        """Return whether a flag names the client's file."""
        return self.by_flag and client.row.flag == FILE_FLAG

    def _as_named(self, client: Client) -> Client:
        return client.named_by_flag() if self.is_named_by_flag(client) else client

    @cached_property
    def visits(self) -> list[Visit]:
        """What the registries and the engines answer to the logins; empty without ``access``."""
        return make_visits(self, self.access) if self.access is not None else []

    @cached_property
    def files(self) -> list[ConfigFile]:
        """The files that these clients read, each once, in the order in which they are read."""
        found: dict[str, ConfigFile] = {}
        for client in self.clients:
            for file in client.files(self.context):
                known = found.get(file.path, ConfigFile(file.path, file.why, (), file.family, file.legacy))
                found[file.path] = known._replace(clients=(*known.clients, client.name))
        return list(found.values())

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """The stored logins by client. A source that is broken is an entry with an error.

        If no program is run, an entry without ``kind`` represents all logins of its helper: see ``Client.entries``. So does
        an entry with an error if a helper hangs or would ask for a password, because it is not asked again.
        """
        answers = {helper.suffix: self.listed(helper.suffix) for helper in self.helpers}
        silent = {suffix: error for suffix, error in answers.items() if is_silent(error)}
        found = {}
        for client in self.clients:
            entries = client.entries(self.context, ask_helpers=self.runs and not silent)
            found[client.name] = [
                entry._replace(error=silent.get(entry.helper or "", entry.error)) for entry in entries
            ]
        return found

    @cached_property
    def runs(self) -> bool:
        """Whether programs may be run in the context to examine it."""
        return not is_untouched(self.context.name)

    @cached_property
    def helpers(self) -> list[Named]:
        """The helpers that the clients would ask: named in a file, or chosen by docker itself."""
        return named(self.context, self.clients)

    def listed(self, suffix: str) -> dict[str, str] | HelperError | None:
        """Return what a helper lists (user names by server URL), or the error instead; None if no program is run."""
        if suffix not in self._listed and self.runs:
            self._listed[suffix] = listed(self.context, suffix)
        return self._listed.get(suffix)

    def at_login(self, helper: Named) -> Context | None:
        """Return a login shell's context in which a helper that is not on PATH works, or None.

        The login shell is that of the user whose file names the helper. A helper that works there must not be removed.
        """
        known = (helper.program, helper.path)
        if known not in self._at_login:
            owner = owner_context(self.context, self.here, helper.path)
            there = owner
            if owner is not None and owner.which(helper.program) is None:
                there = as_at_login(owner, helper.program)
            self._at_login[known] = there
        return self._at_login[known]

    @cached_property
    def resolutions(self) -> dict[str, Resolution]:
        """What each client sends for ``reference``; empty if that is None."""
        if self.reference is None:
            return {}
        return {client.name: client.resolve(self.context, self.reference) for client in self.clients}

    @cached_property
    def decisions(self) -> list[Resolution]:
        """What each client sends for ``reference``, or for each registry with a stored login."""
        return of_stored_logins(self) if self.reference is None else list(self.resolutions.values())


def _families(context: Context) -> tuple[str, ...]:
    """Return the clients that can be used in a context: problems of podman do not matter if only docker is installed.

    One client represents its family. It counts if one of its programs is installed, or one that reads its files.
    """
    here = [name for name in FAMILIES if any(context.which(program) for program in ROWS[name].programs)]
    read = {*chain.from_iterable(find(name).facts.reads for name in here)}
    return tuple(name for name in FAMILIES if name in here or name in read) or FAMILIES
