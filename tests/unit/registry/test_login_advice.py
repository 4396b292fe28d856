"""A new login is made by the provider's own command where it has one."""

from __future__ import annotations

import pytest

from dict_context import DictContext
from shorepass.registry.login_advice import new_login

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("registry", "client", "command"),
    [
        (
            ECR,
            "podman",
            f"aws ecr get-login-password --region eu-west-1 | podman login --username AWS --password-stdin {ECR}",
        ),
        ("acme.azurecr.io", "docker", "az acr login --name acme"),
        ("r.example", "podman", "shorepass login --client podman r.example"),
    ],
)
def test_the_command_is_the_providers(registry: str, client: str, command: str) -> None:
    """Amazon's tokens come from aws, Azure's from az; any other registry has a usual login."""
    assert new_login(DictContext("me", {}), registry, client=client) == command


def test_a_helper_that_makes_logins_is_signed_in_instead() -> None:
    """A login of docker's own would not be used beside it."""
    assert "aws ecr get-login-password" not in new_login(
        DictContext("me", {}), ECR, client="docker", helper="ecr-login"
    )
