"""What a helper that makes its own logins misses, by the files and variables that its own pages name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dict_context import DictContext
from shorepass.helper.cloud_logins import inputs, logged_failure

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
HOME = "/home/you"
AWS = f"{HOME}/.aws/config"
KEYS = f"{HOME}/.aws/credentials"
GCLOUD = f"{HOME}/.config/gcloud"
ROLE = "[profile a]\nregion = x\n[profile b]\nrole_arn = arn:aws:iam::123456789012:role/x\n"

CASES = [
    ("ecr-login", {}, {}, "no profiles", "export AWS_PROFILE=NAME"),
    ("ecr-login", {AWS: "[profile work]\n"}, {}, "no profile named default", "export AWS_PROFILE=work"),
    ("ecr-login", {KEYS: "[work]\naws_secret_access_key = s\n"}, {}, "no profile named default", "AWS_PROFILE=work"),
    ("ecr-login", {AWS: "[default]\n[profile work]\n"}, {}, "", "export AWS_PROFILE=work"),
    ("ecr-login", {AWS: "[profile work]\n"}, {"AWS_PROFILE": "wrok"}, "does not exist", "export AWS_PROFILE=work"),
    ("ecr-login", {AWS: ROLE}, {}, "no profile named default", "export AWS_PROFILE=b"),
    ("ecr-login", {AWS: ROLE}, {"AWS_PROFILE": "b"}, "", "aws sso login --profile b"),
    ("gcloud", {}, {}, "no active account", "gcloud auth login"),
    ("gcloud", {f"{GCLOUD}/configurations/config_default": "[core]\naccount = a@x.y\n"}, {}, "", "gcloud auth login"),
    (
        "gcr",
        {f"{GCLOUD}/active_config": "two", f"{GCLOUD}/configurations/config_default": "account = a\n"},
        {},
        "no active",
        "",
    ),
    (
        "acr-env",
        {},
        {"AZURE_CLIENT_ID": "x", "AZURE_TENANT_ID": "y"},
        "AZURE_CLIENT_SECRET",
        "export AZURE_CLIENT_SECRET",
    ),
    ("acr", {}, {}, "no account", "az login"),
    ("glab", {}, {}, "no account", "glab auth login"),
    ("glab", {}, {"GITLAB_TOKEN": "x"}, "", "glab auth login"),
]


@pytest.mark.parametrize(("suffix", "files", "variables", "missing", "fix"), CASES)
def test_what_is_missing(
    suffix: str, files: Mapping[str, str], variables: Mapping[str, str], missing: str, fix: str
) -> None:
    """The cause is named, or "" if only the identity can be wrong; the fix never is a login by hand."""
    context = _WithVariables("me", files, variables)
    found = inputs(context, suffix, ECR)
    assert found is not None
    assert missing in found.missing
    assert bool(missing) == bool(found.missing)
    assert fix in found.fix
    assert "shorepass login" not in found.fix


class _WithVariables(DictContext):
    """A context of dicts with some variables."""

    def __init__(self, name: str, files: Mapping[str, str], variables: Mapping[str, str]) -> None:
        super().__init__(name, files)
        self._more = variables

    def getenv(self, name: str) -> str | None:
        return self._more.get(name) or super().getenv(name)


def test_the_log_shows_no_key() -> None:
    """The last error in the helper's log is shown, but for what may be a key."""
    log = 'level=error msg="x" error="old"\nlevel=error msg="y" error="ecr: denied for AKIA1234567890ABCDEF"\n'
    found = inputs(DictContext("me", {f"{HOME}/.ecr/log/ecr-login.log": log}), "ecr-login", ECR)
    assert found is not None
    assert found.seen == (f"{HOME}/.ecr/log/ecr-login.log: ecr: denied for ***",)


def test_a_helper_that_stores() -> None:
    """It has no inputs of its own."""
    assert inputs(DictContext("me", {}), "pass", ECR) is None


@pytest.mark.parametrize(
    ("error", "cause", "fix"),
    [
        (
            "api error ExpiredTokenException: The security token included in the request is expired",
            "has expired",
            "aws sso login --profile work",
        ),
        (
            "failed to refresh cached credentials, refresh cached SSO token failed",
            "has expired",
            "aws sso login --profile work",
        ),
        (
            "api error UnrecognizedClientException: The security token included in the request is invalid.",
            "does not know",
            "--profile work",
        ),
        (
            "exceeded maximum number of attempts, 3, request send failed, dial tcp: i/o timeout",
            "cannot be reached",
            "HTTPS_PROXY",
        ),
        ("something that no one has seen", "", ""),
    ],
)
def test_the_log_of_the_helper_of_aws(error: str, cause: str, fix: str) -> None:
    """The last line counts, also one for debugging, as the helper writes it for this failure."""
    lines = 'time="x" level=error msg="m" error="old"\n' + f'time="x" level=debug msg="couldn\'t get" error="{error}"\n'
    context = _WithVariables("me", {f"{HOME}/.ecr/log/ecr-login.log": lines}, {"AWS_PROFILE": "work"})
    found = logged_failure(context, "ecr-login")
    assert (cause in found[0], fix in found[1], bool(found[0])) == (True, True, bool(cause))
