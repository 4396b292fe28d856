"""A screen without a monitor (Xvfb), the real pinentry on it, and hands that type (xdotool)."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

from e2e import programs

WINDOW = "^(Pinentry|pinentry|Shorepass)$"


@contextlib.contextmanager
def screen(folder: Path, bin_folder: Path) -> Iterator[str]:
    """Run a screen, and put ``pinentry`` on PATH; yield the value of DISPLAY."""
    (bin_folder / "pinentry").symlink_to(programs.require("pinentry-gtk-2"))
    log = folder / "screen"
    # -noreset: without it, the end of the last client resets the server and its keyboard, and refuses the next one meanwhile
    server = [programs.require("Xvfb"), "-noreset", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"]

    def number() -> str | None:
        numbers = [line for line in log.read_text(errors="replace").splitlines() if line.isdigit()]
        return f":{numbers[0]}" if numbers else None

    with programs.running(server, log, number) as display:
        # With a key for each character that a test types: for others, xdotool changes the keyboard, and a program that is
        # busy then reads the former one.
        programs.run([programs.require("setxkbmap"), "-display", display, "de"]).check_returncode()
        yield display


@contextlib.contextmanager
def hands(display: str, *strokes: Sequence[str]) -> Iterator[Future[None]]:
    """Do strokes of the keyboard, each the words of an ``xdotool`` command, when a window of pinentry is there.

    If the program ends without a window, nothing is typed.
    """
    ended = Event()

    def tool(*words: str) -> bool:
        argv = [programs.require("xdotool"), *words]
        environ = {"DISPLAY": display, "LC_ALL": "C.UTF-8"}
        return subprocess.run(argv, env=environ, capture_output=True, check=False).returncode == 0

    def work() -> None:
        focus = ("search", "--onlyvisible", "--name", WINDOW, "windowfocus", "--sync")
        programs.wait_until(lambda: tool(*focus) or ended.is_set() or None, "a window of pinentry")
        for words in strokes:
            assert tool(*words) or ended.is_set()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            yield done
        finally:
            ended.set()
        done.result()
