"""The only module that starts programs: bounded time, bounded output, secrets by standard input only.

A program runs in a session of its own, so that it and all it started can be ended together.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

__all__ = ["Completed", "ProcessError", "ProcessNotStarted", "ProcessOutputTooLarge", "ProcessTimeout", "run"]

READ_SIZE = 65536  # bytes: a pipe's own size on Linux
DRAIN_SECONDS = 0.2  # after a program's end, for output that a child of it may still hold open


class Completed(NamedTuple):
    """What a program did: exit status (negative: ended by that signal), standard output, standard error."""

    status: int
    stdout: bytes
    stderr: bytes


class ProcessError(Exception):
    """A program did not come to its own end. The text holds nothing that it was given or printed."""


class ProcessNotStarted(ProcessError):
    """The system would not run it."""


class ProcessTimeout(ProcessError):
    """It was ended, with all it had started, because its time was over."""


class ProcessOutputTooLarge(ProcessError):
    """It was ended because it printed more than it may."""


def run(argv: Sequence[str], stdin: bytes, *, env: Mapping[str, str], timeout: float, limit: int) -> Completed:
    """Run ``argv[0]`` (an absolute path) without a shell in ``/``, and return what it did.

    ``timeout`` in seconds, ``limit`` in bytes for each of standard output and standard error. Raises ProcessError.
    """
    import os
    import subprocess  # 4 ms, and only a login that rests with a helper pays for it

    if not os.path.isabs(argv[0]):
        raise ProcessNotStarted("not an absolute path")
    try:
        process = subprocess.Popen(  # noqa: S603  # an absolute path, found on PATH; no shell
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd=os.path.abspath(os.sep),
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessNotStarted(_why_not_started(error, argv[0])) from None
    try:
        if sys.platform == "win32":
            return _communicate(process, stdin, timeout, limit)
        return _converse(process, stdin, timeout, limit)
    finally:
        _end(process)


def _why_not_started(error: OSError, program: str) -> str:
    import errno
    import os

    if error.errno == errno.ENOENT and os.path.exists(program):
        return "its interpreter or loader is missing (a script's first line, or another C library)"
    if error.errno == errno.ENOEXEC:
        return "exec format error: made for another architecture, or a script without a first line"
    return (error.strerror or str(error)).lower()


def _converse(process: subprocess.Popen[bytes], stdin: bytes, timeout: float, limit: int) -> Completed:
    """Write standard input and read both outputs at once, so that neither side can block the other."""
    import os
    import selectors
    import time

    assert process.stdin and process.stdout and process.stderr  # noqa: S101  # all three are pipes
    deadline = time.monotonic() + timeout
    outputs: dict[object, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    left = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for stream in outputs:
            selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]  # both are file objects
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        ended_at: float | None = None
        while selector.get_map():
            now = time.monotonic()
            if ended_at is None and process.poll() is not None:
                ended_at = now
            if ended_at is not None and now > ended_at + DRAIN_SECONDS:
                break  # a child of the program keeps the pipe open; the answer is complete
            if now > deadline:
                raise ProcessTimeout(f"no answer within {timeout:g} s")
            wait = min(deadline - now, 0.05 if ended_at is None else 0.01)
            for key, _ in selector.select(wait):
                if key.fileobj is process.stdin:
                    try:
                        left = left[os.write(key.fd, left[:READ_SIZE]) :] if left else left
                    except BrokenPipeError:
                        left = left[:0]  # it does not want the rest
                    except BlockingIOError:
                        continue
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(key.fd, READ_SIZE)
                output = outputs[key.fileobj]
                output += chunk
                if len(output) > limit:
                    raise ProcessOutputTooLarge(f"more than {limit} bytes of output")
                if not chunk:
                    selector.unregister(key.fileobj)
    try:
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except Exception:  # noqa: BLE001  # subprocess.TimeoutExpired, whose text would name the arguments
        raise ProcessTimeout(f"no end within {timeout:g} s") from None
    return Completed(status, bytes(outputs[process.stdout]), bytes(outputs[process.stderr]))


def _communicate(process: subprocess.Popen[bytes], stdin: bytes, timeout: float, limit: int) -> Completed:
    """Windows: pipes cannot be waited for; the library's threads do it, and the bound is looked at afterwards."""
    import subprocess

    try:
        stdout, stderr = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        raise ProcessTimeout(f"no answer within {timeout:g} s") from None
    if max(len(stdout), len(stderr)) > limit:
        raise ProcessOutputTooLarge(f"more than {limit} bytes of output")
    return Completed(process.returncode, stdout, stderr)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and its whole session, and collect it."""
    import os
    import signal

    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # all gone already
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            try:
                stream.close()
            except OSError:
                continue
    process.wait()
