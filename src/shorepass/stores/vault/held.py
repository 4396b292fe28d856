"""The keys with a passphrase that the agent holds: the user types it once.

The private key never leaves the agent: it decrypts and signs for this process.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent_client.client import AgentClient, AgentFails, NoAgent
from shorepass.errors import StoreLocked
from shorepass.stores.vault.key import keys_in, opened_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shorepass.contexts import FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.stores.vault.key import Ask, Key

__all__ = ["HeldKey", "fingerprint", "keys", "unlock"]


class HeldKey(NamedTuple):
    """A private key in the agent. See ``Key``."""

    agent: AgentClient
    file: str
    recipient: str

    def __repr__(self) -> str:
        return f"HeldKey({self.recipient})"

    def decrypt(self, data: bytes) -> bytes:
        """Return the text of an age file. Raises pyrage's DecryptError, StoreLocked."""
        from pyrage import DecryptError

        members, text = self._ask("decrypt", data)
        if "refused" in members:
            raise DecryptError(str(members["refused"]))
        return text

    def mac(self, body: bytes) -> bytes:
        """Return what signs a text with this key. Raises StoreLocked."""
        return self._ask("mac", body)[1]

    def _ask(self, do: str, data: bytes) -> tuple[dict[str, object], bytes]:
        try:
            return self.agent.exchange(do, data, file=self.file, recipient=self.recipient)
        except (NoAgent, AgentFails) as error:
            raise StoreLocked("vault", f"the agent no longer opens it: {error}", hint="run it again") from None


def fingerprint(key_file: bytes) -> str:
    """Return the name by which the agent knows a key file: its SHA-256."""
    return hashlib.sha256(key_file).hexdigest()


def keys(here: LocalContext, content: FileContent) -> Sequence[Key]:
    """Return the keys of a key file that the agent holds; empty without an agent, or if it does not hold them."""
    agent, file = AgentClient(here), fingerprint(content.data)
    try:
        recipients = agent.manage("keys", file=file)["recipients"]
    except (NoAgent, AgentFails, KeyError):
        return []
    return [HeldKey(agent, file, str(recipient)) for recipient in recipients]


def unlock(here: LocalContext, content: FileContent, ask: Ask, seconds: float | None = None) -> Sequence[Key]:
    """Ask for a key file's passphrase, and return its keys; the agent holds them too, if there is one.

    ``seconds``: how long the agent holds them; None: as long as the settings say. Raises WrongPassphrase, StoreLocked,
    StoreBroken.
    """
    opened = opened_file(content, ask)
    found = keys_in(content.path, opened)
    with suppress(NoAgent, AgentFails):
        AgentClient(here).exchange("hold", opened, file=fingerprint(content.data), path=content.path, seconds=seconds)
    return found
