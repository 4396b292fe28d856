"""Logins that do not last, or that something else of the same user does not see."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from cases import acts, repairs
from cases.case import Case

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]

Run = subprocess.CompletedProcess[str]


def as_a_unit(stage: Stage) -> Run:
    """Pull as a unit of systemd does: without the variable that a session has."""
    stage.run("podman", "rmi", "--force", stage.ref)
    return stage.run("podman", "pull", "--tls-verify=false", stage.ref, without="XDG_RUNTIME_DIR")


def while_job_b_ends(stage: Stage) -> Run:
    """Pull after the end of another job, which has its own environment."""
    stage.run(f"{stage.home}/job-b-post", without="DOCKER_CONFIG")
    return acts.docker_pull(stage)


def in_this_job(stage: Stage, offer: str) -> None:
    """Set the variable, and log in with the real docker."""
    repairs.as_offered(stage, offer)
    stage.run("sh", "-c", 'mkdir -p "$DOCKER_CONFIG" && echo \'{"auths":{"x":{}}}\' >"$DOCKER_CONFIG/config.json"')
    assert acts.login(stage).returncode == 0


def as_auto_update(stage: Stage) -> Run:
    """Pull with the file that the label names, as podman auto-update does."""
    stage.run("podman", "rmi", "--force", stage.ref)
    label = f"{stage.home}/gone/auth.json"
    return stage.run("podman", "pull", "--tls-verify=false", "--authfile", label, stage.ref)


def with_sudo(stage: Stage) -> Run:
    """Pull with sudo, if the user still types that."""
    sudo = ["sudo"] if stage.facts.setdefault("SUDO", "yes") == "yes" else []
    stage.run("docker", "rmi", "--force", stage.ref)
    return stage.run(*sudo, "docker", "pull", stage.ref)


def then_docker_login(stage: Stage, offer: str) -> None:
    """Type the line, and log in with the real docker, into the file."""
    stage.shell(repairs.first_line(offer))
    stage.run("sh", "-c", 'mkdir -p "$HOME/.docker" && echo \'{"auths":{"x":{}}}\' >"$HOME/.docker/config.json"')
    done = acts.login(stage)
    assert done.returncode == 0, done.stderr


def without_sudo(stage: Stage, offer: str) -> None:
    """Do as doctor says."""
    assert offer.startswith("run the client without sudo")
    stage.facts["SUDO"] = "no"


ROWS = [
    Case(
        "docker-33",
        fails="denied",
        asks="doctor",
        code="SP208",
        cause="it works for you, and fails there",
        offers="run the client without sudo",
        act=with_sudo,
        repair=without_sudo,
        ground="sudo",
        remains=True,
    ),
    Case(
        "other-31",
        fails="permission denied",
        asks="doctor {ref}",
        code="SP104",
        cause="skopeo stops here (permission denied), before it reads {home}/.docker/config.json",
        offers="export REGISTRY_AUTH_FILE={home}/.docker/config.json",
        ground="user",
    ),
    Case(
        "docker-09",
        fails="denied",
        asks="doctor {ref}",
        code="SP406",
        cause="a job that logs out removes the logins of the others",
        offers='export DOCKER_CONFIG="$RUNNER_TEMP/.docker"',
        act=while_job_b_ends,
        repair=in_this_job,
    ),
    Case(
        "other-01",
        fails="unauthorized",
        asks="doctor {ref}",
        code="SP405",
        cause="it runs without XDG_RUNTIME_DIR",
        offers="shorepass login --authfile {home}/.config/containers/auth.json {registry}",
        act=as_a_unit,
    ),
    Case(
        "other-17",
        fails="no such file",
        asks="doctor",
        code="SP401",
        cause="it names a file that does not exist",
        offers="unset REGISTRY_AUTH_FILE",
        act=acts.podman_pull,
        stand_in="podman, which stops at the missing file; skopeo reads no other file since 1.11, and 1.9 is here",
    ),
    Case(
        "other-23",
        fails="",
        asks="doctor {ref}",
        code="SP407",
        cause="there is no such file",
        offers="shorepass login --authfile {home}/gone/auth.json {registry}",
        act=as_auto_update,
        stand_in="podman pull with the file of the label: podman auto-update needs a systemd that runs the unit",
    ),
    *(
        Case(
            "near-home",
            variant={"KIND": kind},
            fails="denied",
            asks="doctor {ref}",
            code="SP411",
            cause=cause,
            offers=offers,
            repair=repair,
            ground="user",
        )
        for kind, cause, offers, repair in (
            ("moved", "it is {home}/elsewhere, and the login is in {home}", "export HOME={home}", repairs.as_offered),
            ("root", "it is /root, which belongs to root", "export HOME={home}", repairs.as_offered),
            ("closed", "cannot write /.docker/config.json", "export HOME={home}", then_docker_login),
        )
    ),
    Case(
        "other-27",
        fails="unauthorized",
        asks="doctor --client podman {ref}",
        code="SP510",
        cause="registries.conf: 'acme/app' is",
        offers="shorepass login",
    ),
]
