"""``shorepass share k8s`` and others: a document with the lent logins, printed or applied. No grant is stored."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING

from shorepass import processes
from shorepass.agent.audit_log import AuditLog, log_path
from shorepass.agent.call import Answer
from shorepass.agent.lifetimes import since_boot
from shorepass.cli import console
from shorepass.cli.lending import planned, repeated
from shorepass.cli.share_targets import find_target
from shorepass.client_table import DEFAULT
from shorepass.clients import find
from shorepass.clients.registry_tokens import summary
from shorepass.contexts.caller import Caller
from shorepass.contexts.command import command
from shorepass.credential import kind_of
from shorepass.errors import ShorepassError, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.grants.grant import TOKEN
from shorepass.names import Reference
from shorepass.profile import current, with_store
from shorepass.registry.token import secrets_of
from shorepass.secret import repeats
from shorepass.share.found_logins import FoundLogins, find_logins
from shorepass.share.writers import WRITERS, kubernetes_secret, masks

if TYPE_CHECKING:
    import argparse
    from typing import NoReturn

    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.grants.grant import Grant
    from shorepass.share.writers import Writer

__all__ = ["share"]

KUBERNETES = "k8s"
USUAL_NAME = "shorepass"  # of a Secret
NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)  # of an object in Kubernetes
APPLY_SECONDS = 60.0
OUTPUT_LIMIT = 64 * 1024  # bytes
LOOK_SECONDS = 5.0  # between two looks at the clock, because the machine may sleep
LEAST_SECONDS = 5.0


def share(here: LocalContext, arguments: argparse.Namespace) -> int:
    """Print a document, or apply it. Raises UsageError, ShorepassError."""
    writer = WRITERS[arguments.target]
    _check(arguments)
    arguments.object_name = arguments.object_name or USUAL_NAME
    grant = planned(here, arguments.target, arguments.lent, arguments)
    found = _found(here, grant, writer)
    if arguments.apply:
        return _apply(here, grant, found, arguments)
    if "GITHUB_ACTIONS" in here.environment():
        for line in masks(found.logins):
            console.err(line)
    console.data(_text(found, arguments).encode("utf-8", "surrogateescape"))
    _log(here, grant, "print")
    _explain(grant, writer, found)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for flags that do not fit, and for a terminal that would show the secret."""
    target = find_target(arguments.target)
    if arguments.repositories and arguments.mode != TOKEN:
        raise UsageError(f"{target.word} is not for one repository: {target.why}", hint="name its --registry")
    lent = repeated("--registry", arguments.lent)
    if arguments.refresh and not arguments.apply:
        raise UsageError("--refresh needs --apply", hint=command(None, "share", "k8s", *lent, "--apply", "--refresh"))
    if arguments.duration and not arguments.refresh and arguments.mode != TOKEN:
        raise UsageError(
            "--for is for --apply --refresh and for mode token, because a copy of a login does not end by itself",
            hint=command(None, "share", arguments.target, *lent),
        )
    if arguments.show and arguments.apply:
        raise UsageError(
            "--apply prints no secret, so leave out --show", hint=command(None, "share", "k8s", *lent, "--apply")
        )
    for name in filter(None, (arguments.object_name, arguments.namespace)):
        if not NAME.fullmatch(name):
            raise UsageError(f"{printable(name)!r} is not a name in Kubernetes: it has only a-z, 0-9, - and .")
    if console.is_terminal() and not arguments.show and not arguments.apply:
        raise UsageError(
            "standard output is a terminal, which would show the secret",
            hint="pipe it to the program that reads it, or use --show",
        )


def _found(here: LocalContext, grant: Grant, writer: Writer) -> FoundLogins:
    """Return the logins. Raises UsageError: the document's reader cannot use one; ShorepassError."""
    mine = with_store(here)

    def resolve(repository: str) -> Credential:
        registry, _, path = repository.partition("/")
        return find(DEFAULT).resolve(mine, Reference(registry, path)).credential

    found = find_logins(here, grant, resolve)
    for server, credential in found.logins.items():
        if not isinstance(credential, writer.kinds):
            raise UsageError(
                f"{printable(server)}: its login is a {kind_of(credential)}, which the reader of the document does not use",
                hint="log in with a user name and a token as the password",
            )
    return found


def _text(found: FoundLogins, arguments: argparse.Namespace) -> str:
    if arguments.target == KUBERNETES:
        return kubernetes_secret(found.logins, arguments.object_name, arguments.namespace)
    return WRITERS[arguments.target].text(found.logins)


def _explain(grant: Grant, writer: Writer, found: FoundLogins) -> None:
    if grant.mode == TOKEN:
        minutes = max(0.0, found.token_end - time.time()) / 60
        console.note(f"the registry token is valid for {minutes:.0f} minutes; {summary()}")
    else:
        console.note(f"mode {grant.mode}: {find_target(grant.target).why}")
        where = ", ".join(grant.registries)
        console.note(f"revoke cannot end this copy: to end it, change the password or token at {where}")
    first, *rest = writer.note.rstrip("\n").split("\n")
    console.note(first)
    for line in rest:
        console.say(line)


def _log(here: LocalContext, grant: Grant, verb: str) -> None:
    """Write a line into the audit log, for each registry or repository."""
    log = AuditLog(log_path(here))
    caller = Caller(os.getpid(), os.geteuid(), sys.executable)
    for what in grant.repositories or grant.registries:
        log.write(caller, _Written(what, verb, grant.target), Answer(0, b""), 0.0)


class _Written:
    """A document that was written, for the audit log."""

    def __init__(self, server_url: str, verb: str, name: str) -> None:
        self.server_url = server_url
        self.verb = verb
        self.name = name


def _apply(here: LocalContext, grant: Grant, found: FoundLogins, arguments: argparse.Namespace) -> int:
    """Apply a Secret, once or until the end of the grant. Raises ShorepassError, UsageError."""
    where = f" in the namespace {arguments.namespace}" if arguments.namespace else ""
    _kubectl(here, ["apply", "-f", "-"], _text(found, arguments), found, arguments.namespace)
    _log(here, grant, "apply")
    console.note(f"applied the Secret {arguments.object_name}{where}; name it in imagePullSecrets")
    delete = ["delete", "secret", arguments.object_name, "--ignore-not-found"]
    delete += ["--namespace", arguments.namespace] if arguments.namespace else []
    if not arguments.refresh:
        console.note("to end it in the cluster:")
        console.hint(" ".join(map(quoted, ["kubectl", *delete])))
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # so that the Secret is deleted
    console.note("it is applied again before the login ends, and deleted at the end of the time, or by Ctrl-C")
    try:
        _keep_fresh(here, grant, found, arguments)
    except KeyboardInterrupt:
        pass
    finally:
        _kubectl(here, delete, "", found, arguments.namespace)
    console.note(f"deleted the Secret {arguments.object_name}{where}")
    return 0


def _keep_fresh(here: LocalContext, grant: Grant, found: FoundLogins, arguments: argparse.Namespace) -> None:
    """Apply each newer login until the end of the grant. Raises ShorepassError."""
    applied = _text(found, arguments)
    end = since_boot() + grant.until - time.time()
    while (now := since_boot()) < end:
        due = min(end, now + max(LEAST_SECONDS, (found.until - time.time()) / 2))
        while (now := since_boot()) < due:
            time.sleep(min(LOOK_SECONDS, due - now))
        found = _found(current(), grant, WRITERS[arguments.target])
        if (text := _text(found, arguments)) != applied and since_boot() < end:
            _kubectl(here, ["apply", "-f", "-"], text, found, arguments.namespace)
            _log(here, grant, "apply")
            applied = text


def _kubectl(here: LocalContext, words: list[str], stdin: str, found: FoundLogins, namespace: str) -> None:
    """Run kubectl. Raises ShorepassError: it is missing, or it failed."""
    program = here.which("kubectl")
    if program is None:
        raise UsageError("kubectl is not on PATH", hint="pipe the document to a kubectl that can reach the cluster")
    try:
        done = processes.run(
            [program, *words],
            stdin.encode("utf-8", "surrogateescape"),
            env=here.environment(),
            timeout=APPLY_SECONDS,
            limit=OUTPUT_LIMIT,
        )
    except processes.ProcessError as error:
        raise ShorepassError(f"kubectl {words[0]}: {error}") from None
    if done.status != 0:
        _refuse(words[0], done.stderr.decode("utf-8", "replace"), found, namespace)


def _refuse(verb: str, said: str, found: FoundLogins, namespace: str) -> NoReturn:
    """Raise ShorepassError with what kubectl has printed, unless it repeats a secret."""
    reason = f": {printable(said.strip())}"
    for credential in found.logins.values():
        if any(repeats(said, secret) for secret in secrets_of(credential)):
            reason = ""
    hint = ["cluster-info"]
    if missing := re.search('namespaces "([a-z0-9-]+)" not found', said):
        hint = ["create", "namespace", missing[1]]
    elif "forbidden" in said.lower():
        hint = ["auth", "can-i", "--list", *(["--namespace", namespace] if namespace else [])]
    raise ShorepassError(f"kubectl {verb} failed{reason}", hint=" ".join(map(quoted, ["kubectl", *hint])))
