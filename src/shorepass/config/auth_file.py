"""containers' ``auth.json``, docker's ``config.json`` as containers reads it, and ``.dockercfg``.

Source: containers/image pkg/docker/config/config.go ``readJSONFile``. Go's ``json.Unmarshal`` is stricter than the decoder
that docker uses: an empty file is an error, and so is anything behind the first value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.auth_entry import CONTAINERS_FIELDS, BadEntryError
from shorepass.config.docker_config import add_auths, add_helpers
from shorepass.config.document import SIZE_LIMIT, load_pairs
from shorepass.config.go_json import field_name
from shorepass.errors import MalformedFile

if TYPE_CHECKING:
    from shorepass.config.docker_config import Members
    from shorepass.contexts import Context, FileContent

__all__ = ["AuthFile", "Logins", "decode", "load"]


class AuthFile(NamedTuple):
    """One file in which clients look for logins.

    ``family``: whose file it is, by the client whose name serves for all that have the same files. ``legacy``: entries without
    ``auths`` around them. ``named``: by the user, who wants it to be there. ``until_restart``: the system empties its folder
    when the machine starts again, or when the user logs out.
    """

    path: str
    why: str
    family: str = ""
    legacy: bool = False
    named: bool = False
    until_restart: bool = False


class Logins(NamedTuple):
    """What a file holds: entries by key, not yet decoded, and helpers' suffixes by registry."""

    auths: dict[str, Members]
    helpers: dict[str, str]

    def __repr__(self) -> str:  # the entries are as they stand in the file
        return f"Logins({len(self.auths)} entries, {self.helpers})"


def load(context: Context, file: AuthFile) -> Logins | None:
    """Return what a file holds, None where there is no such file. Raises FileError, MalformedFile."""
    content = context.read(file.path, SIZE_LIMIT)
    return None if content is None else decode(content, legacy=file.legacy)


def decode(content: FileContent, *, legacy: bool = False) -> Logins:
    """Return what a file's content says; ``legacy``: there is no ``auths`` around the entries. Raises MalformedFile."""
    found = load_pairs(content, first_value_only=False)
    auths: dict[str, Members] = {}
    helpers: dict[str, str] = {}
    try:
        if found is not None and type(found) is not tuple:
            raise BadEntryError("not an auth file: its JSON value is not an object")
        for name, value in [("auths", found)] if legacy else found or ():
            field = field_name(name)
            if field == "auths":
                auths = add_auths(auths, value, CONTAINERS_FIELDS)
            elif field == "credhelpers":
                helpers = add_helpers(helpers, value)
    except BadEntryError as error:
        raise MalformedFile(
            content.path,
            str(error),
            owner=content.owner,
            mode=content.mode,
        ) from None
    return Logins(auths, helpers)
