"""The environment of a command under sudo.

It is computed from the policy that ``sudo -l`` prints.

Source: sudoers(5) "Command environment", and sudo 1.9 ``plugins/sudoers/env.c``. Shorepass uses it if sudo may run the
client but no shell. It does not include what PAM adds.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["environment"]

KEPT = (  # what ``sudo -V`` shows to root as the variables to keep, and to check
    *("COLORS", "DISPLAY", "HOSTNAME", "KRB5CCNAME", "LS_COLORS", "PATH", "PS1", "PS2", "XAUTHORITY", "XAUTHORIZATION"),
    *("XDG_CURRENT_DESKTOP", "COLORTERM", "LANG", "LANGUAGE", "LC_*", "LINGUAS", "TERM", "TZ"),
)
REMOVED = ("LD_*", "_RLD*", "*=()*")  # the start of a longer list; no client reads the other variables
_HEADING = "Matching Defaults entries"
_SETTING = re.compile(r'(?:\\.|"(?:\\.|[^"\\])*"|[^,\\"])+')


def environment(listing: str, caller: Mapping[str, str], home: str) -> dict[str, str] | None:
    """Return the variables of a command that sudo runs for root.

    ``home``: root's home.

    ``listing``: what ``sudo -l`` prints in the C locale. None: it does not describe the policy.
    """
    defaults = list(_defaults(listing))
    if not defaults:
        return None
    flags = {name: operator != "!" for name, operator, value in defaults if value is None}
    path = next(
        (value for name, operator, value in reversed(defaults) if name == "secure_path" and operator == "="), None
    )
    if flags.get("env_reset", True):
        kept = _kept(defaults)
        found = {name: value for name, value in caller.items() if _matches(name, value, kept)}
    else:
        found = {name: value for name, value in caller.items() if not _matches(name, value, REMOVED)}
    if flags.get("always_set_home", False) or "HOME" not in found:
        found["HOME"] = home
    if path is not None:
        found["PATH"] = path
    return {**found, "USER": "root", "LOGNAME": "root"}


def _kept(defaults: list[tuple[str, str, str | None]]) -> tuple[str, ...]:
    kept: dict[str, None] = dict.fromkeys(KEPT)
    for name, operator, value in defaults:
        if name in ("env_keep", "env_check"):
            words = dict.fromkeys((value or "").split())
            if operator == "+=":
                kept |= words
            elif operator == "-=":
                kept = {word: None for word in kept if word not in words}
            else:
                kept = words
    return tuple(kept)


def _matches(name: str, value: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a pattern names a variable: ``NAME``, ``NAME*``, ``NAME=value``."""
    assignment = f"{name}={value}"
    for pattern in patterns:
        subject = assignment if "=" in pattern else name
        if fnmatch.fnmatchcase(subject, pattern):
            return True
    return False


def _defaults(listing: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield name, operator and value of each setting.

    The operator is ``=``, ``+=`` or ``-=``. For a flag it is ``!`` or empty.
    """
    heading, _, rest = listing.partition(_HEADING)[2].partition(":\n")
    del heading  # names the user and the host
    text = " ".join(line.strip() for line in rest.split("\n\n")[0].splitlines())
    for setting in _SETTING.findall(text):
        name, operator, value = _split(setting.strip())
        yield name, operator, value


def _split(setting: str) -> tuple[str, str, str | None]:
    found = re.match(r"(!?)(\w+)\s*(\+=|-=|=)?(.*)", setting, re.DOTALL)
    if found is None:
        return setting, "", None
    negated, name, operator, value = found.groups()
    if not operator:
        return name, negated, None
    return name, operator, re.sub(r"\\(.)", r"\1", value.strip().strip('"'))
