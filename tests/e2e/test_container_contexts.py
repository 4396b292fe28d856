"""``--in docker:NAME`` and ``--in podman:NAME``: what a program in the container would read, without starting one."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest

from e2e.containers import USER, ContainerEngine
from shorepass.contexts.containers.container import ContainerContext, find
from shorepass.contexts.local import LocalContext
from shorepass.errors import FileError

if TYPE_CHECKING:
    from conftest import RunShorepass

REGISTRY = "registry.example"


def config(user: str = "alice") -> str:
    auth = base64.b64encode(f"{user}:secret".encode()).decode()
    return json.dumps({"auths": {REGISTRY: {"auth": auth}}})


def opened(engine: ContainerEngine, name: str) -> ContainerContext:
    return find(LocalContext({**os.environ, **engine.leads}), engine.family, name)


def write(engine: ContainerEngine, name: str, path: str, text: str) -> None:
    """Write a file in a running container by its own shell, as the container's user."""
    script = f"mkdir -p {os.path.dirname(path)} && cat > {path}"
    done = engine.execute(name, "/bin/sh", "-c", script, stdin=text)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("user", ["root", USER])
def test_explain_in_a_container(engine: ContainerEngine, user: str, run_shorepass: RunShorepass) -> None:
    """The login in a container's home is found, while it runs and when it has been stopped."""
    name = engine.make("--user", user)
    home = engine.execute(name, "/bin/sh", "-c", "echo $HOME").stdout.strip()
    write(engine, name, f"{home}/.docker/config.json", config())
    for stop in (False, True):
        if stop:
            engine.stop(name)
        done = run_shorepass("explain", "--offline", "--in", f"{engine.family}:{name}", REGISTRY, env=engine.leads)
        assert done.status == 0, done.stderr
        assert f"uid {0 if user == 'root' else 1000}, home {home}" in done.stdout
        assert f"docker sends the user name 'alice' with a password for {REGISTRY}" in done.stdout


def test_the_release_in_a_container(engine: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """The package database there decides: docker 20.10 uses an entry without a user name, and newer ones do not."""
    name = engine.make("--user", "root")
    home = engine.execute(name, "/bin/sh", "-c", "echo $HOME").stdout.strip()
    write(
        engine,
        name,
        f"{home}/.docker/config.json",
        json.dumps({"auths": {"a.io": {"auth": "OnB3"}, REGISTRY: {"auth": "YTpw"}}}),
    )
    words = ("explain", "--offline", "--in", f"{engine.family}:{name}", REGISTRY)
    assert "the newest rules known: its program is not on PATH" in run_shorepass(*words, env=engine.leads).stdout
    write(engine, name, "/usr/bin/docker", "#!/bin/sh\nexit 1\n")
    assert engine.execute(name, "/bin/busybox", "chmod", "755", "/usr/bin/docker").returncode == 0
    status = "Package: docker.io\nStatus: install ok installed\nVersion: 20.10.24+dfsg1-1+deb12u1+b2\n"
    write(engine, name, "/var/lib/dpkg/status", status)
    done = run_shorepass(*words, env=engine.leads)
    assert "docker 20.10.24: as /var/lib/dpkg/status says" in done.stdout
    assert done.status == 0
    assert "broken" not in done.stdout


def test_a_container_that_is_not_there(engine: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """An unknown name is an error with exit code 3, and not an empty place."""
    done = run_shorepass("explain", "--offline", "--in", f"{engine.family}:nobody", REGISTRY, env=engine.leads)
    assert done.status == 3
    assert done.stderr == (
        f"shorepass: {engine.family}:nobody: {engine.family} has no such container\nhint: {engine.family} ps --all\n"
    )


# Files, as the container's own programs see them

PATHS = (
    *("/data/deep/file", "/srv/relative", "/srv/folder/file", "/srv/dangling", "/srv/loop", "/srv/escape/deep/file"),
    *("/root/file", "/srv/mine", "/srv/staff", "/srv/others", "/srv/closed/in", "/srv/closed/absent"),
    *(
        "/srv/unlisted/in",
        "/absent",
        "/absent/below",
        "/data/deep/file/below",
        "/srv/closed",
        "/srv",
        "/srv/../data/deep/file",
    ),
    *("/srv/folder/../deep/file", "//data//deep/./file"),
)


@pytest.fixture(params=["as root", "as another user"])
def looking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks: root may look through /proc, for all others there are the engine's calls alone."""
    if request.param != "as root":
        monkeypatch.setattr(os, "geteuid", lambda: 12345)


def said(context: ContainerContext, path: str) -> str:
    """Return what a context says of a file, in cat's words."""
    try:
        content = context.read(path, 1000)
    except FileError as error:
        return error.reason.partition(":")[0]
    return content.data.decode() if content else "no such file"


CAT = """for path in "$@"; do /bin/cat "$path" 2>&1; echo; done"""
WORDS = {
    "no such file or directory": "no such file",
    "not a directory": "no such file",
    "is a directory": "a folder, not a file",
    "symbolic link loop": "too many levels of symbolic links",
}
# What depends on who the owner is.
OWNED = {"/root/file", "/srv/mine", "/srv/staff", "/srv/others", "/srv/closed", "/srv/closed/in", "/srv/closed/absent"}


def cat(engine: ContainerEngine, name: str) -> dict[str, str]:
    """Return what the container's own cat says of each file."""
    done = engine.execute(name, "/bin/sh", "-c", CAT, "sh", *PATHS)
    assert done.returncode == 0, done.stderr
    texts = [line for line in done.stdout.splitlines() if line]
    words = [text.rpartition(": ")[2].lower() if text.startswith("cat: ") else text for text in texts]
    return {path: WORDS.get(word, word) for path, word in zip(PATHS, words, strict=True)}


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("user", ["root", USER, "1000:1000", "2000:50", "root --cap-drop=ALL"])
def test_files_are_those_that_the_containers_cat_sees(engine: ContainerEngine, user: str) -> None:
    """Links, folders that are closed, owners, groups and capabilities: all as for a program in the container."""
    flags = user.split()[1:]
    name = engine.make("--user", user.split()[0], *flags)
    expected = cat(engine, name)
    assert expected["/srv/relative"] == "one"
    for stop in (False, True)[: 1 if os.geteuid() else 2]:  # a stopped one is seen by all in the same way
        if stop:
            engine.stop(name)
        context = opened(engine, name)
        found = {path: said(context, path) for path in PATHS}
        # podman's archive call says of every file that the container's user owns it
        unknown = OWNED if engine.family == "podman" and user != "root" and (stop or os.geteuid()) else set()
        assert {p: found[p] for p in found if p not in unknown} == {p: expected[p] for p in found if p not in unknown}


WHO = (
    *(
        "",
        "root",
        USER,
        "1000",
        "1000:0",
        f"{USER}:staff",
        "4321",
        "0:50",
        f"{USER} --env=HOME=/data",
        "1000 --env=HOME=",
    ),
    *("4321 --env=HOME=/data", "1000:0 --env=PATH=/bin --env=X=a=b", "root --env=X="),
)


@pytest.mark.parametrize("who", WHO)
def test_user_and_environment_are_those_of_a_program(engine: ContainerEngine, who: str) -> None:
    """HOME, PATH, uid and variables are what a program in the container is given; new files are that user's."""
    user, *flags = who.split(" ")
    name = engine.make("--user", user, *flags)
    context = opened(engine, name)
    assert context.update("/tmp/made/file", lambda _: b"text")
    script = (
        "env; echo UID=$(id -u); echo MADE=$(stat -c '%u:%g %a' /tmp/made /tmp/made/file); echo ID=$(id -u):$(id -g)"
    )
    lines = engine.execute(name, "/bin/sh", "-c", script).stdout.splitlines()
    env = dict(line.partition("=")[::2] for line in lines)
    assert (str(context.uid), context.home()) == (env["UID"], env["HOME"])
    assert {key: context.getenv(key) for key in ("HOME", "PATH", "X")} == {k: env.get(k) for k in ("HOME", "PATH", "X")}
    assert env["MADE"] == f"{env['ID']} 700 {env['ID']} 600"
