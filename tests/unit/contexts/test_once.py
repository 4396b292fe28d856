"""A property that is computed once for each object, and side by side for several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from shorepass.contexts.once import once

SECONDS = 10.0  # until a thread that waits for another in vain gives up


class Container:
    """Has a slow engine: its answer comes after another's."""

    def __init__(self, after: Event) -> None:
        self.after = after
        self.answered = Event()
        self.asked = 0

    @once
    def account(self) -> bool:
        """Whether the other one has answered."""
        self.asked += 1
        found = self.after.wait(SECONDS)
        self.answered.set()
        return found


def test_a_slow_one_does_not_make_another_wait() -> None:
    ready = Event()
    ready.set()
    fast = Container(ready)
    slow = Container(fast.answered)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: slow.account)
        assert pool.submit(lambda: fast.account).result()
        assert first.result(), "the fast one waited for the slow one"


def test_it_is_computed_once_for_each_object() -> None:
    ready = Event()
    ready.set()
    one, two = Container(ready), Container(ready)
    assert [one.account, one.account, two.account] == [True, True, True]
    assert (one.asked, two.asked) == (1, 1)


def test_an_error_is_not_kept() -> None:
    class Broken:
        """Fails at first."""

        tries = 0

        @once
        def value(self) -> int:
            """Fail the first time."""
            self.tries += 1
            if self.tries == 1:
                raise OSError("not yet")
            return 7

    broken = Broken()
    with pytest.raises(OSError, match="not yet"):
        _ = broken.value
    assert broken.value == 7


def test_it_has_the_words_of_its_function() -> None:
    assert Container.account.__doc__ == "Whether the other one has answered."
