"""Our light NamedTuple does what typing's does."""

from __future__ import annotations

import pickle
import typing

import pytest

from shorepass import shapes


class Ours(shapes.NamedTuple):
    """A point."""

    x: int
    y: int = 7

    def total(self) -> int:
        return self.x + self.y


class Theirs(typing.NamedTuple):
    """A point."""

    x: int
    y: int = 7

    def total(self) -> int:
        return self.x + self.y


@pytest.mark.parametrize(
    "make", [lambda c: c(1), lambda c: c(1, 2), lambda c: c(x=1), lambda c: c(1, y=3), lambda c: c(y=2, x=1)]
)
def test_alike(make: typing.Callable[[typing.Any], typing.Any]) -> None:
    """Items, names, defaults, methods, equality, hash, copies and matching are those of typing.NamedTuple."""
    ours, theirs = make(Ours), make(Theirs)
    assert ours == theirs
    assert hash(ours) == hash(theirs)
    assert (ours.x, ours.y, ours.total()) == (theirs.x, theirs.y, theirs.total())
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours._replace(x=9) == theirs._replace(x=9)
    assert ours._asdict() == theirs._asdict()
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert type(pickle.loads(pickle.dumps(ours))) is Ours
    match ours:
        case Ours(x, y):
            assert (x, y) == tuple(theirs)
    assert (Ours._fields, Ours._field_defaults) == (Theirs._fields, Theirs._field_defaults)


@pytest.mark.parametrize("arguments", [((), {}), ((1, 2, 3), {}), ((1,), {"x": 2}), ((1,), {"z": 2}), ((), {"y": 2})])
def test_wrong_arguments(arguments: tuple[tuple[int, ...], dict[str, int]]) -> None:
    """Where typing.NamedTuple raises TypeError, so does ours."""
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(*arguments[0], **arguments[1])


def test_immutable() -> None:
    """No item and no other attribute can be set."""
    point = Ours(1)
    for name in ("x", "z"):
        with pytest.raises(AttributeError):
            setattr(point, name, 2)
