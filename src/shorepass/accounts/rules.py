"""The rules that choose an account: add, change or remove one in the user's settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shorepass import settings
from shorepass.accounts.choice import part_of
from shorepass.names import registry_meant

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tomlkit import TOMLDocument

    from shorepass.contexts.local import LocalContext
    from shorepass.settings import Rule

__all__ = ["directory_of", "forget", "repository_of", "use"]


def repository_of(text: str) -> str:
    """Return the repository of a rule as the user names it; a registry alone is all of it. Raises UsageError."""
    text = text.rstrip("/")
    settings.check_repository(text)
    return text if "/" in text else f"{text}/*"


def directory_of(here: LocalContext, text: str) -> str:
    """Return the folder of a rule, absolute; ``~`` is the home."""
    if text == "~" or text.startswith("~/"):
        text = (here.home() or "") + text[1:]
    return os.path.normpath(os.path.join(here.cwd() or os.sep, text))


def use(here: LocalContext, rule: Rule) -> bool:
    """Let an account be used for a repository or in a directory, instead of another; False where it is.

    Raises UsageError, MalformedFile, FileError, WriteError.
    """
    settings.check_account(rule.account)
    kind, value = _subject(here, rule)

    def edit(document: TOMLDocument) -> None:
        import tomlkit

        same = [table for table in _tables(document) if _is_for(here, rule)(table)]
        if not same:
            table = tomlkit.table()
            table.update({"name": rule.account, kind: value})
            table.add(tomlkit.nl())
            if "account" not in document:
                document["account"] = tomlkit.aot()
            document["account"].append(table)
        elif same[0]["name"] != rule.account:
            same[0]["name"] = rule.account

    settings.load(here)  # what is broken is said, and not built upon
    return settings.change(here, edit)


def forget(here: LocalContext, rule: Rule) -> int:
    """Take an account's rule out; with neither repository nor directory all of its rules. Return how many there were.

    Raises UsageError, MalformedFile, FileError, WriteError.
    """
    settings.check_account(rule.account)
    count = 0

    def edit(document: TOMLDocument) -> None:
        nonlocal count
        tables = _tables(document)
        fits = _is_for(here, rule) if rule.repository or rule.directory else lambda _: True
        gone = [index for index, table in enumerate(tables) if table["name"] == rule.account and fits(table)]
        count = len(gone) or count  # the file is looked at again after the save
        for index in reversed(gone):
            del tables[index]
        if gone and not tables:
            del document["account"]

    settings.load(here)
    settings.change(here, edit)
    return count


def _tables(document: TOMLDocument) -> Any:
    return document.get("account", [])


def _subject(here: LocalContext, rule: Rule) -> tuple[str, str]:
    """Return the member of a rule and its value, with ``~`` for the home: settings may be carried to another machine."""
    if rule.repository:
        return "repository", rule.repository
    home = (here.home() or "").rstrip(os.sep)
    below = home and f"{rule.directory}{os.sep}".startswith(home + os.sep) and here.platform != "windows"
    return "directory", f"~{rule.directory[len(home) :]}" if below else rule.directory


def _is_for(here: LocalContext, rule: Rule) -> Callable[[Any], bool]:
    """Return what tells whether a table is about the same repository or directory, however it is written."""

    def fits(table: Any) -> bool:
        if rule.repository:
            return "repository" in table and _meaning(str(table["repository"])) == _meaning(rule.repository)
        return "directory" in table and directory_of(here, str(table["directory"])) == rule.directory

    return fits


def _meaning(pattern: str) -> tuple[str, str, bool]:
    """Return the registry and the part of it that a rule is for, and whether it is for all below that."""
    registry, path = part_of(repository_of(pattern))
    return registry_meant(registry), path, pattern.endswith("/*") or not path
