"""containers' ``registries.conf``: which credential helpers podman, skopeo and buildah ask, in which order.

Source: containers/image pkg/sysregistriesv2/system_registries_v2.go (v5.23.1). The user's file takes the place of the
system's; drop-in files come after it in the order of their names, and the last that says something counts.
"""

from __future__ import annotations

import os
from typing import Any

from shorepass.errors import MalformedFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.contexts import Context, FileContent

__all__ = ["AUTH_FILES", "credential_helpers"]

AUTH_FILES = "containers-auth.json"  # the word for "the auth files" in the list of helpers
SYSTEM_FILE = "/etc/containers/registries.conf"
SYSTEM_FOLDER = "/etc/containers/registries.conf.d"
USER_FILE = ".config/containers/registries.conf"
USER_FOLDER = ".config/containers/registries.conf.d"
VARIABLES = ("CONTAINERS_REGISTRIES_CONF", "REGISTRIES_CONFIG_PATH")  # the second is podman's old name for it
SIZE_LIMIT = 4 * 1024 * 1024  # bytes


def credential_helpers(context: Context) -> list[str]:
    """Return the names in ``credential-helpers``, ``["containers-auth.json"]`` when no file has any.

    Raises FileError, MalformedFile: the clients then do nothing at all.
    """
    helpers: list[str] = []
    for content in _files(context):
        found = _parse(content).get("credential-helpers")
        if found is None:
            continue
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise _malformed(content, "credential-helpers is not a list of names")
        helpers = found
    return helpers or [AUTH_FILES]


def _files(context: Context) -> list[FileContent]:
    named = next((value for name in VARIABLES if (value := context.getenv(name))), None)
    home = context.home() or ""
    folders = [SYSTEM_FOLDER, os.path.join(home, USER_FOLDER)]
    if named:
        first = context.read(named, SIZE_LIMIT)
        if first is None:
            raise MalformedFile(named, "named by CONTAINERS_REGISTRIES_CONF, and not there")
    else:
        first = context.read(os.path.join(home, USER_FILE), SIZE_LIMIT)
        if first is not None:
            folders = folders[1:]  # with a file of the user's own, the system's folder is not read
        else:
            first = context.read(SYSTEM_FILE, SIZE_LIMIT)
    contents = [first] if first else []
    for folder in folders:
        for name in context.names(folder):
            content = context.read(os.path.join(folder, name), SIZE_LIMIT) if name.endswith(".conf") else None
            contents += [content] if content else []
    return contents


def _parse(content: FileContent) -> dict[str, Any]:
    if b"credential-helpers" not in content.data:
        return {}  # most files: TOML is not needed to see that, and its parser costs 5 ms
    import tomllib

    try:
        return tomllib.loads(content.data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise _malformed(content, "not valid TOML") from None


def _malformed(content: FileContent, reason: str) -> MalformedFile:
    return MalformedFile(content.path, reason, owner=content.owner, mode=content.mode)
