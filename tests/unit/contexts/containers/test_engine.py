"""What an engine's answers mean."""

from __future__ import annotations

import pytest

from shorepass.contexts.containers.engine import Engine
from shorepass.contexts.engine_family import Family
from shorepass.errors import ContextError
from shorepass.http import Request, Response

# As podman 4.3 answered in a test that removed a container meanwhile.
REMOVED = (
    b'{"cause":"no such container","message":"inspecting container: container cdb8ce7f33b3 does not exist in database: '
    b'no such container","response":500}\n'
)


class Answers:
    """A connection to an engine that has one answer."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body

    def send(self, request: Request, *, limit: int, timeout: float) -> Response:  # noqa: ARG002
        return Response(self.status, (), self.body, request.url)


def engine(status: int, body: bytes) -> Engine:
    return Engine(Family.PODMAN, "podman", "/run/podman.sock", Answers(status, body))  # type: ignore[arg-type]


@pytest.mark.parametrize(("status", "body"), [(404, b'{"message":"no such container"}'), (500, REMOVED)])
def test_a_container_that_is_removed(status: int, body: bytes) -> None:
    """It does not exist, also if podman noticed that in the middle of its look."""
    assert engine(status, body).inspect("web") is None


def test_an_engine_that_fails() -> None:
    """Any other failure is an error, with the engine's words."""
    with pytest.raises(ContextError, match="the storage is locked"):
        engine(500, b'{"message":"the storage is locked"}').inspect("web")
