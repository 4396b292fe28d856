"""Give the members of a config file the types that clients read, where it is plain what was meant. No I/O."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from shorepass.config.document import load, remove_member, set_member
from shorepass.errors import MalformedFile

if TYPE_CHECKING:
    from typing import Any

    from shorepass.contexts import FileContent

__all__ = ["reshaped"]

TYPES = {"credHelpers": dict, "credsStore": str}  # what a member must be; without it, the logins in auths remain


def reshaped(content: FileContent) -> tuple[FileContent, list[str]]:
    """Return the content with the corrections, and what was done. A content that is not JSON is not changed.

    >>> reshaped(FileContent("config.json", b'{"auths": {"ghcr.io": "YTpi"}}'))[0].data
    b'{"auths": {"ghcr.io": {"auth": "YTpi"}}}'
    """
    done = []
    try:
        known = load(content)
        auths = known.get("auths")
        if isinstance(auths, list) and all(isinstance(one, dict) for one in auths):
            auths = {}
            for one in known["auths"]:
                auths.update(one)
            content = content._replace(data=set_member(content, ["auths"], auths))
            done.append("write auths as an object")
        for key, entry in auths.items() if isinstance(auths, dict) else ():
            if _is_pair(entry):
                content = content._replace(data=set_member(content, ["auths", key], {"auth": entry}))
                done.append('write an entry as an object with "auth"')
        for name, kind in TYPES.items():
            if known.get(name) is not None and not isinstance(known[name], kind):
                content = content._replace(data=remove_member(content, [name]))
                done.append(f"remove {name}")
    except MalformedFile:
        return content, []
    return content, done


def _is_pair(entry: Any) -> bool:
    """Tell whether an entry is the base64 text of a user name and a password."""
    try:
        return isinstance(entry, str) and b":" in base64.b64decode(entry, validate=True)[1:]
    except ValueError:
        return False
