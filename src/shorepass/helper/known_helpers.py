"""What is known about helpers by their name: how to install one, and what it can and cannot do. A row each.

Sources: the helpers' own pages, named in each row.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["KNOWN", "KnownHelper", "install", "known", "sign_in"]

OTHER = "install it, or add its folder to PATH"
WINDOWS_LIMIT = 5 * 512  # bytes: CRED_MAX_CREDENTIAL_BLOB_SIZE


class KnownHelper(NamedTuple):
    """A helper: ``docker-credential-NAME``.

    ``install``: how to install it. ``sign_in``: the command that gives it logins; empty for a helper that stores them.
    ``limit``: bytes of the longest secret that it stores, 0 for no limit. ``alone``: the command of a helper that can do the
    same, if this one fails when it is called twice at once. ``source``: where that is documented. ``programs``: what a package
    manager may have for it.
    """

    install: str = OTHER
    sign_in: str = ""
    limit: int = 0
    alone: str = ""
    source: str = ""
    programs: tuple[str, ...] = ()


HELPERS = "https://github.com/docker/docker-credential-helpers"
DESKTOP = "https://docs.docker.com/desktop/"
AZURE = "https://learn.microsoft.com/azure/container-registry/container-registry-authentication"
GCR = "gcloud components install docker-credential-gcr, then: docker-credential-gcr configure-docker"

KNOWN: dict[str, KnownHelper] = {
    "desktop": KnownHelper("install Docker Desktop, which it belongs to", source=DESKTOP),
    "osxkeychain": KnownHelper("it is for macOS", source=HELPERS, programs=("docker-credential-osxkeychain",)),
    "wincred": KnownHelper(
        "it is for Windows and is part of Docker Desktop",
        limit=WINDOWS_LIMIT,
        source="https://learn.microsoft.com/windows/win32/api/wincred/ns-wincred-credentiala",
    ),
    "pass": KnownHelper(
        "install pass and docker-credential-pass", source=HELPERS, programs=("pass", "docker-credential-pass")
    ),
    "secretservice": KnownHelper(
        "install docker-credential-secretservice and a keyring, such as gnome-keyring",
        source=HELPERS,
        programs=("docker-credential-secretservice", "gnome-keyring-daemon"),
    ),
    "shorepass": KnownHelper("it is part of Shorepass: add the folder of the program shorepass to PATH"),
    "ecr-login": KnownHelper(
        "install amazon-ecr-credential-helper",
        "sign in to AWS, or name the profile: export AWS_PROFILE=NAME; to try it: aws sts get-caller-identity",
        source="https://github.com/awslabs/amazon-ecr-credential-helper",
        programs=("docker-credential-ecr-login",),
    ),
    "gcloud": KnownHelper(
        "install the Google Cloud CLI",
        "gcloud auth login",
        alone=GCR,
        source="https://github.com/bazel-contrib/rules_img/issues/394",
    ),
    "gcr": KnownHelper(
        "install docker-credential-gcr (gcloud components install docker-credential-gcr)",
        "docker-credential-gcr gcr-login",
        source="https://github.com/GoogleCloudPlatform/docker-credential-gcr",
    ),
    "acr-env": KnownHelper(
        "install docker-credential-acr-env",
        "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
        source="https://github.com/chrismellard/docker-credential-acr-env",
    ),
    "acr": KnownHelper(sign_in="az login", source=AZURE),
    "acr-linux": KnownHelper(sign_in="az login", source=AZURE),
    "acr-darwin": KnownHelper(sign_in="az login", source=AZURE),
    "acr-windows": KnownHelper(sign_in="az login", source=AZURE),
    "glab": KnownHelper(
        "install glab, then: glab auth configure-docker",
        "glab auth login",
        source="https://docs.gitlab.com/cli/auth/configure-docker/",
    ),
    "gh": KnownHelper(sign_in="gh auth login", source="https://cli.github.com/manual/gh_auth_login"),
    "ghcr-login": KnownHelper(
        sign_in="export GITHUB_TOKEN=TOKEN", source="https://github.com/bradschwartz/docker-credential-ghcr-login"
    ),
    "doctl": KnownHelper(
        "install doctl",
        "doctl auth init",
        source="https://docs.digitalocean.com/reference/doctl/reference/registry/login/",
    ),
    "oc": KnownHelper(
        "install the OpenShift client oc",
        "oc login",
        source="https://docs.openshift.com/container-platform/cli_reference",
    ),
    "ocir": KnownHelper(sign_in="oci session authenticate", source="https://docs.oracle.com/iaas/Content/Registry"),
    "cgr": KnownHelper(sign_in="chainctl auth login", source="https://edu.chainguard.dev/chainguard/chainctl"),
    "yc": KnownHelper(
        sign_in="yc init", source="https://yandex.cloud/docs/container-registry/operations/authentication"
    ),
    "env": KnownHelper(
        sign_in="set the variables that docker-credential-env reads for this registry",
        source="https://github.com/isometry/docker-credential-env",
    ),
}


def known(suffix: str | None) -> KnownHelper:
    """Return what is known about a helper (``docker-credential-SUFFIX``); also about its build for Windows."""
    return KNOWN.get((suffix or "").removesuffix(".exe"), KnownHelper())


def sign_in(suffix: str | None) -> str:
    """Return how a helper gets logins by itself, "" for one that stores them."""
    return known(suffix).sign_in


def install(context: "Context", suffix: str) -> str:
    """Return how to install a helper in a context: with the command, if a package manager there has it."""
    from shorepass.contexts.packages import command_to_install  # late: only the hint of an error names a package

    row = known(suffix)
    line = command_to_install(context, *row.programs) if row.programs else ""
    return f"{row.install}: {line}" if line else row.install
