"""Token servers by the path of their realm, and what their administrator sets so that a challenge names the right address.

A registry writes its realm from its own settings or from the headers of a proxy before it. No client can correct it.
"""

from typing import NamedTuple

from shorepass.http import Url

__all__ = ["setting_for"]


class Product(NamedTuple):
    """``end``: of the realm's path. ``setting``: what decides the realm. ``source``: where that is documented."""

    end: str
    setting: str
    source: str


_TABLE = (
    Product(
        "/v2/token",
        "ROOT_URL in Gitea's or Forgejo's app.ini, and the proxy's headers Host and X-Forwarded-Proto",
        "https://docs.gitea.com/administration/reverse-proxies",
    ),
    Product(
        "/service/token",
        "external_url in harbor.yml",
        "https://goharbor.io/docs/main/install-config/configure-yml-file",
    ),
    Product(
        "/jwt/auth",
        "external_url and registry_external_url in gitlab.rb",
        "https://docs.gitlab.com/administration/packages/container_registry/",
    ),
    Product(
        "/api/docker/",
        "the Custom Base URL of Artifactory, and the proxy's header X-JFrog-Override-Base-Url",
        "https://jfrog.com/help/r/jfrog-artifactory-documentation/reverse-proxy-settings",
    ),
    Product(
        "/openid-connect/auth",
        "the hostname setting of Keycloak",
        "https://www.keycloak.org/server/hostname",
    ),
)
_DISTRIBUTION = "auth.token.realm in the registry's configuration, or the external URL of its token server"


def setting_for(realm: Url) -> str:
    """Return what the administrator sets, by the path of the realm."""
    return next((row.setting for row in _TABLE if row.end in realm.path), _DISTRIBUTION)
