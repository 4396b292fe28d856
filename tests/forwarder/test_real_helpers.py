"""The answers of real helpers are the same with the forwarder in front of them, with an agent and without."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from e2e.helper_programs import Helper, pass_helper
from e2e.programs import require, run
from forwarder.conftest import Forwarder, checked
from forwarder.fake_agent import Connection, answer, fake_agent

Answers = list[tuple[int, bytes]]
VECTORS = Path(__file__).parents[1] / "vectors/helper-protocol.json"
WORDS = [(call["verb"], call["input"].encode()) for call in json.loads(VECTORS.read_text())]


@pytest.fixture
def real(tmp_path: Path) -> Helper:
    """docker-credential-pass, with an empty password store."""
    return pass_helper(tmp_path / "pass")


def clear(helper: Helper) -> None:
    """Erase all that a helper has stored."""
    for key in ("a.example", "https://registry.example/v1/"):
        checked([helper.program, "erase"], stdin=key.encode(), env=helper.env)


def test_a_real_helper_behind_the_forwarder(installed: Forwarder, socket_path: Path, real: Helper) -> None:
    """Call after call: run directly, as the original without an agent, and by an agent."""

    def behave(connection: Connection) -> None:
        call = connection.call()
        assert call.name == b"harbour"
        done = subprocess.run(
            [real.program, call.verb],
            input=call.input,
            env=call.variables,
            cwd=call.directory,
            capture_output=True,
            check=False,
        )
        connection.send(answer(done.returncode, done.stdout, done.stderr))

    installed.put_before(real.program)
    answers: list[Answers] = []
    for command, path in (
        ([real.program], socket_path.with_name("other")),
        (installed.command(), socket_path.with_name("other")),
        (installed.command(), socket_path),
    ):
        with fake_agent(path, behave) as calls:
            results = []
            for verb, data in WORDS:
                done = checked([*command, verb], stdin=data, env=real.env)
                results.append((done.returncode, done.stdout))
        assert len(calls) == (len(WORDS) if path == socket_path else 0)
        answers.append(results)
        clear(real)
    assert answers[1] == answers[0]
    assert answers[2] == answers[0]
    assert any(output.startswith(b'{"ServerURL":"https://registry.example/v1/"') for _, output in answers[0])


@pytest.mark.parametrize("program", ["docker-credential-pass", "docker-credential-secretservice"])
def test_words_that_real_helpers_answer(native: Forwarder, program: str) -> None:
    """Usage, version and wrong words come from the original."""
    named = native.path.with_name(program)
    named.symlink_to(native.program)
    (native.folder / "originals" / program).symlink_to(require(program))
    for words in ((), ("--help",), ("--version",), ("version",), ("nonsense",), ("get", "more")):
        wanted = run([require(program), *words], env={"HOME": os.environ["HOME"]})
        done = checked([str(named), *words])
        output = done.stdout.decode().replace(str(named), require(program))  # usage has the path of the call
        assert (done.returncode, output) == (wanted.returncode, wanted.stdout)
