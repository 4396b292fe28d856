"""Whatever a context is called and holds: no character of it reaches a terminal or a page as it is, and no hint obeys it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import hostile
from shorepass.cli import VERBS
from shorepass.testing import Registry
from shorepass.testing.registry import Failure


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry that knows nobody, and whose words are hostile."""
    with Registry(users={"alice": "right"}) as server:
        words = hostile.NAME.encode()
        body = b'{"errors": [{"code": "DENIED%b", "message": "%b"}]}' % (
            words[:8],
            words.replace(b'"', b"").replace(b"\n", b""),
        )
        challenge = 'Basic realm="\x9b31m\u00ad"'
        server.fail("/v2/", Failure(401, body=body, headers=(("WWW-Authenticate", challenge),)), times=10**6)
        yield server.host


@pytest.fixture
def place(world: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user who runs the tests, in whose environment every name is hostile."""
    home = world / f"home{hostile.NAME.replace('/', '')}"
    (world / "home").rename(home)
    (home / ".config/shorepass/config.toml").write_text(
        f'store = "file"\n[[account]]\nname = "work"\ndirectory = {hostile.toml(f"/d{hostile.NAME}")}\n'
    )
    hostile.fill(home, registry, malformed=False)
    hostile.helper(world / "bin")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{world / 'bin'}:{world}/b{hostile.NAME.replace('/', '')}")
    monkeypatch.setenv("USER", f"al{hostile.NAME}")
    monkeypatch.setenv("SSL_CERT_FILE", "")
    yield home
    # An agent that a verb has started ends with the test, also one that is locked.
    subprocess.run([sys.executable, "-m", "shorepass", "agent", "stop"], capture_output=True, check=False)


@pytest.mark.parametrize("malformed", [False, True], ids=["readable", "malformed"])
@pytest.mark.parametrize("verb", [*VERBS])
def test_every_verb(
    verb: str,
    malformed: bool,
    place: Path,
    registry: str,
    world: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each form of each verb, in a home with hostile files, names, helpers, keys and a registry with hostile words."""
    monkeypatch.chdir(world)
    offered = set()
    for words in hostile.command_lines(verb, registry, world):
        hostile.fill(place, registry, malformed=malformed)
        printed = hostile.run([verb, *words], capfd, monkeypatch)
        hostile.check_output(printed, [verb, *words])
        offered |= {*hostile.hints(printed, hostile.MEMBERS.get(verb, "hint"))}
    for page in world.glob("map*.html"):
        hostile.check_output(page.read_text(), page)
        offered |= {*hostile.hints(page.read_text(), "hint|doctor")}
    hostile.check_hints(offered, world)
    hostile.settle()
    assert not any("OWNED" in name for name in os.listdir(world) if name.startswith("OWNED"))
