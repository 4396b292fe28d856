"""Whatever goes wrong in one context is the trouble of that one: the others are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from client_files import auth
from dict_context import DictContext
from shorepass.errors import ContextError, FileError
from shorepass.registry.client import Access
from shorepass.who.check import check
from shorepass.who.examine import look
from shorepass.who.login import Looked
from shorepass.who.sharing import with_shares

if TYPE_CHECKING:
    from conftest import RunShorepass

METHODS = ("read", "head", "status", "is_folder", "names", "which", "run", "home", "getenv")
CONFIG = json.dumps(
    {
        "auths": {"localhost:1": auth("alice:pw")},
        "credHelpers": {"one.example": "pass", "two.example": "odd"},
        "credsStore": "pass",
    }
)
FAULTS: list[Exception] = [
    ValueError("9" * 5000),
    KeyError("x"),
    OverflowError(),
    RecursionError(),
    MemoryError(),
    ContextError("ssh:bad", "connection closed"),
    FileError("/x", "input/output error"),
]


class FailingContext(DictContext):
    """A context of which one call fails: the one with the number ``at``, counted from 0."""

    def __init__(self, name: str, at: int, fault: Exception) -> None:
        home = "/home/you"
        files = {f"{home}/.docker/config.json": CONFIG}
        programs = {f"/bin/docker-credential-{suffix}": '{"two.example": "alice"}' for suffix in ("pass", "odd")}
        super().__init__(name, files, home=home, programs=programs)
        self.calls = 0
        self._at, self._fault = at, fault

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in METHODS:
            return found

        def counted(*args: Any, **more: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if number == self._at:
                raise self._fault
            return found(*args, **more)

        return counted


def shown(context: FailingContext) -> list[Looked]:
    """Return all that ``who --check`` does about a context and one that is as it should be."""
    good = DictContext("me", {"/home/you/.docker/config.json": json.dumps({"auths": {"mine.example": auth("me:pw")}})})
    looked = look([context.place, good.place], now=0.0)
    looked[:1] = check(looked[:1], Access(timeout=2.0), seconds=2.0, now=0.0)
    return with_shares(looked)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_who_shows_the_others_at_whatever_call_one_fails(fault: Exception) -> None:
    """Each call in turn that ``who --check`` makes in a context fails, in each way: the other context is shown whole."""
    whole = FailingContext("ssh:bad", -1, fault)
    shown(whole)
    assert whole.calls > 10
    for at in range(whole.calls):
        bad, good = shown(FailingContext("ssh:bad", at, fault))
        assert [login.key for login in good.logins] == ["mine.example"], at
        assert bad.trouble or bad.logins or bad.notes, at
        assert "9" * 50 not in str(bad.trouble)


@pytest.fixture
def failing_ssh(world: Path) -> Path:
    """An ``ssh`` whose host answers as often as the file ``left`` says, and then is gone."""
    program = world / "bin/ssh"
    program.write_text(
        f"""#!/bin/sh
left=$(/bin/cat {world}/left)
[ "$left" -gt 0 ] || {{ echo 'Connection closed' >&2; exit 255; }}
echo $((left - 1)) >{world}/left
for word; do :; done
HOME={world}/there DOCKER_CONFIG= PATH=/usr/bin:/bin SSL_CERT_FILE={world}/none exec /bin/sh -c "$word"
"""
    )
    program.chmod(0o755)
    (world / "there/.docker").mkdir(parents=True)
    (world / "there/.docker/config.json").write_text(CONFIG)
    (world / "home/.docker").mkdir(mode=0o700)
    (world / "home/.docker/config.json").write_text(json.dumps({"auths": {"mine.example/": {"auth": "YTpi"}}}))
    (world / "home/.docker/config.json").chmod(0o644)
    return world / "left"


@pytest.mark.parametrize("verb", ["who", "doctor"])
@pytest.mark.parametrize("answers", range(5))
def test_a_host_that_goes_away(failing_ssh: Path, run_shorepass: RunShorepass, verb: str, answers: int) -> None:
    """A host behind ssh that answers some calls and then none: what is known of this machine is printed all the same."""
    failing_ssh.write_text(str(answers))
    done = run_shorepass(verb, "--check", "--timeout", "2", "--json", "--in", "ssh:h", "--in", "me")
    assert "Traceback" not in done.stderr
    document = json.loads(done.stdout)
    rows = document["logins"] if verb == "who" else document["findings"]
    assert any("me" in (row.get("context"), row.get("place")) for row in rows), done.stdout
