"""Neighbours of reported failures: the same mistake in another file, variable or spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases.case import Case
from cases.repairs import as_offered, with_login

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]


def without_the_file(stage: Stage, offer: str) -> None:
    """Remove what the finding names: the case's file has nothing else in it."""
    assert offer
    (stage.home / ".config/containers/registries.conf").write_text("")


def into_the_file(stage: Stage, offer: str) -> None:
    """Type the login that is offered, for the file of the case: the usual one of root is the machine's."""
    file = stage.home / ".config/containers/auth.json"
    with_login(stage, f"shorepass login --authfile {file} {offer.split()[-1]}")


def unlock(stage: Stage, offer: str) -> None:
    """Type the line in a terminal, where gpg can ask for the passphrase; here it is done to the stand-in."""
    assert offer.startswith("printf %s ")
    (stage.home / "unlocked").touch()


def into_docker(stage: Stage, offer: str) -> None:
    """Type the login for docker: podman's file of root is the machine's."""
    assert stage.registry in offer
    with_login(stage, f"shorepass login --store file {stage.registry}")


def fix_and_log_in(stage: Stage, offer: str) -> None:
    """Let doctor fix the file, and log in: what was stored is lost."""
    as_offered(stage, offer)
    with_login(stage, f"shorepass login --store file {stage.registry}")


ROWS = [
    *(
        Case(
            "near-clients",
            variant={"KIND": kind},
            fails="denied",
            asks="doctor {ref}",
            code=code,
            cause=cause,
            offers=offers,
            repair=repair,
        )
        for kind, code, cause, offers, repair in (
            ("gone", "SP201", "no executable file of that name", "remove dev-containers-5f0a from", fix_and_log_in),
            ("empty", "SP530", "the secret is empty", "shorepass login --client", into_docker),
            ("nameless", "SP103", "has no user name", "remove an entry that cannot be decoded", fix_and_log_in),
        )
    ),
    *(
        Case(
            "near-forms",
            variant={"SECRET": pair},
            fails="incorrect username or password",
            asks="doctor {ref}",
            code="SP530",
            cause=cause,
            offers=offers,
            repair=with_login,
        )
        for pair, cause, offers in (
            ('"alice":"wonderland"', "the user name is in quotes", "-u USER {registry}"),
            ('alice:"wonderland"', "the secret is in quotes", "shorepass login --client docker {registry}"),
            ("alice:Bearer wonderland", "the kind of a header", "shorepass login --client docker {registry}"),
            ("alice:alice:wonderland", "as in USER:PASSWORD", "shorepass login --client docker {registry}"),
            ("robot$$ci:key", "a character more", "-u 'robot$NAME' {registry}"),
            ("robot+ci:key", "a shell replaced $PROJECT", "-u 'robot$PROJECT+NAME' {registry}"),
        )
    ),
    Case(
        "near-helper",
        fails="denied",
        asks="doctor {ref}",
        code="SP206",
        cause="it lists a login for {registry}, and gives none",
        offers="docker-credential-team get, in a terminal",
        repair=unlock,
        stand_in="a script in place of docker-credential-pass 0.6.4, which does that where gpg fails",
    ),
    *(
        Case(
            "near-files",
            variant={"KIND": kind},
            fails="denied",
            asks="doctor {ref}",
            code=code,
            cause=cause,
            offers=offers,
        )
        for kind, code, cause, offers in (
            ("plain", "SP103", '"auth" is not base64', "write the user name and password of an entry in base64, once"),
            ("header", "SP103", '"auth" is not base64', "write the user name and password of an entry in base64, once"),
            ("twice", "SP103", "has no colon", "write the user name and password of an entry in base64, once"),
            ("list", "SP103", '"auths" is not an object', "write auths as an object"),
            ("flat", "SP103", "it is not an object", 'write an entry as an object with "auth"'),
            ("store", "SP103", "has a value of the wrong type", "remove credHelpers; remove credsStore"),
            ("secret", "SP308", "it is a Secret of Kubernetes", "write the document that is in the Secret"),
            ("yaml", "SP103", "not valid JSON", "write the document that is in the Secret of Kubernetes"),
            ("base64", "SP103", "not valid JSON", "decode the base64 text"),
            ("address", "SP302", "docker has no login for {registry}", "shorepass login --client docker {registry}"),
            ("file", "SP401", "it names a file, and must name the folder", "export DOCKER_CONFIG={home}/.docker"),
            ("crlf", "SP204", "its lines end as on Windows", "sed -i 's/\\r$//' {home}/bin/docker-credential-team"),
            ("blank", "SP401", "a blank or a line feed", "export DOCKER_CONFIG={home}/.docker"),
            ("quotes", "SP401", "quotation marks in it", "export DOCKER_CONFIG={home}/.docker"),
            ("relative", "SP401", "it is a relative path", 'export DOCKER_CONFIG="$HOME/.docker"'),
            ("literal", "SP401", "which was not replaced", 'export DOCKER_CONFIG="${TOP}/.docker"'),
            ("text", "SP401", "the text of a config file", 'd="$(mktemp -d)" && printf %s "$DOCKER_CONFIG"'),
            ("copy", "SP401", "must name the folder", 'd="$(mktemp -d)" && cp {home}/DOCKER_CONFIG "$d/config.json"'),
            ("tilde", "SP401", "which only a shell replaces", 'export DOCKER_CONFIG="$HOME/.docker"'),
        )
    ),
    *(
        Case(
            "near-projects",
            variant={"KIND": kind},
            fails="denied",
            asks="doctor {ref}",
            code="SP510",
            cause=f"{program}, for {{home}}/project/{file}, reads docker's file",
            offers="shorepass login --client docker {registry}",
            stand_in="docker with docker's file, which these programs read: they do not run here",
        )
        for kind, program, file in (
            ("skaffold", "skaffold", "skaffold.yaml"),
            ("devcontainer", "dev containers", ".devcontainer/devcontainer.json"),
            ("testcontainers", "Testcontainers", "go.mod"),
        )
    ),
    Case(
        "near-files",
        variant={"KIND": "namespace"},
        fails="invalid username/password",
        asks="doctor --client skopeo {ref}",
        code="SP501",
        cause="the key {registry}/acme",
        offers="shorepass login --client skopeo {registry}/acme",
        repair=into_the_file,
    ),
    Case(
        "near-files",
        variant={"KIND": "mirror"},
        fails="Mirrors also failed",
        asks="doctor --client skopeo {ref}",
        code="SP510",
        cause="it is a mirror of 127.0.0.1:1 for skopeo, which has no login there",
        offers="shorepass login --client skopeo localhost:",
        repair=into_the_file,
    ),
    Case(
        "near-files",
        variant={"KIND": "xdg"},
        fails="denied",
        asks="doctor --client skopeo {ref}",
        code="SP401",
        cause="XDG_CONFIG_HOME: it hides the logins in the usual place",
        offers="unset XDG_CONFIG_HOME",
    ),
    Case(
        "near-files",
        variant={"KIND": "folder"},
        fails="is a directory",
        asks="doctor {ref}",
        code="SP401",
        cause="it names a folder, and must name the file in it",
        offers="export REGISTRY_AUTH_FILE={home}/.docker/config.json",
    ),
    Case(
        "near-files",
        variant={"KIND": "fields"},
        fails="unauthorized",
        asks="doctor --client skopeo {ref}",
        code="SP308",
        cause="skopeo reads only auth, and the entry has username and password",
        offers="add auth to the entry of {registry}",
    ),
    *(
        Case(
            "near-files",
            variant={"KIND": kind},
            fails="registries.conf",
            asks="doctor --client skopeo {ref}",
            code="SP310",
            cause=cause,
            offers=offers,
            repair=without_the_file,
        )
        for kind, cause, offers in (
            ("blocked", "'{registry}' is blocked", "take blocked = true out"),
            ("toml", "not valid TOML", "see containers-registries.conf(5)"),
        )
    ),
]
