"""A program that runs for the user, beside threads of our own."""

from __future__ import annotations

import os
import subprocess
import sys

# The thread holds no signal, so the kernel gives it a SIGCHLD that comes while nobody waits for one.
BESIDE_A_THREAD = """
import os, signal, threading
from shorepass import processes

threading.Thread(target=threading.Event().wait, daemon=True).start()
held, end = os.pipe()
os.dup2(held, 0)
wait = processes._next_signal

def after_the_end():
    if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        os.write(end, b"now\\n")
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    while signal.SIGCHLD in signal.sigpending():
        os.sched_yield()
    return wait()

processes._next_signal = after_the_end
with processes.holding_signals():
    print(processes.attend("/bin/sh", ["sh", "-c", "read line; exit 7"], env={}))
"""


def test_an_end_that_another_thread_hears_of_is_seen() -> None:
    """``run`` returns when its command has ended, also if the line that shows a wait was being removed then."""
    argv = [sys.executable, "-c", BESIDE_A_THREAD]
    done = subprocess.run(argv, env=os.environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")
