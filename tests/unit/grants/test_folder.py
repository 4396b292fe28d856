"""The folder of a grant ends, whatever its target has written."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from e2e import programs
from shorepass.contexts.local import LocalContext
from shorepass.grants import folder
from shorepass.grants.grant import FORWARD, Grant

DEPTH = 2000  # of folders: more than Python's calls may be deep


@pytest.fixture
def grant() -> Iterator[Grant]:
    """A grant whose folder the target can write to."""
    id_ = "0123abcd"
    path = folder.folder_of(LocalContext.current(), id_)
    made = Grant(id_, "flags", FORWARD, ("registry.example",), path, "", 0.0, 9e9, own_logins=True)
    folder.make(made)
    yield made
    programs.run(["/bin/rm", "-rf", path])


def test_folders_without_end_do_not_stop_the_agent(grant: Grant) -> None:
    """A target has made folders in folders, which Python cannot remove; the agent goes on and removes others."""
    below = os.open(os.path.join(grant.folder, folder.OWN_FOLDER), os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("in", dir_fd=below)
        deeper = os.open("in", os.O_RDONLY, dir_fd=below)
        os.close(below)
        below = deeper
    os.close(below)
    other = f"{os.path.dirname(grant.folder)}/fedcba98"
    os.mkdir(other)
    folder.remove(grant)
    folder.sweep(LocalContext.current(), [])
    assert not os.path.exists(other)
