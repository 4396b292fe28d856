"""SP606 to SP609: files of programs that Shorepass has no rules for, where they hide a login or have lost it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from shorepass.client_table import DEFAULT
from shorepass.clients import find
from shorepass.clients.other_programs import OWN_FILES, RUNTIME_FILE, logins_of_runtime, own_path, projects
from shorepass.config import docker_config
from shorepass.config.document import SIZE_LIMIT
from shorepass.config.locations import join
from shorepass.credential import ANONYMOUS
from shorepass.doctor import stored
from shorepass.doctor.evidence import sends, shown
from shorepass.doctor.finding import Finding, Severity
from shorepass.errors import MalformedFile, SourceError
from shorepass.files import FileContent
from shorepass.fixes.repair import Advice
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.clients.other_programs import OwnFile
    from shorepass.contexts import Context
    from shorepass.doctor.examination import Examination

__all__ = ["CODES", "check"]

CODES = {
    "SP606": "A program has a login of its own and does not use docker's",
    "SP607": "A pull secret has no login in it",
    "SP608": "ctr does not use the login of containerd's file",
    "SP609": "A program of this project reads a variable instead of docker's file",
}

MANIFESTS_LIMIT = 50  # files of a folder
SECRET_NAME = re.compile(r".*(?:secret|regcred|pull).*\.(?:ya?ml|json)", re.IGNORECASE)
SECRET_DATA = re.compile(rb'"?\.dockerconfigjson"?\s*:\s*"?([A-Za-z0-9+/=]{4,})')


def check(examination: Examination) -> Iterator[Finding]:
    """Look for files of other programs beside docker's."""
    for own in OWN_FILES:
        yield from _own_file(examination, own)
    yield from _pull_secrets(examination)
    yield from _runtime(examination)
    yield from _projects(examination)


# SP606


def _own_file(examination: Examination, own: OwnFile) -> Iterator[Finding]:
    context, client = examination.context, find(DEFAULT)
    path = own_path(context, own)
    content = _content(context, path)
    if content is None:
        return
    try:
        view = client.view(content)
    except SourceError:
        return
    docker = {stored.meaning(entry.key) for entry in examination.entries.get(DEFAULT, ())}
    for key in view.auths:
        meant = stored.meaning(key)
        if meant is None or meant not in docker:
            continue
        cause = f"{own.program} asks this file first, so it does not use docker's login for {meant.registry}"
        advice = Advice(own.logout.format(registry=meant.registry))
        subject = f"{path}: {shown(key)}"
        yield Finding("SP606", Severity.NOTE, context.name, subject, cause, (own.why,), advice)


def _content(context: Context, path: str) -> FileContent | None:
    try:
        return context.read(path, SIZE_LIMIT)
    except SourceError:
        return None


# SP607


def _pull_secrets(examination: Examination) -> Iterator[Finding]:
    """Find manifests in this folder and in the home whose document only names a helper."""
    context = examination.context
    if context.name != "me":
        return
    for folder in dict.fromkeys(filter(None, (context.cwd(), context.home()))):
        try:
            names = [name for name in context.names(folder) if SECRET_NAME.fullmatch(name)][:MANIFESTS_LIMIT]
        except SourceError:
            continue
        for name in names:
            yield from _pull_secret(examination, join(context, folder, name))


def _pull_secret(examination: Examination, path: str) -> Iterator[Finding]:
    content = _content(examination.context, path)
    found = SECRET_DATA.search(content.data) if content else None
    try:
        document = base64.b64decode(found[1], validate=True) if found else b""
        view = find(DEFAULT).view(FileContent(path, document)) if document else None
    except (SourceError, binascii.Error):
        return
    if view is None or not (view.store or view.helpers):
        return
    helper = view.store or next(iter(view.helpers.values()))
    first = stored.meaning(next(iter({**view.auths, **view.helpers}), ""))
    registry = first.registry if first else "REGISTRY"
    cause = f"its document has no password; it only names docker-credential-{helper}, which no node has"
    evidence = ("made from docker's config file, whose logins are in that helper",)
    words = f"kubectl create secret docker-registry NAME --docker-server={quoted(registry)}"
    advice = Advice(f"{words} --docker-username=USER --docker-password=TOKEN")
    yield Finding("SP607", Severity.WARNING, examination.context.name, path, cause, evidence, advice)


# SP608


def _runtime(examination: Examination) -> Iterator[Finding]:
    """Find a login in containerd's file, where ctr is used, too."""
    context = examination.context
    if context.which("ctr") is None:
        return
    for registry in logins_of_runtime(context):
        if examination.reference is not None and examination.reference.registry != registry:
            continue
        cause = "the kubelet and crictl use this login; ctr reads no login from any file"
        image = examination.reference.name if examination.reference is not None else f"{registry}/IMAGE"
        advice = Advice(f"ctr images pull --user USER {quoted(image)}")
        subject = f"{RUNTIME_FILE}: {registry}"
        said = ("ctr does not read docker's file either",)
        yield Finding("SP608", Severity.NOTE, context.name, subject, cause, said, advice)


# SP609


def _projects(examination: Examination) -> Iterator[Finding]:
    """Find a project whose program reads a variable that lacks the login for an image, where docker's file has it."""
    asked, context = examination.reference, examination.context
    resolution = examination.resolutions.get(DEFAULT)
    if asked is None or resolution is None or resolution.answer == ANONYMOUS:
        return
    for project, path in projects(context, asked.registry):
        text = context.getenv(project.variable) if project.variable else None
        if not text or asked.registry in _registries_in(text):
            continue
        cause = f"{project.program}, for {path}, reads it instead of docker's file, and it has no login for {asked.registry}"
        evidence = (sends(resolution, examination.fingerprints),)
        advice = Advice(f"unset {project.variable}, where the tests run")
        yield Finding("SP609", Severity.ERROR, context.name, project.variable, cause, evidence, advice)


def _registries_in(text: str) -> set[str]:
    """Return the registries of the logins in a variable; none if it is malformed."""
    try:
        auths = docker_config.load_variable(text)
    except MalformedFile:
        return set()
    return {meant.registry for meant in map(stored.meaning, auths) if meant is not None}
