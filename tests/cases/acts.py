"""What the real clients do in a case. Each returns the run that fails before the repair, and succeeds after it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["docker_pull", "docker_push", "login", "podman_pull", "skopeo_inspect", "stored_user", "use"]

Run = subprocess.CompletedProcess[str]


def use(stage: Stage) -> Run:
    """Pull with the script's client, or push where the script says so."""
    if "PUSH" in stage.facts:
        return docker_push(stage)
    return ACTS[stage.client](stage)


def docker_pull(stage: Stage) -> Run:
    """Pull, with nothing of the image left from before."""
    stage.run("docker", "rmi", "--force", stage.ref)
    return stage.run("docker", "pull", stage.ref)


def docker_push(stage: Stage) -> Run:
    """Push an image that came from no registry."""
    made = stage.run("docker", "import", "-", stage.ref, stdin=_EMPTY_TAR)
    assert made.returncode == 0, made.stderr
    return stage.run("docker", "push", stage.ref)


def login(stage: Stage) -> Run:
    """Log in by the script's client with alice's password, which is good."""
    flags = [] if stage.client == "docker" else ["--tls-verify=false"]
    words = ["login", *flags, "-u", "alice", "--password-stdin", stage.registry]
    return stage.run(stage.client, *words, stdin="wonderland")


def stored_user(stage: Stage) -> Run:
    """Print the user name of the stored login: no registry has the password of the case."""
    return stage.run(stage.client, "login", "--get-login", stage.registry)


def podman_pull(stage: Stage) -> Run:
    """Pull, with nothing of the image left from before."""
    stage.run("podman", "rmi", "--force", stage.ref)
    return stage.run("podman", "pull", "--tls-verify=false", stage.ref)


def skopeo_inspect(stage: Stage) -> Run:
    """Read the manifest, as a pull does first."""
    return stage.run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{stage.ref}")


ACTS = {"docker": docker_pull, "podman": podman_pull, "skopeo": skopeo_inspect}

_EMPTY_TAR = "\0" * 10240
