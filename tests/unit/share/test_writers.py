"""What is written for other programs is what those programs write or read themselves."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from e2e import programs
from shorepass.client_table import NAMES
from shorepass.clients import find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic, BearerToken, Credential, IdentityToken
from shorepass.names import HUB_REGISTRY, Reference, server_url
from shorepass.secret import Secret
from shorepass.share.writers import WRITERS, kubernetes_secret, masks

LOGINS: dict[str, Credential] = {
    "ghcr.io": Basic("alice", Secret("p\"w$'é:<&>")),
    "https://index.docker.io/v1/": Basic("bob", Secret("second")),
}


@pytest.mark.parametrize("server", LOGINS)
@pytest.mark.parametrize("namespace", ["", "team-a"])
def test_the_secret_is_kubectls(server: str, namespace: str) -> None:
    """The Secret is the same, byte for byte, as kubectl prints it."""
    login = LOGINS[server]
    assert isinstance(login, Basic)
    words = [f"--docker-server={server}", f"--docker-username={login.username}"]
    words.append(f"--docker-password={login.password.reveal()}")
    words += [f"--namespace={namespace}"] if namespace else []
    create = ["create", "secret", "docker-registry", "shorepass", *words, "--dry-run=client", "-o", "yaml"]
    theirs = programs.run([programs.require("kubectl"), *create]).stdout
    if "creationTimestamp" not in theirs:  # of kubectl 1.34 and later
        theirs = theirs.replace("metadata:\n", "metadata:\n  creationTimestamp: null\n")
    assert kubernetes_secret({server: login}, "shorepass", namespace) == theirs


def test_kubectl_reads_the_secret(tmp_path: Path) -> None:
    """Kubectl reads a Secret with several logins, and prints the same object again."""
    path = tmp_path / "secret.yaml"
    path.write_text(kubernetes_secret(LOGINS, "7up", "true"))
    words = ["patch", "--local", "--type=merge", "-p", "{}", "-o", "json", "-f", str(path)]
    done = programs.run([programs.require("kubectl"), *words], env={"HOME": str(tmp_path), "KUBECONFIG": os.devnull})
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["type"] == "kubernetes.io/dockerconfigjson"
    assert (document["metadata"]["name"], document["metadata"]["namespace"]) == ("7up", "true")
    data = json.loads(base64.b64decode(document["data"][".dockerconfigjson"]))
    assert {server: entry["password"] for server, entry in data["auths"].items()} == {
        server: login.password.reveal() for server, login in LOGINS.items() if isinstance(login, Basic)
    }


def test_a_shell_reads_the_variable() -> None:
    """The line for a shell sets the variable to exactly the JSON, whatever the password has in it."""
    script = WRITERS["env"].text(LOGINS) + 'printf %s "$DOCKER_AUTH_CONFIG"'
    read = json.loads(programs.shell([], script))
    assert read == json.loads(WRITERS["gitlab"].text(LOGINS))
    pair = base64.b64decode(read["auths"]["ghcr.io"]["auth"]).decode()
    assert pair == "alice:p\"w$'é:<&>"


def test_a_token_is_one() -> None:
    """A token is written where docker looks for it, and no password is made of it."""
    logins = {"a.example": IdentityToken(Secret("refresh")), "b.example": BearerToken(Secret("bearer"))}
    entries = json.loads(WRITERS["config"].text(logins))["auths"]
    assert entries == {"a.example": {"auth": "", "identitytoken": "refresh"}, "b.example": {"registrytoken": "bearer"}}


@pytest.mark.parametrize("name", NAMES)
def test_each_client_finds_the_login_of_docker_hub(name: str, tmp_path: Path) -> None:
    """A config file has docker's key for Docker Hub, under which every client looks, too."""
    login = Basic("alice", Secret("secret"))
    (tmp_path / "config.json").write_text(WRITERS["config"].text({server_url(HUB_REGISTRY): login}))
    variables = {"DOCKER_CONFIG": str(tmp_path), "REGISTRY_AUTH_FILE": str(tmp_path / "config.json")}
    here = LocalContext({"HOME": str(tmp_path), **variables})
    assert find(name).resolve(here, Reference(HUB_REGISTRY, "acme/app")).credential == login


def test_github_hides_each_secret() -> None:
    """Each line of a secret gets a command of its own, and so does the form that a config file has."""
    found = list(masks({"a.example": Basic("alice", Secret("50%\nsecond"))}))
    assert found == ["::add-mask::50%25", "::add-mask::second", "::add-mask::" + encoded("alice:50%\nsecond")]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
