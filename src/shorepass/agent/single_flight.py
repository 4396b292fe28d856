"""One run for all callers that ask for the same at the same time."""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["SingleFlight"]

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.landed = Event()
        self.result: T | None = None
        self.error: BaseException | None = None


class SingleFlight(Generic[T]):
    """Runs one function per key at a time; who comes later waits and gets the same result, or the same error."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._flights: dict[Hashable, _Flight[T]] = {}

    def do(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` returns, or what the same call that already runs returns. Raises what ``make`` raises."""
        with self._lock:
            flight = self._flights.get(key)
            first = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight()
        if not first:
            flight.landed.wait()
        else:
            try:
                flight.result = make()
            except BaseException as error:  # noqa: BLE001  # all who wait get it
                flight.error = error
            with self._lock:
                del self._flights[key]
            flight.landed.set()
        if flight.error is not None:
            raise flight.error
        return flight.result  # type: ignore[return-value]  # it has landed without an error
