"""Do many things at the same time, and wait for none of them longer than was said."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Result = TypeVar("Result")

__all__ = ["together"]

GLANCE = 0.1  # seconds between two looks at what takes too long


def together(
    jobs: Sequence[Callable[[], Result]],
    *,
    workers: int,
    each: float = float("inf"),
    all_of_them: float = float("inf"),
    progress: Callable[[int], object] = lambda done: None,  # noqa: ARG005 -- nobody watches
) -> list[Result | None]:
    """Return what each job returned, in their order; None for one that took too long.

    ``each``: seconds from a job's own start; ``all_of_them``: from now. Such a job's thread is left to its own end.
    ``progress`` is told how many are done. A job that raises ends it all with that.
    """
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
    from time import monotonic

    starts: dict[int, float] = {}

    def run(number: int) -> Result:
        starts[number] = monotonic()
        return jobs[number]()

    results: list[Result | None] = [None] * len(jobs)
    pool = ThreadPoolExecutor(max(1, min(workers, len(jobs))))
    numbers = {pool.submit(run, number): number for number in range(len(jobs))}
    pending, end = set(numbers), monotonic() + all_of_them
    while pending and monotonic() < end:
        done, pending = wait(pending, timeout=GLANCE, return_when=FIRST_COMPLETED)
        for future in done:
            results[numbers[future]] = future.result()
        late = monotonic() - each
        pending -= {future for future in pending if starts.get(numbers[future], late) < late}
        progress(len(jobs) - len(pending))
    pool.shutdown(wait=False, cancel_futures=True)
    return results
