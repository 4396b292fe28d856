"""The forms of user names, secrets and image names that registries want. A row each, with its source.

Pure: nothing is asked. A row names what cannot be right there. Hosts are regular expressions for the whole name without a port.
"""

import re
import time
from collections.abc import Iterator
from typing import NamedTuple

from shorepass.credential import Basic
from shorepass.names import Reference
from shorepass.registry.expiry import expires_at
from shorepass.registry.websites import WEBSITES
from shorepass.secret import Secret

__all__ = ["Fault", "ImageName", "Login", "faults", "is_ended", "name_fault", "retagged"]

ANY = r".*"
HUB = r"docker\.io|index\.docker\.io|registry-1\.docker\.io"
GHCR = r"ghcr\.io|docker\.pkg\.github\.com"
ECR = (
    r"\d{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.(com|com\.cn|eu)|on\.(aws|amazonwebservices\.com\.cn)"
    r"|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
ECR_PUBLIC = r"public\.ecr\.aws|ecr-public\.aws\.com"
GCR = r"([a-z0-9-]+\.)?gcr\.io"
PKG = r"[a-z0-9-]+-docker\.pkg\.dev|docker\.[a-z0-9-]+\.rep\.pkg\.dev"
GOOGLE = f"{GCR}|{PKG}"
AZURE = r"[a-z0-9]+(-[a-z0-9]+)?\.azurecr\.(io|cn|u[s]|de)"
NVIDIA = r"nvcr\.io"
GITLAB = r"registry\.gitlab\.com"
QUAY = r"quay\.io"
OCIR = r"[a-z0-9-]+\.ocir\.io|ocir\.[a-z0-9-]+\.oci\.oraclecloud\.com"
IBM = r"([a-z0-9-]+\.)?icr\.io"
YANDEX = r"cr\.yandex|container-registry\.cloud\.yandex\.net"
KNOWN = f"{HUB}|{GHCR}|{ECR}|{ECR_PUBLIC}|{GOOGLE}|{AZURE}|{NVIDIA}|{GITLAB}|{QUAY}|{OCIR}|{IBM}|{YANDEX}"

ZEROS = "00000000-0000-0000-0000-000000000000"
EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
JWT = r"eyJ[\w-]+\.[\w-]+\.[\w-]*"
GOOGLE_ACCESS = r"ya29\..*"
JSON_KEY = r"\s*\{.*"
AWS_KEY_ID = r"(AKIA|ASIA)[A-Z0-9]{16}"
AWS_LONG_KEY = r"[A-Za-z0-9/+]{40}"
GOOGLE_USERS = r"_json_key|_json_key_base64|oauth2accesstoken|_token|_dcgcloud_token|_dcgcr_.*_token"
USER_VARIABLE = r"\$(?!oauthtoken$|token$|app$)\w+|\$\{.*\}|\$\(.*\)|%\w+%|\{\{.*\}\}"
VARIABLE = r"\$[A-Z_][A-Z0-9_]{2,}|\$\{.*\}|\$\(.*\)|%[A-Z_]{3,}%|\{\{.*\}\}"

CLASSIC = "make a classic token with read:packages at https://github.com/settings/tokens/new, then: {login}"
ECR_TOKEN = "aws ecr get-login-password --region {region} | {login} --password-stdin"  # noqa: S105
PUBLIC_REGION = "us-east-1"  # the only one of Amazon's public registry
ECR_PUBLIC_TOKEN = f"aws ecr-public get-login-password --region {PUBLIC_REGION} | {{login}} --password-stdin"
GOOGLE_TOKEN = "gcloud auth print-access-token | {login} --password-stdin"  # noqa: S105

DOCKER_DOCS = "https://docs.docker.com/security/access-tokens/"
GITHUB_DOCS = (
    "https://docs.github.com/packages/working-with-a-github-packages-registry/working-with-the-container-registry"
)
AWS_DOCS = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html"
GOOGLE_DOCS = "https://cloud.google.com/artifact-registry/docs/docker/authentication"
AZURE_DOCS = "https://learn.microsoft.com/azure/container-registry/container-registry-authentication"
GITLAB_DOCS = "https://docs.gitlab.com/security/tokens/"
HEADERS = "https://www.rfc-editor.org/rfc/rfc7617"
QUOTES = "https://docs.docker.com/reference/cli/docker/container/run/#env"  # --env-file keeps quotes
HARBOR_DOCS = "https://goharbor.io/docs/main/working-with-projects/project-configuration/create-robot-accounts/"


class Login(NamedTuple):
    """What cannot be right for a registry: a user name and a secret together.

    ``username``, ``secret``: regular expressions for the whole text, or "" for any; with ``!`` before it, for every other
    text. ``right``: the user name for the next login, "" for the same one. ``fix``: ``{login}`` is that login's command.
    ``is_certain``: it is wrong whatever the registry says; else it is a cause only if the registry refuses the login.
    ``ends``: a good login of this form ends after hours; ``fix`` is how to get the next one.
    """

    hosts: str
    username: str
    secret: str
    cause: str
    right: str
    source: str
    fix: str = "{login}"
    is_certain: bool = True
    ends: bool = False


class ImageName(NamedTuple):
    """The parts that the name of an image must have in a registry. ``parts``: what they are called."""

    hosts: str
    parts: tuple[str, ...]
    source: str


class Fault(NamedTuple):
    """Why a login or a name cannot be right. ``fix``: the command; ``{login}`` in it is ``login -u RIGHT``."""

    cause: str
    fix: str
    right: str = ""
    is_certain: bool = True
    is_refused: bool = False
    ends: bool = False


LOGINS = (
    Login(
        HUB,
        EMAIL,
        "",
        "Docker Hub wants the Docker ID as the user name, and this is an e-mail address",
        "DOCKERID",
        "https://github.com/docker/hub-feedback/issues/1098",
    ),
    Login(
        HUB,
        "",
        r"dckr_oat_.*",
        "the secret is an organisation's token, so the user name must be the organisation's",
        "ORGANISATION",
        "https://docs.docker.com/enterprise/security/access-tokens/",
        is_certain=False,
    ),
    Login(
        GHCR,
        "",
        r"github_pat_.*",
        "the secret is a fine-grained token, and GitHub's packages accept only classic tokens (ghp_...)",
        "",
        GITHUB_DOCS,
        CLASSIC,
    ),
    Login(
        GHCR,
        "",
        r"ghs_.*",
        "the secret is the token of a GitHub Actions job or app, which ends with the job or after an hour",
        "",
        GITHUB_DOCS,
        CLASSIC,
        is_certain=False,
    ),
    Login(
        GHCR,
        "",
        r"!(gh[a-z]_|github_pat_|[0-9a-f]{40}$).*",
        "GitHub's packages accept a token, and this is not one",
        "",
        GITHUB_DOCS,
        CLASSIC,
        is_certain=False,
    ),
    Login(
        ECR,
        AWS_KEY_ID,
        "",
        "the user name is an AWS access key, and Amazon ECR wants AWS with a token",
        "AWS",
        AWS_DOCS,
        ECR_TOKEN,
    ),
    Login(ECR, "!AWS", "", "the user name at Amazon ECR is always AWS", "AWS", AWS_DOCS, ECR_TOKEN),
    Login(
        ECR,
        "",
        AWS_LONG_KEY,
        "the secret is an AWS secret key, and Amazon ECR wants a token made with it",
        "AWS",
        AWS_DOCS,
        ECR_TOKEN,
    ),
    Login(ECR_PUBLIC, "!AWS", "", "the user name at Amazon ECR is always AWS", "AWS", AWS_DOCS, ECR_PUBLIC_TOKEN),
    Login(
        ECR_PUBLIC,
        "",
        AWS_LONG_KEY,
        "the secret is an AWS secret key, and Amazon ECR wants a token made with it",
        "AWS",
        AWS_DOCS,
        ECR_PUBLIC_TOKEN,
    ),
    Login(
        GOOGLE,
        "!_json_key",
        JSON_KEY,
        "the secret is a key file in JSON, whose user name is _json_key",
        "_json_key",
        GOOGLE_DOCS,
    ),
    Login(
        GOOGLE,
        r"!oauth2accesstoken|_token|_dcg.*",
        GOOGLE_ACCESS,
        "the secret is an access token, whose user name is oauth2accesstoken",
        "oauth2accesstoken",
        GOOGLE_DOCS,
        GOOGLE_TOKEN,
    ),
    Login(
        GOOGLE,
        f"!{GOOGLE_USERS}",
        "",
        "Google knows only the user names oauth2accesstoken, _json_key and _json_key_base64",
        "oauth2accesstoken",
        GOOGLE_DOCS,
        GOOGLE_TOKEN,
    ),
    Login(
        GOOGLE,
        r"_json_key|_json_key_base64",
        r"[\w~./-]+\.json",
        "the secret is the name of a key file instead of its content",
        "_json_key",
        GOOGLE_DOCS,
        "{login} --password-stdin <KEY.json",
    ),
    Login(
        GOOGLE,
        r"_json_key",
        r"e[wy][A-Za-z0-9+/_-]{20,}=*\s*",
        "the secret is a key file in base64, whose user name is _json_key_base64",
        "_json_key_base64",
        GOOGLE_DOCS,
    ),
    Login(
        GOOGLE,
        r"_json_key",
        r"!\s*(\{|e[wy]|ya29\.).*",
        "the secret of _json_key must be a key file in JSON, and this is not one",
        "_json_key",
        GOOGLE_DOCS,
        "{login} --password-stdin <KEY.json",
    ),
    Login(
        AZURE, f"!{ZEROS}", JWT, "the secret is a token of az acr login, whose user name is zeros", ZEROS, AZURE_DOCS
    ),
    Login(
        AZURE,
        ZEROS,
        f"!{JWT}",
        "the user name of zeros is for a token of az acr login, and this secret is not one",
        "APPLICATION-ID",
        AZURE_DOCS,
        "az acr login --name {label}",
    ),
    Login(
        AZURE,
        EMAIL,
        "",
        "Azure's registries know no e-mail addresses",
        ZEROS,
        AZURE_DOCS,
        "az acr login --name {label}",
    ),
    Login(
        NVIDIA,
        r"!\$oauthtoken",
        "",
        "the user name at nvcr.io is the word $oauthtoken, and a shell replaces it without single quotes",
        "$oauthtoken",
        "https://docs.nvidia.com/ngc/gpu-cloud/ngc-user-guide/",
    ),
    Login(
        IBM,
        r"!iamapikey|iambearer|iamrefresh|token",
        "",
        "IBM knows only the user names iamapikey and iambearer",
        "iamapikey",
        "https://cloud.ibm.com/docs/Registry?topic=Registry-registry_access",
    ),
    Login(
        OCIR,
        r"![^/]+/.+|BEARER_TOKEN",
        "",
        "the user name at Oracle's registry begins with the tenancy's namespace: NAMESPACE/USER",
        "NAMESPACE/USER",
        "https://docs.oracle.com/iaas/Content/Registry/Tasks/registrypushingimagesusingthedockercli.htm",
    ),
    Login(
        YANDEX,
        r"!oauth|iam|json_key|api_key|cloud-platform.*",
        "",
        "Yandex knows only the user names oauth, iam and json_key",
        "iam",
        "https://yandex.cloud/docs/container-registry/operations/authentication",
    ),
    Login(
        ANY,
        "",
        r"gl(rt|ft|ptt|imt|agent|oas|ffct|soat)-.*",
        "the secret is a GitLab token that cannot log in to a registry",
        "",
        GITLAB_DOCS,
        "make a token with read_registry in GitLab, then: {login}",
    ),
    Login(
        ANY,
        "",
        r"gldt-.*",
        "the secret is a deploy token, so the user name must be the one that GitLab shows beside it",
        "gitlab+deploy-token-N",
        GITLAB_DOCS,
        is_certain=False,
    ),
    Login(
        ANY,
        "",
        r"glcbt-.*",
        "the secret is the token of a GitLab CI job, which ends with the job",
        "",
        GITLAB_DOCS,
        "make a token with read_registry in GitLab, then: {login}",
        is_certain=False,
    ),
    Login(
        ANY,
        "gitlab-ci-token",
        "",
        "the user name is that of a GitLab CI job, whose token ends with the job",
        "",
        GITLAB_DOCS,
        "make a token with read_registry in GitLab, then: {login}",
        is_certain=False,
    ),
    Login(
        ANY,
        r"[Rr]obot",
        "",
        "this user name is only a part: Harbor's robots are called robot$NAME, and a shell replaced $NAME",
        "robot$NAME",
        HARBOR_DOCS,
    ),
    Login(
        ANY, r".*\$", "", "this user name is only a part: a shell replaced what was behind $", "robot$NAME", HARBOR_DOCS
    ),
    Login(
        ANY,
        r"robot(\$\$|\\\$).+",
        "",
        "Harbor's robots are called robot$NAME, and the user name has a character more, which was to protect the $",
        "robot$NAME",
        HARBOR_DOCS,
    ),
    Login(
        ANY,
        r"robot\+.+",
        "",
        "Harbor's robots are called robot$PROJECT+NAME, and a shell replaced $PROJECT",
        "robot$PROJECT+NAME",
        HARBOR_DOCS,
        is_certain=False,
    ),
    Login(
        ANY,
        r"([\"']).+\1",
        "",
        "the user name is in quotes, which are a part of it",
        "USER",
        QUOTES,
    ),
    Login(
        ANY,
        "",
        r"([\"']).+\1",
        "the secret is in quotes, which are a part of it",
        "",
        QUOTES,
        is_certain=False,
    ),
    Login(
        ANY,
        "",
        r"(Bearer|Basic|Token) \S+",
        "the secret begins with the kind of a header, and clients want only what is behind it",
        "",
        HEADERS,
        is_certain=False,
    ),
    Login(
        ANY,
        r".*\+",
        "",
        "this user name is only a part: the name of the robot behind + is missing",
        "ORGANISATION+ROBOT",
        "https://docs.quay.io/glossary/robot-accounts.html",
    ),
    Login(ANY, USER_VARIABLE, "", "this user name is a variable that was not replaced", "USER", HARBOR_DOCS),
    Login(ANY, "", VARIABLE, "the secret is a variable that was not replaced", "", HARBOR_DOCS, is_certain=False),
    Login(
        ANY,
        "",
        r"\*{3,}|<[a-z_ -]+>|null|undefined|None",
        "the secret is a placeholder",
        "",
        HARBOR_DOCS,
        is_certain=False,
    ),
    Login(
        ANY,
        r"!_json_key|json_key|_json_key_base64|AWS|oauth2accesstoken",
        r"\s*\{.*\"private_key\".*",
        "the secret is a service account's key file in JSON, whose user name is _json_key",
        "_json_key",
        GOOGLE_DOCS,
    ),
    Login(
        ECR,
        "AWS",
        "",
        "a token of Amazon ECR ends after 12 hours",
        "AWS",
        AWS_DOCS,
        ECR_TOKEN,
        is_certain=False,
        ends=True,
    ),
    Login(
        GOOGLE,
        "oauth2accesstoken",
        "",
        "an access token of Google ends after an hour",
        "oauth2accesstoken",
        GOOGLE_DOCS,
        GOOGLE_TOKEN,
        is_certain=False,
        ends=True,
    ),
    Login(
        AZURE,
        ZEROS,
        JWT,
        "a token of az acr login ends after 3 hours",
        ZEROS,
        AZURE_DOCS,
        "az acr login --name {label}",
        is_certain=False,
        ends=True,
    ),
)

# A token that shows by its first letters who made it, and the registries that know it.
TOKENS = (
    ("dckr_", HUB, "Docker Hub", DOCKER_DOCS),
    ("ghp_", GHCR, "GitHub", GITHUB_DOCS),
    ("gho_", GHCR, "GitHub", GITHUB_DOCS),
    ("github_pat_", GHCR, "GitHub", GITHUB_DOCS),
    ("glpat-", GITLAB, "GitLab", GITLAB_DOCS),
    ("ya29.", GOOGLE, "Google", GOOGLE_DOCS),
    ("dop_v1_", r"registry\.digitalocean\.com", "DigitalOcean", "https://docs.digitalocean.com/reference/api/"),
    ("nvapi-", NVIDIA, "NVIDIA", "https://docs.nvidia.com/ngc/"),
)

NAMES = (
    ImageName(PKG, ("PROJECT", "REPOSITORY"), "https://cloud.google.com/artifact-registry/docs/docker/names"),
    ImageName(GCR, ("PROJECT",), "https://cloud.google.com/artifact-registry/docs/docker/names"),
    ImageName(
        ECR_PUBLIC, ("ALIAS",), "https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-concepts.html"
    ),
    ImageName(r"docker\.pkg\.github\.com", ("OWNER", "REPOSITORY"), GITHUB_DOCS),
    ImageName(r"ghcr\.io", ("OWNER",), GITHUB_DOCS),
    ImageName(GITLAB, ("GROUP",), "https://docs.gitlab.com/user/packages/container_registry/"),
    ImageName(QUAY, ("NAMESPACE",), "https://docs.quay.io/guides/create-repo.html"),
    ImageName(NVIDIA, ("ORGANISATION",), "https://docs.nvidia.com/ngc/gpu-cloud/ngc-user-guide/"),
    ImageName(OCIR, ("NAMESPACE",), "https://docs.oracle.com/iaas/Content/Registry/"),
    ImageName(IBM, ("NAMESPACE",), "https://cloud.ibm.com/docs/Registry"),
    ImageName(YANDEX, ("REGISTRY-ID",), "https://yandex.cloud/docs/container-registry/"),
    ImageName(
        r"registry\.digitalocean\.com", ("REGISTRY",), "https://docs.digitalocean.com/products/container-registry/"
    ),
)
WEBSITE_PATHS = r"^(r|repository/docker)/(?=.)"  # hub.docker.com/r/acme/app
ROBOT = r"robot\$(?:([^+]+)\+)?.+"  # a robot of Harbor, or of one project there


def faults(registry: str, username: str, secret: Secret | None) -> Iterator[Fault]:
    """Yield why a login cannot be right for a registry, the certain causes first. ``secret``: None if it is not known."""
    host = _host(registry)
    text = None if secret is None else secret.reveal()
    yield from _spoilt(username, text)
    yield from _foreign_token(host, text)
    found = [row for row in LOGINS if _fits(row.hosts, host) and _is(row.username, username) and _has(row.secret, text)]
    found.sort(key=lambda row: not row.is_certain)
    for row in found:
        yield Fault(row.cause, _fix(row.fix, host), row.right, is_certain=row.is_certain, ends=row.ends)


def is_ended(credential: Basic) -> bool:
    """Return whether a token's own expiry has passed."""
    ends = expires_at(credential)
    return ends is not None and ends <= time.time()


def name_fault(reference: Reference, username: str, *, push: bool) -> Fault | None:
    """Return why an image's name cannot be right in its registry, None if it can be. ``username``: of the login, or ""."""
    host, parts = _host(reference.registry), reference.repository.split("/")
    if host in WEBSITES:
        return Fault(f"{host} is a website, and no images come from it", _pulled(WEBSITES[host], reference))
    if not reference.repository:
        return None
    if push and _fits(HUB, host) and parts[0] == "library":
        owner = username if re.fullmatch(r"[a-z0-9_.-]+", username) else "DOCKERID"
        cause = "a name without a user is Docker's own image (docker.io/library/...), and only Docker can push those"
        return Fault(cause, retagged(reference, (owner,)))
    robot = re.fullmatch(ROBOT, username)
    if robot and len(parts) == 1:
        project = robot[1] or "PROJECT"
        return Fault("the name has no project, which Harbor needs", retagged(reference, (project,)))
    for row in NAMES:
        if _fits(row.hosts, host) and len(parts) <= len(row.parts):
            words = "/".join((*row.parts, "NAME")).lower()
            return Fault(
                f"the name is too short for {host}, where images are called {words}", retagged(reference, row.parts)
            )
    return None


def _pulled(registry: str, seen: Reference) -> str:
    """Return the command that pulls the image whose name begins with a website, without the website's own path."""
    if not seen.repository:
        return f"name the registry instead: {registry}"
    repository = re.sub(WEBSITE_PATHS, "", seen.repository)
    tag = f":{seen.tag}" if seen.tag else ""
    return f"docker pull {_short(Reference(registry, repository))}{tag}"


def retagged(reference: Reference, parts: tuple[str, ...]) -> str:
    """Return the command that gives an image a name with these parts before it."""
    *before, name = reference.repository.split("/")
    kept = [] if before == ["library"] else before
    new = Reference(reference.registry, "/".join([*parts[: len(parts) - len(kept)], *kept, name]))
    tag = f":{reference.tag}" if reference.tag else ""
    return f"docker tag {reference} {_short(new)}{tag}"


def _short(reference: Reference) -> str:
    return reference.repository if reference.registry == "docker.io" else f"{reference.registry}/{reference.repository}"


def _spoilt(username: str, text: str | None) -> Iterator[Fault]:
    """Yield the faults that no registry accepts: characters that were not meant."""
    for what, value in (("user name", username), ("secret", text)):
        if value is None:
            continue
        if not value and what == "user name" and text:
            yield Fault("the user name is empty", "{login}", "USER", is_refused=True)
        elif not value and username and what == "secret":
            yield Fault("the secret is empty", "{login}", is_refused=True)
        elif "\0" in value:
            yield Fault(f"the {what} has a NUL character", "{login}", is_refused=True)
        elif value.startswith(("\ufeff", "ï»¿")):
            yield Fault(
                f"the {what} begins with a byte order mark, which an editor put there", "{login}", is_refused=True
            )
        elif value != value.strip() and not value.lstrip().startswith("{"):
            has_line_end = value.endswith(("\n", "\r"))
            ending = "begins or ends with a blank"
            if has_line_end:
                ending = "ends with a carriage return" if value.endswith("\r") else "ends with a line feed"
            cause = f"the {what} {ending}, which is perhaps not a part of it"
            yield Fault(cause, "{login}", is_certain=has_line_end)
    if username and text and text.startswith(f"{username}:") and text != f"{username}:":
        yield Fault(
            "the secret begins with the user name and a colon, as in USER:PASSWORD", "{login}", is_certain=False
        )


def _foreign_token(host: str, text: str | None) -> Iterator[Fault]:
    if text is None:
        return
    for prefix, hosts, company, _ in TOKENS:
        if text.startswith(prefix) and _fits(KNOWN, host) and not _fits(hosts, host):
            yield Fault(f"the secret is a token of {company}, which {host} does not know", "{login}")


def _host(registry: str) -> str:
    return registry.lower().partition(":")[0] if not registry.startswith("[") else registry


def _fits(hosts: str, host: str) -> bool:
    return re.fullmatch(hosts, host) is not None


def _is(pattern: str, text: str) -> bool:
    """Return whether a text is what a row names."""
    if pattern.startswith("!"):
        return re.fullmatch(pattern[1:], text, re.DOTALL) is None
    return not pattern or re.fullmatch(pattern, text, re.DOTALL) is not None


def _has(pattern: str, text: str | None) -> bool:
    """Return whether a secret is what a row names. An unknown secret fits only a row about the user name."""
    return not pattern if text is None else _is(pattern, text)


def _fix(template: str, host: str) -> str:
    """Return a fix with the region of an ECR host and the first label of any host."""
    region = re.search(r"ecr(?:-fips)?\.([a-z0-9-]+)\.", host)
    label = host.partition(".")[0].partition("-")[0]
    where = region[1] if region else "REGION"
    return template.replace("{region}", where).replace("{label}", label)
