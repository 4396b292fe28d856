"""Which contexts have a grant."""

from __future__ import annotations

import pytest

from dict_context import DictContainer, DictContext
from machine import NOW
from shorepass.contexts.containers.container import Mount
from shorepass.contexts.local import LocalContext
from shorepass.grants import file
from shorepass.grants.grant import FORWARD, Grant
from shorepass.who.examine import look
from shorepass.who.lent import lent

FOLDER = "/run/user/1000/shorepass/grants/1a2b3c4d"


def grant(target: str, until: float = NOW + 60) -> Grant:
    return Grant("1a2b3c4d", target, FORWARD, ("ghcr.io",), FOLDER, "", NOW, until)


@pytest.mark.parametrize(
    ("target", "source", "holders"),
    [
        ("flags", FOLDER, ("docker:web",)),
        ("flags", f"{FOLDER}/config", ("docker:web",)),
        ("flags", f"{FOLDER}0", ()),
        ("docker:web", "/srv", ("docker:web",)),
        ("docker:we", "/srv", ()),
    ],
)
def test_a_context_has_a_grant_by_its_mount_or_its_name(target: str, source: str, holders: tuple[str, ...]) -> None:
    """The mount of another grant whose id begins with the same letters is not the grant's."""
    here, me = LocalContext.current(), DictContext("me", {})
    file.add(here, grant(target))
    web = DictContainer("docker:web", {}, mounts=(Mount("/run/shorepass", source, "bind", read_only=True),))
    [row] = lent(here, look([me.place, web.place], now=NOW), now=NOW)
    assert (row.lender, row.contexts, row.last_use) == ("me", holders, None)
    assert len(lent(here, look([web.place], now=NOW), now=NOW)) == len(holders)


def test_a_grant_that_has_ended_is_not_shown() -> None:
    """Its row remains in the file until the next grant."""
    here, me = LocalContext.current(), DictContext("me", {})
    file.add(here, grant("flags"))
    assert lent(here, look([me.place], now=NOW), now=NOW + 61) == []
