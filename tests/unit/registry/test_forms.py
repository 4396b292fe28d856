"""The forms of logins and names: what each registry's own pages say, and logins that are fine."""

from __future__ import annotations

import json

import pytest

from shorepass.names import parse
from shorepass.registry.forms import faults, name_fault
from shorepass.secret import Secret

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
PKG = "europe-west1-docker.pkg.dev"
KEY = json.dumps({"type": "service_account", "private_key": "-----BEGIN", "client_email": "x@y.iam"})
JWT = "eyJhbGciOi.eyJzdWIi.c2lnbg"
ZEROS = "00000000-0000-0000-0000-000000000000"
AWS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # Amazon's own example

WRONG = [
    ("docker.io", "alice@example.com", "pw", "e-mail", "DOCKERID"),
    ("ghcr.io", "alice", "github_pat_11ABC", "classic tokens", ""),
    ("ghcr.io", "alice", "dckr_pat_abc", "a token of Docker Hub", ""),
    (ECR, "alice", "token", "always AWS", "AWS"),
    (ECR, "AKIAIOSFODNN7EXAMPLE", AWS_KEY, "access key", "AWS"),
    (ECR, "AWS", AWS_KEY, "secret key", "AWS"),
    ("public.ecr.aws", "alice", "token", "always AWS", "AWS"),
    (PKG, "alice", "token", "Google knows only", "oauth2accesstoken"),
    (PKG, "oauth2accesstoken", KEY, "_json_key", "_json_key"),
    ("eu.gcr.io", "_json_key", "ya29.a0Af", "access token", "oauth2accesstoken"),
    ("gcr.io", "_json_key", "key.json", "name of a key file", "_json_key"),
    ("gcr.io", "_json_key_base64", KEY, "_json_key", "_json_key"),
    ("acme.azurecr.io", "alice@example.com", "pw", "e-mail", ZEROS),
    ("acme.azurecr.io", "app", JWT, "zeros", ZEROS),
    ("acme.azurecr.io", ZEROS, "password", "az acr login", "APPLICATION-ID"),
    ("nvcr.io", "alice", "nvapi-abc", "$oauthtoken", "$oauthtoken"),
    ("harbor.example", "robot", "key", "only a part", "robot$NAME"),
    ("harbor.example:8443", "robot$", "key", "only a part", "robot$NAME"),
    ("harbor.example", "robot$$ci", "key", "a character more", "robot$NAME"),
    ("harbor.example", "robot\\$ci", "key", "a character more", "robot$NAME"),
    ("registry.example", '"alice"', "key", "in quotes", "USER"),
    ("registry.example", "'alice'", "key", "in quotes", "USER"),
    ("quay.io", "acme+", "key", "robot behind +", "ORGANISATION+ROBOT"),
    ("registry.example", "$REGISTRY_USER", "key", "variable", "USER"),
    ("registry.example", "${{ secrets.USER }}", "key", "variable", "USER"),
    ("registry.gitlab.com", "alice", "glrt-abc", "cannot log in to a registry", ""),
    ("registry.example", "alice", "\ufeffsecret", "byte order mark", ""),
    ("registry.example", "alice", "secret\n", "line feed", ""),
    ("registry.example", "alice", "sec\0ret", "NUL", ""),
    ("registry.example", "alice", "", "secret is empty", ""),
    ("fra.ocir.io", "alice", "token", "NAMESPACE/USER", "NAMESPACE/USER"),
    ("de.icr.io", "alice", "token", "iamapikey", "iamapikey"),
]


@pytest.mark.parametrize(("registry", "username", "secret", "cause", "right"), WRONG)
def test_a_wrong_form(registry: str, username: str, secret: str, cause: str, right: str) -> None:
    """The first cause is certain, and names the user name that is right there."""
    first = next(iter(faults(registry, username, Secret(secret))))
    assert cause in first.cause
    assert (first.right, first.is_certain) == (right, True)


@pytest.mark.parametrize(
    ("username", "secret", "cause"),
    [
        ("robot+deploy", "key", "robot$PROJECT+NAME"),
        ("alice", '"wonderland"', "in quotes"),
        ("alice", "'wonderland'", "in quotes"),
        ("alice", "Bearer eyJhbGciOi.eyJzdWIi.c2lnbg", "kind of a header"),
        ("alice", "alice:wonderland", "USER:PASSWORD"),
    ],
)
def test_a_form_that_is_a_cause_only_for_a_refusal(username: str, secret: str, cause: str) -> None:
    """A password may look so, so nothing is said of it before the registry refuses it."""
    first = next(iter(faults("registry.example", username, Secret(secret))))
    assert cause in first.cause
    assert not first.is_certain


GOOD = [
    ("docker.io", "alice", "dckr_pat_abc"),
    ("docker.io", "alice", "p@ss word"),
    ("ghcr.io", "alice", "ghp_abc"),
    ("ghcr.io", "alice", "gho_abc"),
    (ECR, "AWS", "eyJwYXlsb2FkIjoi" * 100),
    (f"{ECR}.evil.example", "alice", "pw"),
    (PKG, "oauth2accesstoken", "ya29.a0Af"),
    (PKG, "_json_key", KEY),
    (PKG, "_json_key", KEY + "\n"),
    ("gcr.io", "_json_key_base64", "eyJ0eXBlIjogInNlcnZpY2VfYWNjb3VudCJ9"),
    ("gcr.io", "_dcgcloud_token", "ya29.a0Af"),
    ("acme.azurecr.io", ZEROS, JWT),
    ("acme.azurecr.io", "11112222-3333-4444-5555-666677778888", "client~secret"),
    ("nvcr.io", "$oauthtoken", "nvapi-abc"),
    ("quay.io", "acme+ci", "TOKEN"),
    ("quay.io", "$oauthtoken", "TOKEN"),
    ("harbor.example", "robot$ci", "key"),
    ("harbor.example", "robot$project+ci", "key"),
    ("registry.gitlab.com", "alice", "glpat-abc"),
    ("registry.gitlab.com", "gitlab+deploy-token-1", "gldt-abc"),
    ("registry.example", "alice@example.com", "$ecret"),
    ("registry.example", "AWS", "x" * 2700),
    ("localhost:5000", "alice", "correct horse"),
]


@pytest.mark.parametrize(("registry", "username", "secret"), GOOD)
def test_a_good_login_has_no_fault(registry: str, username: str, secret: str) -> None:
    """What may be right is left alone, until a registry refuses it."""
    assert [fault for fault in faults(registry, username, Secret(secret)) if fault.is_certain] == []


@pytest.mark.parametrize(
    ("registry", "username", "secret", "fix"),
    [
        (ECR, "AWS", "eyJwYXlsb2FkIjoi" * 100, "aws ecr get-login-password --region eu-west-1"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "AWS", "x" * 99, "aws ecr get-login-password --region eu-west-1"),
        (PKG, "oauth2accesstoken", "ya29.a0Af", "gcloud auth print-access-token"),
        ("acme.azurecr.io", ZEROS, JWT, "az acr login --name acme"),
    ],
)
def test_a_token_that_ends(registry: str, username: str, secret: str, fix: str) -> None:
    """A good token that lasts for hours: the command that gets the next one."""
    (fault,) = faults(registry, username, Secret(secret))
    assert (fault.ends, fault.is_certain) == (True, False)
    assert fault.fix.startswith(fix)


@pytest.mark.parametrize(
    ("image", "push", "username", "fix"),
    [
        ("myapp:1", True, "alice", "docker tag docker.io/library/myapp:1 alice/myapp:1"),
        ("myapp:1", False, "alice", ""),
        ("alice/myapp", True, "alice", ""),
        (f"{PKG}/app:1", False, "", f"docker tag {PKG}/app:1 {PKG}/PROJECT/REPOSITORY/app:1"),
        (f"{PKG}/p/r/app", False, "", ""),
        ("gcr.io/app", False, "", "docker tag gcr.io/app gcr.io/PROJECT/app"),
        ("gcr.io/p/app", False, "", ""),
        ("ghcr.io/app:2", True, "", "docker tag ghcr.io/app:2 ghcr.io/OWNER/app:2"),
        ("registry.gitlab.com/g/p", False, "", ""),
        ("harbor.example/app:1", True, "robot$shop+ci", "docker tag harbor.example/app:1 harbor.example/shop/app:1"),
        (f"{ECR}/app", True, "AWS", ""),
        ("hub.docker.com/r/alice/app:2", False, "", "docker pull alice/app:2"),
        ("github.com/acme/app", True, "", "docker pull ghcr.io/acme/app"),
        ("gitlab.com/acme/dependency_proxy/containers/app", False, "", ""),
        ("hub.docker.com", False, "", "name the registry instead: docker.io"),
        ("localhost:5000/app", True, "alice", ""),
    ],
)
def test_names(image: str, *, push: bool, username: str, fix: str) -> None:
    """A name that is too short gets the line that makes it long enough."""
    found = name_fault(parse(image), username, push=push)
    placeholders = found.fix.replace("project", "PROJECT").replace("repository", "REPOSITORY") if found else ""
    assert placeholders == fix
