"""docker's ``config.json``, decoded as docker itself decodes it: Go's ``encoding/json`` into a struct.

Source: docker/cli ``cli/config/configfile/file.go``. One field of a wrong type, or one ``auth`` that cannot be decoded,
breaks the whole file: docker prints a warning and continues with whatever it had read by then. ``read`` returns that.

What it has read: Go decodes every field that has the right type. Then docker decodes each ``auth``, in the random order of a
Go map, until one cannot be decoded; after a wrong type it decodes none. An entry whose ``auth`` is not decoded still has its
tokens, and ``username`` and ``password``.
"""

from __future__ import annotations

import binascii
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.auth_entry import (
    DOCKER_FIELDS,
    SINCE_29,
    AuthConfig,
    BadEntryError,
    Dialect,
    read_docker_entry,
)
from shorepass.config.document import load_pairs
from shorepass.config.go_json import field_name, first_value, text_fields
from shorepass.config.spans import JsonSyntaxError, skip_blank
from shorepass.errors import MalformedFile, printable, without_user_info

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from typing import Any, TypeAlias

    from shorepass.contexts import FileContent
    from shorepass.errors import SourceError

__all__ = [
    "KNOWN_FIELDS",
    "DockerConfig",
    "Members",
    "add_auths",
    "add_helpers",
    "load",
    "load_variable",
    "read",
    "read_legacy",
]

Members: TypeAlias = "tuple[tuple[str, Any], ...]"

# The shapes of the fields that docker knows, by their lower-case names. A class stands for a text, a list for a
# list, a tuple for a map with any keys, a dict for a struct with these fields.
_Shape: TypeAlias = "type[str] | list[Any] | tuple[Any] | dict[str, Any]"
_PROXY: _Shape = dict.fromkeys(("httpproxy", "httpsproxy", "noproxy", "ftpproxy", "allproxy"), str)
_TEXTS = (
    *("psFormat", "imagesFormat", "networksFormat", "pluginsFormat", "volumesFormat", "statsFormat", "detachKeys"),
    *("credsStore", "serviceInspectFormat", "servicesFormat", "tasksFormat", "secretFormat", "configFormat"),
    *("nodesFormat", "currentContext", "experimental", "stackOrchestrator"),
)
_FIELDS: dict[str, _Shape] = {
    **{name.lower(): str for name in _TEXTS},
    **dict.fromkeys(("httpheaders", "credhelpers", "aliases", "features"), (str,)),
    "prunefilters": [str],
    "clipluginsextradirs": [str],
    "plugins": ((str,),),
    "proxies": (_PROXY,),
    "kubernetes": {"allnamespaces": str},
}
KNOWN_FIELDS = frozenset((*_FIELDS, "auths"))  # docker's, of all releases, in lower case
_LOGIN_FIELDS = ("credhelpers", "credsstore")
_BUILDER = "builder"  # the only alias that docker allows
# docker's own commands, which cannot be an alias's target: ``docker help`` of 20.10 and 28.2
_COMMANDS = frozenset(
    """
    attach bake build builder checkpoint commit completion config container context cp create diff events exec
    export help history image images import info inspect kill load login logout logs manifest network node pause
    plugin port ps pull push rename restart rm rmi run save search secret service stack start stats stop swarm
    system tag top trust unpause update version volume wait
    """.split()  # noqa: SIM905  # formatted as a list, it fills 60 lines
)


class DockerConfig(NamedTuple):
    """What of docker's file decides about credentials.

    ``error`` is what docker warns of; None: all entries of ``auths`` are known to be good in its ``dialect``.
    ``broken``: the keys of entries that cannot be decoded. ``undecoded``: a wrong type keeps docker from decoding any ``auth``.
    ``lost``: logins or helpers are in the file that docker cannot see. ``refusal``: why docker runs no command with this file,
    "" if it does.
    """

    auths: dict[str, Members]
    cred_helpers: dict[str, str]
    creds_store: str
    dialect: Dialect = SINCE_29
    error: SourceError | None = None
    broken: frozenset[str] = frozenset()
    undecoded: bool = False
    lost: bool = False
    refusal: str = ""

    def __repr__(self) -> str:  # the entries are as they stand in the file
        return f"DockerConfig({len(self.auths)} entries, {self.cred_helpers}, {self.creds_store!r})"

    @property
    def holds_auth(self) -> bool:
        """Whether there is anything about logins in the file; docker chooses a store by itself where not."""
        return bool(self.creds_store or self.cred_helpers or self.auths)

    def helper(self, server_url: str) -> str:
        """Return the helper that holds the login for a server URL, empty for the file itself."""
        return self.cred_helpers.get(server_url, self.creds_store)

    def entry(self, key: str) -> AuthConfig:
        """Return the entry with exactly this key, as docker has it; where that is up to chance, decoded."""
        return self.possible(key)[0]

    def possible(self, key: str) -> tuple[AuthConfig, ...]:
        """Return all that docker may have read of the entry with exactly this key: what is decoded comes first."""
        members = self.auths[key]
        if not self.error:
            return (read_docker_entry(members, nobody=True, dialect=self.dialect),)
        texts = tuple((name, value) for name, value in members if isinstance(value, str))
        as_it_stands = tuple((name, value) for name, value in texts if field_name(name) != "auth")
        raw = read_docker_entry(as_it_stands, dialect=self.dialect)
        if self.undecoded or key in self.broken:
            return (raw,)
        return tuple(dict.fromkeys((read_docker_entry(texts, nobody=True, dialect=self.dialect), raw)))

    def is_spoilt(self, key: str) -> bool:
        """Tell whether docker certainly has less of an entry than is in the file."""
        return key in self.broken or (self.undecoded and bool(_auth_of(self.auths[key], ("auth",))))


NOTHING = DockerConfig({}, {}, "")


def load(content: FileContent | None, dialect: Dialect = SINCE_29) -> DockerConfig:
    """Return docker's view of its config file; no file and an empty file are an empty config.

    Raises MalformedFile where docker warns that it cannot load or parse the file; the reason names field or key.
    """
    config = read(content, dialect)
    if config.error is not None:
        raise config.error
    return config


def read(content: FileContent | None, dialect: Dialect = SINCE_29) -> DockerConfig:
    """Return what docker knows of its config file after it has read it: see ``error`` where it is broken."""
    if content is None:
        return NOTHING
    try:
        found = load_pairs(content)
    except MalformedFile as error:
        return NOTHING._replace(error=error, lost=True)
    if found is None:
        return NOTHING
    if type(found) is not tuple:
        reason = "not a config file: its JSON value is not an object"
        return NOTHING._replace(error=_malformed(content, reason), lost=True)
    config, reasons = _decoded(found, dialect)
    if reasons:
        return config._replace(error=_malformed(content, reasons[0]), undecoded=True)
    if b"\\" in content.data or not _all_decode(config.auths.values(), dialect):
        bad = dict(_bad_auths(config.auths, dialect))
        if bad:
            return config._replace(error=_malformed(content, _said_of(bad)), broken=frozenset(bad))
    return config


def read_legacy(content: FileContent, hub: str, dialect: Dialect) -> DockerConfig:
    """Return what docker of before release 23 knows of ``~/.dockercfg``: the entries without ``auths`` around them.

    A file that is not JSON has the lines ``auth = BASE64`` and ``email = ...``, for Docker Hub, whose key is ``hub``. Of user
    name and password only those in ``auth`` count. Source: configfile/file.go LegacyLoadFromReader.
    """
    auths: dict[str, Members] = {}
    try:
        found = load_pairs(content, first_value_only=False)
    except MalformedFile as error:
        words = content.data.decode(errors="surrogateescape").partition("\n")[0].split(" = ")
        if len(words) != 2 or b"\n" not in content.data:  # a name and a value
            return NOTHING._replace(error=error, lost=True)
        auths = {hub: (("auth", words[1]),)}
    else:
        try:
            auths = add_auths(auths, found, DOCKER_FIELDS - dialect.retired)
        except BadEntryError as error:
            return NOTHING._replace(error=_malformed(content, str(error)), lost=True)
    config = DockerConfig(auths, {}, "", dialect)
    bad = dict(_bad_auths(auths, dialect))
    if bad:
        return config._replace(error=_malformed(content, _said_of(bad)), broken=frozenset(bad))
    counted = {}
    for key, members in auths.items():
        counted[key] = tuple(each for each in members if field_name(each[0]) not in ("username", "password"))
    return config._replace(auths=counted)


def _malformed(content: FileContent, reason: str) -> MalformedFile:
    return MalformedFile(content.path, reason, owner=content.owner, mode=content.mode)


def _decoded(found: Members, dialect: Dialect) -> tuple[DockerConfig, list[str]]:
    """Return what Go decodes of the members of a file, and a reason for each value of a wrong type."""
    auths: dict[str, Members] = {}
    cred_helpers: dict[str, str] = {}
    aliases: dict[str, str] = {}
    creds_store, lost = "", False
    broken: set[str] = set()
    reasons = []
    for name, value in found:
        field = field_name(name)
        if field == "auths":
            try:
                auths = add_auths(auths, value, DOCKER_FIELDS - dialect.retired)
            except BadEntryError as error:
                reasons.append(str(error))
                lost = lost or type(value) is not tuple
                broken |= _add_what_fits(auths, value, DOCKER_FIELDS - dialect.retired)
            continue
        shape = None if field in dialect.retired else _FIELDS.get(field)
        if shape is not None and not _fits(value, shape):
            reasons.append(f"not a config file: {printable(name)!r} has a value of the wrong type")
            lost = lost or field in _LOGIN_FIELDS
            value = _what_fits(value) if field in ("credhelpers", "aliases") else None
            if field in _LOGIN_FIELDS and not value:
                continue
        if field == "credhelpers":
            cred_helpers = add_helpers(cred_helpers, value)
        elif field == "credsstore" and value is not None:
            creds_store = value
        elif field == "aliases":
            aliases = add_helpers(aliases, value)
    config = DockerConfig(
        auths, cred_helpers, creds_store, dialect, broken=frozenset(broken), lost=lost, refusal=_refusal(aliases)
    )
    return config, reasons


def _refusal(aliases: dict[str, str]) -> str:
    """Return why docker runs no command with such aliases, "" if it does. Source: docker/cli cmd/docker/aliases.go."""
    for name, target in aliases.items():
        if name != _BUILDER:
            return f"docker does not allow the alias {printable(name)!r}, and runs no command"
        first = target.partition(" ")[0]
        if not first or first.startswith("-") or first in _COMMANDS:
            return f"docker does not allow the alias {name!r} of its own command {printable(target)!r}, and runs none"
    return ""


def _add_what_fits(auths: dict[str, Members], value: Any, fields: Container[str]) -> set[str]:
    """Add what Go decodes of an ``auths`` with wrong types in it; return the keys of the entries that have them."""
    broken = set()
    entries = value if type(value) is tuple else ()
    for key, members in entries:
        auths[key] = members if type(members) is tuple else ()
        try:
            _check_entries([(key, members)], fields)
            broken.discard(key)
        except BadEntryError:
            broken.add(key)
    return broken


def _what_fits(value: Any) -> Members:
    """Return what Go decodes of a ``credHelpers`` with wrong types in it: a name that is not a text becomes an empty one."""
    if type(value) is not tuple:
        return ()
    texts = []
    for name, suffix in value:
        text = suffix if isinstance(suffix, str) else ""
        texts.append((name, text))
    return tuple(texts)


def _fits(value: Any, shape: _Shape) -> bool:
    """Tell whether Go can decode a value into a field of this shape. null fits everywhere."""
    if value is None:
        return True
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    if isinstance(shape, type):
        return isinstance(value, shape)
    if not isinstance(value, tuple):
        return False
    if isinstance(shape, dict):
        return all(_fits(item, shape[field]) for name, item in value if (field := field_name(name)) in shape)
    return all(_fits(item, shape[0]) for _, item in value)


def add_auths(auths: dict[str, Members], value: Any, fields: Container[str]) -> dict[str, Members]:
    """Decode one ``auths`` object into the map: a second one adds to it, null empties it.

    Raises BadEntryError: no object of objects, or no text in one of the ``fields`` that the reader knows.
    """
    if value is None:
        return {}
    if type(value) is not tuple:
        raise BadEntryError('not a config file: "auths" is not an object')
    if _holds_texts(value):
        added = dict(value)  # of a key that repeats the last one counts
    else:
        _check_entries(value, fields)
        added = {key: members or () for key, members in value}
    if not auths:
        return added
    auths.update(added)
    return auths


def _holds_texts(entries: Iterable[tuple[str, Any]]) -> bool:
    """Tell whether every entry is an object with nothing but texts in it: nearly every file's are, and this is quick."""
    if not {type(members) for _, members in entries} <= {tuple}:
        return False
    members = chain.from_iterable(members for _, members in entries)
    return {type(member) for _, member in members} <= {str}


def _check_entries(entries: Iterable[tuple[str, Any]], fields: Container[str]) -> None:
    for key, members in entries:
        if members is None:
            continue
        if type(members) is not tuple:
            raise _bad_entry(key, "it is not an object")
        for name, member in members:
            if type(member) is not str and member is not None and field_name(name) in fields:
                raise _bad_entry(key, f"{field_name(name)!r} is not a text")


def add_helpers(helpers: dict[str, str], value: Any) -> dict[str, str]:
    """Decode one ``credHelpers`` object into the map, as ``add_auths`` does. Raises BadEntryError: no map of names."""
    if not _fits(value, (str,)):
        raise BadEntryError('"credHelpers" is not an object of names')
    if value is None:
        return {}
    helpers.update((name, suffix or "") for name, suffix in value)
    return helpers


def _bad_auths(auths: dict[str, Members], dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yield the key of each entry whose ``auth`` cannot be decoded, and why."""
    for key, members in auths.items():
        try:
            read_docker_entry(members, dialect=dialect)
        except BadEntryError as error:
            yield key, str(error)


def _said_of(bad: dict[str, str]) -> str:
    """Return which entries are bad, and why the first of them is."""
    key, reason = next(iter(bad.items()))
    more = f" (and {len(bad) - 1} more such entries)" if len(bad) > 1 else ""
    return f"{_bad_entry(key, reason)}{more}"


def _all_decode(entries: Iterable[Members], dialect: Dialect) -> bool:
    """Tell whether every ``auth`` is base64 without line ends, with a user name in it: soon also for ten thousand."""
    least = 0 if dialect.nobody else 1  # where the colon may stand
    fields = DOCKER_FIELDS - dialect.retired
    texts = [
        auth
        for members in entries
        if (auth := members[0][1] if len(members) == 1 and members[0][0] == "auth" else _auth_of(members, fields))
    ]
    decode = binascii.a2b_base64
    try:
        colons = [decode(text, strict_mode=True).find(b":") for text in texts]
    except ValueError:
        return False
    if any(length % 4 for length in set(map(len, texts))) or "====" in "".join(texts):
        return False  # superfluous padding is one thing that this decoder puts up with and Go's does not
    return min(colons, default=least) >= least


def _auth_of(members: Members, fields: Container[str]) -> str | None:
    return text_fields(members, fields).get("auth")


def _bad_entry(key: str, reason: str) -> BadEntryError:
    return BadEntryError(f"the entry {printable(without_user_info(key))!r} in auths: {reason}")


def load_variable(text: str, dialect: Dialect = SINCE_29) -> dict[str, AuthConfig]:
    """Return the entries of ``DOCKER_AUTH_CONFIG`` (docker 28.3 and later): ``auths`` with ``auth``, nothing else.

    Raises MalformedFile where docker finds it invalid: it then continues as if the variable were not set.
    """
    entries: dict[str, Members] = {}
    try:
        found, end = first_value(text) if skip_blank(text, 0) < len(text) else ((), len(text))
        if text[skip_blank(text, end) :][:1] not in ("", "]", "}"):  # Go's Decoder.More takes these two for an end
            raise BadEntryError("more than one JSON value")
        for _, value in _members(found, "auths"):
            if value is None:
                entries = {}
            entries.update(_members(value))
            for _, members in _members(value):
                _members(members, "auth")
        return {key: _variable_entry(key, members, dialect) for key, members in entries.items()}
    except JsonSyntaxError as error:
        raise MalformedFile("DOCKER_AUTH_CONFIG", error.reason) from None
    except BadEntryError as error:
        raise MalformedFile("DOCKER_AUTH_CONFIG", str(error)) from None


def _members(value: Any, only: str = "") -> Members:
    """Return an object's members, none for null. Raises BadEntryError: no object, or other fields than ``only``."""
    if value is None:
        return ()
    if not isinstance(value, tuple):
        raise BadEntryError("it is not objects all the way down to auth")
    for name, _ in value:
        if only and field_name(name) != only:
            raise BadEntryError(f"{printable(name)!r} is not known there")
    return value


def _variable_entry(key: str, members: Members | None, dialect: Dialect) -> AuthConfig:
    fields = read_docker_entry(members or (), dialect=dialect)
    if not fields.username:
        raise _bad_entry(key, 'it has no "auth"')
    return fields
