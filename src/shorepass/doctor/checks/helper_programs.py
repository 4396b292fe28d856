"""SP201 to SP204, SP207: helpers that cannot be started, judged by their files alone.

So the checks work in every context. Where programs may be run, a program that starts is good, whatever its file says: an
emulator may run another machine's programs, and WSL runs those of Windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.clients import find
from shorepass.config.document import remove_member, set_member
from shorepass.config.go_json import field_name, first_value
from shorepass.config.go_json import text as go_text
from shorepass.config.locations import join
from shorepass.config.spans import JsonSyntaxError
from shorepass.contexts.executable import HEAD_SIZE, describe
from shorepass.doctor.checks.containers import is_lent
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import FileError, HelperFailed, HelperTimeout
from shorepass.fixes.repair import Advice, Edit, Mode
from shorepass.foreign_text import quoted
from shorepass.helper import OURSELVES
from shorepass.helper.known_helpers import install
from shorepass.helper.protocol import program_name
from shorepass.helper.windows_programs import off_switch
from shorepass.logins.helper_entry import without_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts import Context, FileContent, FileStatus
    from shorepass.contexts.executable import Program
    from shorepass.doctor.examination import Examination
    from shorepass.doctor.named import Named
    from shorepass.fixes.repair import Repair

__all__ = ["CODES", "check", "fault", "removal"]

CODES = {
    "SP201": "A helper is missing",
    "SP202": "A helper cannot be executed",
    "SP203": "A helper is for another machine",
    "SP204": "A helper's loader or interpreter is missing",
    "SP207": "A Windows helper cannot be started",
    "SP221": "A helper is found only by a relative folder of PATH",
}

NOT_FOUND_BY_ENV = 127
WSL_ADVICE = (
    "in WSL: set enabled = true and appendWindowsPath = true below [interop] in /etc/wsl.conf, then wsl --shutdown; "
    "under sudo and cron, PATH has no Windows folder: use a Linux helper there"
)
RELATIVE = "docker and podman do not run programs from a relative folder of PATH"


class Fault(NamedTuple):
    """Why a helper cannot be started."""

    code: str
    cause: str
    evidence: tuple[str, ...] = ()
    repair: Repair | None = None


def check(examination: Examination) -> Iterator[Finding]:
    """Find the helpers that the clients would ask and cannot start."""
    for helper in examination.helpers:
        found = fault(examination, helper)
        if found and found.code in CODES:
            does = dict.fromkeys(find(client).facts.broken_helper for client in helper.clients)
            evidence = (*found.evidence, helper.why, *does)
            context = examination.context.name
            yield Finding(found.code, Severity.ERROR, context, helper.program, found.cause, evidence, found.repair)


def fault(examination: Examination, helper: Named) -> Fault | None:
    """Return why a helper cannot be started, None if it can or its file does not show it."""
    context = examination.context
    path = context.which(helper.program)
    if path is None:
        return None if is_lent(context, helper.path) else _absent(examination, helper)  # else SP603
    try:
        seen = _unfit(context, helper, path, context.head(path, HEAD_SIZE) or b"")
    except FileError:
        return None  # a user may be allowed to execute a program but not to read it
    answer = examination.listed(helper.suffix) if seen else None
    runs = isinstance(answer, dict | HelperTimeout) or (isinstance(answer, HelperFailed) and not _env_failed(answer))
    return None if runs else seen


def _env_failed(error: HelperFailed) -> bool:
    """Return whether only /usr/bin/env ran and did not find the interpreter (env(1))."""
    return error.reason.startswith(f"exit status {NOT_FOUND_BY_ENV}")


def _absent(examination: Examination, helper: Named) -> Fault:
    context = examination.context
    status = _not_executable(context, helper.program)
    if status is not None:
        mode = status.mode | (status.mode & 0o444) >> 2
        repair: Repair = Mode(context, status.path, mode, status)
        if status.uid != context.uid and 0 not in (context.uid, examination.here.uid):
            repair = Advice(f"sudo chmod {mode:04o} {quoted(status.path)}")
        seen = f"{status.path}: mode {status.mode:04o}, owner {status.owner or status.uid}"
        return Fault("SP202", "it is on PATH, but its mode does not allow this user to execute it", (seen,), repair)
    path = f"PATH: {context.getenv('PATH') or 'not set'}"
    short = helper.suffix.rpartition("/")[2].removeprefix(program_name(""))
    if short != helper.suffix and context.which(program_name(short)):
        cause = f"{helper.suffix} is written, and the clients put {program_name('')} before it"
        return Fault("SP201", cause, (), _renaming(context, helper, short))
    relative = _relative(context, helper.program)
    if relative:
        advice = Advice(f"export PATH={quoted(relative)}:$PATH")
        return Fault("SP221", f"it is in {relative}, which PATH names by a relative path", (path, RELATIVE), advice)
    if context.platform == "linux" and helper.suffix.lower().endswith(".exe"):
        return Fault("SP207", "a Windows program that is not on PATH here", (path,), Advice(WSL_ADVICE))
    if examination.at_login(helper) is not None:
        return Fault("SP208", "it is in this user's login shell")  # helper_elsewhere reports it
    evidence: tuple[str, ...] = (path, f"to install it: {install(context, helper.suffix)}")
    if helper.suffix == OURSELVES and helper.path.endswith(".json"):
        evidence += (f"to remove it without Shorepass: {without_program(helper.path)}",)
    return Fault("SP201", "no executable file of that name on PATH", evidence, removal(context, helper))


def _relative(context: Context, program: str) -> str:
    """Return the folder in which a relative part of PATH has a program, "" if no such part has it."""
    directory = context.cwd()
    if directory is None or context.platform == "windows":
        return ""
    for folder in (context.getenv("PATH") or "/").split(":"):
        if folder.startswith("/"):
            continue
        absolute = join(context, directory, folder.removeprefix("./")).rstrip("/.") if folder else directory
        try:
            status = context.status(join(context, absolute, program))
        except FileError:
            continue
        if status and status.kind == "file" and status.mode & 0o111:
            return absolute
    return ""


def _not_executable(context: Context, program: str) -> FileStatus | None:
    for folder in (context.getenv("PATH") or "").split(":") if context.platform != "windows" else ():
        try:
            status = context.status(join(context, folder, program)) if folder.startswith("/") else None
        except FileError:
            continue
        if status and status.kind == "file":
            return status
    return None


def _unfit(context: Context, helper: Named, path: str, head: bytes) -> Fault | None:
    """Return why a program cannot run here, by its first bytes; None if it can."""
    program = describe(head)
    if context.platform != "linux":
        return None
    if program is None:
        advice = Advice(f"put #!/bin/sh, or the right interpreter, into the first line of {quoted(path)}")
        return Fault("SP204", "neither a program nor a script with #! in its first line", (path,), advice)
    if program.kind == "pe":
        return _windows_program(context, helper, path)
    if not program.fits(context.machine):
        made = program.machine or ("macOS" if program.kind == "mach-o" else program.kind)
        advice = Advice(f"install the build for {context.machine or 'this machine'}")
        return Fault("SP203", f"built for {made}, but this machine is {context.machine}", (path,), advice)
    missing = _missing(context, program)
    if missing and missing.endswith("\r"):
        cause = "its lines end as on Windows, so that its first line names no interpreter"
        return Fault("SP204", cause, (path,), Advice(f"sed -i 's/\\r$//' {quoted(path)}"))
    if missing:
        what = "interpreter" if program.kind == "script" else "loader"
        libc = f" of {program.libc}" if program.libc else ""
        advice = Advice(
            f"install {quoted(missing)}, or a build for this system (a statically linked one runs anywhere)"
        )
        if program.kind == "script":
            advice = Advice(f"install {quoted(missing)}, or name another in the first line of {quoted(path)}")
        return Fault("SP204", f"its {what} {missing}{libc} does not exist", (path,), advice)
    return None


def _windows_program(context: Context, helper: Named, path: str) -> Fault:
    """Return why a Windows program cannot be started. Without a switch to turn, only another helper helps."""
    switch = off_switch(context)
    seen = (path, f"seen in: {switch.seen}") if switch.seen else (path,)
    repair = removal(context, helper)
    if isinstance(repair, Advice):
        return Fault("SP207", switch.cause, seen, Advice(switch.fix))
    return Fault("SP207", switch.cause, (*seen, f"or keep the helper: {switch.fix}"), repair)


def _missing(context: Context, program: Program) -> str | None:
    """Return the loader or interpreter that is missing, or None."""
    if not program.interpreter or not program.interpreter.startswith("/"):
        return None
    try:
        if context.status(program.interpreter) is None:
            return program.interpreter
    except FileError:
        return None
    words = [word for word in program.argument.split() if not word.startswith("-") and "=" not in word]
    if program.kind == "script" and program.interpreter.endswith("/env") and words and not context.which(words[0]):
        return words[0]
    return None


def _renaming(context: Context, helper: Named, suffix: str) -> Repair:
    """Return the fix that names the helper by another suffix in its file."""

    def edit(content: FileContent | None) -> bytes | None:
        data = content.data if content else b""
        for member in _members_that_name(content, helper.suffix):
            data = set_member(data, member, suffix)
        return data

    if not helper.path.endswith(".json"):
        return Advice(f"write {quoted(suffix)} instead in {quoted(helper.path)}")
    return Edit(context, helper.path, edit, f"write {quoted(suffix)} instead of {quoted(helper.suffix)}")


def _members_that_name(content: FileContent | None, suffix: str) -> list[list[str]]:
    """Return the members of a file that name a helper; none if the file is malformed (SP103)."""
    try:
        document = first_value(go_text(content.data))[0] if content else ()
    except JsonSyntaxError:
        return []
    found: list[list[str]] = []
    for name, value in document if isinstance(document, tuple) else ():
        if field_name(name) == "credsstore" and value == suffix:
            found.append([name])
        elif field_name(name) == "credhelpers" and isinstance(value, tuple):
            found += [[name, key] for key, named in value if named == suffix]
    return found


def removal(context: Context, helper: Named) -> Repair:
    """Return the fix that removes the helper from its file."""
    if helper.chosen or not helper.path.endswith(".json"):
        return Advice(f"{install(context, helper.suffix)}; or remove it from {quoted(helper.path)}")

    def edit(content: FileContent | None) -> bytes | None:
        if content is None:
            return None
        data = content.data
        for member in _members_that_name(content, helper.suffix):
            data = remove_member(data, member)
        return data

    summary = f"remove {quoted(helper.suffix)} from {quoted(helper.path)}; the next login does not use it"
    return Edit(context, helper.path, edit, summary)
