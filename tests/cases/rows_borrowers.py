"""Programs that read the file of a client."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from cases import repairs
from cases.case import Case
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


ROWS = [
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
