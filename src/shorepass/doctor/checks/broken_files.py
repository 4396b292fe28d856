"""SP103: a config file that a client cannot read.

The fix keeps as many logins as possible: the file itself with its mistakes corrected, or the last good content. That is in
the journal of fixes, or in a copy that an editor, a user or a crashed docker left beside the file.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import find
from shorepass.config import auth_file
from shorepass.config.auth_entry import BadEntryError
from shorepass.config.document import SIZE_LIMIT, remove_member, set_member
from shorepass.config.locations import split
from shorepass.doctor import stored
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import FileError, MalformedFile, SourceError
from shorepass.files import FileContent
from shorepass.fixes.damaged_json import salvage
from shorepass.fixes.journal import Journal
from shorepass.fixes.repair import Advice, Edit
from shorepass.fixes.wrong_types import reshaped
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.doctor.examination import ConfigFile, Examination
    from shorepass.fixes.repair import Repair

__all__ = ["CODES", "check"]

CODES = {"SP103": "A config file is malformed"}

COPIES = ("~", ".bak", ".backup", ".old", ".orig", ".save")  # after the name: editors and users write these
_leftover = re.compile(r"[0-9]+")  # docker's temporary file, which a docker that was killed leaves
COPIES_LIMIT = 20
PLAIN_PAIR = re.compile(r"[^:\s]+:\S+")  # base64 has no colon


class _Good(NamedTuple):
    """A content that every client can read, with its number of logins and what was done to get it."""

    logins: int
    data: bytes
    summary: str
    lost: bool = False


def check(examination: Examination) -> Iterator[Finding]:
    """Find the files that can be read, but that one of their clients cannot decode."""
    context = examination.context
    for file in examination.files:
        errors: dict[str, MalformedFile] = {}
        try:
            content = context.read(file.path, SIZE_LIMIT)
        except MalformedFile as error:  # too large
            yield Finding("SP103", Severity.ERROR, context.name, file.path, error.reason, (), None)
            continue
        except FileError:
            continue
        if content is None:
            continue
        for client in file.clients:
            try:
                _read(client, content, file)
            except MalformedFile as error:
                errors[client] = error
        if errors:
            causes = list(dict.fromkeys(error.reason for error in errors.values()))
            evidence = [*causes[1:], *dict.fromkeys(find(name).facts.broken_file for name in errors)]
            fix = _fix(examination, file, content)
            follows = _follows(examination, content, file)
            asked = examination.reference
            if not content.data.strip() and len(errors) < len(file.clients):
                evidence.append("docker reads an empty file as an empty config: it has no login")
                follows += (("SP510", asked.name),) if asked else ()
            yield Finding("SP103", Severity.ERROR, context.name, file.path, causes[0], tuple(evidence), fix, follows)
        for refusal in filter(None, (find(client).refusal(content) for client in file.clients)):
            advice = Advice(f'remove it from "aliases" in {quoted(file.path)}')
            yield Finding("SP103", Severity.ERROR, context.name, file.path, refusal, (), advice)


def _follows(examination: Examination, content: FileContent, file: ConfigFile) -> tuple[tuple[str, str], ...]:
    """Return the findings that follow from a broken entry of the registry that is asked for."""
    asked = examination.reference
    if asked is None:
        return ()
    meant = [stored.meaning(key) for key in _bad_entries(content, file)]
    is_broken = any(one is not None and one.registry == asked.registry for one in meant)
    return (("SP530", asked.registry), ("SP510", asked.name)) if is_broken else ()


def _read(client: str, content: FileContent, file: ConfigFile) -> int:
    """Return how many logins and helpers a client finds in a content. Raises MalformedFile."""
    view = find(client).view(content, legacy=file.legacy)
    for key in view.auths:
        try:
            view.credential(key)
        except BadEntryError as error:
            raise MalformedFile(content.path, f"an entry in auths: {error}") from None
    named = len(view.auths) + len(view.helpers)
    return named + 1 if view.store else named


def _fix(examination: Examination, file: ConfigFile, content: FileContent) -> Repair:
    others = list(_last_good(examination, file))

    def best(now: FileContent) -> _Good | None:
        goods = [good for good in (_salvaged(now, file), *others) if good is not None]
        return max(goods, key=lambda good: (good.logins, not good.lost), default=None)

    def edit(now: FileContent | None) -> bytes | None:
        good = best(now) if now is not None and not _is_good(now, file) else None
        return good.data if good else None

    good = best(content)
    if good is None or (good.lost and not good.logins):
        return Advice(
            f"no login can be recovered: fix the file in an editor, or move it away and log in again: {quoted(file.path)}"
        )
    return Edit(examination.context, file.path, edit, good.summary)


def _is_good(content: FileContent, file: ConfigFile) -> bool:
    return _judged(content, file, "") is not None


def _judged(content: FileContent, file: ConfigFile, summary: str, *, lost: bool = False) -> _Good | None:
    """Return a content with the number of its logins, None if a client cannot read it."""
    try:
        return _Good(max(_read(client, content, file) for client in file.clients), content.data, summary, lost)
    except MalformedFile:
        return None


def _salvaged(content: FileContent, file: ConfigFile) -> _Good | None:
    """Return the file's content with its mistakes corrected, without the entries that no client can read."""
    found = salvage(content.data) if content.data.strip() else None
    if found is None:
        empty = content._replace(data=b"{}\n")
        return (
            _judged(empty, file, "write an empty JSON object into the empty file") if not content.data.strip() else None
        )
    corrected, reshapes = reshaped(content._replace(data=found.data))
    done = [*found.done, *reshapes]
    above = [] if file.legacy else ["auths"]
    for key, pair in _bad_entries(corrected, file).items():
        if pair:
            encoded = base64.b64encode(pair.encode()).decode()
            corrected = corrected._replace(data=set_member(corrected, [*above, key, "auth"], encoded))
            done.append("write the user name and password of an entry in base64, once")
        else:
            corrected = corrected._replace(data=remove_member(corrected, [*above, key]))
            done.append("remove an entry that cannot be decoded")
    summary = "; ".join(dict.fromkeys(done))
    return _judged(corrected, file, summary, lost=found.lost)


def _bad_entries(content: FileContent, file: ConfigFile) -> dict[str, str]:
    """Return the keys of entries that a client cannot decode, each with the ``user:password`` in it, or ""."""
    try:
        auths = auth_file.decode(content, legacy=file.legacy).auths
    except MalformedFile:
        return {}
    clients = [find(name) for name in file.clients]
    bad = {}
    for key, members in auths.items():
        try:
            for client in clients:
                client.read_entry(members)
        except BadEntryError:
            text = dict(members).get("auth")
            bad[key] = _pair(text) if isinstance(text, str) else ""
    return bad


def _pair(text: str) -> str:
    """Return the ``user:password`` that is meant by an ``auth`` which is not one, "" for none.

    Users write it in plain text, in base64 twice, or with the ``Basic`` of a header before it.
    """
    rest = text.removeprefix("Basic ").strip()
    for _ in range(3):
        if PLAIN_PAIR.fullmatch(rest):
            return rest
        try:
            rest = base64.b64decode(rest, validate=True).decode().strip()
        except ValueError:
            return ""
    return ""


def _last_good(examination: Examination, file: ConfigFile) -> Iterator[_Good]:
    """Yield the earlier contents of the file that are known."""
    journal = Journal(examination.here)
    try:
        for name in reversed(journal.names()):
            kept = journal.read(name)
            if (kept.kind, kept.context, kept.path) == ("edit", examination.context.name, file.path):
                good = _judged(FileContent(file.path, kept.before), file, f"restore the content from before fix {name}")
                if good:
                    yield good
    except SourceError:
        pass  # a journal that cannot be read has no earlier content
    context = examination.context
    folder, name = split(context, file.path)
    try:
        beside = [found[len(name) :] for found in context.names(folder) if found.startswith(name) and found != name]
        copies = [end for end in beside if end in COPIES or _leftover.fullmatch(end)]
        for end in copies[:COPIES_LIMIT]:
            content = context.read(file.path + end, SIZE_LIMIT)
            good = _judged(content, file, f"restore the content of {file.path + end}") if content else None
            if good:
                yield good
    except FileError:
        return
