"""What login and logout write and erase, for any sequence of them, as the real podman, skopeo and buildah."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, event, given, note, settings
from hypothesis import strategies as st

from property.containers_oracle import Oracle
from shorepass.clients import Client, find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.errors import SourceError, UsageError, WriteError
from shorepass.logins.log_in import log_out, store_login
from shorepass.secret import Secret

RUN, NAMED, DOCKER = "run/containers/auth.json", "named.json", "docker/config.json"
CONF = "home/.config/containers/registries.conf"
SERVERS = [
    "docker.io",
    "index.docker.io",
    "reg.io",
    "https://reg.io",
    "http://reg.io/v1/",
    "reg.io/team",
    "reg.io:5000",
]
KEYS = ["docker.io", "https://index.docker.io/v1/", "reg.io", "https://reg.io", "reg.io/team", "reg.io:5000"]
ENTRIES = [{}, {"auth": "dTpw"}]  # podman refuses a login where an identity token is stored
HELPERS = ["good", "fail"]
AUTH_FILES = "containers-auth.json"
# (A helper that answers an erase with "not found" makes these programs fail, and Shorepass goes on: the login is gone.)
ABSENT = '[ $1 = get ] && { echo "credentials not found in native keychain"; exit 1; }'
LOGGED = f'read -r line; echo "$1 $line" >>"$0.log"; {ABSENT}'
SCRIPTS = {
    "good": f"#!/bin/sh\n{LOGGED}\nexit 0\n",
    "fail": f"#!/bin/sh\n{LOGGED}\necho boom\nexit 1\n",
}
VARIABLES = [{}, {}, {"REGISTRY_AUTH_FILE": f"{{}}/{NAMED}"}, {"DOCKER_CONFIG": "{}/docker"}]


class Step(NamedTuple):
    """A login, or a logout. ``by_flag``: with ``--authfile``."""

    logs_in: bool
    server: str
    by_flag: bool


class Case(NamedTuple):
    """What there is: files by their path, the helpers of registries.conf, and variables."""

    client: str
    files: dict[str, Any]
    helpers: list[str] | None
    env: dict[str, str]

    def lay_out(self, folder: Path) -> dict[str, str]:
        """Make the files below an empty folder and return the environment that leads to them."""
        for name in ("home/.config/containers", "run/containers", "docker", "bin"):
            (folder / name).mkdir(parents=True)
        for name, document in self.files.items():
            (folder / name).write_text(json.dumps(document, indent="\t"))
        if self.helpers is not None:
            (folder / CONF).write_text(f"credential-helpers = {json.dumps(self.helpers)}\n")
        for name, text in SCRIPTS.items():
            (folder / "bin" / f"docker-credential-{name}").write_text(text)
            (folder / "bin" / f"docker-credential-{name}").chmod(0o755)
        variables = {name: value.format(folder) for name, value in self.env.items()}
        path = {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": f"{folder}/home", "XDG_RUNTIME_DIR": f"{folder}/run"}
        return {**path, **variables}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a file as these programs write it."""
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=3, unique=True))
    document: dict[str, Any] = {"auths": {key: draw(st.sampled_from(ENTRIES)) for key in sorted(keys)}}
    if draw(st.booleans()):
        named = draw(
            st.lists(st.sampled_from(["docker.io", "reg.io", "reg.io:5000"]), min_size=1, max_size=2, unique=True)
        )
        document["credHelpers"] = {key: draw(st.sampled_from(HELPERS)) for key in sorted(named)}
    return document


steps = st.builds(Step, st.booleans(), st.sampled_from(SERVERS), st.sampled_from([False, False, False, True]))
cases = st.builds(
    Case,
    st.sampled_from(["podman", "skopeo", "buildah"]),
    st.dictionaries(st.sampled_from([RUN, RUN, NAMED, DOCKER]), documents(), max_size=2),
    st.none() | st.lists(st.sampled_from([*HELPERS, AUTH_FILES, AUTH_FILES]), min_size=1, max_size=3, unique=True),
    st.sampled_from(VARIABLES),
)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """The registry that lets everyone in."""
    with Oracle() as running:
        yield running


@settings(
    max_examples=max(settings.default.max_examples // 8, 1), phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
@given(case=cases, sequence=st.lists(steps, min_size=1, max_size=3))
def test_the_same_is_written(case: Case, sequence: list[Step], oracle: Oracle, tmp_path: Path) -> None:
    """After each step all files and the logs of all helpers are the same, and so is whether it succeeded."""
    shutil.rmtree(tmp_path / "case", ignore_errors=True)
    theirs, ours = tmp_path / "case" / "theirs", tmp_path / "case" / "ours"
    their_env, our_env = case.lay_out(theirs), case.lay_out(ours)
    for step in sequence:
        flags = ["--authfile", str(theirs / "flag.json")] if step.by_flag else []
        words = ["login", "--tls-verify=false", "-u", "alice", "--password-stdin"] if step.logs_in else ["logout"]
        done, stderr = oracle.log(case.client, [*words, *flags, step.server], their_env, "pw")
        note(f"{case.client} {step}: {done} {stderr}")
        assert take(case.client, step, our_env, ours) == done
        assert written(ours) == written(theirs)
        event(f"{case.client} {'in' if step.logs_in else 'out'}: {done}")


PASSWORDS = ["pw\n", "pw\r\n", "pw\r", "pw\n\n", " pw ", "\tpw\n", "a\nb", "a\r\nb\n"]


@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
@pytest.mark.parametrize("text", PASSWORDS)
def test_the_same_password_is_stored(text: str, client: str, oracle: Oracle, tmp_path: Path) -> None:
    """Of standard input they join all lines."""
    env = Case(client, {}, None, {}).lay_out(tmp_path)
    words = ["login", "--tls-verify=false", "-u", "u", "--password-stdin", "reg.io"]
    done, stderr = oracle.log(client, words, env, text)
    assert done, stderr
    stored = json.loads((tmp_path / RUN).read_text())["auths"]["reg.io"]["auth"]
    password = find(client).login_password(LocalContext(env), text, from_stdin=True)
    assert base64.b64decode(stored).decode() == f"u:{password}"


def take(name: str, step: Step, env: dict[str, str], folder: Path) -> bool:
    """Do it by Shorepass's rules; tell whether the program would have succeeded."""
    client: Client = find(name)
    context = LocalContext(env)
    if step.by_flag:
        client, context = client.named_by_flag(), context.with_env(REGISTRY_AUTH_FILE=str(folder / "flag.json"))
    try:
        if step.logs_in:
            store_login(context, client.target(context, step.server), Basic("alice", Secret("pw")))
            return True
        erased = log_out(context, client, step.server)
    except (SourceError, UsageError, WriteError) as error:
        note(f"ours: {error}")
        return False
    note(f"ours: {erased}")
    return any(each.found for each in erased) and not any(each.error for each in erased)


def written(folder: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the logins of all files, and what each helper was asked since. A file without logins is as good as none."""
    documents, calls = {}, {}
    for name in (RUN, NAMED, DOCKER, "flag.json"):
        if (folder / name).exists():
            document = json.loads((folder / name).read_text())
            documents[name] = {member: value for member, value in document.items() if value}
    for log in sorted((folder / "bin").glob("*.log")):
        lines = [plain(line) for line in log.read_text().splitlines() if not line.startswith(("get", "list"))]
        calls[log.name] = lines
        log.unlink()
    return {name: found for name, found in documents.items() if found}, {
        name: each for name, each in calls.items() if each
    }


def plain(line: str) -> str:
    """Return a call with its JSON in one order."""
    verb, _, text = line.partition(" ")
    return f"{verb} {json.dumps(json.loads(text), sort_keys=True)}" if verb == "store" else line
