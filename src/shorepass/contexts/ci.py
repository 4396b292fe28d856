"""The job of a continuous integration system that a context runs in, if any: a table, one row per system."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["Job", "job_of"]


class _System(NamedTuple):
    """``variable``: it is set in each job. ``folders``: variables that name a folder of the job's own, the best first.

    ``disposable``: a variable and its value if the machine serves one job only; empty if there is no such variable.
    """

    name: str
    variable: str
    folders: tuple[str, ...]
    disposable: tuple[str, str] = ("", "")


SYSTEMS = (
    # https://docs.github.com/actions/reference/workflows-and-actions/variables; Gitea and Forgejo set the same ones
    _System("GitHub Actions", "GITHUB_ACTIONS", ("RUNNER_TEMP",), ("RUNNER_ENVIRONMENT", "github-hosted")),
    # https://docs.gitlab.com/ci/variables/predefined_variables/
    _System("GitLab CI", "GITLAB_CI", ("CI_PROJECT_DIR",), ("CI_DISPOSABLE_ENVIRONMENT", "true")),
    # https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
    _System("Jenkins", "JENKINS_URL", ("WORKSPACE_TMP", "WORKSPACE")),
    # https://learn.microsoft.com/azure/devops/pipelines/build/variables
    _System("Azure Pipelines", "TF_BUILD", ("AGENT_TEMPDIRECTORY",), ("AGENT_ISSELFHOSTED", "0")),
    # https://buildkite.com/docs/pipelines/configure/environment-variables
    _System("Buildkite", "BUILDKITE", ("BUILDKITE_BUILD_CHECKOUT_PATH",)),
    # https://confluence.atlassian.com/bamboo/bamboo-variables-289277087.html
    _System("Bamboo", "bamboo_buildKey", ("bamboo_tmp_directory", "bamboo_build_working_directory")),
)


class Job(NamedTuple):
    """A job whose machine serves other jobs, too. ``variable`` names ``folder``, which is only for this job."""

    system: str
    variable: str
    folder: str


def job_of(context: Context) -> Job | None:
    """Return the job that a context runs in, None if it runs in no job or has the machine to itself."""
    for system in SYSTEMS:
        name, value = system.disposable
        if not context.getenv(system.variable) or (name and context.getenv(name) == value):
            continue
        for variable in system.folders:
            folder = context.getenv(variable)
            if folder:
                return Job(system.name, variable, folder)
    return None
