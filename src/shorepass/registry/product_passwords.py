"""Registry servers that show by their challenge which program they are, and what each wants as the password.

A row each, with its source. The challenge of a server can be changed, so this is only a hint for a refused login.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["PRODUCTS", "Product", "password_for"]

CHALLENGE_LIMIT = 1000  # characters: a longer one would take the patterns long


class Product(NamedTuple):
    """``challenge``: a pattern for its realm and its service, with a blank between. ``password``: what it wants as one."""

    name: str
    challenge: str
    password: str
    source: str


PRODUCTS = (
    Product(
        "Harbor",
        r".* harbor-registry",
        "a user who signs in by OIDC has the CLI secret of the profile as the password; a robot has its own secret",
        "https://goharbor.io/docs/main/administration/configure-authentication/oidc-auth/",
    ),
    Product(
        "GitLab",
        r".*/jwt/auth container_registry",
        "with two-factor login or single sign-on, the password is a token with read_registry",
        "https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/",
    ),
    Product(
        "Gitea or Forgejo",
        r".*/v2/token container_registry",
        "with two-factor login, the password is an access token with the scope read:package or write:package",
        "https://docs.gitea.com/usage/packages/container",
    ),
    Product(
        "Quay",
        r".*/v2/auth \S+",
        "a user who signs in by another service has an encrypted password in the account settings; a robot has a token",
        "https://docs.projectquay.io/use_quay.html",
    ),
    Product(
        "Nexus",
        r"Sonatype Nexus Repository.* ",
        "a user who signs in by SAML needs a user token; the user name and the password of a user token are both new",
        "https://help.sonatype.com/en/user-tokens.html",
    ),
    Product(
        "Artifactory",
        r"Artifactory Realm |.*/api/docker/.*/v2/token .*",
        "a user who signs in by SAML or OAuth has an identity token of the profile as the password; API keys have ended",
        "https://jfrog.com/help/r/jfrog-platform-administration-documentation/identity-tokens",
    ),
)


def password_for(realm: str, service: str) -> str:
    """Return what a product wants as the password, by its challenge; "" for an unknown one."""
    text = f"{realm} {service}"
    if len(text) > CHALLENGE_LIMIT:
        return ""
    found = next((product for product in PRODUCTS if re.fullmatch(product.challenge, text)), None)
    return f"{found.name}: {found.password}" if found else ""
