"""Where the programs of containers keep a user's login when XDG_RUNTIME_DIR is not set: each elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from e2e import programs
from e2e.people import Person, new_person


@pytest.fixture
def person() -> Iterator[Person]:
    """A new user of this machine; gone after the test."""
    with new_person() as person:
        yield person


@pytest.mark.parametrize("has_run_folder", [False, True])
@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_the_login_is_found_where_the_program_put_it(
    person: Person, registry: str, users: dict[str, str], program: str, has_run_folder: bool
) -> None:
    """What a user's podman or buildah has stored is listed with its account, and the file is the one that it wrote."""
    run_folder, temporary = f"/run/user/{person.uid}", person.home / "tmp"
    person.run("mkdir", str(temporary))
    env = {"PATH": programs.SYSTEM_PATH, "TMPDIR": str(temporary)}
    if has_run_folder:
        person.as_root("install", "-d", "-m", "0700", "-o", str(person.uid), run_folder)
    try:
        words = ("login", "--tls-verify=false", "-u", "alice", "--password-stdin", registry)
        done = person.run(programs.require(program), *words, stdin=users["alice"], **env)
        assert done.returncode == 0, done.stderr
        listed = programs.run(programs.as_root(person.shorepass("list", "--client", program, "--json", **env)))
        (login,) = json.loads(listed.stdout)
        assert (login["key"], login["username"]) == (registry, "alice")
        assert registry in person.as_root("cat", login["path"])
    finally:
        person.as_root("rm", "-rf", run_folder)
