"""Websites that users log in to instead of the registry beside them. A row each; the comment above it is its source."""

from __future__ import annotations

__all__ = ["WEBSITES"]

WEBSITES = {
    # https://docs.docker.com/docker-hub/: images are in docker.io
    "hub.docker.com": "docker.io",
    "app.docker.com": "docker.io",
    "cloud.docker.com": "docker.io",
    "docker.com": "docker.io",
    "www.docker.com": "docker.io",
    # https://docs.github.com/packages/working-with-a-github-packages-registry/working-with-the-container-registry
    "github.com": "ghcr.io",
    "www.github.com": "ghcr.io",
    # https://docs.nvidia.com/ngc/gpu-cloud/ngc-user-guide/
    "ngc.nvidia.com": "nvcr.io",
    "catalog.ngc.nvidia.com": "nvcr.io",
    # https://access.redhat.com/RegistryAuthentication
    "access.redhat.com": "registry.redhat.io",
    "catalog.redhat.com": "registry.redhat.io",
    # https://docs.digitalocean.com/products/container-registry/
    "cloud.digitalocean.com": "registry.digitalocean.com",
    # https://cloud.ibm.com/docs/Registry
    "cloud.ibm.com": "icr.io",
}
