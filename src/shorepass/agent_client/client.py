"""What the command line and the Python helper ask the agent."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from shorepass.agent_client.address import own_addresses, trouble_with
from shorepass.agent_client.connection import Connection, ConnectionLost
from shorepass.agent_client.frames import Frame, FrameError, Kind
from shorepass.contexts.command import command
from shorepass.errors import ShorepassError, printable

if TYPE_CHECKING:
    from typing import Any

    from shorepass.contexts.local import LocalContext

__all__ = ["AgentClient", "AgentFails", "NoAgent"]

SECONDS = 10.0  # for an answer to a request of management, which waits for nothing outside


class NoAgent(ShorepassError):
    """No agent answers."""


class AgentFails(ShorepassError):
    """The agent refused a request."""


class AgentClient:
    """The agent of the user of ``here``. ``seconds``: for an answer.

    >>> AgentClient(here).manage("status")["pid"]
    4711
    """

    def __init__(self, here: LocalContext, *, seconds: float = SECONDS) -> None:
        self._here = here
        self._seconds = seconds

    def manage(self, do: str, data: bytes = b"", **values: Any) -> dict[str, Any]:
        """Send a request of management and return the members of the answer. Raises NoAgent, AgentFails."""
        return self.exchange(do, data, **values)[0]

    def exchange(self, do: str, data: bytes = b"", **values: Any) -> tuple[dict[str, Any], bytes]:
        """Send a request with data, and return the members and the data of the answer. Raises NoAgent, AgentFails."""
        with self._connection() as connection:
            try:
                connection.send(Frame(Kind.MANAGE, (json.dumps({"do": do, **values}).encode(), data)))
                frame = connection.receive()
                if frame is None or frame.kind is not Kind.MANAGED:
                    raise ConnectionLost("it did not answer")
                members = json.loads(frame.fields[0])
                answer = frame.fields[1]
            except (ConnectionLost, FrameError, ValueError, IndexError) as error:
                raise AgentFails(f"the agent: {printable(str(error))}") from None
        if "error" in members:
            raise AgentFails(f"the agent: {printable(str(members['error']))}", hint=members.get("hint"))
        return members, answer

    def _connection(self) -> Connection:
        """Return a connection to the user's own agent. Raises NoAgent, with a reason for each socket."""
        reasons: list[str] = []
        for address in own_addresses(self._here):
            reason = trouble_with(address.folder) if address.own else ""
            if not reason:
                try:
                    return Connection.to(address.path, owner=os.geteuid(), seconds=self._seconds)
                except ConnectionLost as error:
                    reason = f"{printable(address.path)}: {error}"
            reasons.append(reason)
        raise NoAgent("no agent answers: " + "; ".join(reasons), hint=command(None, "agent", "start"))
