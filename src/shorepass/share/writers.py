"""What ``share`` writes for programs that read a document or a variable: only the lent logins. No I/O.

Each writer gets the logins by server URL and returns text with secrets in it. Sources: docker's config.json, kubectl create
secret docker-registry, docker's and GitLab's DOCKER_AUTH_CONFIG, the workflow commands of GitHub Actions.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, NamedTuple

from shorepass.credential import Basic, BearerToken, IdentityToken
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shorepass.credential import Credential

    Logins = Mapping[str, Credential]

__all__ = ["WRITERS", "Writer", "docker_config", "kubernetes_secret", "masks"]

ALL_KINDS = (Basic, IdentityToken, BearerToken)
# What Go's encoding/json escapes beside control characters.
GO_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
# Plain words that a reader of YAML takes for something else than text.
YAML_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
STEP = """\
- env: { CONFIG: "${{ secrets.DOCKER_AUTH_CONFIG }}" }
  run: |
    umask 077; mkdir -p "$RUNNER_TEMP/docker"
    printf %s "$CONFIG" > "$RUNNER_TEMP/docker/config.json"
    echo "DOCKER_CONFIG=$RUNNER_TEMP/docker" >> "$GITHUB_ENV"
"""


class Writer(NamedTuple):
    """What is written. ``text``: makes it from the logins. ``kinds``: the credentials that its reader can use.

    ``note``: what the user does with it.
    """

    text: Callable[[Logins], str]
    kinds: tuple[type[Credential], ...]
    note: str


def docker_config(logins: Logins) -> str:
    """Return a ``config.json`` with these logins, as docker writes it."""
    return json.dumps({"auths": _entries(logins)}, indent="\t") + "\n"


def _entries(logins: Logins) -> dict[str, dict[str, str]]:
    found = {}
    for server, credential in logins.items():
        entry: dict[str, str] = {}
        if isinstance(credential, Basic):
            entry = {"auth": _pair(credential)}
        elif isinstance(credential, IdentityToken):
            entry = {"auth": "", "identitytoken": credential.token.reveal()}
        elif isinstance(credential, BearerToken):
            entry = {"registrytoken": credential.token.reveal()}
        found[server] = entry
    return found


def _pair(credential: Basic) -> str:
    pair = f"{credential.username}:{credential.password.reveal()}".encode("utf-8", "surrogateescape")
    return base64.b64encode(pair).decode()


def _one_line(logins: Logins) -> str:
    return json.dumps({"auths": _entries(logins)}, separators=(",", ":")) + "\n"


def _variable(logins: Logins) -> str:
    return f"export DOCKER_AUTH_CONFIG={quoted(_one_line(logins).strip())}\n"


def kubernetes_secret(logins: Logins, name: str, namespace: str) -> str:
    """Return the Secret as kubectl prints it. ``namespace``: "" for that of the reader. Raises TypeError: not a password."""
    entries = {}
    for server, credential in sorted(logins.items()):
        if not isinstance(credential, Basic):
            raise TypeError
        members = {"username": credential.username, "password": credential.password.reveal()}
        entries[server] = {**members, "auth": _pair(credential)}
    config = json.dumps({"auths": entries}, separators=(",", ":"), ensure_ascii=False).translate(GO_ESCAPES)
    data = base64.b64encode(config.encode("utf-8", "replace")).decode()
    lines = ["apiVersion: v1", "data:", f"  .dockerconfigjson: {data}", "kind: Secret", "metadata:"]
    lines += ["  creationTimestamp: null", f"  name: {_yaml(name)}"]
    if namespace:
        lines.append(f"  namespace: {_yaml(namespace)}")
    return "\n".join([*lines, "type: kubernetes.io/dockerconfigjson", ""])


def _yaml(name: str) -> str:
    return f'"{name}"' if name in YAML_WORDS or name[0].isdigit() else name


def masks(logins: Logins) -> Iterator[str]:
    """Yield the workflow commands by which GitHub hides the secrets in a job's log."""
    for credential in logins.values():
        if isinstance(credential, Basic):
            secrets = [credential.password.reveal(), _pair(credential)]
        elif isinstance(credential, IdentityToken | BearerToken):
            secrets = [credential.token.reveal()]
        else:
            secrets = []
        for line in "\n".join(secrets).splitlines():
            yield "::add-mask::" + line.replace("%", "%25")


WRITERS = {
    "config": Writer(
        docker_config,
        ALL_KINDS,
        "store it with mode 0600 as config.json in the folder that DOCKER_CONFIG names",
    ),
    "env": Writer(
        _variable,
        (Basic,),
        "run it in a shell, for example by eval; docker 28.3 and later read the variable",
    ),
    "gitlab": Writer(
        _one_line,
        (Basic,),
        "store it as the CI/CD variable DOCKER_AUTH_CONFIG, of the type variable, masked and protected",
    ),
    "github": Writer(
        _one_line,
        (Basic, IdentityToken),
        f"pipe it to `gh secret set DOCKER_AUTH_CONFIG`, and use it in a workflow by this step:\n{STEP}",
    ),
    "k8s": Writer(
        lambda logins: kubernetes_secret(logins, "shorepass", ""),
        (Basic,),
        "pipe it to `kubectl apply -f -`, and name it in imagePullSecrets",
    ),
}
