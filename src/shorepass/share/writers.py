"""What ``share --mode export`` writes for a program that reads a file or a variable: only the lent logins. No I/O.

Each writer gets the logins by server URL and returns text with secrets in it. Sources: docker's config.json, kubectl create
secret docker-registry, GitLab's DOCKER_AUTH_CONFIG.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, NamedTuple

from shorepass.credential import Basic, BearerToken, IdentityToken
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shorepass.credential import Credential

    Logins = Mapping[str, Credential]

__all__ = ["WRITERS", "Writer", "docker_config"]

SECRET_NAME = "shorepass"  # noqa: S105  # of the object in Kubernetes


class Writer(NamedTuple):
    """What is written. ``text``: makes it from the logins. ``note``: what the reader does with it."""

    text: Callable[[Logins], str]
    note: str


def docker_config(logins: Logins) -> str:
    """Return a ``config.json`` with these logins, as docker writes it."""
    return json.dumps(_auths(logins, spread=False), indent="\t") + "\n"


def _auths(logins: Logins, *, spread: bool) -> dict[str, dict[str, dict[str, str]]]:
    """Return the member ``auths``. ``spread``: with user name and password beside ``auth``, as kubectl writes it."""
    found = {}
    for server, credential in logins.items():
        entry: dict[str, str] = {}
        if isinstance(credential, Basic):
            pair = f"{credential.username}:{credential.password.reveal()}".encode("utf-8", "surrogateescape")
            if spread:
                entry = {"username": credential.username, "password": credential.password.reveal()}
            entry["auth"] = base64.b64encode(pair).decode()
        elif isinstance(credential, IdentityToken):
            entry = {"auth": "", "identitytoken": credential.token.reveal()}
        elif isinstance(credential, BearerToken):
            entry = {"registrytoken": credential.token.reveal()}
        found[server] = entry
    return {"auths": found}


def _one_line(logins: Logins) -> str:
    return json.dumps(_auths(logins, spread=False), separators=(",", ":"))


def _variable(logins: Logins) -> str:
    return f"export DOCKER_AUTH_CONFIG={quoted(_one_line(logins))}\n"


def _gitlab(logins: Logins) -> str:
    return _one_line(logins) + "\n"


def _kubernetes(logins: Logins) -> str:
    """Return the secret as kubectl makes it: YAML with sorted names, which JSON is a part of."""
    config = json.dumps(_auths(logins, spread=True), separators=(",", ":")).encode()
    lines = (
        "apiVersion: v1",
        "data:",
        f"  .dockerconfigjson: {base64.b64encode(config).decode()}",
        "kind: Secret",
        "metadata:",
        f"  name: {SECRET_NAME}",
        "type: kubernetes.io/dockerconfigjson",
    )
    return "\n".join(lines) + "\n"


WRITERS = {
    "config": Writer(docker_config, "a config.json for docker; put it into the folder that DOCKER_CONFIG names"),
    "env": Writer(_variable, "run it in a shell: docker 28.3 and later, and GitLab's runner read the variable"),
    "gitlab": Writer(_gitlab, "the value of a masked CI/CD variable DOCKER_AUTH_CONFIG"),
    "k8s": Writer(_kubernetes, "pipe it to: kubectl apply -f -; and name it in imagePullSecrets"),
}
