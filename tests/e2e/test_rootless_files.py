"""Where the programs of containers keep a user's login when XDG_RUNTIME_DIR is not set: each elsewhere."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
        (login,) = json.loads(listed.stdout)["logins"]
        assert (login["key"], login["user"]) == (registry, "alice")
        assert registry in person.as_root("cat", login["path"])
    finally:
        person.as_root("rm", "-rf", run_folder)


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


HOSTILE = {
    "another user's": 'mkdir -m 777 "$1"',
    "another user's, closed": 'mkdir -m 700 "$1"',
    "a symlink to another user's": 'mkdir -m 777 "$2/evil" 2>/dev/null; ln -s "$2/evil" "$1"',
    "a file": 'echo >"$1"; chmod 666 "$1"',
}
OWN = {
    "open to all": 'mkdir -m 777 "$1"',
    "readable": 'mkdir -m 755 "$1"',
    "not writable": 'mkdir -m 500 "$1"',
    "a symlink to an own one": 'mkdir -m 700 "$2/own"; ln -s "$2/own" "$1"',
}


@pytest.fixture(scope="module")
def mallory() -> Iterator[Person]:
    """Another user, who is faster in folders that all may write."""
    with new_person() as other:
        yield other


@pytest.mark.parametrize("kind", [*HOSTILE, *OWN])
@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_a_run_folder_is_believed_as_the_program_does(person: Person, mallory: Person, program: str, kind: str) -> None:
    """A run folder below a shared one may be anyone's: Shorepass uses it, or the next one, exactly where the program does."""
    shared = Path(tempfile.mkdtemp(prefix="shorepass-run-"))
    shared.chmod(0o1777)
    folder = shared / {"podman": f"podman-run-{person.uid}", "buildah": f"containers-user-{person.uid}"}[program]
    env = {"TMPDIR": str(shared), "PATH": programs.SYSTEM_PATH}
    try:
        maker = mallory if kind in HOSTILE else person
        done = maker.run("sh", "-c", (HOSTILE | OWN)[kind], "sh", str(folder), str(maker.home))
        assert done.returncode == 0, done.stderr
        below = {"podman": "containers", "buildah": "containers/containers"}[program]
        auth = base64.b64encode(b"planted:pw").decode()
        text = json.dumps({"auths": {REGISTRY: {"auth": auth}}})
        person.as_root(
            "sh", "-c", f'mkdir -p "{folder}/{below}" && cat >"{folder}/{below}/auth.json" || true', stdin=text
        )
        person.as_root("sh", "-c", f'chmod -R a+rwX "{folder}/containers" || true')
        put(person, str(person.home / "rundir" / below.removesuffix("containers")), "in-rundir")
        person.run("mkdir", "-p", str(person.home / "rundir/libpod"))
        expected = real(person, program, **env)
        answer = ours(person, program, **env)
        assert answer in expected
        assert expected in ("planted", "in-rundir") or "not logged" in expected or "permission denied" in expected
    finally:
        person.as_root("rm", "-rf", str(shared), str(mallory.home / "evil"), str(person.home / "own"))


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_a_planted_run_folder_gets_no_login(
    person: Person, mallory: Person, registry: str, users: dict[str, str], program: str
) -> None:
    """A login is stored where the real program looks, and in no file that another user has put in its way."""
    shared = Path(tempfile.mkdtemp(prefix="shorepass-run-"))
    shared.chmod(0o1777)
    name = {"podman": f"podman-run-{person.uid}", "buildah": f"containers-user-{person.uid}"}[program]
    env = {"TMPDIR": str(shared), "PATH": programs.SYSTEM_PATH}
    below = {"podman": "containers", "buildah": "containers/containers"}[program]
    plant = 'mkdir -p "$1"; chmod -R 777 "$2"; echo "{}" >"$1/auth.json"; chmod 666 "$1/auth.json"'
    try:
        assert mallory.run("sh", "-c", plant, "sh", str(shared / name / below), str(shared / name)).returncode == 0
        person.run("mkdir", "-p", "-m", "700", str(person.home / "rundir/libpod"))
        words = ("login", "--client", program, "--store", "file", "-u", "alice", "--password-stdin", registry)
        done = programs.run(programs.as_root(person.shorepass(*words, **env)), stdin=users["alice"])
        assert done.returncode == 0, done.stderr
        assert (shared / name / below / "auth.json").read_text() == "{}\n"
        asked = person.run(programs.require(program), "login", "--get-login", registry, **env)
        assert asked.stdout == "alice\n"
    finally:
        person.as_root("rm", "-rf", str(shared))


@pytest.mark.parametrize("program", ["podman", "skopeo"])
def test_as_whom_a_helper_runs(person: Person, program: str) -> None:
    """A user's podman runs it in its user namespace, as uid 0, and a step says so; skopeo runs it as the user."""
    log = person.home / "log"
    script = f"#!/bin/sh\nread -r url\nid -u >>{log}\necho 'credentials not found in native keychain'\nexit 1\n"
    helper = person.write("bin/docker-credential-log", script, mode="755")
    person.write(".config/containers/auth.json", json.dumps({"credHelpers": {REGISTRY: "log"}}))
    env = {"PATH": f"{helper.parent}:{programs.SYSTEM_PATH}", "XDG_RUNTIME_DIR": str(person.home)}
    person.run(programs.require(program), "login", "--get-login", REGISTRY, **env)
    in_namespace = program == "podman"
    assert set(log.read_text().split()) == {"0" if in_namespace else str(person.uid)}
    context: Context = find_context(f"user:{person.name}", LocalContext.current()).with_env(**env)
    steps = find(program).resolve(context, Reference(REGISTRY)).steps
    assert any("as uid 0" in step.detail for step in steps) is in_namespace


SEEN = """#!/bin/sh
read -r url
{
    id -u; echo "$HOME"; echo "$PATH"; echo "$XDG_RUNTIME_DIR"
    dbus-send --bus="$BUS" --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId >/dev/null 2>&1; echo "bus $?"
    cat "$HOME/own"
    cat /etc/shadow 2>/dev/null
} >>"$HOME/log"
echo 'credentials not found in native keychain'
exit 1
"""


@pytest.mark.parametrize("program", ["podman", "buildah", "skopeo"])
def test_what_a_helper_sees(person: Person, program: str) -> None:
    """A user's podman and buildah make it uid 0 and leave HOME, PATH and the rights; a bus by libdbus then refuses it."""
    helper = person.write("bin/docker-credential-seen", SEEN, mode="755")
    person.write("own", "own\n")
    person.write(".config/containers/auth.json", json.dumps({"credHelpers": {REGISTRY: "seen"}}))
    bus = f"unix:path={person.home}/bus"
    started = person.run("dbus-daemon", "--session", "--fork", "--print-pid", f"--address={bus}")
    assert started.returncode == 0, started.stderr
    env = {"PATH": f"{helper.parent}:{programs.SYSTEM_PATH}", "XDG_RUNTIME_DIR": str(person.home), "BUS": bus}
    person.run(programs.require(program), "login", "--get-login", REGISTRY, **env)
    person.as_root("kill", started.stdout.strip())
    in_namespace = program != "skopeo"
    uid, refused = ("0", "1") if in_namespace else (str(person.uid), "0")
    expected = [uid, str(person.home), env["PATH"], env["XDG_RUNTIME_DIR"], f"bus {refused}", "own"]
    assert (person.home / "log").read_text().splitlines()[: len(expected)] == expected
    assert "root:" not in (person.home / "log").read_text()
    context: Context = find_context(f"user:{person.name}", LocalContext.current()).with_env(**env)
    steps = find(program).resolve(context, Reference(REGISTRY)).steps
    assert any("as uid 0, with the same HOME and PATH" in step.detail for step in steps) is in_namespace
