"""Configurations that work and are common: doctor has nothing to warn of. 50 of docker, podman, helpers and CI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from client_files import auth, lay_out
from shorepass.doctor import examine
from shorepass.doctor.examination import Examination
from shorepass.doctor.finding import Severity

DOCKER = "home/.docker/config.json"
PODMAN = "run/containers/auth.json"
KEPT = "home/.config/containers/auth.json"
REGISTRIES = "home/.config/containers/registries.conf"
HUB = "https://index.docker.io/v1/"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln"  # ends in the year 2100
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def helper(**secrets: str) -> str:
    """Return a helper with a login of alice for each server; a server's dots are written as double underscores."""
    held = {key.replace("__", "."): secret for key, secret in secrets.items()}
    listed = json.dumps(dict.fromkeys(held, "alice"))
    answers = "".join(
        f"{server}) echo '{json.dumps({'ServerURL': server, 'Username': 'alice', 'Secret': secret})}';;\n"
        for server, secret in held.items()
    )
    return f"""#!/bin/sh
read -r server
case $1 in
list) echo '{listed}';;
get) case $server in
{answers}*) echo 'credentials not found in native keychain'; exit 1;;
esac;;
esac
"""


class Healthy(NamedTuple):
    """``files``: below the test's folder; what is no text is written as JSON. ``clients``: whose logins; all by default."""

    files: Mapping[str, Any]
    env: Mapping[str, str] = {}
    clients: tuple[str, ...] = ()


ALICE = auth("alice:wonderland")
PASS = {"bin/docker-credential-pass": helper(r__example="x"), "home/.password-store/.gpg-id": "alice@example.com\n"}
DESKTOP = {"bin/docker-credential-desktop": helper(r__example="x", ghcr__io="ghp_x")}
SEARCH = 'unqualified-search-registries = ["docker.io"]\n'

CONFIGURATIONS = {
    # docker
    "nobody has logged in": Healthy({}),
    "an empty config file": Healthy({DOCKER: {}}),
    "no logins left": Healthy({DOCKER: {"auths": {}}}),
    "one login": Healthy({DOCKER: {"auths": {"r.example": ALICE}}}),
    "Docker Hub": Healthy({DOCKER: {"auths": {HUB: ALICE}}}),
    "Docker Hub with an access token": Healthy({DOCKER: {"auths": {HUB: auth("alice:dckr_pat_abc")}}}),
    "GitHub's registry": Healthy(
        {DOCKER: {"auths": {"ghcr.io": auth("alice:ghp_abcdefghijklmnopqrstuvwxyz0123456789")}}}
    ),
    "GitLab's registry": Healthy({DOCKER: {"auths": {"registry.gitlab.com": auth("alice:glpat-abc")}}}),
    "a deploy token of GitLab": Healthy(
        {DOCKER: {"auths": {"registry.gitlab.com": auth("gitlab+deploy-token-1:gldt-abc")}}}
    ),
    "Quay with a robot": Healthy({DOCKER: {"auths": {"quay.io": auth("acme+robot:x")}}}),
    "Harbor with a robot": Healthy({DOCKER: {"auths": {"harbor.example": auth("robot$acme+ci:x")}}}),
    "Google with a key file": Healthy(
        {DOCKER: {"auths": {"europe-docker.pkg.dev": auth('_json_key:{"type": "service_account", "project_id": "p"}')}}}
    ),
    "Google with an access token": Healthy({DOCKER: {"auths": {"gcr.io": auth("oauth2accesstoken:ya29.a0abc")}}}),
    "NVIDIA": Healthy({DOCKER: {"auths": {"nvcr.io": auth("$oauthtoken:nvapi-abc")}}}),
    "Azure with a token": Healthy(
        {DOCKER: {"auths": {"acme.azurecr.io": auth("00000000-0000-0000-0000-000000000000:", identitytoken=TOKEN)}}}
    ),
    "Azure with a service principal": Healthy(
        {DOCKER: {"auths": {"acme.azurecr.io": auth("11111111-2222-3333-4444-555555555555:x")}}}
    ),
    "a port": Healthy({DOCKER: {"auths": {"r.example:5000": ALICE}}}),
    "a registry on this machine": Healthy({DOCKER: {"auths": {"localhost:5000": ALICE}}}),
    "an address": Healthy({DOCKER: {"auths": {"192.0.2.7:5000": ALICE}}}),
    "an identity token": Healthy({DOCKER: {"auths": {"r.example": auth("alice:", identitytoken=TOKEN)}}}),
    "docker's other settings": Healthy(
        {
            DOCKER: {
                "auths": {"r.example": ALICE},
                "HttpHeaders": {"User-Agent": "Docker-Client"},
                "psFormat": "table {{.Names}}",
                "detachKeys": "ctrl-e,e",
                "plugins": {"buildx": {"install": "true"}},
                "aliases": {"builder": "buildx"},
                "features": {"hooks": "true"},
                "currentContext": "default",
                "proxies": {"default": {"httpProxy": "http://proxy.example:3128"}},
            }
        }
    ),
    "ten logins": Healthy({DOCKER: {"auths": {f"r{number}.example": ALICE for number in range(10)}}}),
    "another folder by DOCKER_CONFIG": Healthy(
        {"home/work/config.json": {"auths": {"r.example": ALICE}}}, {"DOCKER_CONFIG": "{}/home/work"}, ("docker",)
    ),
    # podman
    "podman, one login": Healthy({PODMAN: {"auths": {"r.example": ALICE}}}),
    "podman, a login for one repository": Healthy({PODMAN: {"auths": {"r.example/acme/app": ALICE}}}),
    "podman, a registry and one of its repositories": Healthy(
        {PODMAN: {"auths": {"r.example": ALICE, "r.example/acme": auth("bob:builder")}}}
    ),
    "podman, Docker Hub": Healthy({PODMAN: {"auths": {"docker.io": ALICE}}}),
    "podman, kept in the home": Healthy({KEPT: {"auths": {"r.example": ALICE}}}),
    "podman, REGISTRY_AUTH_FILE": Healthy(
        {"home/auth.json": {"auths": {"r.example": ALICE}}}, {"REGISTRY_AUTH_FILE": "{}/home/auth.json"}, ("podman",)
    ),
    "podman reads docker's file": Healthy({DOCKER: {"auths": {"r.example": ALICE}}}, clients=("podman",)),
    "podman and docker, the same login": Healthy(
        {DOCKER: {"auths": {"r.example": ALICE}}, PODMAN: {"auths": {"r.example": ALICE}}}
    ),
    "podman, a search list": Healthy({PODMAN: {"auths": {"docker.io": ALICE}}, REGISTRIES: SEARCH}),
    "podman, another location": Healthy(
        {
            PODMAN: {"auths": {"mirror.example": ALICE}},
            REGISTRIES: SEARCH + '[[registry]]\nprefix = "r.example"\nlocation = "mirror.example"\n',
        }
    ),
    "podman, a mirror": Healthy(
        {
            PODMAN: {"auths": {"r.example": ALICE, "mirror.example": ALICE}},
            REGISTRIES: '[[registry]]\nlocation = "r.example"\n[[registry.mirror]]\nlocation = "mirror.example"\n',
        }
    ),
    "podman, a helper for one registry": Healthy({PODMAN: {"credHelpers": {"r.example": "pass"}}, **PASS}),
    "podman, helpers for all": Healthy({REGISTRIES: 'credential-helpers = ["containers-auth.json", "pass"]\n', **PASS}),
    "podman, a blocked registry": Healthy(
        {
            PODMAN: {"auths": {"r.example": ALICE}},
            REGISTRIES: '[[registry]]\nlocation = "bad.example"\nblocked = true\n',
        }
    ),
    # helpers
    "a store": Healthy({DOCKER: {"auths": {"r.example": {}}, "credsStore": "pass"}, **PASS}),
    "a store and no auths": Healthy({DOCKER: {"credsStore": "pass"}, **PASS}),
    "Docker Desktop": Healthy(
        {
            DOCKER: {
                "auths": {"r.example": {}, "ghcr.io": {}},
                "credsStore": "desktop",
                "currentContext": "desktop-linux",
            },
            **DESKTOP,
        }
    ),
    "a helper for one registry": Healthy({DOCKER: {"auths": {}, "credHelpers": {"r.example": "pass"}}, **PASS}),
    "a helper for one registry beside a store": Healthy(
        {DOCKER: {"credsStore": "desktop", "credHelpers": {"r.example": "pass"}}, **DESKTOP, **PASS}
    ),
    "Amazon's helper": Healthy(
        {DOCKER: {"credHelpers": {ECR: "ecr-login"}}, "bin/docker-credential-ecr-login": helper(**{ECR: "x"})}
    ),
    "Google's helper": Healthy(
        {
            DOCKER: {"credHelpers": dict.fromkeys(("gcr.io", "eu.gcr.io", "europe-docker.pkg.dev"), "gcloud")},
            "bin/docker-credential-gcloud": helper(
                gcr__io="ya29.x", eu__gcr__io="ya29.x", **{"europe-docker.pkg.dev": "ya29.x"}
            ),
        }
    ),
    "Docker Hub in a store": Healthy(
        {
            DOCKER: {"auths": {HUB: {}}, "credsStore": "osxkeychain"},
            "bin/docker-credential-osxkeychain": helper(**{HUB: "x"}),
        }
    ),
    # CI
    "GitHub Actions": Healthy(
        {"run/docker/config.json": {"auths": {"ghcr.io": auth("github-actor:ghs_abc")}}},
        {"GITHUB_ACTIONS": "true", "CI": "true", "RUNNER_TEMP": "{}/run", "DOCKER_CONFIG": "{}/run/docker"},
        ("docker",),
    ),
    "GitLab CI": Healthy(
        {"run/job/config.json": {"auths": {"registry.gitlab.com": auth("gitlab-ci-token:glcbt-abc")}}},
        {"GITLAB_CI": "true", "CI": "true", "DOCKER_CONFIG": "{}/run/job"},
        ("docker",),
    ),
    "DOCKER_AUTH_CONFIG alone": Healthy(
        {}, {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"r.example": ALICE}}), "GITLAB_CI": "true"}, ("docker",)
    ),
    "Jenkins": Healthy(
        {"run/ws/config.json": {"auths": {"r.example": ALICE}}},
        {"JENKINS_HOME": "/var/jenkins_home", "DOCKER_CONFIG": "{}/run/ws"},
        ("docker",),
    ),
    "CI without a login": Healthy({}, {"CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": "{}/run"}),
}


def test_there_are_fifty() -> None:
    """None is lost."""
    assert len(CONFIGURATIONS) == 50


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_works_is_not_warned_of(world: Path, name: str) -> None:
    """No error and no warning; where no secret is in a file as plain text, no note either."""
    configuration = CONFIGURATIONS[name]
    files = {
        path: content if isinstance(content, str) else json.dumps(content)
        for path, content in configuration.files.items()
    }
    here = lay_out(world, files, **configuration.env)
    found = examine(Examination(here, here, clients=configuration.clients))
    noted = [finding for finding in found if finding.severity is Severity.NOTE]
    assert [finding for finding in found if finding not in noted] == []
    assert {finding.code for finding in noted} <= {"SP301"}
