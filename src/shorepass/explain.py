"""Judge a resolution: the registry's answer to the credential, a verdict and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass import settings
from shorepass.accounts.choice import Chooser, part_of
from shorepass.accounts.keys import keys_of, spellings
from shorepass.accounts.known import known_logins
from shorepass.clients import find
from shorepass.contexts.command import command, said_there
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Anonymous, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import (
    FileError,
    LoginInTheWay,
    LoginRefused,
    NoSuchTag,
    PermissionDenied,
    RegistryError,
    ShorepassError,
    SourceError,
    UsageError,
)
from shorepass.helper import PROGRAM
from shorepass.helper.known_helpers import sign_in
from shorepass.helper.login_command import asked_helper
from shorepass.names import Reference
from shorepass.registry.client import RegistryClient
from shorepass.registry.form_advice import image_fault, of_resolution
from shorepass.registry.known_answers import known_answer
from shorepass.registry.login_advice import login_place, new_login
from shorepass.resolution import Outcome, Resolution, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.accounts.choice import Choice
    from shorepass.contexts import Context
    from shorepass.registry.client import Access
    from shorepass.secret import Fingerprints

__all__ = ["Verdict", "account_steps", "advised", "ask_registry", "describe", "form_steps", "remedy", "verdict"]


class Verdict(NamedTuple):
    """One sentence. ``good``: nothing prevents the client's request. ``hint``: the command that fixes it, or None."""

    good: bool
    text: str
    hint: str | None = None


def account_steps(resolution: Resolution, context: Context) -> list[Step]:
    """Return the step about the account: which one is chosen, why, and whether the client uses it; [] for none."""
    try:
        chooser = Chooser(context, settings.load(context))
        choice = chooser.choose(resolution.reference)
    except (FileError, UsageError) as error:
        return [Step("account", Outcome.FAILED, "none", error.message, error.hint)]
    if choice is None:
        return []
    return [_account_step(resolution, choice, chooser, context)]


def _account_step(resolution: Resolution, choice: Choice, chooser: Chooser, context: Context) -> Step:

    client, registry, source = resolution.client, resolution.reference.registry, resolution.source

    def skipped(detail: str, hint: str = "") -> Step:
        hint = hint or command(None, "run", "--as", choice.account, "--", client, "...")
        return Step("account", Outcome.SKIPPED, choice.account, f"{choice.why}; {detail}", said_there(context, hint))

    asks_shorepass = any(step.kind == "helper" and step.subject == PROGRAM for step in resolution.steps)
    of_part = chooser.by_repository(resolution.reference)  # podman follows this rule, whatever the variable says
    part = ""
    if of_part and of_part.rule and of_part.account == choice.account:
        part = part_of(of_part.rule.repository)[1]
    if part and find(client).facts.namespaces and not asks_shorepass:
        key = f"{registry}/{part}"
        if source is not None and source.key == key:
            return Step("account", Outcome.OK, choice.account, f"{choice.why}; {client} uses the key {key} by itself")
        login = command(None, "login", "--as", choice.account, registry, client=client)
        return skipped(f"{client} reads no key {key} from its auth files", login)
    if not asks_shorepass:
        return skipped(f"{client} does not ask {PROGRAM} for this registry")
    by_registry = chooser.choose(Reference(registry))
    if by_registry is None or by_registry.account != choice.account:
        meant = f"the account {by_registry.account}" if by_registry else "the default login"
        return skipped(f"{client} asks its helpers for a registry without the repository, which means {meant}")
    if _is_without_login(context, choice.account, resolution.server_url):
        detail = f"it has no login for {registry}"
        detail += (
            "" if isinstance(resolution.answer, SourceError) else ": the answer is the same as without the account"
        )
        return skipped(detail, command(None, "login", "--as", choice.account, registry))
    return Step("account", Outcome.OK, choice.account, choice.why)


def _is_without_login(context: Context, account: str, key: str) -> bool:
    """Return whether an account has no login for a key.

    False if the store belongs to another context, or would ask for a passphrase.
    """
    if not isinstance(context, LocalContext) or context.name != "me":
        return False
    names = known_logins(context)
    return names is not None and not {*spellings(key)} & {*keys_of(names, account)}


def ask_registry(resolution: Resolution, access: Access, context: Context, *, push: bool) -> list[Step]:
    """Ask the registry about the credential. A RegistryError is not raised: it is in a failed step."""
    reference = resolution.reference
    try:
        with RegistryClient(reference.registry, access, context) as registry:
            try:
                if reference.repository:
                    actions = ("pull", "push") if push else ("pull",)
                    steps = registry.permissions(reference, resolution.credential, actions)
                else:
                    steps = list(registry.check_login(resolution.credential).steps)
            except RegistryError as error:
                steps = [Step("registry", Outcome.FAILED, reference.registry, error.reason, error.hint, error)]
            return [_with_remedy(step, resolution, context) for step in steps] + registry.remarks()
    except FileError as error:  # a certificate that cannot be used
        return [Step("registry", Outcome.FAILED, reference.registry, error.message, error.hint, error)]


def _with_remedy(step: Step, resolution: Resolution, context: Context) -> Step:
    return step._replace(hint=remedy(resolution, context, step.error)) if step.error else step


def remedy(resolution: Resolution, context: Context, error: ShorepassError) -> str | None:
    """Return the command that fixes a registry's error, or the error's own hint."""
    registry, client = resolution.reference.registry, resolution.client
    fault = next(iter(of_resolution(context, resolution)), None)
    if fault and not fault.is_certain and isinstance(error, RegistryError) and known_answer(error.reason):
        fault = None
    if fault and isinstance(error, LoginInTheWay | LoginRefused):
        return fault.fix
    if isinstance(error, LoginInTheWay):
        return command(context, "logout", registry, client=client)
    helper = resolution.source.helper if resolution.source else asked_helper(resolution)
    known = known_answer(error.reason) if isinstance(error, LoginRefused | PermissionDenied) else None
    if known and not sign_in(helper) and resolution.answer != ANONYMOUS:
        return known.advice(new_login(context, login_place(resolution), client=client, helper=helper))
    if isinstance(error, LoginRefused) and (error.hint is None or error.password or sign_in(helper)):
        login = new_login(context, login_place(resolution), client=client, helper=helper)
        return f"{login} ({error.password})" if error.password and not sign_in(helper) else login
    if isinstance(error, PermissionDenied) and isinstance(resolution.answer, Anonymous):
        return new_login(context, registry, client=client, helper=helper)
    return error.hint


def form_steps(resolution: Resolution, context: Context, *, push: bool) -> list[Step]:
    """Return a failed step for a login, and for an image's name, that cannot be right by its form; [] if both can be."""
    found = [fault for fault in of_resolution(context, resolution) if fault.is_certain][:1]
    steps = [Step("form", Outcome.FAILED, resolution.reference.registry, fault.cause, fault.fix) for fault in found]
    name = image_fault(resolution, push=push)
    if name:
        steps.append(Step("form", Outcome.FAILED, resolution.reference.name, name.cause, name.fix))
    return steps


def advised(resolution: Resolution, asked: Sequence[Step]) -> Resolution:
    """Return a resolution without hints to log in, if the registry was asked and wants no login."""
    failed = next((step for step in asked if step.outcome is Outcome.FAILED), None)
    if not asked or (failed and isinstance(failed.error, LoginRefused | PermissionDenied)):
        return resolution
    kinds = ("helper", "entry", "account") if failed else ("helper", "entry")
    steps = (
        step._replace(hint=None) if step.outcome is Outcome.SKIPPED and step.kind in kinds else step
        for step in resolution.steps
    )
    return resolution._replace(steps=tuple(steps))


def verdict(resolution: Resolution, asked: Sequence[Step]) -> Verdict:
    """Return the sentence that answers "what will the client do, and will it work?"."""
    client, name = resolution.client, str(resolution.reference)
    if isinstance(resolution.answer, SourceError):
        error = resolution.answer
        behaviour = f"; {resolution.behaviour}" if resolution.behaviour else ""
        return Verdict(
            good=False, text=f"{client} has no login for {name}: {error.message}{behaviour}", hint=error.hint
        )
    source = resolution.source
    if isinstance(resolution.answer, Anonymous) or source is None:
        sends = f"{client} asks for {name} anonymously: it finds no login"
    else:
        stored_in = f"docker-credential-{source.helper}" if source.helper else source.path
        sends = f"{client} sends {_who(resolution.answer)} for {name}, from {stored_in}"
    if resolution.alternatives:
        others = f"one of {len(resolution.alternatives)} others"
        if resolution.alternatives == (ANONYMOUS,):
            others = "no login"
        sends += f" (or {others}: {client} is not deterministic here)"
    failed = next((step for step in asked if step.outcome is Outcome.FAILED), None)
    if failed is not None:
        return Verdict(good=False, text=f"{sends}, but that fails: {failed.detail}", hint=failed.hint)
    own = [step for step in asked if step.kind != "engine"]
    said = "; the registry accepts it" if any(step.outcome is Outcome.OK for step in own) else ""
    said = "".join(_by_engine(step) for step in asked if step.kind == "engine") or said
    said += "".join(f" ({step.detail})" for step in own if step.outcome is Outcome.SKIPPED)
    said += "".join(f", but {step.error.reason}" for step in own if isinstance(step.error, NoSuchTag))
    return Verdict(good=True, text=sends + said, hint=None)


def _by_engine(step: Step) -> str:
    """Return the answer of the engine that pulls for the client, or why it was not asked."""
    if step.outcome is Outcome.OK:
        return f"; the registry accepts it, asked by the engine ({step.subject})"
    return f"; the registry accepts it from here; {step.detail}"


def _who(credential: Credential) -> str:
    if isinstance(credential, Basic):
        return f"the user name {credential.username!r} with a password"
    if isinstance(credential, IdentityToken):
        return "an identity token" + (f" of {credential.username!r}" if credential.username else "")
    return "a ready bearer token"


def describe(answer: Credential | SourceError, fingerprints: Fingerprints) -> dict[str, str | None]:
    """Return a credential, or the error in its place, as data without the secret. ``fingerprints``: the report's."""
    if isinstance(answer, SourceError):
        return {"kind": "error", "error": answer.message}
    if isinstance(answer, Basic):
        return {"kind": "password", "user": answer.username, "fingerprint": fingerprints.of(answer.password)}
    if isinstance(answer, IdentityToken):
        return {"kind": "identity token", "user": answer.username, "fingerprint": fingerprints.of(answer.token)}
    if isinstance(answer, BearerToken):
        return {"kind": "bearer token", "fingerprint": fingerprints.of(answer.token)}
    return {"kind": "anonymous"}
