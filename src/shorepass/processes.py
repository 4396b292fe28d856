"""The only module that starts programs: bounded time, bounded output, secrets by standard input only.

A program runs in its own session or process group, so that it can be ended with all that it started. An ``attended`` program
does not.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from shorepass.waiting import Wait, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO, TypedDict

    class _RunAs(TypedDict, total=False):
        """Keyword arguments of ``subprocess.Popen``."""

        user: int
        group: int
        extra_groups: Sequence[int]


__all__ = [
    "Completed",
    "Identity",
    "ProcessError",
    "ProcessNotStarted",
    "ProcessOutputTooLarge",
    "ProcessTimeout",
    "attend",
    "holding_signals",
    "run",
]

READ_SIZE = 65536  # bytes: a pipe's own size on Linux
POLL_SECONDS = 0.05  # how late a program's end is seen if another process still has its output open
DRAIN_SECONDS = 0.2  # after a program's end, for its last output; another process may keep the pipe open
LOOK_SECONDS = 1.0  # between two looks whether an attended program has ended, if no signal says so
KILL_SECONDS = 1.0  # for a killed program to end; a program of another user cannot be killed


class Completed(NamedTuple):
    """What a program did: exit status (negative: ended by that signal), standard output, standard error."""

    status: int
    stdout: bytes
    stderr: bytes

    def __repr__(self) -> str:  # because the output of a helper holds secrets
        return f"Completed({self.status}, {len(self.stdout)} and {len(self.stderr)} bytes)"


class Identity(NamedTuple):
    """The user that runs a program: the user's number, the group's, and those of all other groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]


class ProcessError(Exception):
    """A program did not end by itself. The text holds neither its input nor its output."""


class ProcessNotStarted(ProcessError):
    """The system did not start it."""


class ProcessTimeout(ProcessError):
    """It was ended, with all that it started, because its time was over."""


class ProcessOutputTooLarge(ProcessError):
    """It was ended, with all that it started, because it printed too much."""


def run(
    argv: Sequence[str],
    stdin: bytes,
    *,
    env: Mapping[str, str],
    timeout: float,
    limit: int,
    identity: Identity | None = None,
    session: bool = True,
    attended: bool = False,
    directory: str | None = os.sep,
) -> Completed:
    """Run ``argv[0]`` (an absolute path) without a shell, and return what it did.

    It runs in the folder ``directory``; None: in the folder of this process, even if that no longer exists.
    ``identity`` is the user that it runs as, for root. Without its own ``session`` it keeps this process's terminal.
    ``attended``: it may also ask the user there, so it joins this process group, to which the terminal sends Ctrl-C.
    ``timeout`` is in seconds, ``limit`` in bytes for each of standard output and standard error. It may leave some of
    ``stdin`` unread. Programs that it left in the background continue to run.

    Raises ProcessError: ProcessNotStarted, ProcessTimeout, ProcessOutputTooLarge.
    """
    if not os.path.isabs(argv[0]):
        raise ProcessNotStarted("not an absolute path")
    has_own_group = not (session or attended or sys.platform == "win32")
    group = 0 if has_own_group else None
    try:
        process = subprocess.Popen(  # noqa: S603  # an absolute path, found on PATH; no shell
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=dict(env),
            cwd=directory,
            start_new_session=session and not attended,
            process_group=group,
            **_run_as(identity),
        )
    except OSError as error:
        raise ProcessNotStarted(_why_not_started(error, argv[0])) from None
    except ValueError:
        raise ProcessNotStarted("its path, its arguments or its environment cannot be passed on") from None
    try:
        converse = _converse_by_threads if sys.platform == "win32" else _converse
        if attended:
            settle()
            return converse(process, stdin, timeout, limit)
        with Wait(os.path.basename(argv[0])):
            return converse(process, stdin, timeout, limit)
    finally:
        if attended:
            _let_go_of_terminal(process)
        _end(process, alone=attended)


def _run_as(identity: Identity | None) -> _RunAs:
    if identity is None:
        return {}
    return {"user": identity.uid, "group": identity.gid, "extra_groups": identity.groups}


class Background:
    """A program that runs until ``end`` is called; it reads and prints nothing."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ask it to end, and kill it if it does not."""
        self._process.terminate()
        try:
            self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start(argv: Sequence[str], *, env: Mapping[str, str]) -> Background:
    """Start ``argv[0]`` (an absolute path) without a shell in ``/``, and do not wait for it. Raises ProcessNotStarted."""
    return Background(_started(argv, env, subprocess.DEVNULL))


def in_background(work: Callable[[Callable[[], None]], int]) -> int:
    """Let a new process do ``work``, and return 0 when it calls what it gets, or else its exit status.

    It has a session of its own. From that call on it has nothing to read, and prints nowhere. In it, this returns what ``work``
    returns. Other threads must not run.
    """
    if sys.platform == "win32":
        raise ProcessNotStarted("Windows has no such processes")
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(theirs)
        os.setsid()

        def go_on() -> None:
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(silent, stream)
            os.chdir(os.sep)
            os.write(ours, b"1")
            os.close(ours)

        return work(go_on)
    os.close(ours)
    try:
        goes_on = os.read(theirs, 1)
    except BaseException:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(theirs)
    return 0 if goes_on else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Streaming:
    """A program that runs while bytes go to and from it by ``input``, ``output`` and ``errors``, which are descriptors."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.input, self.output, self.errors = (stream.fileno() for stream in _pipes(process))

    def end_input(self) -> None:
        """Close its standard input."""
        _pipes(self._process)[0].close()
        self.input = -1

    def end(self) -> None:
        """Close all streams. Give it a second to end by itself, then kill it with all that it started."""
        for stream in _pipes(self._process):
            stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_SECONDS)
        _end(self._process)


def stream(argv: Sequence[str], *, env: Mapping[str, str]) -> Streaming:
    """Start ``argv[0]`` (an absolute path) without a shell in ``/``, with pipes to it. Raises ProcessNotStarted."""
    return Streaming(_started(argv, env, subprocess.PIPE))


def _started(argv: Sequence[str], env: Mapping[str, str], streams: int) -> subprocess.Popen[bytes]:
    """Start a program in ``/`` in a session of its own, with all its ``streams`` alike. Raises ProcessNotStarted."""
    try:
        return subprocess.Popen(  # noqa: S603  # an absolute path, found on PATH; no shell
            list(argv),
            stdin=streams,
            stdout=streams,
            stderr=streams,
            bufsize=0,
            env=dict(env),
            cwd=os.sep,
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessNotStarted(_why_not_started(error, argv[0])) from None


def _why_not_started(error: OSError, program: str) -> str:
    if error.errno == errno.ENOENT and os.path.exists(program):
        return "its interpreter or loader is missing (a script's first line, or another C library)"
    if error.errno == errno.ENOEXEC:
        return "exec format error: made for another architecture, or a script without #! in its first line"
    return (error.strerror or str(error)).lower()


def _converse(process: subprocess.Popen[bytes], stdin: bytes, timeout: float, limit: int) -> Completed:
    """Write standard input and read both outputs as each becomes ready, so that neither side can block the other."""
    to, out, err = _pipes(process)
    deadline = time.monotonic() + timeout
    drained_at = deadline
    outputs = {out: bytearray(), err: bytearray()}
    left = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for stream in outputs:
            selector.register(stream, selectors.EVENT_READ)
        os.set_blocking(to.fileno(), False)
        selector.register(to, selectors.EVENT_WRITE)
        while selector.get_map() and (now := time.monotonic()) < drained_at:
            if drained_at == deadline and process.poll() is not None:
                drained_at = min(deadline, now + DRAIN_SECONDS)
            for key, _ in selector.select(min(POLL_SECONDS, drained_at - now)):
                if key.fileobj is to:
                    stream = to
                    left = left[_feed(key.fd, left) :]
                    over = not left
                else:
                    stream = out if key.fileobj is out else err
                    over = not _take(key.fd, outputs[stream], limit)
                if over:
                    selector.unregister(stream)
                    stream.close()
    return Completed(_status(process, timeout, deadline - time.monotonic()), bytes(outputs[out]), bytes(outputs[err]))


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    streams = (process.stdin, process.stdout, process.stderr)
    assert None not in streams  # noqa: S101  # run() asked for all three
    return streams  # type: ignore[return-value]  # mypy does not see it in that


def _feed(pipe: int, data: memoryview) -> int:
    """Write some of ``data``, and return how many bytes are done: all of them if the pipe has no reader any more."""
    try:
        return os.write(pipe, data[:READ_SIZE]) if data else 0
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)


def _take(pipe: int, output: bytearray, limit: int) -> bool:
    """Add what a pipe holds to ``output``; False at its end. Raises ProcessOutputTooLarge."""
    chunk = os.read(pipe, READ_SIZE)
    output += chunk
    if len(output) > limit:
        raise ProcessOutputTooLarge(f"more than {limit} bytes of output")
    return bool(chunk)


def _status(process: subprocess.Popen[bytes], timeout: float, left: float) -> int:
    """Return the exit status within the seconds that are left. Raises ProcessTimeout."""
    try:
        return process.wait(max(0.0, left))
    except subprocess.TimeoutExpired:  # its text has the arguments
        raise ProcessTimeout(f"no end within {timeout:g} s") from None


def _converse_by_threads(process: subprocess.Popen[bytes], stdin: bytes, timeout: float, limit: int) -> Completed:
    """Do the same as ``_converse`` on Windows, which cannot wait for several pipes: a thread waits at each.

    If another process keeps a pipe open, its thread remains until that process closes it.
    """
    to, out, err = _pipes(process)
    deadline = time.monotonic() + timeout
    outputs = {out: bytearray(), err: bytearray()}
    too_large: list[ProcessOutputTooLarge] = []

    def write() -> None:
        left = memoryview(stdin)
        try:
            while left:
                left = left[_feed(to.fileno(), left) :]
            to.close()
        except OSError:
            pass  # it does not want the rest

    def read(stream: IO[bytes], output: bytearray) -> None:
        try:
            while _take(stream.fileno(), output, limit):
                pass
            stream.close()
        except ProcessOutputTooLarge as error:
            too_large.append(error)
            process.kill()

    threads = [threading.Thread(target=write, daemon=True)]
    threads += [threading.Thread(target=read, args=item, daemon=True) for item in outputs.items()]
    for thread in threads:
        thread.start()
    status = _status(process, timeout, timeout)
    drained_at = min(deadline, time.monotonic() + DRAIN_SECONDS)
    for thread in threads[1:]:
        thread.join(max(0.0, drained_at - time.monotonic()))
    if too_large:
        raise too_large[0]
    return Completed(status, bytes(outputs[out]), bytes(outputs[err]))


def _let_go_of_terminal(process: subprocess.Popen[bytes]) -> None:
    """Give a program time to end by itself, because a program that hides typed text must show typed text again."""
    for interrupted in (False, True):  # it has already received a Ctrl-C, but it does not know of a timeout
        if interrupted:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def _end(process: subprocess.Popen[bytes], *, alone: bool = False) -> None:
    """End the program if it has not ended by itself, with its whole session unless ``alone``."""
    if process.poll() is None:
        try:
            if sys.platform == "win32" or alone:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(KILL_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass  # it may not be killed, or is slow to end; Python collects it later
    if sys.platform != "win32":  # on Windows a thread may still read, and close would wait for it
        for stream in _pipes(process):
            stream.close()


# Instead of Shorepass


@contextmanager
def holding_signals() -> Iterator[None]:
    """Hold signals back until the end of ``with``, so that files are removed first. SIGKILL cannot be held back."""
    if sys.platform == "win32":
        yield
        return

    reaped = signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it is ignored, the end of a child is not reported
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _watched())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGCHLD, reaped)


def attend(program: str, argv: Sequence[str], *, env: Mapping[str, str], keep: Sequence[int] = ()) -> int:
    """Run ``program`` for the user, inside ``holding_signals``; return its exit status (negative: ended by that signal).

    It has this process's standard streams, terminal, process group and working directory, and the open files ``keep``.
    It also gets the signals that are sent to this process. The terminal sends its signals to both. Raises
    ProcessNotStarted.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # the user's own command; no shell
            list(argv), executable=program, env=dict(env), pass_fds=keep, preexec_fn=_release_signals
        )
    except OSError as error:
        raise ProcessNotStarted(_why_not_started(error, program)) from None
    except ValueError:
        raise ProcessNotStarted("its arguments or its environment cannot be passed on") from None
    if sys.platform == "win32":
        return _wait_on_windows(process)

    while process.poll() is None:
        number, from_terminal = _next_signal()
        if number != signal.SIGCHLD and not from_terminal:
            process.send_signal(number)
    return process.returncode


def _watched() -> set[int]:
    """Return the signals that are held back: those that end a program by default, and the end of a child."""
    if sys.platform == "win32":
        return set()
    ends = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
    return {signal.SIGCHLD, *ends}


def _release_signals() -> None:
    """Allow signals again in a child before its program starts: it inherits that they are held back."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _watched())


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal; return it, and whether the terminal has sent it to the child, too.

    A terminal that closes signals only the leader of its session. With ``ssh -t`` this process is the leader.
    SIGCHLD is returned each second, because a thread that was there before ``holding_signals`` may get the real one.
    """
    if wait := getattr(signal, "sigtimedwait", None):
        info = wait(_watched(), LOOK_SECONDS)
        if info is None:
            return signal.SIGCHLD, False
        alone = info.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid()
        return info.si_signo, info.si_code > 0 and not alone  # sigaction(2): from the kernel
    number = int(signal.sigwait(_watched()))  # macOS
    return number, number in (signal.SIGINT, signal.SIGQUIT) and os.isatty(0)


def _wait_on_windows(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end. The console sends Ctrl-C to both, and only the child reacts to it."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
