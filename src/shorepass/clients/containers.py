"""podman, skopeo and buildah: the rules of containers/image, which all three are built on.

Versions followed: 5.22 (skopeo 1.9) to 5.40 (podman 6); ``containers_releases`` has what changed. Source: containers/image
pkg/docker/config/config.go, and containers/common pkg/auth for ``login`` and ``logout``. Helpers come from
``registries.conf``; the auth files are one of them, and normally the only one. In a file ``credsStore`` is not read at all.

podman and buildah differ from skopeo in three things: they look at CONTAINERS_REGISTRIES_CONF; DOCKER_CONFIG names the first
file they read (skopeo only logs in there); and they pull nothing where ``--authfile``, or in some releases a
variable, names a file that is not there.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass.client_table import row_of
from shorepass.clients import Entry, Target
from shorepass.clients.auth_files import auth_files, first_auth_file
from shorepass.clients.containers_releases import (
    ALONE,
    COMPATIBLE,
    EACH_ALONE,
    MARK,
    MAY_BE_MISSING,
    MIRROR_SLASH,
    REWRITTEN,
    followed_by,
)
from shorepass.clients.facts import Facts, Words
from shorepass.clients.followed import Followed
from shorepass.clients.release import Release, full_name
from shorepass.clients.trace import said
from shorepass.clients.views import ContainersView, FileView
from shorepass.config import auth_file, registries_conf
from shorepass.config.auth_entry import read_containers_entry, write_entry
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import in_the_way, join
from shorepass.config.registries_conf import AUTH_FILES, REGISTRIES_CONF, Ways
from shorepass.contexts.command import command, fixed_by
from shorepass.credential import ANONYMOUS, Anonymous, Basic, Credential, IdentityToken
from shorepass.errors import FileError, MalformedFile, SourceError, UsageError, printable, without_user_info
from shorepass.foreign_text import quoted
from shorepass.names import HUB_REGISTRY, HUB_SERVER_URL, Reference, ShortName, is_ipv6, is_upper_case_word, parse
from shorepass.resolution import Outcome, Resolution, Source, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Any, TypeAlias

    from shorepass.client_table import Row
    from shorepass.clients import Client
    from shorepass.clients.private import Lent
    from shorepass.config.auth_file import AuthFile, Logins
    from shorepass.config.registries_conf import RegistriesConf
    from shorepass.contexts import Context, FileContent
    from shorepass.contexts.local import LocalContext

    _Ask: TypeAlias = Callable[[str, str, str | None], list[Entry]]

__all__ = ["Containers", "client"]

HUB_NAMES = ("registry-1.docker.io", "docker.io")
HUB_NORMAL = "index.docker.io"
IN_NAMESPACE = (
    "; a user's podman or buildah runs it in its user namespace, as uid 0, with the same HOME and PATH: a program that checks "
    "its user refuses there"
)
# containers/image docker/docker_transport.go newReference. podman and buildah ignore the tag.
TAG_AND_DIGEST = "skopeo does not support a name with both a tag and a digest"
# Words before a colon by which podman and buildah mean an image on this machine: containers/image transports/alltransports,
# and the image ids of containers/common libimage/pull.go.
ON_THIS_MACHINE = frozenset(
    """
    containers-storage dir docker-archive docker-daemon oci oci-archive ostree sha256 sif tarball
    """.split()  # noqa: SIM905  # formatted as a list, it fills 12 lines
)
NO_LOGINS = auth_file.Logins({}, {})


# podman stands for all three where no client is named.
FACTS = Facts(
    label="podman, skopeo, buildah",
    file_name="auth.json",
    folders=("containers",),
    variable="REGISTRY_AUTH_FILE",
    variables=("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"),
    words=Words(
        success="Login Succeeded!",
        trying="Authenticating with existing credentials for {server}",
        still_good="Existing credentials are valid. Already logged in to {server}",
        removed="Removed login credentials for {server}",
        not_logged_in="not logged into {server}",
    ),
    failure_code=125,
    broken_file="podman, skopeo and buildah stop with an error",
    broken_helper="podman, skopeo and buildah stop with an error",
    plain_http_advice=(
        'put [[registry]] location = "{registry}" insecure = true into ~/.config/containers/registries.conf.d/'
        "plain.conf, or give {client} --tls-verify=false"
    ),
    reads=("docker",),
    repositories=True,
    namespaces=True,
    requires_login=True,
)
ALL_FACTS = {
    "podman": FACTS,
    "skopeo": FACTS._replace(variables=("REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME"), failure_code=1),
    "buildah": FACTS,
}


class _Found(NamedTuple):
    """What one file or helper answered. ``source`` is None when it has nothing."""

    credential: Credential
    source: Source | None = None


NOTHING = _Found(ANONYMOUS)


class _Edited(NamedTuple):
    """What a login or a logout changes: a key, with each helper in its order, the word for the auth files among them."""

    followed: Followed
    key: str
    helpers: list[str]


class Containers:
    """One of the three programs. ``by_flag``: ``--authfile`` names the file, and not a variable."""

    def __init__(self, program: str, release: Release | None = None, *, by_flag: bool = False) -> None:
        self.name = full_name(program, release)
        self.release = release
        self.facts = ALL_FACTS[program]
        self._program = program
        self._is_podman = program != "skopeo"  # or buildah, which shares its ways
        self._by_flag = by_flag

    @property
    def row(self) -> Row:
        """Its row of the table of clients."""
        return row_of(self.name)

    def named_by_flag(self) -> Client:
        """Return this program as it acts where ``--authfile`` names its file."""
        return Containers(self._program, self.release, by_flag=True)

    def followed(self, context: Context) -> Followed:
        """Return the release whose rules count in a context."""
        return followed_by(context, self._program, self.release)

    def remarks(self, context: Context, reference: Reference) -> list[Step]:  # noqa: ARG002
        """Return none: all its commands do the same."""
        return []

    def reads_dash(self, context: Context) -> bool:  # noqa: ARG002
        """Return False: it is a password like any other."""
        return False

    def login_password(self, context: Context, text: str, *, from_stdin: bool) -> str:  # noqa: ARG002
        """Return the text; of standard input without any line ending (containers/common pkg/auth/auth.go ``Login``)."""
        if not from_stdin:
            return text
        return "".join(line.removesuffix("\r") for line in text.split("\n"))

    def files(self, context: Context, *, for_login: bool = False) -> list[AuthFile]:
        """Return the files in the order in which they are read; the first is also written."""
        return self._files(context, self.followed(context), for_login=for_login)

    def own_file(self, context: Context) -> str:
        """Return the file that is read first where DOCKER_CONFIG puts no other before it."""
        return first_auth_file(context, self.followed(context), docker_first=False).path

    def passes_over_variable(self, context: Context, *, runs: bool) -> str:  # noqa: ARG002
        """Return nothing: there is no such variable."""
        return ""

    def asked_for(self, registry: str) -> str:
        """Return the registry itself."""
        return registry

    def read_entry(self, members: Iterable[tuple[str, Any]]) -> Credential:
        """Return what an entry holds. Raises BadEntryError."""
        return read_containers_entry(members)

    def write_entry(self, credential: Credential) -> dict[str, str]:
        """Return the entry that is written for a credential."""
        return write_entry(credential, docker=False)

    def view(self, content: FileContent, *, legacy: bool = False) -> FileView:
        """Return what is seen in a file. Raises MalformedFile."""
        return ContainersView(self, content, legacy=legacy)

    def refusal(self, content: FileContent) -> str:  # noqa: ARG002
        """Return nothing: it runs with every file that it can read."""
        return ""

    def certificate_folders(self, context: Context, host: str) -> list[str]:
        """Return the user's own, the system's, and docker's."""
        from shorepass.clients.certificates import containers_folders

        return containers_folders(context, host)

    def is_insecure(self, context: Context, reference: Reference, *, tls: bool, seconds: float) -> bool:  # noqa: ARG002
        """Look into registries.conf, which has one list for both."""
        from shorepass.clients.insecure import is_listed_by_conf

        return is_listed_by_conf(lambda: self._registries_conf(context), reference)

    def lend(self, here: LocalContext, keys: Iterable[str], folder: str) -> Lent:
        """Make a private file for REGISTRY_AUTH_FILE. Raises FileError, WriteError."""
        from shorepass.clients.private import lend_auth_file

        followed = self.followed(here)
        files = self._files(here, followed)
        if not followed.has(ALONE):
            files = files[:1]  # the others are read beside the private one
        return lend_auth_file(here, files, keys, folder)

    def common_helpers(self, context: Context) -> list[str]:
        """Return the list of ``registries.conf``. Raises FileError, MalformedFile."""
        return self._registries_conf(context).helpers

    def _registries_conf(self, context: Context) -> RegistriesConf:
        return self._conf(context, self.followed(context))

    def _files(self, context: Context, followed: Followed, *, for_login: bool = False) -> list[AuthFile]:
        return auth_files(context, followed, docker_first=for_login or self._is_podman)

    def _conf(self, context: Context, followed: Followed, *, last_first: bool = False) -> RegistriesConf:
        ways = Ways(
            self._is_podman,
            is_rewritten=lambda: followed.has(REWRITTEN),
            skips_mark=lambda: followed.has(MARK),
            trims_mirrors=lambda: followed.has(MIRROR_SLASH),
        )
        return registries_conf.load(context, ways, last_first=last_first)

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what the program sends: the first helper with an answer wins, errors count only when none has one."""
        followed = self.followed(context)
        question = _Question(context, self.name, reference, in_namespace=self._has_namespace(context))
        found = self._resolved(question, followed)
        if not question.random:
            return found
        again = _Question(context, self.name, reference, in_namespace=self._has_namespace(context))
        return found.beside(self._resolved(again, followed, last_first=True))

    def stored(self, context: Context, server: str) -> Resolution:
        """Return the login for the very name, or for the longest part of it that has one.

        ``registries.conf`` does not move it. Raises UsageError.
        """
        host, _, path = _login_key(server).partition("/")
        followed = self.followed(context)
        question = _Question(context, self.name, Reference(host, path), in_namespace=self._has_namespace(context))
        try:
            conf = self._conf(context, followed)
        except SourceError as error:
            return question.resolution([error])
        return question.resolution(_answers(question, conf, self._files(context, followed, for_login=True)))

    def _resolved(self, question: _Question, followed: Followed, *, last_first: bool = False) -> Resolution:
        """Return what the program sends, with ``registries.conf`` as its decoder may read it (``registries_conf.load``)."""
        context, asked = question.context, question.reference
        try:
            self._check_name(asked)
            conf = self._start(question, followed, image=bool(asked.repository), last_first=last_first)
        except SourceError as error:
            return question.resolution([error])
        files = self._files(context, followed)
        mirrors: list[tuple[Reference, Credential]] = []
        for mirror in question.mirrors:
            at_mirror = _Question(context, self.name, mirror, in_namespace=self._has_namespace(context))
            first = _answers(at_mirror, conf, files)[0]
            if conf.is_blocked(mirror):
                first = FileError(REGISTRIES_CONF, "that mirror is blocked")
            question.add_mirror(mirror, first)
            if isinstance(first, _Found):
                mirrors.append((mirror, first.credential))
        answers: list[_Found | SourceError] = []
        if question.blocked is not None:
            question.add("file", Outcome.FAILED, question.blocked.path, question.blocked.message, question.blocked.hint)
            answers = [question.blocked]
        return question.resolution(answers or _answers(question, conf, files))._replace(mirrors=tuple(mirrors))

    def _check_name(self, reference: Reference) -> None:
        """Raise SourceError where the program takes no such name for that of an image."""
        if reference.repository and (is_ipv6(reference.registry) or is_upper_case_word(reference.registry)):
            reason = f"{self.name} reads no name of an image in a registry such as {reference.registry}"
            raise SourceError(reason, hint="give that registry a name with a dot")
        if (
            isinstance(reference, ShortName)
            and reference.written in ON_THIS_MACHINE
            and reference.tag
            and self._is_podman
        ):
            written = f"{reference.written}:{reference.tag}"
            hint = f"write the registry, too: {reference}"
            raise SourceError(
                f"to {self.name}, {written} is an image on this machine, and none of a registry", hint=hint
            )
        if reference.tag and reference.digest and not self._is_podman:
            raise SourceError(TAG_AND_DIGEST, hint="leave out the tag: the digest says which image")

    def _has_namespace(self, context: Context) -> bool:
        """Tell whether the program runs in a user namespace, with its helpers: a user's podman and buildah do."""
        return bool(context.uid) and self._is_podman and context.platform == "linux"

    def missing(self, context: Context) -> AuthFile | None:
        """Return the named auth file that is not there, at which the program stops. Raises FileError."""
        return self._missing(context, self.followed(context))

    def _missing(self, context: Context, followed: Followed) -> AuthFile | None:
        file = first_auth_file(context, followed, docker_first=self._is_podman)
        if not self._is_podman or not file.named or context.read(file.path, SIZE_LIMIT):
            return None
        return None if followed.has(MAY_BE_MISSING) and not self._by_flag else file

    def _start(self, question: _Question, followed: Followed, *, image: bool, last_first: bool) -> RegistriesConf:
        """Find out where the image comes from, ahead of any search for a credential."""
        context = question.context
        file = self._missing(context, followed) if image else None
        if file is not None:
            reason = f"not there, and {self.name} stops at that ({file.why})"
            question.add("file", Outcome.FAILED, file.path, reason)
            raise FileError(file.path, reason)
        try:
            conf = self._conf(context, followed, last_first=last_first)
            question.go_where(conf, searches=self._is_podman)
            if question.blocked is not None and not question.mirrors:
                raise question.blocked
        except SourceError as error:
            question.add("file", Outcome.FAILED, REGISTRIES_CONF, error.message, error.hint)
            raise
        return conf

    def fitting(self, keys: Collection[str], reference: Reference) -> list[str]:
        """Return those of an auth file's keys whose login the program may take for an image."""
        return _fitting(keys, reference, legacy=False)

    def target(self, context: Context, server: str) -> Target:
        """Return where ``login`` stores: the first helper of all that can hold the key, normally the auth file.

        Where the file names a helper for the registry, that one holds the login.
        """
        edited = self._edited(context, server)
        places = []
        for helper in edited.helpers:
            path = REGISTRIES_CONF
            inner: str | None = helper
            if helper == AUTH_FILES:
                path, logins = _writable(context, edited.followed)
                inner = logins.helpers.get(edited.key)
            if inner is None or "/" not in edited.key:
                places.append(Target(path, edited.key, inner))
        found: Target | None = None
        for place in reversed(places):
            found = place._replace(otherwise=found)
        if found is not None:
            return found
        raise UsageError(
            f"{printable(edited.key)}: helpers store no login for a part of a registry",
            hint=command(context, "login", edited.key.partition("/")[0], client=self.name),
        )

    def _edited(self, context: Context, server: str) -> _Edited:
        """Return what a login or a logout changes. Raises SourceError, UsageError."""
        followed, key = self.followed(context), _login_key(server)
        file = first_auth_file(context, followed, docker_first=True)
        if not (file.named and not context.getenv("REGISTRY_AUTH_FILE") and followed.has(COMPATIBLE)):
            return _Edited(followed, key, self._conf(context, followed).helpers)
        if "/" in key:
            raise UsageError(
                f"{printable(key)}: DOCKER_CONFIG names docker's file, which has no logins for a part of a registry",
                hint=command(context, "login", key.partition("/")[0], client=self.name),
            )
        if key == HUB_REGISTRY:
            key = HUB_SERVER_URL
        return _Edited(followed, key, [AUTH_FILES])

    def erasures(self, context: Context, server: str) -> list[Target]:
        """Return what ``logout SERVER`` erases: every configured helper's login, and the entry of the first file.

        The entry stays where a helper that the file names fails, and in older releases also where one before it does.
        """
        edited = self._edited(context, server)
        self._check_named(context, edited.followed)
        key = edited.key
        targets: list[Target] = []
        for helper in edited.helpers:
            if helper == AUTH_FILES:
                path, logins = _writable(context, edited.followed)
                before = [] if edited.followed.has(EACH_ALONE) else [target.helper for target in targets]
                if key in logins.helpers and "/" not in key:
                    before.append(logins.helpers[key])
                    targets.append(Target(path, key, logins.helpers[key]))
                targets.append(Target(path, key, after=tuple(name for name in before if name is not None)))
            elif "/" not in key:
                targets.append(Target(REGISTRIES_CONF, key, helper))
        return targets

    def _check_named(self, context: Context, followed: Followed) -> None:
        """Raise UsageError where a logout stops, as the named file is not there."""
        file = first_auth_file(context, followed, docker_first=True)
        if file.named and (self._by_flag or not followed.has(COMPATIBLE)) and context.status(file.path) is None:
            raise UsageError(f"{printable(file.path)}: not there, and {self.name} logout stops at that ({file.why})")

    def entries(self, context: Context, *, ask_helpers: bool = True) -> list[Entry]:
        """Return the logins of all auth files and helpers, broken ones included."""
        from shorepass.clients.helper_lists import HelperLists

        ask = HelperLists(context).entries if ask_helpers else _unasked
        entries: list[Entry] = []
        try:
            helpers = self._registries_conf(context).helpers
        except SourceError as error:
            return [Entry("", "", "", REGISTRIES_CONF, error=error)]
        files = self.files(context)
        for helper in helpers:
            if helper == AUTH_FILES:
                entries += chain.from_iterable(_file_entries(context, file, ask) for file in files)
            else:
                entries += ask(REGISTRIES_CONF, helper, None)
        return entries


def _answers(question: _Question, conf: RegistriesConf, files: list[AuthFile]) -> list[_Found | SourceError]:
    """Return what the program may send, the likeliest first: the first helper with an answer wins, errors count last."""
    answers: list[_Found | SourceError] = []
    errors: list[SourceError] = []
    nothing = [NOTHING]  # as long as every helper so far may have nothing
    for helper in conf.helpers:
        outcomes = question.ask_files(files) if helper == AUTH_FILES else [question.ask(REGISTRIES_CONF, helper)]
        found = [outcome for outcome in outcomes if isinstance(outcome, _Found) and outcome.source]
        answers += found
        errors += [outcome for outcome in outcomes if isinstance(outcome, SourceError)]
        if len(found) == len(outcomes):
            return answers
        if NOTHING not in outcomes:
            nothing = []
    return [*errors[:1], *answers, *nothing]


class _Question:
    """One resolution on its way: what is asked for, and the steps taken so far.

    ``in_namespace``: the program runs helpers in its user namespace. There they have uid 0, the same HOME and PATH, and no more
    rights than the user. Sockets tell their server the user's own number. A server refuses a client that calls itself 0:
    so does a session bus (libdbus, Go's dbus). ``docker-credential-secretservice`` names no number since GLib 2.74, and works.
    """

    def __init__(self, context: Context, client: str, reference: Reference, *, in_namespace: bool) -> None:
        self.context = context
        self._client = client
        self.reference = reference
        self._steps: list[Step] = []
        self._how = IN_NAMESPACE if in_namespace else ""
        self.mirrors: list[Reference] = []
        self.blocked: FileError | None = None  # nothing is pulled from the registry itself
        self.random = ""  # the file that the program may read in two ways
        who = f"uid {context.uid}, " if context.uid is not None else ""
        self.add("context", Outcome.OK, context.name, f"{who}home {context.home() or 'unknown'}")

    def add(self, kind: str, outcome: Outcome, subject: str, detail: str, hint: str | None = None) -> None:
        self._steps.append(Step(kind, outcome, subject, detail, hint))

    def go_where(self, conf: RegistriesConf, *, searches: bool) -> None:
        """Follow ``[[registry]]`` to where the image comes from; ``searches``: a short name is looked for. Raises FileError."""
        self.random = conf.random
        if conf.random:
            detail = f"it has a field in two spellings, and {self._client} takes one at random each time"
            self.add("file", Outcome.OK, conf.random, detail, f"remove one of the two from {quoted(conf.random)}")
        asked = self._full_name(conf) if searches else self.reference
        *self.mirrors, self.reference = conf.sources(asked)
        registry = conf.registry(asked.name) if asked.repository else None
        if registry is not None and self.reference != asked:
            self.add(
                "file",
                Outcome.OK,
                registry.path,
                f"{asked} comes from {self.reference}: [[registry]] has that location",
            )
        there = conf.registry(self.reference.name)
        if there is not None and there.blocked:
            hint = "take blocked = true out, if you may"
            self.blocked = FileError(there.path, f"{there.prefix!r} is blocked", hint=hint)

    def _full_name(self, conf: RegistriesConf) -> Reference:
        """Return the image with its registry. Raises FileError: podman and buildah do not find one."""
        asked = self.reference
        if not isinstance(asked, ShortName):
            return asked
        self.reference, *others = conf.named(asked)
        detail = f"{asked.written!r} is {self.reference}"
        if others:
            detail += f"; then {', '.join(map(str, others))} are tried"
        self.add("file", Outcome.OK, REGISTRIES_CONF, detail)
        return self.reference

    def add_mirror(self, mirror: Reference, answer: _Found | SourceError) -> None:
        """Add the step of a mirror, which is asked before the registry: what is sent there."""
        if isinstance(answer, SourceError):
            self.add("registry", Outcome.FAILED, str(mirror), f"a mirror, and {answer.message}", answer.hint)
        else:
            sent = said(answer.credential)
            self.add("registry", Outcome.OK, str(mirror), f"a mirror, which is asked first; it gets {sent}")

    def resolution(self, answers: list[_Found | SourceError]) -> Resolution:
        """Return the answer: the first of those that the program may give, which normally is the only one."""
        first, *others = answers
        answer = first if isinstance(first, SourceError) else first.credential
        found = [other.credential for other in others if isinstance(other, _Found)]
        behaviour = ""
        source = None
        if isinstance(first, _Found):
            source = first.source
        else:
            behaviour = f"{self._client} stops with that error" + (" or, at random, uses another key" if found else "")
        return Resolution(
            context=self.context.name,
            client=self._client,
            reference=self.reference,
            server_url=self.reference.registry,
            answer=answer,
            steps=tuple(self._steps),
            source=source,
            behaviour=behaviour,
            alternatives=tuple(other for other in dict.fromkeys(found) if other != answer),
        )

    def ask(self, named_in: str, suffix: str) -> _Found | SourceError:
        """Ask a helper for the registry. It is never asked for a part of one."""
        from shorepass.helper.client import HelperClient
        from shorepass.helper.login_command import log_in  # a login in a file needs neither

        registry = self.reference.registry
        client = HelperClient(self.context, suffix, named_in=named_in)
        try:
            credential = client.get(registry)
        except SourceError as error:
            self.add("helper", Outcome.FAILED, client.program, error.message + self._how, error.hint)
            return error
        if isinstance(credential, Anonymous):
            login = log_in(self.context, registry, client=self._client, helper=suffix)
            detail = f"has no login for {registry} (set in {named_in}){self._how}"
            self.add("helper", Outcome.SKIPPED, client.program, detail, login)
            return NOTHING
        self.add("helper", Outcome.OK, client.program, f"has a login for {registry} (set in {named_in}){self._how}")
        return _Found(credential, Source(named_in, registry, suffix))

    def ask_files(self, files: list[AuthFile]) -> list[_Found | SourceError]:
        """Return the first answer of the auth files, in their order; a file without one hands on to the next.

        Several where a file has several keys of one host: the programs then take one at random.
        """
        answers: list[_Found | SourceError] = []
        for file in files:
            outcomes = self._ask_file(file)
            some = [outcome for outcome in outcomes if outcome != NOTHING]
            answers += some
            if len(some) == len(outcomes):
                return answers
        return [*answers, NOTHING]

    def _ask_file(self, file: AuthFile) -> list[_Found | SourceError]:
        try:
            logins = auth_file.load(self.context, file)
        except SourceError as error:
            fixed_by(error, self.context)
            self.add("file", Outcome.FAILED, file.path, error.message, error.hint)
            return [error]
        if logins is None:
            return [self._absent(file)]
        self.add("file", Outcome.OK, file.path, file.why)
        if self.reference.registry in logins.helpers:
            return [self.ask(file.path, logins.helpers[self.reference.registry])]
        keys = self._pick(file, logins)
        if not keys:
            self.add("key", Outcome.SKIPPED, self.reference.name, f"no key in {file.path} fits")
            return [NOTHING]
        return [self._read(file, logins, key) for key in keys]

    def _absent(self, file: AuthFile) -> _Found | SourceError:
        """Return nothing, or the error at which the programs stop: what should be a folder above the file is something else."""
        try:
            way = in_the_way(self.context, file.path)
        except SourceError as error:
            return error
        if not way:
            self.add("file", Outcome.SKIPPED, file.path, f"not there ({file.why})")
            return NOTHING
        refused = FileError(file.path, f"{printable(way)} is not a directory")
        self.add("file", Outcome.FAILED, file.path, refused.message)
        return refused

    def _pick(self, file: AuthFile, logins: Logins) -> list[str]:
        """Return the key that the programs take, or all of those among which they toss a coin (Go's map order)."""
        keys, registry = _fitting(logins.auths, self.reference, legacy=file.legacy), _normal(self.reference.registry)
        if keys and keys[0] in _prefixes(self.reference, legacy=file.legacy):
            detail = "the longest that fits" if "/" in keys[0] else "the registry"
            self.add("key", Outcome.OK, keys[0], detail)
        elif keys:
            detail, hint = f"means {registry}, and there is no key of just that name", None
            if len(keys) > 1:
                detail += f"; the same holds for {len(keys) - 1} more, and {self._client} takes one at random each time"
                hint = f"take all of these keys but one out of {quoted(file.path)}"
            self.add("key", Outcome.OK, without_user_info(keys[0]), detail, hint)
        return keys

    def _read(self, file: AuthFile, logins: Logins, key: str) -> _Found | SourceError:
        credential, shown = _decode(self.context, file, logins, key), without_user_info(key)
        if isinstance(credential, SourceError):
            self.add("entry", Outcome.FAILED, shown, credential.message, credential.hint)
            return credential
        if isinstance(credential, Anonymous):
            self.add("entry", Outcome.SKIPPED, shown, 'no user name with a password in its "auth"')
            return NOTHING
        self.add("entry", Outcome.OK, shown, said(credential))
        return _Found(credential, Source(file.path, key))


def _login_key(server: str) -> str:
    """Return the key of a login: ``host[/namespace]``, the host alone where there is a scheme. Raises UsageError."""
    bare = server.removeprefix("https://").removeprefix("http://")
    key = bare if bare == server else bare.partition("/")[0]
    if not key:
        raise UsageError("no registry was named")
    if "/" in key and not _is_part(key):
        raise UsageError(
            f"{printable(key)}: neither a registry nor a part of one", hint="leave out the tag or the slash"
        )
    if "@" in key or key != key.strip():
        raise UsageError("a registry has no '@' and no blank in its name")
    return key


def _is_part(key: str) -> bool:
    """Tell whether a key is ``host/namespace`` to the programs: its host is that of an image of this name."""
    image = parse(key)
    host = key.partition("/")[0]
    if image.tag or image.digest or not image.repository:
        return False
    return image.registry == host and not is_ipv6(host) and not is_upper_case_word(host)


def _fitting(keys: Collection[str], reference: Reference, *, legacy: bool) -> list[str]:
    """Return the one key that is the name or its longest beginning, else all that mean the registry."""
    exact = next((key for key in _prefixes(reference, legacy=legacy) if key in keys), None)
    if exact is not None:
        return [exact]
    registry = _normal(reference.registry)
    return sorted(key for key in keys if _normal_key(key, legacy=legacy) == registry)


def _prefixes(reference: Reference, *, legacy: bool) -> Iterator[str]:
    name = reference.registry if legacy else reference.name
    return _shorter_and_shorter(name)


def _shorter_and_shorter(key: str) -> Iterator[str]:
    """Yield ``host/ns/repo``, ``host/ns``, ``host``."""
    while True:
        yield key
        key, slash, _ = key.rpartition("/")
        if not slash:
            return


def _normal(registry: str) -> str:
    return HUB_NORMAL if registry in HUB_NAMES else registry


def _normal_key(key: str, *, legacy: bool) -> str:
    stripped = key.removeprefix("http://").removeprefix("https://")
    if legacy or stripped != key:
        stripped = stripped.partition("/")[0]
    return _normal(stripped)


def _decode(context: Context, file: AuthFile, logins: Logins, key: str) -> Credential | SourceError:
    try:
        return read_containers_entry(logins.auths[key])
    except ValueError as error:
        shown = printable(without_user_info(key))
        return fixed_by(MalformedFile(file.path, f"the entry {shown!r} in auths: {error}"), context)


def _writable(context: Context, followed: Followed) -> tuple[str, Logins]:
    """Return the path of the file that a login changes, and what is in it. Raises FileError as the programs do."""
    file, runtime = first_auth_file(context, followed, docker_first=True), context.getenv("XDG_RUNTIME_DIR")
    if runtime and file.path == join(context, runtime, "containers", "auth.json") and not context.is_folder(runtime):
        raise FileError(runtime, "XDG_RUNTIME_DIR names it, and it is not there", hint="make that folder, or unset it")
    try:
        return file.path, auth_file.load(context, file) or NO_LOGINS
    except MalformedFile as error:
        raise fixed_by(error, context) from None


def _file_entries(context: Context, file: AuthFile, ask: _Ask) -> list[Entry]:
    try:
        logins = auth_file.load(context, file) or NO_LOGINS
    except SourceError as error:
        return [Entry("", "", "", file.path, error=fixed_by(error, context))]
    entries = []
    for key, helper in logins.helpers.items():
        entries += ask(file.path, helper, key)
    for key in logins.auths:
        match _decode(context, file, logins, key):
            case SourceError() as broken:
                entries.append(Entry(key, "", "", file.path, error=broken))
            case Basic(username, _) as found:
                entries.append(Entry(key, username, "password", file.path, credential=found))
            case IdentityToken(_, username) as found:
                entries.append(Entry(key, username, "identity token", file.path, credential=found))
            case _:
                pass  # an empty entry, such as docker leaves for a login that a helper holds
    return entries


def _unasked(path: str, suffix: str, key: str | None) -> list[Entry]:
    return [Entry(key or "", "", "", path, suffix)]


def client(name: str, release: Release | None = None) -> Client:
    """Return one of the three."""
    return Containers(name, release)
