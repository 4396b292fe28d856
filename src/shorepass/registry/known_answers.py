"""What registries and their token servers say when they refuse a login, the cause and the fix. A row each.

In a fix, ``{login}`` is the login's command: it is the last part, for a user who logs in already.
"""

from __future__ import annotations

from typing import NamedTuple

from shorepass.errors import LoginRefused, PermissionDenied

__all__ = ["ANSWERS", "KnownAnswer", "known_answer"]

LOGIN = ", then: {login}"
SETTINGS = "https://app.docker.com/settings/personal-access-tokens"
CLASSIC = "https://github.com/settings/tokens/new"
SSO = "https://github.com/settings/tokens (Configure SSO)"

HUB = "https://github.com/docker/hub-feedback/issues/1981"
GITHUB = "https://docs.github.com/packages/learn-github-packages/about-permissions-for-github-packages"
ACR = "https://learn.microsoft.com/azure/container-registry/container-registry-troubleshoot-access"
ECR = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html"
GOOGLE = "https://cloud.google.com/artifact-registry/docs/access-control"
QUAY = "https://github.com/quay/quay: auth/credentials.py, auth/basic.py, data/users/__init__.py"
GITLAB = "https://docs.gitlab.com/user/profile/account/two_factor_authentication_troubleshooting/"
GITEA = "https://github.com/go-gitea/gitea/issues/31531"
JFROG = "https://github.com/jfrog/jfrog-cli/issues/1814"
IBM = "https://cloud.ibm.com/docs/Registry?topic=Registry-registry_quota"


class KnownAnswer(NamedTuple):
    """``words``: a part of the answer, in lower case. ``is_login``: the login is wrong, not only what it may do."""

    words: str
    cause: str
    fix: str
    source: str
    is_login: bool = False

    @property
    def hint(self) -> str:
        """The fix for a user who logs in already."""
        return "log in with a new token" if self.fix == "{login}" else self.fix.removesuffix(LOGIN)

    def error(self, registry: str, words: str) -> LoginRefused | PermissionDenied:
        """Return the error of a registry that said this. ``words``: what it said."""
        if self.is_login:
            return LoginRefused(registry, f"the login is refused{words}", hint=self.hint)
        return PermissionDenied(registry, f"the login is not allowed in{words}", hint=self.hint)

    def advice(self, login: str) -> str:
        """Return the fix with the command of a login."""
        return self.fix.replace("{login}", login)


ANSWERS = (
    KnownAnswer(
        "please use personal access token to login",
        "Docker Hub accepts no password for this user, because of two-factor login or single sign-on",
        f"make an access token at {SETTINGS}{LOGIN}",
        HUB,
        is_login=True,
    ),
    KnownAnswer(
        "access token has insufficient scopes",
        "the access token may do less than this",
        f"make an access token that may read and write at {SETTINGS}{LOGIN}",
        "https://docs.docker.com/security/access-tokens/",
    ),
    KnownAnswer(
        "email must be verified",
        "the registry accepts no login before the user's e-mail address is verified",
        "open the link in the registry's e-mail, or ask for another in the settings of the account",
        "https://github.com/docker/hub-feedback/issues/1434",
        is_login=True,
    ),
    KnownAnswer(
        "http basic: access denied",
        "GitLab refuses the password or token: it is wrong, has ended, or is a password where GitLab wants a token",
        f"make a personal access token with read_registry in GitLab (with write_registry for pushes){LOGIN}",
        GITLAB,
        is_login=True,
    ),
    KnownAnswer(
        "saml enforcement",
        "the organisation wants single sign-on, and the token is not authorised for the organisation",
        f"authorise the token for the organisation at {SSO}",
        GITHUB,
    ),
    KnownAnswer(
        "does not match expected scopes",
        "the token lacks a scope",
        f"make a classic token with read:packages and write:packages at {CLASSIC}{LOGIN}",
        GITHUB,
    ),
    *(
        KnownAnswer(
            words,
            "the token of this GitHub Actions job may not do this with the package",
            "set permissions: packages: write in the job; if the package exists already, give its repository the role "
            "Write in the package's settings (Manage Actions access)",
            GITHUB,
        )
        for words in ("installation not allowed to", "permission_denied: write_package")
    ),
    KnownAnswer(
        "permission_denied: read_package",
        "the token may not read this package",
        "give the repository of the job the role Read in the package's settings (Manage Actions access)",
        GITHUB,
    ),
    KnownAnswer(
        "client with ip",
        "the registry's firewall does not allow the address of this machine: the login is not the cause",
        "ask the administrator to allow the address in the registry's network rules, or use a network that is allowed",
        ACR,
    ),
    KnownAnswer(
        "authorization token has expired",
        "the stored token has expired",
        "{login}",
        ECR,
        is_login=True,
    ),
    KnownAnswer(
        "is not authorized to perform: ",
        "the AWS identity of this login has no permission for this",
        "ask the administrator of the AWS account to allow the action in the policy of that identity or of the repository",
        ECR,
    ),
    KnownAnswer(
        "does not exist in the registry with id",
        "Amazon ECR has no such repository in this account and region, and a push does not create it",
        "aws ecr create-repository --repository-name NAME, or correct the account, the region or the name of the image",
        ECR,
    ),
    KnownAnswer(
        'permission "artifactregistry.',
        "the Google account of this login has no permission for this, or the repository does not exist",
        "gcloud artifacts repositories add-iam-policy-binding REPOSITORY --location LOCATION --member MEMBER "
        "--role roles/artifactregistry.reader (writer for pushes)",
        GOOGLE,
    ),
    KnownAnswer(
        "client login with unencrypted passwords is disabled",
        "this Quay accepts no plain password",
        f"make an encrypted password in the settings of the Quay account, or use a robot account{LOGIN}",
        QUAY,
        is_login=True,
    ),
    KnownAnswer(
        "could not find robot with",
        "there is no such robot account: it was removed, or its name is misspelled",
        f"look the robot's name up in the settings of its organisation{LOGIN}",
        QUAY,
        is_login=True,
    ),
    *(
        KnownAnswer(
            words,
            "the registry has closed or locked the user's account: no password helps",
            "ask the administrator of the registry to open the account again",
            source,
            is_login=True,
        )
        for words, source in (
            ("user has been disabled", QUAY),
            ("account is disabled", QUAY),
            ("user is disabled", JFROG),
            ("account has been locked", "https://docs.gitlab.com/security/unlock_user/"),
            ("account is locked", "https://docs.gitlab.com/security/unlock_user/"),
            ("user is locked", JFROG),
        )
    ),
    *(
        KnownAnswer(
            words,
            "the access token is not known to Artifactory: it has ended, was revoked, or belongs to another server",
            f"make an identity token in your Artifactory profile{LOGIN}",
            JFROG,
            is_login=True,
        )
        for words in ("props authentication token not found", "bad props auth token", "token validation failed")
    ),
    KnownAnswer(
        "only encrypted passwords but received a clear text password",
        "this Artifactory accepts no plain password",
        f"copy the encrypted password, or make an identity token, in your Artifactory profile{LOGIN}",
        JFROG,
        is_login=True,
    ),
    KnownAnswer(
        "reqpackageaccess",
        "the token may not do this with packages",
        f"make a token with the scope write:package (read:package for pulls) in the settings of Gitea or Forgejo{LOGIN}",
        GITEA,
    ),
    *(
        KnownAnswer(
            words,
            "the account has used up its quota: the login is not the cause",
            "remove images, wait for the next period, or choose a plan with a higher quota",
            IBM,
        )
        for words in ("exceeded your pull traffic quota", "exceeded your storage quota", "quota has been exceeded")
    ),
)


def known_answer(text: str) -> KnownAnswer | None:
    """Return the row for what a registry said, None for other words."""
    said = text.lower()
    return next((row for row in ANSWERS if row.words in said), None)
