"""What login and logout write and erase, for any sequence of them: in the file and in the helpers, as the real docker."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, event, given, note, settings
from hypothesis import strategies as st

from e2e.programs import docker_programs, require
from property.configs import HUB_KEY
from property.docker_oracle import Docker
from shorepass.clients.docker import KEPT_KEYS
from shorepass.clients.docker import Docker as Rules
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.errors import HelperError
from shorepass.logins.log_in import log_out, store_login
from shorepass.secret import Secret

CONFIG = ".docker/config.json"
HUB_NAMES = ("docker.io", "https://docker.io", "index.docker.io")
SERVERS = ["", *HUB_NAMES, HUB_KEY, "reg.io", "https://reg.io", "http://reg.io/v1/", "reg.io:5000", "localhost:5000"]
KEYS = [HUB_KEY, "docker.io", "index.docker.io", "https://docker.io", "reg.io", "https://reg.io", "reg.io:5000"]
ENTRIES = [{}, {"auth": "dTpw"}, {"auth": "dTpw", "identitytoken": "idt"}, {"registrytoken": "rgt"}]
# Each writes down what it is asked; the last can do nothing. (docker keeps the file's entry where a helper answers an erase
# with "not found". Shorepass erases it: the user wants to be logged out.)
LOGGED = 'read -r line; echo "$1 $line" >>"$0.log"'
HELPERS = {
    "good": f"#!/bin/sh\n{LOGGED}\n",
    "pass": f"#!/bin/sh\n{LOGGED}\n",
    "fail": f"#!/bin/sh\n{LOGGED}\necho boom\nexit 1\n",
}


class Step(NamedTuple):
    """A login, or a logout."""

    logs_in: bool
    server: str
    username: str


steps = st.builds(Step, st.booleans(), st.sampled_from(SERVERS), st.sampled_from(["alice", "bob"]))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a file as docker itself writes it."""
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=4, unique=True))
    document: dict[str, Any] = {"auths": {key: draw(st.sampled_from(ENTRIES)) for key in sorted(keys)}}
    if draw(st.booleans()):
        document["credsStore"] = draw(st.sampled_from(["good", "fail"]))
    if draw(st.booleans()):
        named = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))
        document["credHelpers"] = {key: draw(st.sampled_from(["good", "fail"])) for key in sorted(named)}
    return document


@pytest.fixture(scope="module")
def dockers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Docker]]:
    """Every docker of this machine, each with an engine of its own."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("engines")
        yield [stack.enter_context(Docker(require(program), folder)) for program in docker_programs()]


def lay_out(home: Path, document: dict[str, Any] | None, *, has_pass: bool) -> dict[str, str]:
    """Make a home with docker's file, if there is one, and return the environment that leads to it."""
    (home / ".docker").mkdir(parents=True)
    (home / "bin").mkdir()
    if document is not None:
        (home / CONFIG).write_text(json.dumps(document, indent="\t"))
    programs = {f"docker-credential-{name}": text for name, text in HELPERS.items() if name != "pass" or has_pass}
    if has_pass:
        programs["pass"] = "#!/bin/sh\n"
    for name, text in programs.items():
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    return {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin"}


def written(home: Path, passed_over: set[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return docker's file as it is now, and what each helper was asked since. ``passed_over``: keys that do not count.

    docker 27 and earlier write a file without logins at every logout, and name in it the helper that they find by themselves.
    """
    file = home / CONFIG
    document = json.loads(file.read_text()) if file.exists() else {}
    if not (document.get("auths") or document.get("credHelpers")) and (home / "bin/pass").exists():
        document.setdefault("credsStore", "pass")
    if HUB_KEY in passed_over:
        document.pop("credsStore", None)  # which depends on whether it was the last key
    auths = {key: entry for key, entry in document.get("auths", {}).items() if key not in passed_over}
    calls = {}
    for log in sorted((home / "bin").glob("*.log")):
        lines = [plain(line) for line in log.read_text().splitlines()]
        kept = [line for line in lines if line.partition(" ")[2] not in passed_over]
        asked = [line for line in kept if not line.startswith(("get", "list"))]
        calls[log.name] = list(
            dict.fromkeys(asked)
        )  # docker erases what was typed twice where it is one of its spellings
        log.unlink()
    return {**document, "auths": auths}, {name: lines for name, lines in calls.items() if lines}


def plain(line: str) -> str:
    """Return a call with its JSON in one order."""
    verb, _, text = line.partition(" ")
    return f"{verb} {json.dumps(json.loads(text), sort_keys=True)}" if verb == "store" else line


@settings(
    max_examples=max(settings.default.max_examples // 8, 1), phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
@given(
    document=st.none() | documents(),
    has_pass=st.booleans(),
    sequence=st.lists(steps, min_size=1, max_size=4),
    newest=st.booleans(),
)
def test_the_same_is_written(
    document: dict[str, Any] | None,
    has_pass: bool,
    sequence: list[Step],
    newest: bool,
    dockers: list[Docker],
    tmp_path: Path,
) -> None:
    """After each step the two files and the two logs of every helper are the same; with a newer docker, byte by byte."""
    docker = dockers[-1 if newest else 0]
    shutil.rmtree(tmp_path / "case", ignore_errors=True)
    theirs, ours = tmp_path / "case" / "theirs", tmp_path / "case" / "ours"
    their_env, our_env = (lay_out(home, document, has_pass=has_pass) for home in (theirs, ours))
    passed_over: set[str] = set()
    for step in sequence:
        if not step.logs_in and step.server in HUB_NAMES:
            passed_over |= {*KEPT_KEYS}  # Shorepass logs out of Docker Hub then, and docker does not
        elif not step.logs_in and step.server in ("", HUB_KEY):
            passed_over |= {*KEPT_KEYS[1:]}  # docker asks for the tokens of a login by browser before it erases them
        take(docker, step, their_env)
        take_ours(docker, step, our_env)
        note(f"docker {docker.release}, {step}")
        assert written(ours, passed_over) == written(theirs, passed_over)
        if newest and not passed_over and (theirs / CONFIG).exists():
            assert (ours / CONFIG).read_bytes() == (theirs / CONFIG).read_bytes()
        if HUB_KEY in passed_over:
            break
    event(f"docker {docker.release}, {'a file' if document else 'no file'}")


PASSWORDS = ["pw\n", "pw\r\n", "pw\r", "pw\n\n", " pw ", "\tpw\n", "a\nb", "pw\u00a0"]


@pytest.mark.parametrize("text", PASSWORDS)
def test_the_same_password_is_stored(text: str, dockers: list[Docker], tmp_path: Path) -> None:
    """Of standard input one line end is cut off, and from docker 27.4 to 29.2 all whitespace around the password."""
    for docker in dockers:
        env = lay_out(tmp_path / str(docker.release), {"auths": {"other.io": {"auth": "dTpw"}}}, has_pass=False)
        assert docker.logs_in("reg.io", "u", text, env)
        stored = json.loads((tmp_path / str(docker.release) / CONFIG).read_text())["auths"]["reg.io"]["auth"]
        password = Rules(docker.release).login_password(LocalContext(env), text, from_stdin=True)
        assert base64.b64decode(stored).decode() == f"u:{password}"


def take(docker: Docker, step: Step, env: Mapping[str, str]) -> None:
    """Let the real docker do it."""
    if step.logs_in:
        docker.logs_in(step.server, step.username, "pw", env)
    else:
        docker.log_out(step.server, env)


def take_ours(docker: Docker, step: Step, env: Mapping[str, str]) -> None:
    """Do it by Shorepass's rules for that release."""
    context, rules = LocalContext(env), Rules(docker.release)
    if not step.logs_in:
        log_out(context, rules, step.server)
        return
    try:
        store_login(context, rules.target(context, step.server), Basic(step.username, Secret("pw")))
    except HelperError:
        event("the helper fails")
