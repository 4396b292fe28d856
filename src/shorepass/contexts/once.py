"""A property that is computed once for each object.

``functools.cached_property`` of Python 3.11 has one lock for all objects of a class: while one container's engine is slow, all
other containers would wait. Python 3.12 has no such lock: with it as the oldest Python, this file can go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["once"]

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801  # it is used as ``property`` is
    """A property whose value is kept in the object.

    Two threads that ask at the same time may compute it twice.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object, owner: type) -> Self | Value:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
