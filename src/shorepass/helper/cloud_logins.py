"""Helpers that make logins by themselves: what they need for that, what is missing here, and which identity they use.

To a client, such a helper that fails looks like one without a login, because it prints "credentials not found". Of AWS's files,
only the names of profiles and the accounts that they name are read, and no key.

Sources: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html, https://cloud.google.com/sdk/docs/configurations,
https://github.com/awslabs/amazon-ecr-credential-helper (its log), and the pages in ``known_helpers``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from shorepass.config.locations import join
from shorepass.errors import FileError, printable
from shorepass.foreign_text import quoted
from shorepass.helper.known_helpers import sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from shorepass.contexts import Context

__all__ = ["OwnInputs", "inputs", "logged_failure"]

LIMIT = 16 * 1024 * 1024  # bytes: the helper's log grows without an end
LOG_LINE = r'level=(?:error|warning|debug).*?\berror="((?:[^"\\]|\\.)*)"'
ACCOUNT = r"\b(\d{12})\.dkr[.-]ecr"
LONG_WORD = r"(?=[A-Za-z+/=_-]*[0-9])[A-Za-z0-9+/=_-]{16,}"  # a key or a token, perhaps
AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
AZURE_VARIABLES = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")


class LogError(NamedTuple):
    """A part of an error in the log of AWS's helper, its cause and the fix; ``{profile}`` is the profile in use."""

    words: str
    cause: str
    fix: str
    source: str


AWS_HELPER = "https://github.com/awslabs/amazon-ecr-credential-helper/issues"
EXPIRED = "the AWS session has expired"
SSO_LOGIN = "aws sso login --profile {profile}"
LOG_ERRORS = (
    LogError("ExpiredToken", EXPIRED, SSO_LOGIN, f"{AWS_HELPER}/1027"),
    LogError("oken has expired", EXPIRED, SSO_LOGIN, f"{AWS_HELPER}/1027"),
    LogError("refresh cached SSO token", EXPIRED, SSO_LOGIN, f"{AWS_HELPER}/771"),
    LogError("InvalidGrantException", EXPIRED, SSO_LOGIN, f"{AWS_HELPER}/771"),
    LogError(
        "UnrecognizedClientException",
        "AWS does not know these keys: they were removed, or a session token is missing",
        "aws sts get-caller-identity --profile {profile}, which must succeed",
        f"{AWS_HELPER}/311",
    ),
    LogError(
        "is not authorized to perform: ecr:GetAuthorizationToken",
        "this identity may not get a token from ECR",
        "ask the administrator of the AWS account for ecr:GetAuthorizationToken",
        "https://docs.aws.amazon.com/AmazonECR/latest/userguide/security-iam-awsmanpol.html",
    ),
    LogError(
        "request send failed",
        "the API of AWS cannot be reached from here",
        "check the network, HTTPS_PROXY, and the VPC endpoint of ecr.api",
        f"{AWS_HELPER}/381",
    ),
)


class OwnInputs(NamedTuple):
    """What a helper makes its logins from here.

    ``missing``: the cause if something is missing, else "". ``seen``: lines about the identity and the log. ``fix``: the
    command that gives it another identity, or the missing one; by default the helper's ``sign_in``.
    """

    missing: str = ""
    seen: tuple[str, ...] = ()
    fix: str = ""


def inputs(context: Context, suffix: str | None, registry: str) -> OwnInputs | None:
    """Return what a helper makes its logins for a registry from, None for a helper that stores logins."""
    name = (suffix or "").removesuffix(".exe")
    if not sign_in(name):
        return None
    look = LOOKS.get(name)
    found = look(context, registry) if look else OwnInputs()
    return found._replace(fix=found.fix or sign_in(name))


def logged_failure(context: Context, suffix: str) -> tuple[str, str]:
    """Return the cause of a helper's last failure, as its log has it, and the fix; two empty texts if that is not known.

    The log may be old: it counts only right after the helper has failed.
    """
    lines = _log(context) if suffix.removesuffix(".exe") == "ecr-login" else ()
    profile = context.getenv("AWS_PROFILE") or context.getenv("AWS_DEFAULT_PROFILE") or "default"
    for row in LOG_ERRORS:
        if any(row.words in line for line in lines):
            return row.cause, row.fix.replace("{profile}", quoted(profile))
    return "", ""


def _aws(context: Context, registry: str) -> OwnInputs:
    profiles = _profiles(context)
    named = context.getenv("AWS_PROFILE") or context.getenv("AWS_DEFAULT_PROFILE")
    keys = [name for name in AWS_KEYS if context.getenv(name)]
    seen: tuple[str, ...] = (*_names(profiles), *_log(context))
    best = _fitting(profiles, registry) or next((name for name in profiles if name not in ("default", named)), "NAME")
    fix = f"export AWS_PROFILE={quoted(best)}"
    if named and named not in profiles:
        return OwnInputs(f"AWS_PROFILE names the profile {printable(named)}, which does not exist", seen, fix)
    if named:
        seen = (f"AWS_PROFILE is {printable(named)}", *seen)
        if best in ("NAME", named):
            fix = f"aws sso login --profile {quoted(named)}"
        return OwnInputs("", seen, fix)
    if keys:
        return OwnInputs("", (f"{keys[0]} is set, and it overrides the profiles", *seen), f"unset {keys[0]}; {fix}")
    if "default" in profiles:
        return OwnInputs("", ("AWS_PROFILE is not set, so the profile default is used", *seen), fix)
    cause = "AWS_PROFILE is not set, and there is no profile named default"
    if not profiles:
        cause = "AWS_PROFILE is not set, and there are no profiles in ~/.aws"
    return OwnInputs(cause, seen, fix)


def _profiles(context: Context) -> dict[str, str]:
    """Return AWS's profiles with the text of their settings, without that of the file with the keys."""
    home = join(context, context.home() or "", ".aws")
    found: dict[str, str] = {}
    config = context.getenv("AWS_CONFIG_FILE") or join(context, home, "config")
    keys = context.getenv("AWS_SHARED_CREDENTIALS_FILE") or join(context, home, "credentials")
    for path, is_config in ((config, True), (keys, False)):
        name = ""
        for line in _text(context, path).splitlines():
            section = re.fullmatch(r"\s*\[\s*(.*?)\s*\]\s*", line)
            if section:
                name = section[1].removeprefix("profile ").strip() if is_config else section[1]
                if not name.startswith(("sso-session ", "services ")):
                    found.setdefault(name, "")
            elif is_config and name in found:
                found[name] += f"{line}\n"
    return found


def _fitting(profiles: dict[str, str], registry: str) -> str:
    """Return the profile whose settings name the account of an ECR registry, "" if none does."""
    account = re.match(ACCOUNT, registry)
    return next((name for name, text in profiles.items() if account and account[1] in text), "")


def _names(profiles: dict[str, str]) -> tuple[str, ...]:
    return (f"profiles in ~/.aws: {', '.join(map(printable, profiles))}",) if profiles else ()


def _log(context: Context) -> tuple[str, ...]:
    """Return the last error in the log of AWS's helper, without what may be a key."""
    path = join(context, context.home() or "", ".ecr", "log", "ecr-login.log")
    errors: list[str] = re.findall(LOG_LINE, _text(context, path))
    return (f"{path}: {printable(re.sub(LONG_WORD, '***', errors[-1]))}",) if errors else ()


def _google(context: Context, _registry: str) -> OwnInputs:
    folder = context.getenv("CLOUDSDK_CONFIG") or join(context, context.home() or "", ".config", "gcloud")
    active = (
        context.getenv("CLOUDSDK_ACTIVE_CONFIG_NAME") or _text(context, join(context, folder, "active_config")).strip()
    )
    settings = _text(context, join(context, folder, "configurations", f"config_{active or 'default'}"))
    written = re.search(r"(?m)^\s*account\s*=\s*(\S+)", settings)
    account = context.getenv("CLOUDSDK_CORE_ACCOUNT") or (written[1] if written else "")
    seen: tuple[str, ...] = (f"gcloud's configuration: {printable(active or 'default')}",)
    if not account:
        return OwnInputs("gcloud has no active account here", seen, "gcloud auth login")
    seen = (*seen, f"gcloud's account: {printable(account)}")
    return OwnInputs("", seen, "gcloud auth login; or another account: gcloud config set account ACCOUNT")


def _azure(context: Context, _registry: str) -> OwnInputs:
    folder = context.getenv("AZURE_CONFIG_DIR") or join(context, context.home() or "", ".azure")
    if '"subscriptions"' not in _text(context, join(context, folder, "azureProfile.json")):
        return OwnInputs(f"the az command has no account here (no azureProfile.json in {folder})")
    return OwnInputs(seen=(f"the az command has an account: {folder}",))


def _azure_variables(context: Context, _registry: str) -> OwnInputs:
    unset = [name for name in AZURE_VARIABLES if not context.getenv(name)]
    fix = "; ".join(f"export {name}=..." for name in unset) or "az ad sp credential reset --id $AZURE_CLIENT_ID"
    missing = f"not set: {', '.join(unset)}" if unset else ""
    return OwnInputs(missing, (), fix)


def _of_file(parts: tuple[str, ...], variable: str) -> Callable[[Context, str], OwnInputs]:
    """Return a look for a program that keeps its account in one file, or gets a token from a variable."""

    def look(context: Context, _registry: str) -> OwnInputs:
        path = join(context, context.home() or "", *parts)
        if context.getenv(variable):
            return OwnInputs(seen=(f"{variable} is set",))
        if _text(context, path).strip():
            return OwnInputs()
        return OwnInputs(f"no account here: {path} does not exist, and {variable} is not set")

    return look


LOOKS: dict[str, Callable[[Context, str], OwnInputs]] = {
    "ecr-login": _aws,
    "gcloud": _google,
    "gcr": _google,
    "acr": _azure,
    "acr-linux": _azure,
    "acr-env": _azure_variables,
    "glab": _of_file((".config", "glab-cli", "config.yml"), "GITLAB_TOKEN"),
    "gh": _of_file((".config", "gh", "hosts.yml"), "GH_TOKEN"),
    "ghcr-login": _of_file((".config", "gh", "hosts.yml"), "GITHUB_TOKEN"),
    "doctl": _of_file((".config", "doctl", "config.yaml"), "DIGITALOCEAN_ACCESS_TOKEN"),
    "oc": _of_file((".kube", "config"), "KUBECONFIG"),
}


def _text(context: Context, path: str) -> str:
    """Return a file's text, "" if it cannot be read."""
    try:
        content = context.read(path, LIMIT)
    except FileError:
        return ""
    return content.data.decode("utf-8", "replace") if content else ""
