"""Which clients send the registry token of a config file (``registrytoken`` in an entry of ``auths``).

All that send it find it under docker's key: the registry, for Docker Hub ``https://index.docker.io/v1/``. They send it for
every repository of the registry, so a public image of another repository needs another config file.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TOKEN_CLIENTS", "TokenClient", "summary"]

RUN = "run"  # the tests run the real program
READ = "read"  # its source was read


class TokenClient(NamedTuple):
    """A client. ``sends``: it uses the token. ``known_by``: RUN or READ. ``source``: what was read, "" if it was run."""

    name: str
    sends: bool
    known_by: str
    source: str = ""


TOKEN_CLIENTS = (
    TokenClient("docker", sends=True, known_by=RUN),
    TokenClient(
        "buildx",
        sends=True,
        known_by=READ,
        source="moby/buildkit session/auth/authprovider, FetchToken",
    ),
    TokenClient(
        "crane",
        sends=True,
        known_by=READ,
        source="go-containerregistry pkg/authn and pkg/v1/remote/transport",
    ),
    TokenClient("oras", sends=True, known_by=READ, source="oras-go registry/remote/credentials/internal/config"),
    TokenClient("helm", sends=True, known_by=READ, source="helm pkg/registry, which uses oras-go's stores"),
    TokenClient("podman", sends=False, known_by=RUN),
    TokenClient("skopeo", sends=False, known_by=RUN),
    TokenClient("buildah", sends=False, known_by=RUN),
    TokenClient(
        "nerdctl",
        sends=False,
        known_by=READ,
        source="nerdctl pkg/imgutil/dockerconfigresolver: it warns",
    ),
    TokenClient(
        "kubelet",
        sends=False,
        known_by=READ,
        source="kubernetes pkg/credentialprovider/config.go",
    ),
)


def summary() -> str:
    """Return which clients send it, and which do not, as one sentence."""
    senders = ", ".join(one.name for one in TOKEN_CLIENTS if one.sends)
    others = ", ".join(one.name for one in TOKEN_CLIENTS if not one.sends)
    return f"{senders} use a registry token; {others} do not"
