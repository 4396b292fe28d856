"""A flood is slowed down, and what follows a pause is not."""

from __future__ import annotations

import pytest

from shorepass.agent.pace import Pace


def test_a_burst_is_not_slowed() -> None:
    """So many calls at once do not wait; the next ones wait for their turn."""
    pace = Pace(burst=10, rate=2)
    assert [pace.delay(100.0) for _ in range(10)] == [0.0] * 10
    assert [pace.delay(100.0) for _ in range(3)] == [0.5, 1.0, 1.5]


def test_a_pause_gives_time_back() -> None:
    """After a pause there is a burst again, and never a larger one."""
    pace = Pace(burst=4, rate=2)
    for _ in range(6):
        pace.delay(0.0)
    assert pace.delay(1.5) == 0.0
    assert [pace.delay(1000.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, 0.5]


def test_a_flood_is_left_out_and_does_not_count() -> None:
    """Of calls that must not wait, so many pass at once, and then the rate, however many were left out."""
    pace = Pace(burst=3, rate=1)
    assert sum(pace.allows(5.0) for _ in range(1000)) == 3
    assert sum(pace.allows(7.0) for _ in range(1000)) == 2


@pytest.mark.parametrize("callers", [1, 4])
def test_the_rate_of_a_flood(callers: int) -> None:
    """Callers that wait as they are told get the rate, and not more."""
    pace, clock, answered = Pace(burst=10, rate=20), [0.0] * callers, 0
    while min(clock) < 10.0:
        at = clock.index(min(clock))
        clock[at] += pace.delay(clock[at])
        answered += 1
    assert answered == pytest.approx(10 + 20 * 10, abs=callers + 1)
