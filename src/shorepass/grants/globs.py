"""The patterns of registries and repositories in grants and policies: how they are spelled, and what they are for. No I/O."""

from __future__ import annotations

import re

from shorepass.errors import UsageError, printable
from shorepass.names import HUB_SERVER_URL, parse, port_meant, registry_meant

__all__ = ["check_exact", "check_glob", "check_repository", "matches"]

REPOSITORY = re.compile(r"[a-z0-9*][a-z0-9._/*-]*", re.ASCII)
GLOB = re.compile(r"[a-z0-9.*-]+(?::[0-9*]+)?", re.ASCII)


def matches(glob: str, name: str) -> bool:
    """Tell whether a pattern, in which ``*`` is any characters, is for all of a name. The name may be a pattern, too.

    >>> matches("*.example.com", "*.lab.example.com")
    True
    """
    return re.fullmatch(re.escape(glob).replace(r"\*", ".*"), name) is not None


def check_glob(text: str) -> str:
    """Return a registry, or a glob of registries, in the spelling of grants. Raises UsageError."""
    if "/" in text and text != HUB_SERVER_URL:
        raise UsageError(
            f"{printable(text)!r}: a helper answers for a whole registry, so a grant is for one, too",
            hint="name the registry alone, such as ghcr.io",
        )
    if "*" not in text:
        return registry_meant(text)
    host, colon, port = text.lower().partition(":")
    port = port_meant(port)
    glob = host if port == "443" else f"{host}{colon}{port}"
    if not GLOB.fullmatch(glob) or not re.search("[a-z0-9]", glob):
        raise UsageError(
            f"{printable(text)!r} is not a pattern for registries", hint="a pattern is such as '*.example.com'"
        )
    return glob


def check_repository(text: str) -> str:
    """Return a repository, or a glob of repositories of one registry. Raises UsageError.

    >>> check_repository("ghcr.io/acme/*")
    'ghcr.io/acme/*'
    """
    registry, _, path = text.partition("/")
    if not REPOSITORY.fullmatch(path) or "*" in registry:
        raise UsageError(
            f"{printable(text)!r} is not a repository with its registry",
            hint="a repository is such as 'ghcr.io/acme/*'",
        )
    return f"{registry_meant(registry)}/{path}"


def check_exact(text: str) -> str:
    """Return one repository with its registry, as docker names it. Raises UsageError, InvalidReference.

    >>> check_exact("docker.io/nginx")
    'docker.io/library/nginx'
    """
    if "*" in text:
        raise UsageError(
            f"{printable(text)!r}: a registry token is for one exact repository",
            hint="name each repository by a --repo of its own",
        )
    reference = parse(check_repository(text))
    if not reference.repository or reference.tag:
        raise UsageError(f"{printable(text)!r} is not a repository with its registry", hint="such as ghcr.io/acme/app")
    return reference.name
