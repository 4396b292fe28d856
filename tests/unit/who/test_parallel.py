"""Many things at the same time: none holds up the others, and none is lost."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from shorepass.who.parallel import run_parallel


def test_the_results_keep_their_order() -> None:
    """Whoever ends first, the first result is the first job's."""

    def job(number: int) -> int:
        time.sleep((5 - number) / 100)
        return number

    assert run_parallel([partial(job, number) for number in range(5)], workers=3) == [0, 1, 2, 3, 4]
    assert run_parallel([], workers=3) == []


def test_one_that_hangs_holds_nobody_up() -> None:
    """Every worker hangs, and the jobs behind them run all the same."""
    end = threading.Event()
    jobs = [partial(end.wait, 300)] * 2 + [partial(str, number) for number in range(4)]  # type: ignore[list-item]
    try:
        assert run_parallel(jobs, workers=2, each=1) == [None, None, "0", "1", "2", "3"]
    finally:
        end.set()


def test_there_is_an_end_to_all_of_it() -> None:
    """What was not done by then is None, also what has not begun."""
    end = threading.Event()
    start = time.monotonic()
    try:
        assert run_parallel([partial(end.wait, 300)] * 3, workers=1, all_of_them=0.2) == [None, None, None]
        assert time.monotonic() - start < 60
    finally:
        end.set()


class Crowd:
    """Counts the jobs that run at the same time. ``most``: the highest number so far."""

    def __init__(self) -> None:
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1


def test_no_more_than_the_workers_at_a_time() -> None:
    """Registries are asked politely."""
    crowd = Crowd()

    def job() -> None:
        with crowd:
            time.sleep(0.01)

    run_parallel([job] * 12, workers=3)
    assert crowd.most <= 3


def test_an_error_is_raised() -> None:
    """A job that fails in a way that nobody foresaw is not taken for one that is late."""
    with pytest.raises(ZeroDivisionError):
        run_parallel([lambda: 1 / 0], workers=1)


def test_more_are_started_only_when_none_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that compute hinder each other, so they wait for their turn. Jobs that wait do not."""
    crowd, all_run = Crowd(), threading.Barrier(3)

    def job() -> None:
        with crowd:
            pass

    def waiting() -> int:
        return all_run.wait(30)  # ends when three run at the same time

    with monkeypatch.context() as patient:
        patient.setattr("shorepass.who.parallel.GLANCE", 30.0)  # a busy machine may need more than the usual moment
        run_parallel([job] * 20, workers=3, at_first=1)
    assert crowd.most == 1
    assert sorted(run_parallel([waiting] * 3, workers=3, at_first=1), key=str) == [0, 1, 2]
