"""Credential helpers, stores, and the form of user names, secrets and image names."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cases.acts import docker_push
from cases.case import Case
from cases.repairs import as_offered, with_login

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]

LONG = "x" * 2700
TRUSTED = {"SSL_CERT_FILE": "{bundle}"}


def unlock(stage: Stage, offer: str) -> None:
    """What the offered line does to the keychain, done to the stand-in."""
    del offer
    (stage.home / "unlocked").touch()


def login_as_aws(stage: Stage) -> subprocess.CompletedProcess[str]:
    """Log in with a long token, as `aws ecr get-login-password` prints one."""
    return stage.run("docker", "login", "-u", "AWS", "--password-stdin", stage.registry, stdin=LONG)


def in_the_vault(stage: Stage, offer: str) -> None:
    """Type the offered login, and the token."""
    words = offer.split()[1:]
    done = stage.shorepass(*words, "-u", "AWS", "--password-stdin", stdin=LONG)
    assert done.returncode == 0, (done.stdout, done.stderr)


def type_the_passphrase(stage: Stage, offer: str) -> None:
    """What the offered line asks for in a terminal: one decryption, with the passphrase typed."""
    assert "docker-credential-pass get" in offer
    (login,) = stage.home.glob(".password-store/docker-credential-helpers/*/*.gpg")
    words = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--decrypt", str(login)]
    done = stage.run(*words, stdin="tulip\n")
    assert done.returncode == 0, done.stderr


def fix_and_log_in(stage: Stage, offer: str) -> None:
    """Let doctor fix the file, and log in: the login was in the helper."""
    as_offered(stage, offer)
    with_login(stage, f"shorepass login --client {stage.client} {stage.registry}")


def old_build(stage: Stage) -> subprocess.CompletedProcess[str]:
    """Build without BuildKit, from the image: that client lists all logins first."""
    stage.run("docker", "rmi", "--force", stage.ref)
    stage.env["DOCKER_BUILDKIT"] = "0"
    return stage.run("docker", "build", "-", stdin=f"FROM {stage.ref}\n")


def as_the_docker_id(stage: Stage, offer: str) -> None:
    """Log in as the offer says, with the Docker ID in its place."""
    with_login(stage, offer.replace("DOCKERID", "alice"))


def push_by_its_name(stage: Stage) -> subprocess.CompletedProcess[str]:
    """Push; the name is the one that was tagged last."""
    return docker_push(stage)


def under_the_new_name(stage: Stage, offer: str) -> None:
    """Type the line, and push by the new name."""
    stage.shell(offer)
    stage.ref = offer.split()[-1]


def with_a_classic_token(stage: Stage, offer: str) -> None:
    """Log in with another token, which the registry knows."""
    with_login(stage, offer.partition(", then: ")[2])


def with_the_profile(stage: Stage, offer: str) -> None:
    """Type the line, with the name of the profile that has the rights."""
    stage.shell(offer.replace("NAME", "work"))


def pull_three_at_once(stage: Stage) -> subprocess.CompletedProcess[str]:
    """Pull three times at the same time; of these, the first that fails."""
    stage.run("docker", "rmi", "--force", stage.ref)
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(stage.run, "docker", "pull", stage.ref) for _ in range(3)]
        done = [run.result() for run in runs]
    return next((run for run in done if run.returncode != 0), done[0])


def use_gcr(stage: Stage, offer: str) -> None:
    """What the two commands do: the other helper is there, and the file names it."""
    del offer
    answer = f'{{"ServerURL":"{stage.registry}","Username":"alice","Secret":"wonderland"}}'
    program = stage.home / "bin/docker-credential-gcr"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    (stage.home / ".docker/config.json").write_text(f'{{"credHelpers":{{"{stage.registry}":"gcr"}}}}')


ROWS: list[Case] = [
    Case(
        "docker-01",
        fails="pull access denied",
        asks="doctor",
        code="SP210",
        cause="the keychain is locked, and this session cannot show a dialog",
        offers="security -v unlock-keychain",
        repair=unlock,
        stand_in="osxkeychain",
    ),
    Case(
        "docker-07",
        fails="The stub received bad data",
        asks="login -u AWS --password-stdin {registry}",
        types=LONG,
        code="",
        cause="the secret has 2700 bytes, and this store keeps at most 2560",
        offers="shorepass login --store vault {registry}",
        act=login_as_aws,
        repair=in_the_vault,
        stand_in="wincred",
    ),
    Case(
        "docker-15",
        fails="pull access denied",
        asks="doctor",
        code="SP214",
        cause="gpg-agent does not have the passphrase",
        offers='export GPG_TTY="$(tty)"',
        repair=type_the_passphrase,
    ),
    Case(
        "docker-17",
        fails="pull access denied",
        asks="doctor",
        code="SP207",
        cause="sudo systemctl restart systemd-binfmt",
        offers="remove desktop.exe from {home}/.docker/config.json",
        repair=fix_and_log_in,
        stand_in="WSL",
    ),
    Case(
        "docker-29",
        fails="pull access denied",
        asks="doctor",
        code="SP215",
        cause="quay.io: a login that was broken off left an empty folder",
        offers="rmdir {home}/.password-store/docker-credential-helpers/",
        act=old_build,
    ),
    Case(
        "other-13",
        fails="incorrect username or password",
        asks="doctor",
        code="SP530",
        cause="Harbor's robots are called robot$NAME",
        offers="-u 'robot$NAME' {registry}",
        repair=with_login,
    ),
    Case(
        "docker-05",
        fails="incorrect username or password",
        asks="doctor {ref}",
        code="SP530",
        cause="Docker Hub wants the Docker ID",
        offers="-u DOCKERID docker.io",
        repair=as_the_docker_id,
        ground="net",
        engine=TRUSTED,
        env=TRUSTED,
    ),
    Case(
        "docker-23",
        fails="denied",
        asks="doctor --client docker --push {ref}",
        code="SP531",
        cause="a name without a user is Docker's own image",
        offers="docker tag docker.io/library/myapp:1 alice/myapp:1",
        act=push_by_its_name,
        repair=under_the_new_name,
        ground="net",
        engine=TRUSTED,
        env=TRUSTED,
        remains=True,
    ),
    Case(
        "other-33",
        fails="unauthorized",
        asks="doctor",
        code="SP530",
        cause="GitHub's packages accept only classic tokens",
        offers="make a classic token with read:packages",
        repair=with_a_classic_token,
        ground="net",
        engine=TRUSTED,
        env=TRUSTED,
    ),
    Case(
        "docker-03",
        fails="pull access denied",
        asks="doctor",
        code="SP216",
        cause="AWS_PROFILE is not set, and there is no profile named default",
        offers="export AWS_PROFILE=work",
        stand_in="ecr-login",
    ),
    Case(
        "docker-27",
        fails="incorrect username or password",
        asks="doctor --check",
        code="SP220",
        cause="docker-credential-ecr-login made this login",
        offers="export AWS_PROFILE=",
        repair=with_the_profile,
        stand_in="ecr-login",
    ),
    Case(
        "docker-21",
        fails="pull access denied",
        asks="doctor --check",
        code="SP218",
        cause="of two calls at once one fails",
        offers="docker-credential-gcr configure-docker",
        act=pull_three_at_once,
        repair=use_gcr,
        stand_in="gcloud",
    ),
]
