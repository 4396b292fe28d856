"""containers' ``registries.conf``: which helpers podman, skopeo and buildah ask, and where an image really comes from.

Source: containers/image pkg/sysregistriesv2 (5.23.1). The user's file takes the place of the system's; drop-in files come
after it in the order of their names. A file that is broken stops the clients.

Left out, as they choose no credential for an image with its full name: where aliases and the registries to search lead;
and the format of before 2019 (``[registries.search]``). A list that is set twice, which is no TOML, is an error here; the
clients' decoder lets the second count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.locations import join
from shorepass.errors import InvalidReference, MalformedFile, printable, without_user_info
from shorepass.names import Reference, is_registry, parse

if TYPE_CHECKING:
    from typing import Any

    from shorepass.contexts import Context, FileContent

__all__ = ["AUTH_FILES", "REGISTRIES_CONF", "RegistriesConf", "Registry", "load"]

REGISTRIES_CONF = "registries.conf"  # what names a helper, where no auth file does
AUTH_FILES = "containers-auth.json"  # the word for "the auth files" in the list of helpers
SYSTEM_FOLDER = "/etc/containers"
USER_FOLDER = ".config/containers"  # below HOME; XDG_CONFIG_HOME has no say here
VARIABLES = ("CONTAINERS_REGISTRIES_CONF", "REGISTRIES_CONFIG_PATH")  # the second is the old name
SIZE_LIMIT = 512 * 1024  # bytes of one file, and of all together: those of distributions have 10 KB
FILES_LIMIT = 200  # drop-in files of one folder
HELPERS_LIMIT = 100  # that are asked, one after another

# A key of a hundred parts: the time of TOML's parser grows with their square, and one line of 100 KB takes it half a minute.
_DEEP = rb'(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|\'[^\'\n]*\')[ \t]*\.[ \t]*){100}'

# The types of what is read: a class, a list of one kind, or a table's fields. Other names are passed over.
_ENDPOINT = {"location": str, "insecure": bool, "pull-from-mirror": str}
_FIELDS = {
    "credential-helpers": [str],
    "unqualified-search-registries": [str],
    "short-name-mode": str,
    "registry": [
        {**_ENDPOINT, "prefix": str, "blocked": bool, "mirror-by-digest-only": bool, "mirror": [_ENDPOINT]},
    ],
}
_MODES = ("", "disabled", "enforcing", "permissive")


class Registry(NamedTuple):
    """One ``[[registry]]``: images whose name begins with ``prefix`` come from ``location``, or from the ``mirrors``."""

    prefix: str
    location: str
    mirrors: tuple[str, ...]
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
        """Return an image's name with the prefix replaced by ``location``. Raises MalformedFile: that is no name."""
        if not location:
            return reference
        text = location + str(reference)[self.matched(reference.name) :]
        try:
            there = parse(text)
        except InvalidReference:
            there = reference
        if str(there) != text or not there.repository:
            raise MalformedFile(
                self.path, f"{self.prefix!r} becomes {printable(without_user_info(text))!r}: not the name of an image"
            )
        return there


class RegistriesConf(NamedTuple):
    """What all files say together. ``helpers``: suffixes in their order, AUTH_FILES among them."""

    helpers: list[str]
    registries: dict[str, Registry]

    def registry(self, name: str) -> Registry | None:
        """Return the entry with the longest prefix of an image's name."""
        fitting = [registry for prefix, registry in sorted(self.registries.items()) if registry.matched(name)]
        return max(fitting, key=lambda registry: len(registry.prefix)) if fitting else None

    def rewrite(self, reference: Reference) -> Reference:
        """Return where an image is pulled from; pushes, logins and searches go where they say.

        Raises MalformedFile: what its location or that of a mirror makes of the name is no name.
        """
        registry = self.registry(reference.name) if reference.repository else None
        if registry is None:
            return reference
        *_, there = [registry.place(reference, location) for location in (*registry.mirrors, registry.location)]
        return there


def load(context: Context, *, variables: bool) -> RegistriesConf:
    """Return what all files say together; ``variables`` tells whether the client looks at ``VARIABLES``.

    Raises FileError, MalformedFile.
    """
    helpers: list[str] = []
    registries: dict[str, Registry] = {}
    for content in _files(context, variables=variables):
        table = _parse(content)
        helpers = table.get("credential-helpers", helpers)
        if len(helpers) > HELPERS_LIMIT:
            raise _malformed(content, f"credential-helpers names more than {HELPERS_LIMIT}")
        registries |= _registries(content, table)
    return RegistriesConf(helpers or [AUTH_FILES], registries)


def _files(context: Context, *, variables: bool) -> list[FileContent]:
    home = join(context, context.home() or "", *USER_FOLDER.split("/"))
    named = next((value for name in VARIABLES if (value := context.getenv(name)) is not None), None)
    folders = [SYSTEM_FOLDER, home]
    if named and variables:
        first = context.read(named, SIZE_LIMIT)
        if first is None:
            raise MalformedFile(named, f"named by {' or '.join(VARIABLES)}, and not there", hint="unset the variable")
    else:
        first = context.read(join(context, home, "registries.conf"), SIZE_LIMIT)
        if first is not None:
            folders = [home]  # with a file of the user's own, nothing of the system's is read
        else:
            first = context.read(join(context, SYSTEM_FOLDER, "registries.conf"), SIZE_LIMIT)
    contents = [first]
    left = SIZE_LIMIT - (len(first.data) if first else 0)
    for folder in (join(context, folder, "registries.conf.d") for folder in folders):
        paths = [join(context, folder, name) for name in context.names(folder) if name.endswith(".conf")]
        if len(paths) > FILES_LIMIT:
            raise MalformedFile(folder, f"more than {FILES_LIMIT} files: not a folder of configuration files")
        for path in paths:
            content = None if context.is_folder(path) else context.read(path, SIZE_LIMIT)
            left -= len(content.data) if content else 0
            if left < 0:
                raise MalformedFile(path, f"larger than {SIZE_LIMIT} bytes, together with the files before it")
            contents.append(content)
    return [content for content in contents if content is not None]


def _parse(content: FileContent) -> dict[str, Any]:
    """Return the table of a file, its fields in lower case and of the right types."""
    if re.search(_DEEP, content.data):
        raise _malformed(content, "a key has a hundred parts")
    import tomllib  # only where there is such a file

    try:
        parsed = tomllib.loads(content.data.decode())
        aliases = parsed.get("aliases")
        for name, place in aliases.items() if isinstance(aliases, dict) else ():  # what else it may be is passed over
            if not _is_alias(name, place):
                raise _malformed(content, f"the alias {printable(name)!r} is no short name of HOST/REPOSITORY")
        checked: dict[str, Any] = _checked(parsed, _FIELDS, "")
    except (ValueError, RecursionError):  # TOMLDecodeError, not UTF-8, a number of more than 4,300 digits
        raise _malformed(content, "not valid TOML") from None
    except TypeError as error:
        raise _malformed(content, f"{error} has a value of the wrong type") from None
    return checked


def _is_alias(name: str, place: Any) -> bool:
    if not isinstance(place, str) or not _is_repository(f"registry.invalid/{name}") or _has_host(name):
        return False
    return not place or (_is_repository(place) and _has_host(place))  # empty: no longer an alias


def _is_repository(text: str) -> bool:
    try:
        image = parse(text)
    except InvalidReference:
        return False
    return bool(image.repository) and not image.tag and not image.digest


def _has_host(name: str) -> bool:
    first, slash, _ = name.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)


def _checked(value: Any, shape: Any, name: str) -> Any:
    """Return a value whose type fits; the clients' decoder finds a field by any spelling. Raises TypeError: its name."""
    if isinstance(shape, dict) and isinstance(value, dict):
        lower = {key.lower(): item for key, item in value.items()}
        return {key: _checked(item, shape[key], key) for key, item in lower.items() if key in shape}
    if isinstance(shape, list) and isinstance(value, list):
        return [_checked(item, shape[0], name) for item in value]
    if not isinstance(shape, type) or not isinstance(value, shape):
        raise TypeError(name)
    return value


def _registries(content: FileContent, table: dict[str, Any]) -> dict[str, Registry]:
    if table.get("short-name-mode", "") not in _MODES:
        raise _malformed(content, f"short-name-mode is none of {', '.join(_MODES[1:])}")
    for name in table.get("unqualified-search-registries", []):
        if name.startswith(("http://", "https://")) or not is_registry(name.rstrip("/")):
            raise _malformed(content, f"{printable(name)!r} in unqualified-search-registries is no host")
    found: dict[str, Registry] = {}
    settings: dict[str, tuple[bool, bool]] = {}
    for entry in table.get("registry", []):
        registry = _registry(content, entry)
        found.setdefault(registry.prefix, registry)  # of two with one prefix the first counts
        where, setting = registry.location or registry.prefix, (registry.insecure, registry.blocked)
        if settings.setdefault(where, setting) != setting:
            raise _malformed(content, f"two entries for {where!r} differ in insecure or blocked")
    return found


def _registry(content: FileContent, entry: dict[str, Any]) -> Registry:
    location = _location(content, entry, "location")
    prefix = _location(content, entry, "prefix") or location
    if not prefix or not (location or prefix.startswith("*.")):
        raise _malformed(content, "a registry has no location")
    if prefix.startswith("*.") and any(character in prefix for character in "/@:"):
        raise _malformed(content, f"the prefix {prefix!r} is more than *.HOST")
    found = entry.get("mirror", [])
    if not all(_location(content, mirror, "location") for mirror in found):
        raise _malformed(content, "a mirror has no location")
    mirrors = tuple(mirror["location"] for mirror in found)  # a slash at its end stays there, and makes no name
    return Registry(prefix, location, mirrors, entry.get("insecure", False), entry.get("blocked", False), content.path)


def _location(content: FileContent, entry: dict[str, Any], name: str) -> str:
    found: str = entry.get(name, "").rstrip("/")
    if found.startswith(("http://", "https://")):
        raise _malformed(content, f"{name} is not host[:port][/namespace]")
    return found


def _malformed(content: FileContent, reason: str) -> MalformedFile:
    return MalformedFile(
        content.path, reason, owner=content.owner, mode=content.mode, hint="see containers-registries.conf(5)"
    )
