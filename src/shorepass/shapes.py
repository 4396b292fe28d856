"""``NamedTuple`` and ``Protocol`` for the modules that every start loads.

To a type checker they are ``typing``'s own. At run time they stand in for them: importing ``typing`` and making some twenty
named tuples with it takes 6 ms, a fifth of a whole ``podman login``; this takes 0.3 (see bench/).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple, Protocol
else:
    from _collections import _tuplegetter  # what collections.namedtuple makes its fields of

    class Protocol:
        """A class that only type checkers look at."""

    class _Meta(type):
        """Makes a class of the fields that its body names."""

        def __new__(mcs, name, bases, namespace):
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            members = {field: _tuplegetter(index, field) for index, field in enumerate(fields)}
            about = {"__slots__": (), "__match_args__": fields, "_fields": fields, "_field_defaults": defaults}
            return super().__new__(mcs, name, bases, {**namespace, **members, **about})

    class NamedTuple(tuple, metaclass=_Meta):
        """A tuple whose items have names, and perhaps defaults, as ``typing.NamedTuple`` declares them."""

        def __new__(cls, *values, **named):
            """Take the items in order, by name, or both."""
            fields = cls._fields
            if named or len(values) != len(fields):
                given = {**cls._field_defaults, **dict(zip(fields, values, strict=False)), **named}
                if len(values) > len(fields) or given.keys() != set(fields) or named.keys() & fields[: len(values)]:
                    raise TypeError(f"{cls.__name__} takes {', '.join(fields) or 'no fields'}")
                values = [given[field] for field in fields]
            return tuple.__new__(cls, values)

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            fields = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({fields})"

        def _replace(self, **changes):
            """Return a copy with some items changed."""
            return type(self)(**{**self._asdict(), **changes})

        def _asdict(self):
            """Return the items by their names."""
            return dict(zip(self._fields, self, strict=True))


__all__ = ["NamedTuple", "Protocol"]
