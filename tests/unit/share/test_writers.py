"""What is written for other programs is what those programs write or read themselves."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from e2e import programs
from shorepass.credential import Basic, Credential, IdentityToken
from shorepass.secret import Secret
from shorepass.share.writers import WRITERS

LOGINS: dict[str, Credential] = {
    "ghcr.io": Basic("alice", Secret("p\"w$'é:<&>")),
    "https://index.docker.io/v1/": Basic("bob", Secret("second")),
}


@pytest.mark.parametrize("server", LOGINS)
def test_the_secret_is_kubectls(server: str) -> None:
    """The object for Kubernetes has the members of the one that kubectl makes, and the same data."""
    login = LOGINS[server]
    assert isinstance(login, Basic)
    words = [f"--docker-server={server}", f"--docker-username={login.username}"]
    words.append(f"--docker-password={login.password.reveal()}")
    create = ["create", "secret", "docker-registry", "shorepass", *words, "--dry-run=client", "-o", "json"]
    theirs = json.loads(programs.run([programs.require("kubectl"), *create]).stdout)
    ours = WRITERS["k8s"].text({server: login})
    lines = dict(line.strip().split(": ", 1) for line in ours.splitlines() if ": " in line)
    assert lines["type"] == theirs["type"]
    assert (lines["kind"], lines["apiVersion"]) == (theirs["kind"], theirs["apiVersion"])
    assert lines["name"] == theirs["metadata"]["name"]
    data = json.loads(base64.b64decode(lines[".dockerconfigjson"]))
    assert data == json.loads(base64.b64decode(theirs["data"][".dockerconfigjson"]))


def test_kubectl_reads_the_secret(tmp_path: Path) -> None:
    """Kubectl reads the text, and prints the same object again."""
    path = tmp_path / "secret.yaml"
    path.write_text(WRITERS["k8s"].text(LOGINS))
    argv = [
        programs.require("kubectl"),
        "create",
        "--dry-run=client",
        "--validate=false",
        "-o",
        "json",
        "-f",
        str(path),
    ]
    done = programs.run(argv, env={"HOME": str(tmp_path), "KUBECONFIG": os.devnull})
    if done.returncode:  # without a server, some releases only convert
        argv = [
            programs.require("kubectl"),
            "patch",
            "--local",
            "--type=merge",
            "-p",
            "{}",
            "-o",
            "json",
            "-f",
            str(path),
        ]
        done = programs.run(argv, env={"HOME": str(tmp_path), "KUBECONFIG": os.devnull})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["type"] == "kubernetes.io/dockerconfigjson"


def test_a_shell_reads_the_variable() -> None:
    """The line for a shell sets the variable to exactly the JSON, whatever the password has in it."""
    script = WRITERS["env"].text(LOGINS) + 'printf %s "$DOCKER_AUTH_CONFIG"'
    read = json.loads(programs.shell([], script))
    assert read == json.loads(WRITERS["gitlab"].text(LOGINS))
    pair = base64.b64decode(read["auths"]["ghcr.io"]["auth"]).decode()
    assert pair == "alice:p\"w$'é:<&>"


def test_an_identity_token_is_one() -> None:
    """A token is written where docker looks for it, and no password is made of it."""
    text = WRITERS["config"].text({"a.example": IdentityToken(Secret("the-token"))})
    assert json.loads(text) == {"auths": {"a.example": {"auth": "", "identitytoken": "the-token"}}}
