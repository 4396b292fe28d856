"""What every test lives in: a world of its own, so that no test can see or touch a real login."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

import client_files

TESTS = Path(__file__).parent

# All that a test inherits. Whatever else is set (DOCKER_*, XDG_*, SSH_*, SSL_*, proxies, ...) could lead to a
# real login, a real daemon or another answer. PYTHONPATH: a developer may test the sources uninstalled.
KEPT = ("CI", "LANG", "LC_ALL", "PYTHONPATH", "PYTEST_CURRENT_TEST", "SHOREPASS_FUZZ", "TMPDIR", "TZ")


# A signal that is ignored stays so in every program that a test starts; one that is handled does not. So nohup, a shell
# that starts us in the background and the like keep what they want of this process, and of nothing that is under test.
PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}  # it ignores them always, and restores them in what it starts
for _number in signal.valid_signals() - PYTHONS_OWN:
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda _number, _frame: None)


# Several tests run at once: what takes longest is not begun last, and what waits for programs goes beside what computes.
FIRST = ("cases", "e2e", "property", "contract", "faults")
OWN_EACH = ("tmp_path_factory", "users")  # wider than a test, and yet nothing is started for them


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run the tests of a file that share a fixture, a server mostly; any other test goes to any worker.

    A group is as long as all of its tests, so the groups begin first.
    """
    folders = {item: item.path.relative_to(TESTS).parts[0] for item in items}
    for item in items:
        if item.get_closest_marker("xdist_group") is None and any(shared_fixtures(item)):
            # with its folder, because files in two folders may have one name
            item.add_marker(pytest.mark.xdist_group(f"{folders[item]}/{item.path.stem}"))

    def place(item: pytest.Item) -> tuple[bool, int]:
        return item.get_closest_marker("xdist_group") is None, (*FIRST, folders[item]).index(folders[item])

    items.sort(key=place)


def shared_fixtures(item: pytest.Item) -> Iterator[str]:
    """Yield the names of the fixtures that a test has in common with others."""
    found: Mapping[str, Sequence[pytest.FixtureDef[object]]] = item._fixtureinfo.name2fixturedefs
    for name, fixtures in found.items():
        if fixtures[-1].scope != "function" and not name.startswith("_") and name not in OWN_EACH:
            yield name


class Done(NamedTuple):
    """What a run of the command line did."""

    status: int
    stdout: str
    stderr: str


class RunShorepass(Protocol):
    """The type of the ``run_shorepass`` fixture."""

    def __call__(self, *args: str, env: Mapping[str, str] | None = None, stdin: str | bytes = "") -> Done: ...


@pytest.fixture(autouse=True)
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a home, an empty runtime folder and an empty PATH, and an environment of just these.

    In the home are the settings of somebody who wants plain text: most tests are about the clients' own files.
    """
    folder = tmp_path_factory.mktemp("world")
    for name in os.environ:
        if name not in KEPT:
            monkeypatch.delenv(name)
    if "PYTHONPATH" in os.environ:  # programs that tests start run in other folders
        monkeypatch.setenv("PYTHONPATH", os.path.abspath(os.environ["PYTHONPATH"]))
    for variable, name in (("HOME", "home"), ("XDG_RUNTIME_DIR", "run"), ("PATH", "bin")):
        (folder / name).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(folder / name))
    settings = folder / "home/.config/shorepass/config.toml"
    settings.parent.mkdir(parents=True, mode=0o700)
    settings.write_text('store = "file"\n')
    return folder


@pytest.fixture
def nothing_set(world: Path) -> None:
    """Nobody has set where logins are to be kept."""
    shutil.rmtree(world / "home/.config")


@pytest.fixture
def home(world: Path) -> Path:
    """The test's own, empty home."""
    return world / "home"


@pytest.fixture
def run_shorepass(world: Path) -> RunShorepass:
    """Runs the installed command line as a process of its own; ``env`` is added to the test's environment."""

    def run(*args: str, env: Mapping[str, str] | None = None, stdin: str | bytes = "") -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "shorepass", *args],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env={**os.environ, **(env or {})},
            cwd=world,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def our_helper(world: Path) -> str:
    """The path of ``docker-credential-shorepass``, which is on the test's PATH."""
    return str(client_files.our_helper(world / "bin"))
