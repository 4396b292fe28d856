"""What a finding's page shows below ``$ shorepass doctor`` is what doctor prints for such a home."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth

if TYPE_CHECKING:
    from conftest import RunShorepass

PAGES = Path(__file__).parents[2] / "docs/findings"
AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + (183).to_bytes(2, "little") + bytes(44)
LOGIN = auth("alice:pw")


def config(home: Path, text: str, mode: int = 0o600) -> None:
    """Write docker's config file."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    file.write_text(text)
    file.chmod(mode)


def helper(home: Path, content: bytes, mode: int = 0o755) -> None:
    """Install ``docker-credential-good`` in ~/bin, and name it in docker's config file."""
    config(home, json.dumps({"credsStore": "good"}))
    install(home, "good", content, mode)


def install(home: Path, name: str, content: bytes, mode: int = 0o755) -> None:
    """Install a helper in ~/bin."""
    program = home / f"bin/docker-credential-{name}"
    program.parent.mkdir()
    program.write_bytes(content)
    program.chmod(mode)


def hidden_login(home: Path, helper: str, named: dict[str, object]) -> None:
    """Install a helper without a login, and name it in a file that has one."""
    install(home, helper, b"#!/bin/sh\necho '{}'\n")
    (home / ".password-store").mkdir()
    (home / ".password-store/.gpg-id").write_text("alice\n")  # pass is initialised
    config(home, json.dumps({"auths": {"localhost:5050": LOGIN}, **named}))


def own_login_of_helm(home: Path) -> None:
    """Log in with helm and with docker."""
    config(home, json.dumps({"auths": {"ghcr.io": LOGIN}}))
    path = home / ".config/helm/registry/config.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"auths": {"ghcr.io": LOGIN}}))


def pull_secret(home: Path) -> None:
    """Make a pull secret of a file that names a helper."""
    document = base64.b64encode(json.dumps({"auths": {"ghcr.io": {}}, "credsStore": "desktop"}).encode()).decode()
    (home / "secret.yaml").write_text(f"kind: Secret\ndata:\n  .dockerconfigjson: {document}\n")


def hidden_helper(home: Path, named: dict[str, object]) -> None:
    """Install a helper, and name it where no client looks."""
    install(home, "team", b"#!/bin/sh\necho '{}'\n")
    config(home, json.dumps(named))


def dead_helper(home: Path) -> None:
    """Install a helper of VS Code whose other end is gone."""
    said = "connect ECONNREFUSED /tmp/vscode-remote-containers-ipc.sock"
    install(home, "dev-containers-1", f"#!/bin/sh\necho {said}\nexit 1\n".encode())
    config(home, json.dumps({"credsStore": "dev-containers-1"}))


def without_profile(home: Path, named: dict[str, object]) -> None:
    """Install AWS's helper, with one profile that is not chosen."""
    said = "[ $1 = list ] && echo '{}' || { echo credentials not found in native keychain; exit 1; }"
    install(home, "ecr-login", f"#!/bin/sh\n{said}\n".encode())
    (home / ".aws").mkdir()
    (home / ".aws/config").write_text("[profile work]\nregion = eu-west-1\n")
    config(home, json.dumps(named))


def folder(home: Path) -> None:
    """Leave a folder where docker's config file belongs."""
    path = home / ".docker/config.json"
    path.mkdir(parents=True, mode=0o755)
    path.parent.chmod(0o700)


def broken_grants(home: Path) -> None:
    """Damage the file of the grants."""
    path = home / ".local/state/shorepass/grants.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")


DAMAGED = """{"auths":{"reg.io":LOGIN,
 "x.io":{"auth":"bad"}
 "y.io":LOGIN,}}""".replace("LOGIN", json.dumps(LOGIN))
TWO_KEYS = {"http://localhost:5050": auth("alice:old"), "https://localhost:5050": LOGIN}
HOMES: dict[str, Callable[[Path], None]] = {
    "SP102": lambda home: config(home, json.dumps({"auths": {"reg.io": LOGIN}}), 0o644),
    "SP103": lambda home: config(home, DAMAGED),
    "SP104": folder,
    "SP201": lambda home: config(home, json.dumps({"credsStore": "desktop"})),
    "SP202": lambda home: helper(home, b"#!/bin/sh\n", 0o644),
    "SP203": lambda home: helper(home, AARCH64),
    "SP204": lambda home: helper(home, b"#!/usr/bin/python9\n"),
    "SP206": lambda home: helper(home, b"#!/bin/sh\necho Welcome\n"),
    "SP207": lambda home: config(home, json.dumps({"credsStore": "desktop.exe"})),
    "SP212": lambda home: helper(home, b"#!/bin/sh\necho no network\nexit 3\n"),
    "SP213": dead_helper,
    "SP216": lambda home: without_profile(home, {"credHelpers": {"reg.io": "ecr-login"}}),
    "SP217": lambda home: without_profile(home, {"credsStore": "ecr-login"}),
    "SP530": lambda home: config(home, json.dumps({"auths": {"localhost:5050": auth("robot:key")}})),
    "SP302": lambda home: config(home, json.dumps({"auths": {"docker.io": LOGIN}})),
    "SP303": lambda home: hidden_login(home, "other", {"credHelpers": {"localhost:5050": "other"}}),
    "SP304": lambda home: hidden_login(home, "pass", {"credsStore": "pass"}),
    "SP307": lambda home: hidden_helper(home, {"credHelpers": {"https://ghcr.io": "team"}}),
    "SP308": lambda home: hidden_helper(home, {"credHelper": {"ghcr.io": "team"}}),
    "SP309": lambda home: config(home, json.dumps({"auths": {"asia-docker.pkg.dev": LOGIN}})),
    "SP606": own_login_of_helm,
    "SP607": pull_secret,
    "SP306": lambda home: config(home, json.dumps({"auths": TWO_KEYS})),
    "SP801": broken_grants,
}


def printed_on(page: str) -> tuple[list[str], str]:
    """Return the arguments of the first ``shorepass doctor`` on a page, and what is below it."""
    found = re.search(r"^\$ shorepass (doctor.*)\n((?:[^$`].*\n|\n)*)", page, re.MULTILINE)
    assert found
    return found[1].split(), found[2]


def comparable(text: str) -> list[str]:
    """Return the lines of a report, where a fingerprint and a user are like any other."""
    text = re.sub(r"fingerprint [0-9a-f]{8}\b", "fingerprint", text)
    text = re.sub(r"\b\w+\(\d+\)", "USER", text)
    return re.sub(r"PATH: .*", "PATH", text).strip().splitlines()


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize("code", HOMES)
def test_the_page_shows_what_doctor_prints(code: str, home: Path, run_shorepass: RunShorepass) -> None:
    """A person who reads the page sees their own terminal, but for the path of the home."""
    HOMES[code](home)
    arguments, expected = printed_on((PAGES / f"{code}.md").read_text())
    done = run_shorepass(*arguments, env={"PATH": f"{home}/bin"})
    assert comparable(done.stdout.replace(str(home), "/home/you")) == comparable(expected)


@pytest.mark.parametrize("page", sorted(PAGES.glob("SP*.md")), ids=lambda page: page.stem)
def test_each_page_answers_the_same_questions(page: Path) -> None:
    """A reader finds the meaning, the cause, the sign and the fix in the same order on every page."""
    questions = re.findall(r"^\*\*(.+?)\.\*\*", page.read_text(), re.MULTILINE)
    assert questions == ["What it means", "How it happens", "How to see it", "How to fix it"]
