"""Run work that may hang in a thread, and stop waiting for it after a time limit."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from shorepass.errors import StoreError

    Result = TypeVar("Result")

__all__ = ["within"]


def within(seconds: float, work: Callable[[], Result], late: StoreError) -> Result:
    """Return what ``work`` returns, and raise what it raises; raise ``late`` when it takes longer than ``seconds``.

    Late work continues in its thread, so a late write may still succeed.
    """
    outcome: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not outcome:
        raise late
    return outcome[0]
