"""``docker-credential-shorepass``: the credential helper that docker, podman, skopeo, buildx ... start at every login and pull.

The hot path: no argument parser, no HTTP, no library of the command line (tests/unit/test_architecture.py).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass import exit_statuses
from shorepass.errors import ShorepassError
from shorepass.foreign_text import visible
from shorepass.helper.server import complaint, serve
from shorepass.version import __version__

if TYPE_CHECKING:
    from typing import NoReturn

    from shorepass.chain import Chain
    from shorepass.profile import Profile

__all__ = ["program"]

NAME = "docker-credential-shorepass"


def program() -> NoReturn:
    """Answer one call as a process, and end it at once: the interpreter's clean-up takes a tenth of the time."""
    exit_statuses.report_their_end()
    opened: list[Profile] = []

    def open_store() -> Chain:
        opened.append(_open_profile())
        return opened[0].chain

    try:
        status, answer = serve(NAME, sys.argv[1:], _read, open_store, f"{NAME} (shorepass) {__version__}")
        if text := complaint(sys.argv[1:], status, answer):
            _tell(text)
    except KeyboardInterrupt:  # while it asks for a passphrase
        status, answer = 130, b""
    try:
        left = memoryview(answer)
        while left:
            left = left[os.write(1, left) :]
    except OSError:
        status = 1  # the client no longer reads the answer
    for profile in opened:
        _start_agent(profile)
    os._exit(status)


def _read(limit: int) -> bytes:
    data = b""
    try:
        while len(data) < limit and (chunk := os.read(0, limit - len(data))):
            data += chunk
    except OSError:  # closed: the same as an empty input
        return b""
    return data


def _open_profile() -> Profile:
    from shorepass.contexts.local import LocalContext
    from shorepass.profile import Profile

    return Profile(LocalContext.current(), ask=_ask, tell=_tell)


def _start_agent(profile: Profile) -> None:
    """Start the agent if it is set so, and none runs: it answers the next call."""
    try:
        if not profile.settings.agent.start:
            return
    except ShorepassError:
        return  # which the answer already says
    from shorepass.agent_client.start import start_if_none_answers
    from shorepass.processes import ProcessNotStarted

    try:
        start_if_none_answers(profile.here)
    except ProcessNotStarted as error:
        _tell(f"the agent does not start: {error}")


def _ask(prompt: str) -> str:
    from shorepass.contexts.terminal import ask

    return ask(prompt)


def _tell(text: str) -> None:
    """Tell the user, on standard error, which docker prints."""
    os.write(2, f"{NAME}: {visible(text)}\n".encode())


if __name__ == "__main__":
    program()
