"""Shorepass: registry logins for containers.

Who is logged in, here, as this user, for this client, and why? ::

    import shorepass

    resolution = shorepass.resolve("ghcr.io/acme/app:1", client="docker")
    resolution.credential  # Basic(username='alice', password=Secret(...))
    resolution.steps       # every step that led to it

Importing this package loads no HTTP library; everything below is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.version import __version__

if TYPE_CHECKING:
    from shorepass import errors
    from shorepass.api import login, logout, resolve
    from shorepass.auth import httpx_auth, requests_auth
    from shorepass.contexts import Context
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import ANONYMOUS, Anonymous, Basic, BearerToken, Credential, IdentityToken
    from shorepass.names import Reference
    from shorepass.registry.client import Access
    from shorepass.resolution import Outcome, Resolution, Source, Step
    from shorepass.secret import Fingerprints, Secret

__all__ = [
    "ANONYMOUS",
    "Access",
    "Anonymous",
    "Basic",
    "BearerToken",
    "Context",
    "Credential",
    "Fingerprints",
    "IdentityToken",
    "LocalContext",
    "Outcome",
    "Reference",
    "Resolution",
    "Secret",
    "Source",
    "Step",
    "__version__",
    "errors",
    "httpx_auth",
    "login",
    "logout",
    "requests_auth",
    "resolve",
]

_HOMES = {
    "api": ("login", "logout", "resolve"),
    "auth": ("httpx_auth", "requests_auth"),
    "contexts": ("Context",),
    "contexts.local": ("LocalContext",),
    "credential": ("ANONYMOUS", "Anonymous", "Basic", "BearerToken", "Credential", "IdentityToken"),
    "names": ("Reference",),
    "registry.client": ("Access",),
    "resolution": ("Outcome", "Resolution", "Source", "Step"),
    "secret": ("Fingerprints", "Secret"),
}


def __getattr__(name: str) -> object:
    home = next((module for module, names in _HOMES.items() if name in names), "")
    home = "errors" if name == "errors" else home
    if not home:  # a module of this package: Python asks here first, and then imports it
        raise AttributeError(f"module 'shorepass' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"shorepass.{home}")
    return module if name == "errors" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
