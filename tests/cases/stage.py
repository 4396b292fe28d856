"""A case that is laid out: its home, what the script asked for, and the programs that run there."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from cases.case import Case
from cases.grounds import Ground
from cases.table import SCRIPTS
from e2e import programs

__all__ = ["Stage", "laid_out"]

Run = subprocess.CompletedProcess[str]


class Stage:
    """One case under way.

    ``facts``: what the script printed, by word, but for ``ENV``: that is in ``env``. ``asks``: the words behind
    ``shorepass`` that ask for the finding. ``found``: the finding, as ``doctor --json`` prints it. ``build_again``:
    runs the script again with other variables, and its server: what an administrator does.
    """

    def __init__(self, ground: Ground, home: Path, env: dict[str, str], facts: dict[str, str], case: Case) -> None:
        self.ground = ground
        self.home = home
        self.facts = facts
        self.ref = facts["REF"]
        self.registry = self.ref.partition("/")[0]
        self.client = facts.get("CLIENT", "docker")
        self.env = {**env, **{name: self.text(value) for name, value in case.env.items()}}
        self.asks = shlex.split(self.text(case.asks))
        self.found: dict[str, Any] = {}
        self.build_again: Callable[..., None] = lambda **_: None

    def text(self, template: str) -> str:
        """Return a row's text with this case's names in it."""
        names = {
            "{ref}": self.ref,
            "{registry}": self.registry,
            "{home}": str(self.home),
            "{bundle}": self.ground.bundle,
        }
        names["{name}"] = self.home.name
        names["{podman}"] = self.ground.env.get("CASE_PODMAN", "")
        for word, name in names.items():
            template = template.replace(word, name)
        return template

    def run(self, *argv: str, stdin: str = "", without: str = "") -> Run:
        """Run a program; ``without``: a variable that it does not get."""
        env = {name: value for name, value in self.env.items() if name != without}
        return self.ground.run([*argv], env, self.facts.get("CWD", str(self.home)), stdin)

    def shorepass(self, *words: str, stdin: str = "") -> Run:
        """Run shorepass."""
        return self.ground.shorepass(words, self.env, self.facts.get("CWD", str(self.home)), stdin)

    def shell(self, line: str) -> None:
        """Type a line into the user's shell; the variables that it sets stay."""
        done = self.run("sh", "-c", f"set -e\n{line}\nprintf '\\036'; env -0")
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        listing = done.stdout.rpartition("\x1e")[2]
        pairs = (pair.partition("=") for pair in listing.split("\0") if pair)
        self.env = {name: value for name, _, value in pairs if name not in ("PWD", "OLDPWD", "SHLVL", "_")}

    def findings(self) -> list[dict[str, Any]]:
        """Ask doctor as the row says, and return what it finds."""
        done = self.shorepass(*self.asks, "--json")
        assert done.returncode in (0, 1), done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
        return found


class Server:
    """The server that a script wrote, if any: it runs as long as the case lasts."""

    def __init__(self, facts: Mapping[str, str], port: int, home: Path) -> None:
        self._script = facts.get("SERVE")
        self._port = port
        self._log = home / "serve.log"
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def start(self) -> None:
        """Start it, again if it runs."""
        self._running.close()
        if self._script is not None:
            env = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
            argv = [sys.executable, self._script]
            self._running.enter_context(programs.running(argv, self._log, self._answers, env=env))

    def _answers(self) -> bool | None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return None


@contextlib.contextmanager
def laid_out(case: Case, ground: Ground) -> Iterator[Stage]:
    """Lay a case out in an empty home, with its servers and its engine; it is gone afterwards."""
    with contextlib.ExitStack() as stack:
        home = ground.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sp-case-")))
        port = str(_free_port())
        given = {"R": ground.registry, "P": port, "CA": ground.authority, "OWNER": ground.owner, **case.variant}
        env = {"PATH": f"{ground.shorepass_folder}:{programs.SYSTEM_PATH}", **given}
        facts, variables = _read(_built(case.script, home, env))
        server = stack.enter_context(Server(facts, int(port), home))
        stack.enter_context(ground.prepared(facts, case.engine))
        base = {"HOME": str(home), "PATH": env["PATH"], **ground.env}
        stage = Stage(ground, home, {**base, **variables}, facts, case)

        def build_again(**variant: str) -> None:
            _built(case.script, home, {**env, **variant})
            server.start()

        stage.build_again = build_again
        yield stage


def _built(script: str, home: Path, env: Mapping[str, str]) -> str:
    made = programs.run(["sh", str(SCRIPTS / f"{script}.sh"), str(home)], env=env)
    assert made.returncode == 0, made.stderr
    return made.stdout


def _read(printed: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the facts and the variables that a script prints, one per line."""
    facts: dict[str, str] = {}
    variables: dict[str, str] = {}
    for line in printed.splitlines():
        word, _, rest = line.partition(" ")
        if word == "ENV":
            name, _, value = rest.partition("=")
            variables[name] = value
        else:
            facts[word] = rest
    return facts, variables


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
