"""The continuous integration job that a context runs in, if any.

This is a table with one row per system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["Job", "is_in_job", "job_of"]


class _System(NamedTuple):
    """``variable``: it is set in each job.

    ``folders``: variables that name a folder of the job's own, the best first.

    ``disposable``: variables and their values, of which one is set if the machine or container serves one job only.
    """

    name: str
    variable: str
    folders: tuple[str, ...]
    disposable: tuple[tuple[str, str], ...] = ()


# The comment above a row is the source that was compared with it; no such job was run.
SYSTEMS = (
    # https://github.com/actions/runner: Runner.Sdk/ProcessInvoker.cs, Runner.Worker/TempDirectoryManager.cs and JobRunner.cs;
    # the value github-hosted was only seen in environments that users published. act and the runners of Gitea and Forgejo set
    # the same variables. They run a job in a container of its own, where RUNNER_TEMP is /tmp: https://github.com/nektos/act,
    # pkg/runner/run_context.go; https://github.com/project-mirrors/forgejo-runner and https://github.com/chhe/act_runner
    _System(
        "GitHub Actions",
        "GITHUB_ACTIONS",
        ("RUNNER_TEMP",),
        (("RUNNER_ENVIRONMENT", "github-hosted"), ("RUNNER_TEMP", "/tmp")),  # noqa: S108
    ),
    # https://gitlab.com/gitlab-org/gitlab-runner: common/build.go; GITLAB_CI is in the environment of a job in ci-detector
    _System("GitLab CI", "GITLAB_CI", ("CI_PROJECT_DIR",), (("CI_DISPOSABLE_ENVIRONMENT", "true"),)),
    # https://github.com/jenkinsci/jenkins: jenkins/model/CoreEnvironmentContributor.java (JENKINS_URL is only set if the
    # administrator has configured it), hudson/model/AbstractBuild.java
    _System("Jenkins", "JENKINS_HOME", ("WORKSPACE_TMP", "WORKSPACE")),
    # https://github.com/microsoft/azure-pipelines-agent: Agent.Sdk/ProcessInvoker.cs, Agent.Worker/JobRunner.cs
    _System("Azure Pipelines", "TF_BUILD", ("AGENT_TEMPDIRECTORY",), (("AGENT_ISSELFHOSTED", "0"),)),
    # https://github.com/buildkite/agent: internal/job/executor.go; one folder for each agent and pipeline
    _System("Buildkite", "BUILDKITE", ("BUILDKITE_BUILD_CHECKOUT_PATH",)),
    # https://confluence.atlassian.com/bamboo/bamboo-variables-289277087.html; its source is not public. bamboo_tmp_directory
    # is one folder for all jobs of an agent: https://github.com/OndraM/ci-detector, tests/phpt/Ci/CiDetector_Bamboo.phpt
    _System("Bamboo", "bamboo_buildKey", ("bamboo_build_working_directory",)),
)


class Job(NamedTuple):
    """A job whose machine serves other jobs, too.

    ``variable`` names ``folder``, which is only for this job.
    """

    system: str
    variable: str
    folder: str


def is_in_job(context: Context) -> bool:
    """Return whether a context runs in a job of a known system."""
    return any(context.getenv(system.variable) for system in SYSTEMS)


def job_of(context: Context) -> Job | None:
    """Return the job that a context runs in.

    Return None if it runs in no job or has the machine to itself.
    """
    for system in SYSTEMS:
        is_disposable = any(context.getenv(name) == value for name, value in system.disposable)
        if is_disposable or not context.getenv(system.variable):
            continue
        for variable in system.folders:
            folder = context.getenv(variable)
            if folder:
                return Job(system.name, variable, folder)
    return None
