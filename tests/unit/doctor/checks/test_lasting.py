"""Logins that do not last, or that what runs without a session does not see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client_files import auth, lay_out
from shorepass.doctor.checks import lasting
from shorepass.doctor.examination import Examination
from shorepass.doctor.finding import Finding, Severity
from shorepass.fixes.repair import Advice

LOGINS = json.dumps({"auths": {"quay.io": auth("alice:pw")}})
AUTH_JSON = "run/containers/auth.json"
DOCKERS = "home/.docker/config.json"
UNIT = "home/.config/systemd/system/app.service"
RUN = "[Service]\nExecStart=/usr/bin/podman run {} quay.io/acme/app:1\n"
QUADLET = "home/.config/containers/systemd"
JOBS = {
    "GITHUB_ACTIONS": "RUNNER_TEMP",
    "GITLAB_CI": "CI_PROJECT_DIR",
    "JENKINS_HOME": "WORKSPACE",
    "TF_BUILD": "AGENT_TEMPDIRECTORY",
    "BUILDKITE": "BUILDKITE_BUILD_CHECKOUT_PATH",
    "bamboo_buildKey": "bamboo_build_working_directory",
}


def found(world: Path, files: dict[str, str], **env: str) -> list[Finding]:
    here = lay_out(world, files, **env)
    return list(lasting.check(Examination(here, here, clients=("docker", "podman"))))


def test_a_unit_does_not_see_a_login_of_the_session(tmp_path: Path) -> None:
    """The login is in XDG_RUNTIME_DIR, which a unit does not have; the hint names a file that both read."""
    (finding,) = found(tmp_path, {AUTH_JSON: LOGINS, UNIT: RUN})
    assert (finding.code, finding.severity) == ("SP405", Severity.ERROR)
    assert finding.repair == Advice(f"shorepass login --authfile {tmp_path}/home/.config/containers/auth.json quay.io")


@pytest.mark.parametrize(
    "unit",
    [
        RUN.replace("quay.io", "ghcr.io"),
        RUN.replace("{}", "--authfile /etc/auth.json"),
        f"{RUN}Environment=REGISTRY_AUTH_FILE={{}}/run/containers/auth.json\n",
        f"{RUN}User=alice\n",
    ],
)
def test_a_unit_with_its_own_login(tmp_path: Path, unit: str) -> None:
    """A unit of another registry, of another user, or with a file of its own is no finding."""
    assert found(tmp_path, {AUTH_JSON: LOGINS, UNIT: unit.replace("{}", str(tmp_path))}) == []


def test_a_unit_that_sees_the_login(tmp_path: Path) -> None:
    """A login in the home's .config is seen by both."""
    assert found(tmp_path, {"home/.config/containers/auth.json": LOGINS, UNIT: RUN}) == []


def test_a_unit_with_another_home(tmp_path: Path) -> None:
    """A unit that sets HOME or DOCKER_CONFIG looks elsewhere; the hint logs in there."""
    run = RUN.replace("podman", "docker")
    for setting, folder in (("HOME={}/var", "{}/var/.docker"), ("DOCKER_CONFIG={}/etc", "{}/etc")):
        unit = f"{run}Environment={setting}\n".replace("{}/", f"{tmp_path}/")
        (finding,) = found(tmp_path, {DOCKERS: LOGINS, UNIT: unit})
        assert finding.code == "SP405"
        assert setting.replace("{}", str(tmp_path)) in finding.cause
        assert finding.repair == Advice(f"shorepass login --config {folder.replace('{}', str(tmp_path))} quay.io")


@pytest.mark.parametrize("variable", JOBS)
def test_jobs_that_share_a_file(tmp_path: Path, variable: str) -> None:
    """The file is not in the job's own folder."""
    (finding,) = found(tmp_path, {DOCKERS: LOGINS}, **{variable: "1", JOBS[variable]: "{}/job"})
    assert (finding.code, finding.severity) == ("SP406", Severity.WARNING)
    assert isinstance(finding.repair, Advice)
    assert finding.repair.command.startswith(f'export DOCKER_CONFIG="${JOBS[variable]}/.docker"; ')


def test_a_job_whose_logins_are_gone(tmp_path: Path) -> None:
    """A file that another job has emptied is worth a note, because this job may not have logged in yet."""
    (finding,) = found(tmp_path, {DOCKERS: '{"auths":{}}'}, GITHUB_ACTIONS="true", RUNNER_TEMP="{}/job")
    assert (finding.code, finding.severity) == ("SP406", Severity.NOTE)


@pytest.mark.parametrize(
    "env",
    [
        {"GITHUB_ACTIONS": "true", "RUNNER_TEMP": "{}/job", "RUNNER_ENVIRONMENT": "github-hosted"},
        {"GITHUB_ACTIONS": "true", "RUNNER_TEMP": "{}/job", "DOCKER_CONFIG": "{}/job/.docker"},
        {"GITHUB_ACTIONS": "true", "RUNNER_TEMP": "/tmp", "RUNNER_ENVIRONMENT": "self-hosted"},
        {"GITLAB_CI": "true", "CI_PROJECT_DIR": "{}/job", "CI_DISPOSABLE_ENVIRONMENT": "true"},
        {"GITHUB_ACTIONS": "true"},
        {"RUNNER_TEMP": "{}/job"},
    ],
)
def test_jobs_that_share_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    """A machine for one job, a folder of the job's own, and no job at all are no finding."""
    files = {DOCKERS: LOGINS, "job/.docker/config.json": LOGINS}
    assert [finding for finding in found(tmp_path, files, **env) if finding.code == "SP406"] == []


@pytest.mark.parametrize(
    ("image", "label", "codes"),
    [
        ("[Image]\nImage=quay.io/acme/app:1\nCreds=a:b\n", "", ["SP407"]),
        (
            "[Image]\nImage=quay.io/acme/app:1\nCreds=a:b\n",
            "Label=io.containers.autoupdate.authfile=/nowhere\n",
            ["SP407"],
        ),
        ("[Image]\nImage=quay.io/acme/app:1\n", "", []),
    ],
)
def test_updates_without_a_login(tmp_path: Path, image: str, label: str, codes: list[str]) -> None:
    """Podman auto-update uses neither Creds= nor a file that does not exist."""
    container = f"[Container]\nImage=app.image\nAutoUpdate=registry\n{label}"
    files = {f"{QUADLET}/app.image": image, f"{QUADLET}/app.container": container}
    assert [finding.code for finding in found(tmp_path, files)] == codes


def test_updates_with_a_login(tmp_path: Path) -> None:
    """Podman's own login counts."""
    files = {
        f"{QUADLET}/app.image": "[Image]\nImage=quay.io/acme/app:1\nCreds=a:b\n",
        f"{QUADLET}/app.container": "[Container]\nImage=app.image\nAutoUpdate=registry\n",
        AUTH_JSON: LOGINS,
    }
    assert found(tmp_path, files) == []
