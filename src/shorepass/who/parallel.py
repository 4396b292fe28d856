"""Run many jobs at the same time, and wait for none of them longer than its limit."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Result = TypeVar("Result")

__all__ = ["run_parallel"]

GLANCE = 0.1  # seconds between two checks for late jobs
FOREVER = float("inf")


def run_parallel(
    jobs: Sequence[Callable[[], Result]],
    *,
    workers: int,
    at_first: int = 0,
    each: float = FOREVER,
    all_of_them: float = FOREVER,
) -> list[Result | None]:
    """Return the result of each job in order, None for a job that took too long.

    ``workers`` jobs run at a time. ``at_first``: only so many, until none ends for a moment; 0: all. Jobs that do not wait
    hinder each other, because Python computes one thing at a time. ``each``: seconds from a job's own start;
    ``all_of_them``: from now. A late job continues on its own, and no one waits for it. An exception in a job is raised.
    """
    ended: SimpleQueue[tuple[int, Result | None, BaseException | None]] = SimpleQueue()

    def run(number: int) -> None:
        try:
            ended.put((number, jobs[number](), None))
        except BaseException as error:  # noqa: BLE001 -- raised again below
            ended.put((number, None, error))

    results: list[Result | None] = [None] * len(jobs)
    waiting, running = list(range(len(jobs)))[::-1], dict[int, float]()
    end = monotonic() + all_of_them
    at_once = at_first or workers
    while (waiting or running) and monotonic() < end:
        while waiting and len(running) < at_once:
            number = waiting.pop()
            running[number] = monotonic()
            Thread(target=run, args=(number,), daemon=True).start()
        try:
            number, result, error = ended.get(timeout=GLANCE)
        except Empty:
            at_once = min(at_once + 1, workers)
        else:
            if error is not None:
                raise error
            if running.pop(number, None) is not None:
                results[number] = result
        late = monotonic() - each
        running = {number: start for number, start in running.items() if start >= late}
    return results
