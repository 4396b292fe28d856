"""How the fix that doctor offers is applied in a case."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["as_offered", "first_line", "then_login", "with_login"]


def as_offered(stage: Stage, offer: str) -> None:
    """Do as doctor says: apply its own fix, log in as alice, or type the line into the shell.

    Of an offer with several ways (``; or ...``), it is the first one.
    """
    line = first_line(offer)
    if stage.found["fix"]["kind"] != "advice":
        done = stage.shorepass("doctor", "--fix", "--yes", *stage.asks[1:])
        assert "fixed" in done.stdout, (done.stdout, done.stderr)
    elif line.startswith("shorepass login"):
        with_login(stage, offer)
    else:
        stage.shell(line)


def with_login(stage: Stage, offer: str) -> None:
    """Type the login that is offered, and alice's password."""
    words = shlex.split(first_line(offer))[1:]
    done = stage.shorepass(*words, "-u", "alice", "--password-stdin", stdin="wonderland")
    assert done.returncode == 0, (done.stdout, done.stderr)


def first_line(offer: str) -> str:
    """Return the first way of an offer, without the words in brackets behind it."""
    return offer.partition("; ")[0].partition(" (")[0]


def then_login(stage: Stage, offer: str) -> None:
    """Type the line, and log in: the line alone gives nobody a login."""
    stage.shell(first_line(offer))
    with_login(stage, f"shorepass login --client {stage.client} {stage.registry}")
