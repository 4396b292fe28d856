"""Programs that read the file of a client."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from typing import TYPE_CHECKING

from cases import repairs
from cases.case import Case
from client_files import auth
from e2e import programs

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]

Run = subprocess.CompletedProcess[str]
SLEEP = ("local/busybox:1", "/bin/busybox", "sleep", "100")


def as_watchtower(stage: Stage) -> Run:
    """Pull as watchtower does, with the mounted file and the programs of its image: there is no helper among these."""
    mount = stage.facts["MOUNT"]
    name = f"case-{stage.home.name}"
    stage.run("docker", "rm", "--force", name)
    made = stage.run("docker", "run", "--detach", "--network=none", "--name", name, "-v", mount, *SLEEP)
    assert made.returncode == 0, made.stderr
    stage.run("docker", "rmi", "--force", stage.ref)
    pull = f"DOCKER_CONFIG={mount.rpartition('/config.json:')[0]} PATH=/nowhere {programs.require('docker')} pull {stage.ref}"
    return stage.run("sh", "-c", pull)


def mount_a_file_with_the_login(stage: Stage, offer: str) -> None:
    """Make the file, and mount it instead."""
    repairs.with_login(stage, offer)
    stage.facts["MOUNT"] = offer.partition("; then mount ")[2]


def as_a_node(stage: Stage) -> Run:
    """Pull with the document of the pull secret, as a node of a cluster does, which has no helper."""
    document = re.search(r"dockerconfigjson: (\S+)", (stage.home / "secret.yaml").read_text())
    assert document
    folder = stage.home / "node"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_bytes(base64.b64decode(document[1]))
    stage.run("docker", "rmi", "--force", stage.ref)
    pull = f"DOCKER_CONFIG={folder} PATH=/nowhere {programs.require('docker')} pull {stage.ref}"
    return stage.run("sh", "-c", pull)


def a_secret_with_a_password(stage: Stage, offer: str) -> None:
    """Write what kubectl makes of the words that are offered."""
    assert f"--docker-server={stage.registry}" in offer
    entry = {"username": "alice", "password": "wonderland", **auth("alice:wonderland")}
    document = base64.b64encode(json.dumps({"auths": {stage.registry: entry}}).encode()).decode()
    (stage.home / "secret.yaml").write_text(f"kind: Secret\ndata:\n  .dockerconfigjson: {document}\n")


def as_helm(stage: Stage) -> Run:
    """Pull with helm's own file if that has the registry, else with docker's, as helm does."""
    own = stage.home / ".config/helm/registry"
    logins = json.loads((own / "config.json").read_text())["auths"]
    stage.run("docker", "rmi", "--force", stage.ref)
    folder = own if stage.registry in logins else stage.home / ".docker"
    return stage.run("docker", "--config", str(folder), "pull", stage.ref)


def helm_registry_logout(stage: Stage, offer: str) -> None:
    """Remove the entry from helm's file, as the command does."""
    assert offer == f"helm registry logout {stage.registry}"
    (stage.home / ".config/helm/registry/config.json").write_text('{"auths":{}}')


CTR = """
mount --bind "$1/etc/containerd" /etc/containerd
containerd --config /etc/containerd/config.toml >"$1/containerd.log" 2>&1 &
pid=$!
for i in $(seq 200); do [ -S "$1/c/c.sock" ] && break; sleep 0.05; done
ctr --address "$1/c/c.sock" content fetch --plain-http $3 "$2"
status=$?
kill $pid; wait $pid
exit $status
"""


def with_ctr(stage: Stage) -> Run:
    """Fetch with the real ctr and containerd, which has the login in its file."""
    return stage.run("sh", "-c", CTR, "sh", str(stage.home), stage.ref, stage.facts.get("CTR", ""))


def name_the_user(stage: Stage, offer: str) -> None:
    """Give ctr the user, with the password that it would ask for."""
    assert "--user USER" in offer
    stage.facts["CTR"] = "--user alice:wonderland"


ROWS = [
    Case(
        "other-07",
        fails="401 Unauthorized",
        asks="doctor {ref}",
        code="SP608",
        cause="ctr reads no login from any file",
        offers="ctr images pull --user USER {registry}/acme/app",
        act=with_ctr,
        repair=name_the_user,
        ground="net",
        remains=True,
    ),
    Case(
        "other-03",
        fails="unauthorized",
        asks="doctor {ref}",
        code="SP510",
        cause="reads docker's file, which has no login for it; another client has one",
        offers="shorepass login --client docker {registry}",
        env={"DOCKER_HOST": "{podman}"},
        remains=True,
        stand_in="docker behind podman's socket, which sends what docker-compose sends",
    ),
    Case(
        "other-05",
        fails="denied",
        asks="doctor",
        code="SP607",
        cause="it only names docker-credential-osxkeychain, which no node has",
        offers="kubectl create secret docker-registry NAME --docker-server={registry}",
        act=as_a_node,
        repair=a_secret_with_a_password,
        stand_in="docker with the document of the secret and no helper: no cluster runs here",
    ),
    Case(
        "other-09",
        fails="unauthorized",
        asks="doctor {ref}",
        code="SP606",
        cause="helm asks this file first",
        offers="helm registry logout {registry}",
        act=as_helm,
        repair=helm_registry_logout,
        stand_in="docker with the file that helm asks first: helm does not run here",
    ),
    Case(
        "other-11",
        fails="denied",
        asks="doctor --offline --in docker:case-{name}",
        code="SP603",
        cause="watchtower reads it, and has no such program",
        offers="shorepass login --store file --config {home}/.docker/for-containers {registry}",
        act=as_watchtower,
        repair=mount_a_file_with_the_login,
        stand_in="docker with the mounted file and no helper on PATH, as in the image of watchtower",
    ),
]
