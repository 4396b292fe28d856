"""The agent in front of another helper: the same answers, asked for as seldom as is safe."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path

import pytest

from agents import join_variables
from e2e import programs
from shorepass.agent.call import Call
from shorepass.agent.other_helper import OtherHelper
from shorepass.settings import AgentSettings

# It writes a line for each call, and answers what the file "answer" has, or fails with it.
HELPER = """#!/bin/sh
cat >>"$FOLDER/asked"
echo " $1" >>"$FOLDER/asked"
if [ -e "$FOLDER/wait" ]; then while [ ! -e "$FOLDER/go" ]; do /bin/sleep 0.01; done; fi
/bin/cat "$FOLDER/answer"
echo noise >&2
exit "$(/bin/cat "$FOLDER/status")"
"""


class Setting:
    """A helper whose answers a test decides."""

    def __init__(self, folder: Path, **times: float) -> None:
        self.folder = folder
        program = folder / "docker-credential-made-up"
        program.write_text(HELPER)
        program.chmod(0o755)
        self.says(login("one"))
        self.helper = OtherHelper("made-up", str(program), AgentSettings(**times))  # type: ignore[arg-type]

    def says(self, text: str, status: int = 0) -> None:
        (self.folder / "status").write_text(f"{status}\n")
        (self.folder / "answer").write_text(text)

    def call(self, verb: str, stdin: bytes = b"r.example", **env: str) -> Call:
        variables = join_variables([("FOLDER", str(self.folder)), *env.items()])
        return Call((b"made-up", verb.encode(), stdin, str(self.folder).encode(), variables))

    def ask(self, verb: str = "get", stdin: bytes = b"r.example", **env: str) -> tuple[int, bytes, bytes]:
        answer = self.helper.answer(self.call(verb, stdin, **env))
        return answer.status, answer.output, answer.errors

    @property
    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []


def login(secret: str) -> str:
    return json.dumps({"ServerURL": "r.example", "Username": "alice", "Secret": secret}) + "\n"


def token(seconds: float) -> str:
    """Return a JWT that ends in so many seconds."""
    body = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds}).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def test_the_program_is_asked_once(tmp_path: Path) -> None:
    """The same question has the same answer, byte by byte, without the program."""
    made_up = Setting(tmp_path)
    first = made_up.ask()
    assert first == (0, login("one").encode(), b"noise\n")
    made_up.says(login("two"))
    assert made_up.ask() == first
    assert made_up.asked == ["r.example get"]


@pytest.mark.parametrize("other", [{"AWS_PROFILE": "work"}, {"HOME": "/elsewhere"}])
def test_other_variables_are_another_question(tmp_path: Path, other: dict[str, str]) -> None:
    """What may change the answer is part of the question; the width of a terminal is not."""
    made_up = Setting(tmp_path)
    made_up.ask()
    made_up.ask(COLUMNS="80", _="/bin/docker", PWD="/src")
    assert len(made_up.asked) == 1
    made_up.ask(**other)
    assert len(made_up.asked) == 2


@pytest.mark.parametrize("verb", ["store", "erase"])
def test_a_login_or_logout_drops_what_is_remembered(tmp_path: Path, verb: str) -> None:
    """`store` and `erase` reach the program each time, and the next question does too."""
    made_up = Setting(tmp_path)
    made_up.ask()
    made_up.ask(verb)
    made_up.ask(verb)
    made_up.says(login("two"))
    assert b"two" in made_up.ask()[1]
    assert made_up.asked == ["r.example get", f"r.example {verb}", f"r.example {verb}", "r.example get"]


def test_a_failure_is_remembered_for_a_short_time(tmp_path: Path) -> None:
    """Ten questions of one build wait for a fault once; soon after, the program is asked again."""
    made_up = Setting(tmp_path, failures=0.3)
    made_up.says("no credentials\n", status=7)
    answers = [made_up.ask() for _ in range(10)]
    assert {answer[:2] for answer in answers} == {(7, b"no credentials\n")}
    assert len(made_up.asked) == 1
    made_up.says(login("two"))
    programs.wait_until(lambda: made_up.ask()[0] == 0 or None, "the fault to be forgotten")


def test_an_expired_login_is_never_given(tmp_path: Path) -> None:
    """A token that ends soon is not remembered, and one that has ended is asked for again."""
    made_up = Setting(tmp_path)
    made_up.says(login(token(20)))
    made_up.ask()
    made_up.ask()
    assert len(made_up.asked) == 2
    made_up.says(login(token(31)))
    made_up.ask()
    made_up.says(login(token(3600)))
    programs.wait_until(lambda: (made_up.ask() and len(made_up.asked) > 3) or None, "the old one to end")
    count = len(made_up.asked)
    made_up.ask()
    assert len(made_up.asked) == count


def test_it_is_fetched_again_before_its_end(tmp_path: Path) -> None:
    """In the last fifth of its time callers still get the old answer, while a new one is fetched."""
    made_up = Setting(tmp_path, keep=1.0)
    made_up.ask()
    made_up.says(login("two"))

    def renewed() -> bool | None:
        return True if b"two" in made_up.ask()[1] else None

    programs.wait_until(renewed, "the answer to be renewed")
    assert len(made_up.asked) == 2


def test_many_callers_are_served_by_one_call(tmp_path: Path) -> None:
    """While the program works, all who ask the same wait for this one call."""
    made_up = Setting(tmp_path)
    (tmp_path / "wait").touch()
    answers: list[tuple[int, bytes, bytes]] = []
    threads = [threading.Thread(target=lambda: answers.append(made_up.ask())) for _ in range(20)]
    for thread in threads:
        thread.start()
    programs.wait_until(lambda: made_up.asked or None, "the program to be asked")
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join()
    assert set(answers) == {(0, login("one").encode(), b"noise\n")}
    assert made_up.asked == ["r.example get"]


def test_what_is_not_an_answer_is_passed_on_and_not_remembered(tmp_path: Path) -> None:
    """Output that Shorepass does not understand goes to the client as it is."""
    made_up = Setting(tmp_path)
    made_up.says("not JSON")
    assert made_up.ask()[:2] == (0, b"not JSON")
    made_up.says(login("two"))
    assert b"two" in made_up.ask()[1]


def test_a_program_that_is_gone(tmp_path: Path) -> None:
    """A program that no longer exists is an error that names it."""
    made_up = Setting(tmp_path)
    (tmp_path / "docker-credential-made-up").unlink()
    status, output, _ = made_up.ask()
    assert (status, output) == (1, b"docker-credential-made-up: no such file or directory\n")
