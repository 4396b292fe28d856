"""containers' ``registries.conf``: which helpers podman, skopeo and buildah ask, and where an image really comes from.

Source: containers/image pkg/sysregistriesv2. Until its release 5.39 the user's file takes the place of the system's, and
drop-in files come after it in the order of their names, the system's folder first. Since 5.40 (podman 6) the first of three
files counts, and the drop-in files of all folders are sorted by their names. A file that is broken stops the clients.

A list that is set twice, which TOML forbids, is an error here; the clients' decoder lets the second count.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import isinf
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.go_json import field_name
from shorepass.config.locations import in_the_way, join
from shorepass.errors import FileError, InvalidReference, MalformedFile, SourceError, printable, without_user_info
from shorepass.foreign_text import quoted
from shorepass.names import Reference, ShortName, is_ipv6, is_registry, is_upper_case_word, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shorepass.contexts import Context, FileContent

__all__ = ["AUTH_FILES", "NEWEST", "REGISTRIES_CONF", "Mirror", "RegistriesConf", "Registry", "Ways", "load"]

REGISTRIES_CONF = "registries.conf"  # what names a helper, where no auth file does
AUTH_FILES = "containers-auth.json"  # the word for "the auth files" in the list of helpers
SYSTEM_FOLDER = "/etc/containers"
VENDOR_FOLDER = "/usr/share/containers"
USER_FOLDER = (".config", "containers")  # below HOME
VARIABLE = "CONTAINERS_REGISTRIES_CONF"
VARIABLES = (VARIABLE, "REGISTRIES_CONFIG_PATH")  # the second is the old name
LAST_VARIABLE = f"{VARIABLE}_OVERRIDE"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SIZE_LIMIT = 512 * 1024  # bytes of one file: those of distributions have 10 KB
TOTAL_LIMIT = 2 * SIZE_LIMIT  # bytes of all together
FILES_REMEMBERED = 8  # decoded, by one process
FILES_LIMIT = 200  # drop-in files of one folder
HELPERS_LIMIT = 100  # that are asked, one after another

# A key of a hundred parts: the time of TOML's parser grows with their square, and one line of 100 KB takes it half a minute.
_DEEP = rb'(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|\'[^\'\n]*\')[ \t]*\.[ \t]*){100}'

# The types of what is read: a class, a list of one kind, or a table's fields. Other names are passed over.
_ENDPOINT = {"location": str, "insecure": bool, "pull-from-mirror": str}
_OLD_LIST = {"registries": [str]}
_FIELDS = {
    "credential-helpers": [str],
    "unqualified-search-registries": [str],
    "short-name-mode": str,
    "registry": [
        {**_ENDPOINT, "prefix": str, "blocked": bool, "mirror-by-digest-only": bool, "mirror": [_ENDPOINT]},
    ],
    "registries": {"search": _OLD_LIST, "insecure": _OLD_LIST, "block": _OLD_LIST},  # the format of before 2019
}
_MODES = ("", "disabled", "enforcing", "permissive")
LARGEST_INTEGER = 2**63 - 1
BY_DIGEST, BY_TAG = "digest-only", "tag-only"
_PULLS = ("", "all", BY_DIGEST, BY_TAG)


class Ways(NamedTuple):
    """What releases do differently with these files. Each question is asked only where its answer matters.

    ``reads_variables``: until 5.39, it looks at ``VARIABLES``. ``is_rewritten``: 5.40 or later. ``skips_mark``: a byte order
    mark is passed over. ``trims_mirrors``: so is a slash at the end of a mirror's location.
    """

    reads_variables: bool
    is_rewritten: Callable[[], bool]
    skips_mark: Callable[[], bool]
    trims_mirrors: Callable[[], bool]


NEWEST = Ways(reads_variables=True, is_rewritten=lambda: True, skips_mark=lambda: True, trims_mirrors=lambda: True)


class Mirror(NamedTuple):
    """A registry that is asked first. ``pull``: empty, or which images: by digest, or by tag."""

    location: str
    pull: str = ""

    def serves(self, reference: Reference) -> bool:
        """Tell whether it is asked for an image."""
        return self.pull != (BY_TAG if reference.digest else BY_DIGEST)


class Registry(NamedTuple):
    """One ``[[registry]]``: images whose name begins with ``prefix`` come from ``location``, or from the ``mirrors``."""

    prefix: str
    location: str
    mirrors: tuple[Mirror, ...]
    insecure: bool
    blocked: bool
    path: str

    def matched(self, name: str) -> int:
        """Return how many characters of an image's name the prefix covers, 0 when it is not its prefix."""
        end = len(self.prefix)
        if self.prefix.startswith("*."):
            start = name.find(self.prefix[1:])
            if start < 0 or "/" in name[:start]:
                return 0
            end += start - 1
        elif not name.startswith(self.prefix):
            return 0
        return end if name[end : end + 1] in ("", ":", "/", "@") else 0

    def place(self, reference: Reference, location: str) -> Reference:
        """Return an image's name with the prefix replaced by ``location``. Raises MalformedFile: that is not a name."""
        if not location:
            return reference
        text = location + str(reference)[self.matched(reference.name) :]
        try:
            there = parse(text)
        except InvalidReference:
            there = reference
        if str(there) != text or not there.repository or is_ipv6(there.registry) or is_upper_case_word(there.registry):
            raise MalformedFile(
                self.path, f"{self.prefix!r} becomes {printable(without_user_info(text))!r}: not the name of an image"
            )
        return there


class RegistriesConf(NamedTuple):
    """What all files say together. ``helpers``: suffixes in their order, AUTH_FILES among them.

    ``searches``: the registries in which an image without one is looked for, and ``searches_path`` the file with that list.
    ``aliases``: full names of such images; empty for a former alias. ``mode`` is one of ``_MODES``. ``random``: the file that
    has a field in two spellings, which the clients decode in the random order of a Go map; empty for none.
    """

    helpers: list[str]
    registries: dict[str, Registry]
    searches: list[str]
    searches_path: str
    aliases: dict[str, str]
    mode: str
    random: str = ""

    def registry(self, name: str) -> Registry | None:
        """Return the entry with the longest prefix of an image's name."""
        fitting = [registry for prefix, registry in sorted(self.registries.items()) if registry.matched(name)]
        return max(fitting, key=lambda registry: len(registry.prefix)) if fitting else None

    def named(self, short: ShortName) -> list[Reference]:
        """Return the full names of an image whose registry was not written, in the order in which they are tried.

        Source: containers/image pkg/shortnames. Raises FileError: no full name fits, or the client would ask which.
        """
        rest = str(short).removeprefix(short.name)
        alias = self.aliases.get(short.written)
        names = [alias] if alias else [f"{registry}/{short.written}" for registry in self.searches]
        where = self.searches_path or REGISTRIES_CONF
        if not names:
            reason = f"{short.written!r} is not an alias there, and unqualified-search-registries is empty"
            raise FileError(where, reason, hint=f"write the registry, too: {short}")
        if len(names) > 1 and self.mode == "enforcing":
            reason = f"{short.written!r} may come from {len(names)} registries, and short-name-mode is 'enforcing'"
            raise FileError(where, reason, hint=f"write the registry, too: {names[0]}")
        found = [parse(name + rest) for name in names]
        wrong = next((image for image in found if is_upper_case_word(image.registry)), None)
        if wrong is not None:
            raise FileError(where, f"{wrong.registry} in unqualified-search-registries makes no name of an image")
        return found

    def is_blocked(self, reference: Reference) -> bool:
        """Tell whether nothing may be pulled from where an image is."""
        registry = self.registry(reference.name)
        return registry is not None and registry.blocked

    def sources(self, reference: Reference) -> list[Reference]:
        """Return where an image is pulled from: its mirrors in their order, and last the registry itself.

        Pushes, logins and searches go where they say. Raises MalformedFile: what its location or that of a mirror makes of
        the name is not a name.
        """
        registry = self.registry(reference.name) if reference.repository else None
        if registry is None:
            return [reference]
        locations = [mirror.location for mirror in registry.mirrors if mirror.serves(reference)]
        return [registry.place(reference, location) for location in (*locations, registry.location)]

    def rewrite(self, reference: Reference) -> Reference:
        """Return where an image is pulled from when no mirror has it. Raises MalformedFile as ``sources`` does."""
        return self.sources(reference)[-1]


def load(context: Context, ways: Ways, *, last_first: bool = False) -> RegistriesConf:
    """Return what all files say together. Raises FileError, MalformedFile.

    ``last_first``: of the spellings of one field, the last in a file is decoded first, and not the first.
    """
    helpers: list[str] = []
    registries: dict[str, Registry] = {}
    searches: list[str] = []
    searches_path = ""
    aliases: dict[str, str] = {}
    mode = random = ""
    for content, drop_in in _files(context, ways):
        parsed = _parse(content, ways, last_first=last_first)
        table = _as_of_2019(content, parsed.table, ways, drop_in=drop_in)
        random = content.path if parsed.has_spellings else random
        helpers = table.get("credential-helpers", helpers)
        if len(helpers) > HELPERS_LIMIT:
            raise _malformed(content, f"credential-helpers names more than {HELPERS_LIMIT}")
        registries |= _registries(content, table, ways)
        if "unqualified-search-registries" in table:
            searches = [name.rstrip("/") for name in table["unqualified-search-registries"]]
            searches_path = content.path
        aliases |= table["aliases"]
        mode = table.get("short-name-mode") or mode
    own = context.read(_aliases_path(context), SIZE_LIMIT)
    if own is not None:
        aliases |= _parse(own, ways, last_first=last_first).table["aliases"]
    return RegistriesConf(helpers or [AUTH_FILES], registries, searches, searches_path, aliases, mode, random)


def _aliases_path(context: Context) -> str:
    """Return the file in which podman keeps the registries that the user has chosen."""
    if context.uid == 0:
        return "/var/cache/containers/short-name-aliases.conf"
    cache = context.getenv("XDG_CACHE_HOME") or join(context, context.home() or "", ".cache")
    return join(context, cache, "containers", "short-name-aliases.conf")


# Files


class _Place(NamedTuple):
    """A file that is read. ``drop_in``: it is from a folder of such files."""

    path: str
    drop_in: bool = False


def _files(context: Context, ways: Ways) -> list[tuple[FileContent, bool]]:
    """Return the files that are read, each with whether it is a drop-in. Raises FileError, MalformedFile."""
    before, since = _tried(_places_before, context, ways), _tried(_places_since, context, ways)
    chosen = before
    if before != since and ways.is_rewritten():
        chosen = since
    if isinstance(chosen, SourceError):
        raise chosen
    contents = []
    left = TOTAL_LIMIT
    for place in chosen:
        content = context.read(place.path, SIZE_LIMIT)
        if content is None:
            continue
        left -= len(content.data)
        if left < 0:
            raise MalformedFile(place.path, f"larger than {TOTAL_LIMIT} bytes, together with the files before it")
        contents.append((content, place.drop_in))
    return contents


def _tried(places: Callable[[Context, Ways], list[_Place]], context: Context, ways: Ways) -> list[_Place] | SourceError:
    """Return the files of one way to look for them, or the error at which the clients stop."""
    try:
        return places(context, ways)
    except SourceError as error:
        return error


def _places_before(context: Context, ways: Ways) -> list[_Place]:
    """Return the files as they are looked for until 5.39. Raises FileError, MalformedFile."""
    home = join(context, context.home() or "", *USER_FOLDER)
    named = next((value for name in VARIABLES if (value := context.getenv(name)) is not None), None)
    folders = [SYSTEM_FOLDER, home]
    own = join(context, home, REGISTRIES_CONF)
    first = join(context, SYSTEM_FOLDER, REGISTRIES_CONF)
    if named and ways.reads_variables:
        first = _must_be_there(context, named, " or ".join(VARIABLES))
    elif _is_seen(context, own):
        first, folders = own, [home]  # with a file of the user's own, nothing of the system's is read
    places = [_Place(first)]
    for folder in (join(context, folder, "registries.conf.d") for folder in folders):
        if not _is_walked(context, folder):
            continue
        names = _names(context, folder)
        paths = [join(context, folder, name) for name in names if name.endswith(".conf")]
        places += [_opened(context, path) for path in paths if not _is_real_folder(context, path)]
    return places


def _opened(context: Context, path: str) -> _Place:
    """Return a drop-in file that was found in its folder. Raises FileError: it is a symlink, and nothing is behind it."""
    if context.status(path) is None:
        raise FileError(path, "a symlink to a file that is not there", hint=f"rm {quoted(path)}")
    return _Place(path, drop_in=True)


def _places_since(context: Context, ways: Ways) -> list[_Place]:  # noqa: ARG001
    """Return the files as they are looked for since 5.40. Raises FileError, MalformedFile."""
    config = context.getenv("XDG_CONFIG_HOME")
    user = join(context, context.home() or "", *USER_FOLDER)
    if config is not None:
        user = join(context, config, USER_FOLDER[-1])
    named, last = context.getenv(VARIABLE), context.getenv(LAST_VARIABLE)
    places = []
    if named:
        places = [_Place(_must_be_there(context, named, VARIABLE))]
    else:
        mains = [join(context, folder, REGISTRIES_CONF) for folder in (user, SYSTEM_FOLDER, VENDOR_FOLDER)]
        there = next((path for path in mains if _is_there(context, path)), mains[1])
        places = [_Place(there), *_drop_ins(context, user)]
    if last:
        places.append(_Place(_must_be_there(context, last, LAST_VARIABLE)))
    return places


def _drop_ins(context: Context, user: str) -> list[_Place]:
    """Return the drop-in files of all folders by their names. Of two with one name that of the user's folder counts.

    A symlink is passed over, though not one to a whole folder (``entry.Type().IsRegular()``).
    """
    kinds = ["registries.conf.d"]
    if context.uid == 0:
        kinds = ["registries.conf.d", "registries.rootful.conf.d"]
    elif context.uid is not None:
        kinds = ["registries.conf.d", "registries.rootless.conf.d", f"registries.rootless.conf.d/{context.uid}"]
    system = [join(context, SYSTEM_FOLDER, kind) for kind in kinds]
    vendor = [join(context, VENDOR_FOLDER, kind) for kind in kinds]
    found: dict[str, str] = {}
    for folder in (*vendor, *system, join(context, user, kinds[0])):
        for name in _names(context, folder):
            path = join(context, folder, name)
            if name.endswith(".conf") and _is_regular(context, path):
                found[name] = path
    return [_Place(found[name], drop_in=True) for name in sorted(found)]


def _must_be_there(context: Context, path: str, variables: str) -> str:
    if context.read(path, SIZE_LIMIT) is None:
        raise MalformedFile(path, f"named by {variables}, and not there", hint="unset the variable")
    return path


def _is_there(context: Context, path: str) -> bool:
    """Tell whether a file can be opened. Raises FileError: for another reason than that it is not there."""
    if context.read(path, SIZE_LIMIT) is not None:
        return True
    _refuse_way(context, path)
    return False


def _is_seen(context: Context, path: str) -> bool:
    """Tell whether something is there, as far as the clients can see."""
    try:
        return context.status(path) is not None
    except FileError:
        return False


def _is_walked(context: Context, folder: str) -> bool:
    """Tell whether the clients look into a folder: not by a symlink. Raises FileError."""
    status = context.status(folder)
    if status is None:
        _refuse_way(context, folder)
    return status is not None and status.kind == "folder" and not status.link


def _is_regular(context: Context, path: str) -> bool:
    status = context.status(path)
    return status is not None and status.kind == "file" and not status.link


def _is_real_folder(context: Context, path: str) -> bool:
    """Tell whether a folder is passed over. A symlink to one is taken for a file, and then cannot be read."""
    status = context.status(path) if context.is_folder(path) else None
    return status is not None and not status.link


def _names(context: Context, folder: str) -> list[str]:
    """Return the names in a folder. Raises FileError: it cannot be read; MalformedFile: there are too many."""
    names = context.names(folder)
    if not names:
        _refuse_way(context, join(context, folder, "any"))
    if len(names) > FILES_LIMIT:
        raise MalformedFile(folder, f"more than {FILES_LIMIT} files: not a folder of configuration files")
    return names


def _refuse_way(context: Context, path: str) -> None:
    """Raise FileError where a folder on the way to a path is a file: to the clients that is not the same as absent."""
    way = in_the_way(context, path)
    if way:
        raise FileError(path, f"{printable(way)} is not a directory")


# Content


class _Parsed(NamedTuple):
    """What a file says. It must not be changed: it is remembered.

    ``table``: the fields of ``_FIELDS`` and ``aliases``, in lower case and of the right types. ``wrong``: the first alias that
    is not one. ``has_spellings``: a field is there in two spellings.
    """

    table: dict[str, Any]
    wrong: str | None
    has_spellings: bool


def _parse(content: FileContent, ways: Ways, *, last_first: bool) -> _Parsed:
    """Return what a file says; ``last_first`` as in ``load``. Raises MalformedFile."""
    if _is_deep(content.data):
        raise _malformed(content, "a key has a hundred parts")
    data = content.data
    if data.startswith(BYTE_ORDER_MARK) and ways.skips_mark():
        data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        parsed = _decoded(data, last_first)
    except (ValueError, RecursionError):  # TOMLDecodeError, not UTF-8, a number of more than 4,300 digits
        raise _malformed(content, "not valid TOML") from None
    except TypeError as error:
        raise _malformed(content, f"{error} has a value of the wrong type") from None
    if parsed.wrong is not None:
        raise _malformed(content, f"the alias {printable(parsed.wrong)!r} is not a short name of HOST/REPOSITORY")
    return parsed


@lru_cache(maxsize=FILES_REMEMBERED)
def _is_deep(data: bytes) -> bool:
    return re.search(_DEEP, data) is not None


@lru_cache(maxsize=FILES_REMEMBERED)  # each login and each check asks for the system's files again
def _decoded(data: bytes, last_first: bool) -> _Parsed:  # noqa: FBT001  # lru_cache
    """Return what the bytes of a file say.

    Raises ValueError, RecursionError: it is not TOML; TypeError: the field of a wrong type.
    """
    import tomllib  # only where there is such a file

    found = tomllib.loads(data.decode(), parse_float=_number)
    _check_range(found)
    aliases: dict[str, str] = {}
    for name, value in found.items():
        if field_name(name) == "aliases" and isinstance(value, dict):  # what else it may be is passed over
            aliases |= value
    wrong = next((name for name, place in aliases.items() if not _is_alias(name, place)), None)
    if wrong is not None:
        return _Parsed({}, wrong, has_spellings=False)
    table = {**_checked(found, _FIELDS, "", last_first=last_first), "aliases": aliases}
    return _Parsed(table, None, _has_spellings(found, _FIELDS))


def _number(text: str) -> float:
    """Return a number with a fraction or an exponent. Raises ValueError: it is too large for the clients' decoder."""
    number = float(text)
    if isinf(number) and "inf" not in text:
        raise ValueError(text)
    return number


def _check_range(value: Any) -> None:
    """Raise ValueError where a whole number has more than 64 bits."""
    if isinstance(value, int) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        raise ValueError(value)
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _check_range(each)


def _as_of_2019(content: FileContent, table: dict[str, Any], ways: Ways, *, drop_in: bool) -> dict[str, Any]:
    """Return a table in the format of before 2019 (``[registries.search]``) as one of today's. Raises MalformedFile."""
    lists = {
        name: found["registries"] for name, found in table.get("registries", {}).items() if found.get("registries")
    }
    if not lists:
        return table
    if ways.is_rewritten():
        raise _malformed(content, "[registries.search] is the format of before 2019, which is no longer read")
    if drop_in:
        raise _malformed(content, "[registries.search] is the format of before 2019, which no drop-in file may have")
    if any(value for name, value in table.items() if name != "registries"):
        raise _malformed(content, "it has both [registries.search], the format of before 2019, and that of today")
    blocked, insecure = lists.get("block", []), lists.get("insecure", [])
    entries = [
        {"location": name, "blocked": name in blocked, "insecure": name in insecure} for name in (*blocked, *insecure)
    ]
    return {**table, "registry": entries, "unqualified-search-registries": lists.get("search", [])}


def _is_alias(name: str, place: Any) -> bool:
    if not isinstance(place, str) or not _is_repository(f"registry.invalid/{name}") or _has_host(name):
        return False
    return not place or (_is_repository(place) and _has_host(place) and not is_ipv6(place))  # empty: no longer an alias


def _is_repository(text: str) -> bool:
    try:
        image = parse(text)
    except InvalidReference:
        return False
    return bool(image.repository) and not image.tag and not image.digest


def _has_host(name: str) -> bool:
    first, slash, _ = name.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)


def _checked(value: Any, shape: Any, name: str, *, last_first: bool) -> Any:
    """Return a value whose type fits; the clients' decoder finds a field by any spelling. Raises TypeError: its name."""
    if isinstance(shape, dict) and isinstance(value, dict):
        checked: dict[str, Any] = {}
        for key, item in _known(value, shape)[:: -1 if last_first else 1]:
            found = _checked(item, shape[key], key, last_first=last_first)
            checked[key] = _decoded_over(checked.get(key), found)
        return checked
    if isinstance(shape, list) and isinstance(value, list):
        return [_checked(item, shape[0], name, last_first=last_first) for item in value]
    if not isinstance(shape, type) or not isinstance(value, shape):
        raise TypeError(name)
    return value


def _known(table: dict[str, Any], shape: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the fields of a table that count, in all their spellings, and by their names in lower case."""
    return [(field_name(key), item) for key, item in table.items() if field_name(key) in shape]


def _has_spellings(value: Any, shape: Any) -> bool:
    """Tell whether a field of a table, or of a table in it, is there in two spellings."""
    if isinstance(shape, dict) and isinstance(value, dict):
        known = _known(value, shape)
        return len(dict(known)) < len(known) or any(_has_spellings(item, shape[key]) for key, item in known)
    if isinstance(shape, list) and isinstance(value, list):
        return any(_has_spellings(item, shape[0]) for item in value)
    return False


def _decoded_over(before: Any, found: Any) -> Any:
    """Return what a field has after its second spelling was decoded, too: a list of tables is filled again where it fits."""
    if isinstance(before, dict) and isinstance(found, dict):
        return before | found
    if isinstance(before, list) and isinstance(found, list) and len(found) <= len(before):
        return [_decoded_over(old, new) for old, new in zip(before, found, strict=False)]
    return found


def _registries(content: FileContent, table: dict[str, Any], ways: Ways) -> dict[str, Registry]:
    if table.get("short-name-mode", "") not in _MODES:
        raise _malformed(content, f"short-name-mode must be one of {', '.join(_MODES[1:])}")
    for name in table.get("unqualified-search-registries", []):
        if name.startswith(("http://", "https://")) or is_ipv6(name) or not is_registry(name.rstrip("/")):
            raise _malformed(content, f"{printable(name)!r} in unqualified-search-registries is not a host")
    found: dict[str, Registry] = {}
    settings: dict[str, tuple[bool, bool]] = {}
    for entry in table.get("registry", []):
        registry = _registry(content, entry, ways)
        found.setdefault(registry.prefix, registry)  # of two with one prefix the first counts
        where, setting = registry.location or registry.prefix, (registry.insecure, registry.blocked)
        if settings.setdefault(where, setting) != setting:
            raise _malformed(content, f"two entries for {where!r} differ in insecure or blocked")
    return found


def _registry(content: FileContent, entry: dict[str, Any], ways: Ways) -> Registry:
    location = _location(content, entry, "location")
    prefix = _location(content, entry, "prefix") or location
    if not prefix or not (location or prefix.startswith("*.")):
        raise _malformed(content, "a registry has no location")
    if prefix.startswith("*.") and any(character in prefix for character in "/@:"):
        raise _malformed(content, f"the prefix {prefix!r} is more than *.HOST")
    if entry.get("pull-from-mirror"):
        raise _malformed(content, f"pull-from-mirror is for a mirror, not for the registry {printable(prefix)!r}")
    by_digest = entry.get("mirror-by-digest-only", False)
    mirrors = tuple(_mirror(content, mirror, ways, by_digest=by_digest) for mirror in entry.get("mirror", []))
    insecure, blocked = entry.get("insecure", False), entry.get("blocked", False)
    return Registry(prefix, location, mirrors, insecure, blocked, content.path)


def _mirror(content: FileContent, entry: dict[str, Any], ways: Ways, *, by_digest: bool) -> Mirror:
    trimmed = _location(content, entry, "location")
    if not trimmed:
        raise _malformed(content, "a mirror has no location")
    pull = entry.get("pull-from-mirror", "")
    if by_digest and pull:
        raise _malformed(content, "a registry has mirror-by-digest-only, and a mirror of it pull-from-mirror")
    if pull not in _PULLS:
        raise _malformed(content, f"pull-from-mirror must be one of {', '.join(_PULLS[1:])}")
    if by_digest:
        pull = BY_DIGEST
    location: str = entry["location"]
    if location != trimmed and ways.trims_mirrors():
        location = trimmed  # until 5.34 a slash at its end stays there, and makes no name
    return Mirror(location, pull)


def _location(content: FileContent, entry: dict[str, Any], name: str) -> str:
    found: str = entry.get(name, "").rstrip("/")
    if found.startswith(("http://", "https://")):
        raise _malformed(content, f"{name} is not host[:port][/namespace]")
    return found


def _malformed(content: FileContent, reason: str) -> MalformedFile:
    return MalformedFile(
        content.path, reason, owner=content.owner, mode=content.mode, hint="see containers-registries.conf(5)"
    )
