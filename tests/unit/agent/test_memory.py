"""The agent's memory does not grow with the number of calls."""

from __future__ import annotations

import gc
import os
import socket
import sys
from pathlib import Path

from shorepass.agent.agent import Agent
from shorepass.agent.audit_log import AuditLog, log_path
from shorepass.agent.listening import listen
from shorepass.agent.server import Server
from shorepass.agent_client.frames import Frame, Kind
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.secret import Secret
from shorepass.settings import load
from shorepass.stores.vault.setup import init, machine_key
from shorepass.stores.vault.vault import Vault

LOGINS = 20
FIRST, MORE = 500, 3000  # calls


def blocks() -> int:
    """Return how many blocks of memory Python's objects have."""
    gc.collect()
    return sys.getallocatedblocks()


def test_three_thousand_gets_need_no_more_memory_than_five_hundred() -> None:
    """A list, a cache or a count per call would need one block more for each call at least."""
    here = LocalContext.current()
    Path(load(here).path).write_text('store = "vault"\n')
    vault = Vault(here, ask=lambda _: "", tell=print)
    init(vault, here, machine_key())
    for number in range(LOGINS):
        vault.store(f"r{number}.example", Basic("alice", Secret(f"secret-{number}")))
    variables = b"\0".join(f"{name}={value}".encode() for name, value in here.environment().items())
    listening = listen(here)
    agent = Agent(here, load(here).agent, AuditLog(log_path(here)), stop=lambda: None)
    Server(listening.wire, agent.answer, uid=os.geteuid()).start()

    def ask(calls: int) -> None:
        for call in range(calls):
            number = call % LOGINS
            frame = Frame(Kind.CALL, (b"shorepass", b"get", f"r{number}.example".encode(), b"/", variables))
            with socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(60)
                wire.connect(listening.path)
                wire.sendall(frame.encode())
                wire.shutdown(socket.SHUT_WR)
                answer = wire.recv(65536)
                assert f"secret-{number}".encode() in answer
                while wire.recv(65536):
                    pass

    ask(FIRST)
    before = blocks()
    ask(MORE)
    grown = blocks() - before
    listening.close_at_once()
    assert grown < MORE / 5
