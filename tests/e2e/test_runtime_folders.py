"""Where podman, buildah and skopeo look for auth.json when a user has no XDG_RUNTIME_DIR: under su, cron and in CI."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from e2e import programs
from e2e.people import Person, new_person
from shorepass.clients import find
from shorepass.contexts import Context
from shorepass.contexts.find import find as find_context
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic
from shorepass.errors import FileError
from shorepass.names import Reference

REGISTRY = "reg.example"


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    """A new user of this machine, whom no login manager gave a folder in /run/user; gone after the tests."""
    with new_person() as person:
        yield person


def real(person: Person, client: str, **env: str) -> str:
    """Return the user name with which the real program is logged in, or what it complains of."""
    done = person.run(programs.require(client), "login", "--get-login", REGISTRY, **env)
    return done.stdout.strip() or done.stderr


def ours(person: Person, client: str, **env: str) -> str:
    """Return the same by our rules."""
    context: Context = find_context(f"user:{person.name}", LocalContext.current()).with_env(**env)
    answer = find(client).resolve(context, Reference(REGISTRY)).answer
    if isinstance(answer, Basic):
        return answer.username
    return "not logged into" if answer == ANONYMOUS else str(answer)


def put(person: Person, folder: str, username: str) -> None:
    """Put an auth.json of the person's into a folder of the person's, 0700."""
    auth = base64.b64encode(f"{username}:pw".encode()).decode()
    text = json.dumps({"auths": {REGISTRY: {"auth": auth}}})
    script = 'umask 077; mkdir -p "$1/containers" && cat >"$1/containers/auth.json"'
    done = person.run("sh", "-c", script, "sh", folder, stdin=text)
    assert done.returncode == 0, done.stderr


def test_where_each_program_looks(person: Person) -> None:
    """Podman and buildah have a folder of their own each, which TMPDIR moves; podman prefers /run/user, where it is."""
    folders = {
        f"/tmp/podman-run-{person.uid}": "podman-in-tmp",
        f"/var/tmp/containers-user-{person.uid}/containers": "buildah-in-var-tmp",
        f"{person.home}/tmp/podman-run-{person.uid}": "podman-in-tmpdir",
        f"{person.home}/tmp/containers-user-{person.uid}/containers": "buildah-in-tmpdir",
    }
    moved = {"TMPDIR": f"{person.home}/tmp"}
    run_user = f"/run/user/{person.uid}"
    try:
        for client in ("podman", "buildah"):
            assert ours(person, client) in real(person, client)
        for folder, username in folders.items():
            put(person, folder, username)
        for client, env, expected in (
            ("podman", {}, "podman-in-tmp"),
            ("buildah", {}, "buildah-in-var-tmp"),
            ("podman", moved, "podman-in-tmpdir"),
            ("buildah", moved, "buildah-in-tmpdir"),
        ):
            assert real(person, client, **env) == expected
            assert ours(person, client, **env) == expected
        person.as_root("install", "-d", "-m", "0700", "-o", person.name, run_user)
        put(person, run_user, "in-run-user")
        assert real(person, "podman") == "in-run-user"
        # a login would set XDG_RUNTIME_DIR to this folder; empty is as good as unset
        assert ours(person, "podman", XDG_RUNTIME_DIR="") == "in-run-user"
        assert ours(person, "buildah", XDG_RUNTIME_DIR="") == real(person, "buildah")
    finally:
        made = [
            f"/tmp/podman-run-{person.uid}",
            *(f"/var/tmp/{name}-{person.uid}" for name in ("podman-run", "containers-user")),
        ]
        person.as_root("rm", "-rf", run_user, *made)


def test_skopeo_goes_to_the_folder_of_roots(person: Person) -> None:
    """Skopeo has no such folder: it stops at one that is root's, as Shorepass says."""
    file = f"/run/containers/{person.uid}/auth.json"
    person.as_root("install", "-d", "-m", "0700", "/run/containers")
    assert f"{file}: permission denied" in real(person, "skopeo")
    context = find_context(f"user:{person.name}", LocalContext.current())
    answer = find("skopeo").resolve(context, Reference(REGISTRY)).answer
    assert isinstance(answer, FileError)
    assert (answer.path, answer.reason) == (file, "permission denied")
