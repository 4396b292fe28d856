"""Which registries belong to one provider, so that a login for one may be meant for another.

One row per provider. A login is for one registry; a helper of a provider may serve all of its registries.
The comment above a row is the source that was compared with it; none of these registries was asked.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Neighbour", "login_command", "neighbour"]


class _Provider(NamedTuple):
    """``pattern``: its registries' names; each group is a part by which two of them differ, and ``parts`` has words for it.

    ``login``: the command that gives a new login for ``{registry}``; "" for a usual login.
    """

    name: str
    pattern: str
    parts: dict[str, str]
    login: str = ""


PROVIDERS = (
    # https://github.com/awslabs/amazon-ecr-credential-helper: ecr-login/api/client.go
    _Provider(
        "Amazon ECR",
        r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
        r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)"
        r"|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)",
        {"account": "another account", "region": "another region"},
        "aws ecr get-login-password --region {region} | {client} login --username AWS --password-stdin {registry}",
    ),
    # https://github.com/GoogleCloudPlatform/docker-credential-gcr: config/const.go
    _Provider(
        "Google",
        r"(?:(?P<old>(?:[a-z]+\.)?gcr)\.io|(?P<location>[a-z0-9-]+)-docker\.pkg\.dev"
        r"|docker\.(?P<regional>[a-z0-9-]+)\.rep\.pkg\.dev)",
        {"old": "another registry", "location": "another location", "regional": "another location"},
        "gcloud auth configure-docker {registry}",
    ),
    # https://github.com/chrismellard/docker-credential-acr-env: pkg/credhelper/helper.go; the part after "-" is no part of the
    # name for az: https://github.com/Azure/azure-cli, command_modules/acr/_docker_utils.py
    _Provider(
        "Azure",
        r"(?P<name>[a-z0-9]+)(?:-[a-z0-9]+)?\.azurecr\.(?:io|cn|de|u[s])",
        {"name": "another registry"},
        "az acr login --name {name}",
    ),
    # https://docs.github.com/packages/working-with-a-github-packages-registry/migrating-to-the-container-registry-from-the-docker-registry
    _Provider("GitHub", r"(?P<host>ghcr\.io|docker\.pkg\.github\.com)", {"host": "another registry"}),
    # https://docs.docker.com/dhi/how-to/use/: a login for dhi.io of its own, with the same account; the web site is no registry
    _Provider("Docker Hub", r"(?P<host>docker\.io|hub\.docker\.com|dhi\.io)", {"host": "another name"}),
    # https://access.redhat.com/RegistryAuthentication: not checked, only public pull secrets that name these registries
    _Provider(
        "Red Hat",
        r"(?P<host>registry\.redhat\.io|registry\.connect\.redhat\.com|registry\.access\.redhat\.com)",
        {"host": "another registry"},
    ),
    # https://www.oracle.com/cloud/cloud-native/container-registry/faq/; its names below oraclecloud.com were not checked
    _Provider("Oracle", r"(?P<region>[a-z0-9-]+)\.ocir\.io", {"region": "another region"}),
    # https://github.com/ibm-cloud-docs/Registry: registry_overview.md
    _Provider(
        "IBM",
        r"(?P<network>private\.)?(?:(?P<region>[a-z0-9-]+)\.)?icr\.io",
        {"region": "another region", "network": "another name"},
    ),
    # https://github.com/scaleway/docs-content/pull/3999
    _Provider("Scaleway", r"rg\.(?P<region>[a-z0-9-]+)\.scw\.cloud", {"region": "another region"}),
    # https://github.com/mozillazg/docker-credential-acr-helper: pkg/acr/registry.go
    _Provider(
        "Alibaba",
        r"(?P<name>(?:[a-z0-9-]+-)?registry(?:-intl)?(?:-vpc)?(?:-internal)?)(?:\.distributed)?"
        r"\.(?P<region>[a-z0-9-]+)\.(?:cr\.)?aliyuncs\.com",
        {"region": "another region", "name": "another registry"},
    ),
)


class Neighbour(NamedTuple):
    """Two registries of one ``provider``. ``difference``: ``another region``."""

    provider: str
    difference: str


def neighbour(registry: str, other: str) -> Neighbour | None:
    """Return what two different registries have in common, None if they have no provider in common."""
    for provider in PROVIDERS:
        mine, its = re.fullmatch(provider.pattern, registry), re.fullmatch(provider.pattern, other)
        if mine is None or its is None or registry == other:
            continue
        for part, words in provider.parts.items():
            if mine[part] != its[part]:
                return Neighbour(provider.name, words)
    return None


def login_command(registry: str, client: str) -> str:
    """Return the provider's own command for a login, "" for the usual one. ``client``: the program that gets the login."""
    for provider in PROVIDERS:
        found = re.fullmatch(provider.pattern, registry)
        if found is not None:
            return provider.login.format(registry=registry, client=client, **found.groupdict())
    return ""
