"""Mode ``mount``: a credential helper of the user in a container, with all that it needs.

A helper is not mounted if it could not work there: a script, a program for another system, processor or C library, and one that
asks a service of the user's session.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent_client.layout import program_behind
from shorepass.client_table import DEFAULT
from shorepass.clients import find
from shorepass.contexts.command import command
from shorepass.contexts.containers.image import opened_image
from shorepass.contexts.executable import HEAD_SIZE, describe
from shorepass.contexts.libraries import folders_for, needed_libraries
from shorepass.credential import Anonymous
from shorepass.errors import UsageError, printable
from shorepass.grants.contents import HELPER_INSIDE, Contents
from shorepass.helper import OURSELVES
from shorepass.names import Reference
from shorepass.profile import with_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["HOME_INSIDE", "PREFIX", "Needs", "check_helper", "helper_for", "needs_of", "program_of", "with_helpers"]

HOME_INSIDE = "/run/shorepass-home"
PREFIX = "docker-credential-"
PROGRAM_LIMIT = 256 * 1024 * 1024  # bytes of a helper
FORWARD_INSTEAD = "leave out --mode mount: in mode forward the helper runs here"


class Needs(NamedTuple):
    """What a helper reads. ``folders``: below the home. ``variables``: handed on. ``paths``: variables with the path of a file.

    ``refusal``: why it cannot work in a container, "" if it can.
    """

    folders: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    refusal: str = ""


# Sources: the documentation of each helper and of its cloud's SDK.
NEEDS = {
    "ecr-login": Needs(
        (".aws",),
        (
            *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"),
            *("AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_STS_REGIONAL_ENDPOINTS"),
        ),
        ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    ),
    "gcr": Needs((".config/gcloud",), ("CLOUDSDK_ACTIVE_CONFIG_NAME",), ("GOOGLE_APPLICATION_CREDENTIALS",)),
    "acr-env": Needs(
        (),
        ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_AUTHORITY_HOST"),
        ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH"),
    ),
    "pass": Needs(refusal="it runs the programs pass and gpg, and needs your gpg-agent"),
    "secretservice": Needs(refusal="it asks the keyring on your session's bus"),
    "desktop": Needs(refusal="it asks Docker Desktop"),
    "osxkeychain": Needs(refusal="it runs only on macOS"),
    "wincred": Needs(refusal="it runs only on Windows"),
    OURSELVES: Needs(refusal="it asks Shorepass's agent, for which mode forward exists"),
}


def needs_of(helper: str) -> Needs:
    """Return what a helper reads; nothing of a helper that is not known."""
    return NEEDS.get(helper, Needs())


def helper_for(here: LocalContext, registry: str) -> str:
    """Return the name of the helper from which docker gets the login here. Raises UsageError, SourceError."""
    resolution = find(DEFAULT).resolve(with_store(here), Reference(registry))
    source = resolution.source
    if isinstance(resolution.credential, Anonymous) or source is None:
        raise UsageError(
            f"{printable(registry)}: you have no login for it", hint=command(None, "login", printable(registry))
        )
    if source.helper is None:
        raise UsageError(
            f"{printable(registry)}: its login is in {printable(source.path)}, and not in a helper",
            hint="to hand over the login itself: --mode export",
        )
    return source.helper


def program_of(here: LocalContext, helper: str) -> str:
    """Return the path of a helper's program, the original where Shorepass's forwarder is in front. Raises UsageError."""
    name = PREFIX + helper
    program = program_behind(here, name) or here.which(name)
    if program is None:
        raise UsageError(f"{printable(name)} is not on PATH", hint=FORWARD_INSTEAD)
    return program


def check_helper(here: LocalContext, helper: str, image: str) -> None:
    """Raise UsageError if a helper cannot work in a container. ``image``: whose libraries count, "" if it is not known.

    Raises ContextError: no engine has the image.
    """
    reason = next(_reasons(here, helper, image), "")
    if reason:
        raise UsageError(f"{PREFIX}{printable(helper)} cannot be mounted: {reason}", hint=FORWARD_INSTEAD)


def _reasons(here: LocalContext, helper: str, image: str) -> Iterator[str]:
    """Yield why a helper cannot work in a container."""
    if refusal := needs_of(helper).refusal:
        yield refusal
        return
    path = program_of(here, helper)
    program = describe(here.head(path, HEAD_SIZE) or b"")
    if program is None or program.kind in ("mach-o", "pe"):
        yield "it is not a program for Linux"
        return
    if program.kind == "script":
        yield f"it is a script for {printable(program.interpreter or '')}, which needs its whole installation"
        return
    if not image:
        if program.interpreter != "":
            yield "it is linked against the libraries of this system; name the image: --image IMAGE"
        elif not program.fits(here.machine):
            yield f"it is for {program.machine}, and this machine is {here.machine}"
        return
    with opened_image(here, image) as container:
        if not program.fits(container.machine):
            yield f"it is for {program.machine}, and the image is for {printable(container.machine)}"
        if program.interpreter and container.status(program.interpreter) is None:
            libc = program.libc or "another system"
            yield f"it is linked against {libc}, and the image has no {program.interpreter}"
        folders = folders_for(program.machine)
        for library in _libraries(here, path, program.interpreter):
            if all(container.status(f"{folder}/{library}") is None for folder in folders):
                yield f"it needs the library {printable(library)}, which the image does not have"


def _libraries(here: LocalContext, path: str, interpreter: str | None) -> Sequence[str]:
    """Return the names of the libraries of a program, none for a static one."""
    if interpreter == "":
        return ()
    return needed_libraries(here.head(path, PROGRAM_LIMIT) or b"")


def with_helpers(here: LocalContext, grant: Grant, found: Contents) -> Contents:
    """Add the helpers of a grant in mode ``mount``, and what they need. Raises UsageError."""
    mounts, variables, passed = dict(found.mounts), {**found.variables, "HOME": HOME_INSIDE}, []
    for helper in dict.fromkeys(grant.helpers):
        mounts[os.path.join(os.path.dirname(HELPER_INSIDE), PREFIX + helper)] = program_of(here, helper)
        needs = needs_of(helper)
        for folder in needs.folders:
            path = os.path.join(here.home() or os.sep, folder)
            if here.is_folder(path):
                mounts[f"{HOME_INSIDE}/{folder}"] = path
        for name in needs.paths:
            if path := here.getenv(name) or "":
                mounts[f"{HOME_INSIDE}/{name}"] = os.path.abspath(path)
                variables[name] = f"{HOME_INSIDE}/{name}"
        passed += [name for name in needs.variables if here.getenv(name)]
    return Contents(mounts, variables, tuple(passed))
