"""Which program a registry is, by its challenge."""

from __future__ import annotations

import pytest

from shorepass.registry.product_passwords import PRODUCTS, password_for


@pytest.mark.parametrize(
    ("realm", "service", "name"),
    [
        # as these servers send them: public reports of their users
        ("https://harbor.example/service/token", "harbor-registry", "Harbor"),
        ("https://gitlab.example/jwt/auth", "container_registry", "GitLab"),
        ("https://git.example/v2/token", "container_registry", "Gitea or Forgejo"),
        ("https://quay.example/v2/auth", "quay.example", "Quay"),
        ("Sonatype Nexus Repository Manager", "", "Nexus"),
        ("Artifactory Realm", "", "Artifactory"),
        ("https://docker.acme.example/artifactory/api/docker/local/v2/token", "docker.acme.example:443", "Artifactory"),
    ],
)
def test_a_known_product(realm: str, service: str, name: str) -> None:
    """Each row is found, and says what the password is."""
    assert password_for(realm, service).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("realm", "service"),
    [
        ("https://auth.docker.io/token", "registry.docker.io"),
        ("https://ghcr.io/token", "ghcr.io"),
        ("basic-realm", ""),
        ("Registry Realm", ""),
        ("", ""),
    ],
)
def test_an_unknown_product(realm: str, service: str) -> None:
    """Any other registry gets no such hint."""
    assert password_for(realm, service) == ""


def test_sources() -> None:
    """Each row has its source."""
    assert all(product.source.startswith("https://") for product in PRODUCTS)
