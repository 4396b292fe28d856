"""Which containers are found, by which names, in which engines; and what is done in them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.containers import USER, ContainerEngine
from shorepass.contexts.containers.compose import find as find_service
from shorepass.contexts.containers.container import ContainerContext, discover, find
from shorepass.contexts.containers.procroot import proc_root
from shorepass.contexts.local import LocalContext
from shorepass.errors import ContextError, FileError, WriteError
from shorepass.processes import ProcessNotStarted, ProcessOutputTooLarge, ProcessTimeout

if TYPE_CHECKING:
    from conftest import RunShorepass

COMPOSE = "com.docker.compose"


def here(engine: ContainerEngine) -> LocalContext:
    return LocalContext({**os.environ, **engine.leads})


def opened(engine: ContainerEngine, name: str) -> ContainerContext:
    return find(here(engine), engine.family, name)


# Discovery


def test_all_containers_are_listed(engine: ContainerEngine) -> None:
    """Running and stopped containers are places, each can be opened, and by its name too."""
    running, stopped = engine.make(), engine.make(running=False)
    places = {place.name: place for place in discover(here(engine), 3.0) if place.inside == engine.family}
    assert places[f"{engine.family}:{running}"].state == "running"
    assert places[f"{engine.family}:{stopped}"].state == "created"
    for name in (running, stopped):
        open_it = places[f"{engine.family}:{name}"].open
        assert open_it is not None
        assert open_it().name == opened(engine, name).name == f"{engine.family}:{name}"
        assert opened(engine, opened(engine, name).id[:12]).name == f"{engine.family}:{name}"


@pytest.mark.parametrize("host", ["ssh://bob@far.example", "tcp://192.0.2.1:2375", "unix:///nowhere/docker.sock"])
def test_an_engine_out_of_reach_is_told(host: str) -> None:
    """The engine that DOCKER_HOST chooses is listed with its trouble; no other is asked for a container instead."""
    context = LocalContext({**os.environ, "DOCKER_HOST": host})
    (place,) = [place for place in discover(context, 3.0) if place.inside == "docker" and place.trouble]
    assert (place.name, place.open) == ("docker:*", None)
    with pytest.raises(ContextError, match=r"Shorepass does not connect to it|no such socket"):
        find(context, "docker", "web")


def test_the_current_context_of_docker_leads_to_the_engine(
    docker_containers: ContainerEngine,
) -> None:
    """An engine that docker's own ``context use`` has chosen is found, and the others are listed."""
    name = docker_containers.make()
    docker = [programs.require("docker")]
    socket = docker_containers.leads["DOCKER_HOST"]
    for context, host in (("mine", socket), ("far", "ssh://bob@far.example")):
        done = programs.run([*docker, "context", "create", context, "--docker", f"host={host}"], env=os.environ)
        assert done.returncode == 0, done.stderr
    assert programs.run([*docker, "context", "use", "mine"], env=os.environ).returncode == 0
    context = LocalContext(os.environ)
    assert find(context, "docker", name).name == f"docker:{name}"
    inside = {(place.inside, place.trouble is None) for place in discover(context, 3.0)}
    assert {("docker context mine", True), ("docker context far", False)} <= inside


@pytest.mark.parametrize("delay", ["", "--inject=listen:delay_enter=700ms"], ids=["at once", "slow"])
def test_podman_without_a_socket_is_asked_by_a_server_of_ours(podman_containers: ContainerEngine, delay: str) -> None:
    """Where nobody serves podman's socket its containers are found all the same, and nothing is left running.

    A server of a busy machine may rest between making its socket and listening on it.
    """
    name = podman_containers.make()
    podman = Path(os.environ["PATH"]) / "podman"
    slowly = f"{programs.require('strace')} -D -f -qq -o /dev/null --trace=listen {delay}" if delay else ""
    podman.write_text(f'#!/bin/sh\nexec {slowly} {programs.require("podman")} "$@"\n')
    podman.chmod(0o755)
    env = {**os.environ, **podman_containers.env, "PATH": f"{podman.parent}:{programs.SYSTEM_PATH}"}
    code = (
        "import os, sys; from shorepass.contexts.containers.container import find;"
        "from shorepass.contexts.local import LocalContext;"
        "c = find(LocalContext(os.environ), 'podman', sys.argv[1]); print(c.name, c._engine.socket)"
    )
    done = programs.run([sys.executable, "-c", code, name], env=env)
    assert done.returncode == 0, done.stderr
    found, socket = done.stdout.split()
    assert found == f"podman:{name}"
    assert not Path(socket).parent.exists()
    programs.wait_until(lambda: programs.run(["pgrep", "-f", socket]).returncode or None, "podman to be gone")


@pytest.mark.usefixtures("nothing_set")
def test_a_podman_that_was_never_used_stays_so(home: Path) -> None:
    """Looking for containers makes no folder in the home of somebody who has never run podman."""
    (Path(os.environ["PATH"]) / "podman").symlink_to(programs.require("podman"))
    context = LocalContext(os.environ, uid=1000)
    assert [place for place in discover(context, 3.0) if place.inside == "podman, rootless"] == []
    assert list(home.iterdir()) == []


# Compose


def service(engine: ContainerEngine, project: str, name: str, *, running: bool = True, number: int = 0) -> str:
    labels = (f"--label={COMPOSE}.project={project}", f"--label={COMPOSE}.service={name}")
    return engine.make(*labels, running=running, name=f"{project}-{name}-{number}" if number else "")


def test_a_service_is_its_running_container(engine: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """compose:SERVICE is the first running container with these labels; a project's name tells two of them apart."""
    service(engine, "shop", "cart", running=False, number=1)
    _, first = service(engine, "shop", "cart", number=10), service(engine, "shop", "cart", number=9)
    assert find_service(here(engine), "compose", "cart").name == f"{engine.family}:{first}"
    other = service(engine, "forge", "cart")
    with pytest.raises(ContextError, match="several containers") as caught:
        find_service(here(engine), "compose", "cart")
    assert caught.value.hint == "one of: compose:forge/cart, compose:shop/cart"
    assert find_service(here(engine), "compose", "forge/cart").name == f"{engine.family}:{other}"
    done = run_shorepass("get", "--in", "compose:forge/cart", "registry.example", env=engine.leads)
    assert (done.status, done.stdout) == (1, "")
    with pytest.raises(ContextError, match="no container of such a service"):
        find_service(here(engine), "compose", "forge/nobody")


# Running a program


def test_run(engine: ContainerEngine) -> None:
    """A program runs as the container's user with its environment; input, both outputs and the status come through."""
    name = engine.make(f"--user={USER}", "--env=X=1")
    context = opened(engine, name).with_env(Y="2")
    done = context.run(
        ["/bin/sh", "-c", "cat; id -u >&2; echo $X$Y; exit 3"], b"in\n" * 30_000, timeout=60, limit=10**6
    )
    assert (done.status, done.stdout, done.stderr) == (3, b"in\n" * 30_000 + b"12\n", b"1000\n")
    with pytest.raises(ProcessNotStarted, match="no such file"):
        context.run(["/bin/nothing"], b"", timeout=60, limit=100)
    with pytest.raises(ProcessTimeout, match=r"no end within 0\.5 s"):
        context.run(["/bin/sleep", "20"], b"", timeout=0.5, limit=100)
    with pytest.raises(ProcessOutputTooLarge):
        context.run(["/bin/sh", "-c", "echo 12345"], b"", timeout=60, limit=5)
    engine.stop(name)
    with pytest.raises(ProcessNotStarted, match="nothing can be run in it"):
        opened(engine, name).run(["/bin/sh"], b"", timeout=60, limit=100)


def test_a_helper_in_a_container_is_asked_there(engine: ContainerEngine, run_shorepass: RunShorepass) -> None:
    """``get --in`` runs the helper that lies in the container, and only while the container runs."""
    name = engine.make()
    helper = '#!/bin/sh\nread url\nprintf \'{"ServerURL":"%s","Username":"bob","Secret":"inside"}\' "$url"\n'
    script = f"cat > /bin/docker-credential-box; chmod 755 /bin/docker-credential-box; mkdir -p /root/.docker; {STORE}"
    assert engine.execute(name, "/bin/sh", "-c", script, stdin=helper).returncode == 0
    get = ("get", "--in", f"{engine.family}:{name}", "registry.example")
    done = run_shorepass(*get, env=engine.leads)
    assert json.loads(done.stdout) == {"ServerURL": "registry.example", "Username": "bob", "Secret": "inside"}
    engine.stop(name)
    done = run_shorepass(*get, env=engine.leads)
    assert done.status == 3
    assert "nothing can be run in it" in done.stderr


STORE = """echo '{"credsStore": "box"}' > /root/.docker/config.json"""


def test_helpers_are_told_by_what_they_are(engine: ContainerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which helpers lie on a container's PATH, for which machine, and whether they need a loader: nothing is run."""
    name = engine.make("--env=PATH=/bin:/tools:relative")
    script = (
        "mkdir /tools; cp /bin/busybox /tools/docker-credential-static; "
        "printf '#!/bin/sh\\n' > /tools/docker-credential-script; chmod 755 /tools/*; "
        "cp /bin/busybox /tools/docker-credential-closed; chmod 600 /tools/docker-credential-closed"
    )
    assert engine.execute(name, "/bin/sh", "-c", script).returncode == 0
    known = ("static", "script", "closed", "absent")
    for uid in (0, 12345):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        found = opened(engine, name).helpers(known if uid else ())
        assert set(found) == {"/tools/docker-credential-static", "/tools/docker-credential-script"}
        static, script_ = (found[f"/tools/docker-credential-{suffix}"] for suffix in ("static", "script"))
        assert static is not None
        assert script_ is not None
        assert (static.kind, static.interpreter, static.machine) == ("elf", "", opened(engine, name).machine)
        assert (script_.kind, script_.interpreter) == ("script", "/bin/sh")


# Writing


def test_update_keeps_owner_and_mode(engine: ContainerEngine) -> None:
    """A file keeps its owner and mode, running or stopped; the content is that of the edit."""
    name = engine.make()
    done = engine.execute(
        name, "/bin/sh", "-c", "echo old > /srv/f; chown 1000:50 /srv/f; chmod 640 /srv/f; ln -s f /srv/l"
    )
    assert done.returncode == 0
    assert opened(engine, name).update("/srv/l", lambda c: (c.data if c else b"") + b"new\n")
    shown = engine.execute(name, "/bin/sh", "-c", "cat /srv/f; stat -c '%u:%g %a' /srv/f; stat -c %F /srv/l").stdout
    assert shown == "old\nnew\n1000:50 640\nsymbolic link\n"
    engine.stop(name)
    context = opened(engine, name)
    assert not context.update("/srv/l", lambda c: c.data if c else None)
    assert context.update("/srv/l", lambda _: b"third")
    assert context.update("/root/.docker/config.json", lambda _: b"{}")
    engine.run("start", name)
    shown = engine.execute(
        name, "/bin/sh", "-c", "cat /srv/f; echo; stat -c '%u:%g %a' /srv/f /root/.docker /root/.docker/*"
    ).stdout
    owner = "1000:50" if engine.family == "docker" else "0:0"  # podman does not tell whose the file of a stopped one is
    assert shown == f"third\n{owner} 640\n0:0 700\n0:0 600\n"


def test_an_edit_sees_what_was_written_meanwhile(engine: ContainerEngine) -> None:
    """What the container writes between our look and our save is not lost: the edit runs again on it."""
    name = engine.make()
    context = opened(engine, name)
    context.update("/srv/f", lambda _: b"one\n")

    def edit(current: object) -> bytes:
        seen.append(current)
        if len(seen) == 1:
            assert engine.execute(name, "/bin/sh", "-c", "echo two >> /srv/f").returncode == 0
        return opened(engine, name).read("/srv/f", 100).data + b"ours\n"  # type: ignore[union-attr]

    seen: list[object] = []
    assert context.update("/srv/f", edit)
    assert len(seen) == 2
    assert engine.execute(name, "/bin/cat", "/srv/f").stdout == "one\ntwo\nours\n"


def test_mode_and_owner(engine: ContainerEngine) -> None:
    """Files and folders can be given another mode and owner."""
    name = engine.make()
    context = opened(engine, name)
    context.update("/srv/folder2/f", lambda _: b"text")
    context.set_mode("/srv/folder2/f", 0o640)
    context.set_owner("/srv/folder2/f", 1000, 50)
    context.set_owner("/srv/folder2", 1000, 1000)
    context.set_mode("/srv/folder2", 0o750)
    script = "stat -c '%u:%g %a' /srv/folder2 /srv/folder2/f; cat /srv/folder2/f"
    assert engine.execute(name, "/bin/sh", "-c", script).stdout == "1000:1000 750\n1000:50 640\ntext"


def test_what_cannot_be_written_is_refused_and_unchanged(engine: ContainerEngine, tmp_path: Path) -> None:
    """A read-only root, a read-only mount and a single mounted file give clear errors; a mounted folder is the host's."""
    (tmp_path / "file").write_text("host's")
    (tmp_path / "folder").mkdir()
    volumes = (f"{tmp_path}/folder:/ro:ro", f"{tmp_path}/folder:/rw", f"{tmp_path}/file:/srv/single")
    name = engine.make("--read-only", *(f"--volume={volume}" for volume in volumes), "--tmpfs=/run")
    context = opened(engine, name)
    for path, words in (
        ("/srv/f", "root file system is read-only"),
        ("/ro/f", "/ro is mounted read-only"),
        ("/srv/single", "single mounted file, which the engine cannot replace"),
    ):
        with pytest.raises(WriteError, match=words):
            context.update(path, lambda _: b"text")
    assert context.update("/rw/deep/f", lambda _: b"text")
    assert (tmp_path / "folder" / "deep" / "f").read_text() == "text"
    assert (tmp_path / "file").read_text() == "host's"


# Mounts


def test_mounts_are_told(engine: ContainerEngine, tmp_path: Path) -> None:
    """Where each mount comes from, its kind, whether it can be written, and whether it is an engine's socket."""
    (tmp_path / "docker.sock").touch()
    name = engine.make(f"-v={tmp_path}:/data:ro", f"-v={tmp_path}/docker.sock:/var/run/docker.sock", "--tmpfs=/scratch")
    found = {mount.target: mount for mount in opened(engine, name).mounts}
    assert found["/data"][1:] == (str(tmp_path), "bind", True)
    assert found["/scratch"][1:] == ("", "tmpfs", False)
    assert found["/var/run/docker.sock"].is_engine_socket
    assert not found["/data"].is_engine_socket


def test_one_file_in_two_places_has_one_identity(
    engine: ContainerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mounted file has the host's identity, while the container runs and afterwards; an unlike one has another."""
    (tmp_path / "config.json").write_text("{}")
    name = engine.make(f"-v={tmp_path}:/root/.docker")
    expected = here(engine).status(str(tmp_path / "config.json"))
    assert expected is not None
    for stop in (False, True):
        if stop:
            engine.stop(name)
        for uid in (0, 12345):
            monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
            found = opened(engine, name).status("/root/.docker/config.json")
            assert found is not None
            assert found.identity == expected.identity
            other = opened(engine, name).status("/etc/passwd")
            assert other is not None
            assert other.identity != expected.identity


def test_a_tmpfs_is_seen_or_said_to_be_unseen(
    docker_containers: ContainerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login on docker's tmpfs: root here sees it, others are told that they cannot know, and a stop empties it."""
    name = docker_containers.make("--tmpfs=/root")
    docker_containers.execute(name, "/bin/sh", "-c", "mkdir /root/.docker; echo '{}' > /root/.docker/config.json")
    path = "/root/.docker/config.json"
    content = opened(docker_containers, name).read(path, 100)
    assert content is not None
    assert content.data == b"{}\n"
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(FileError, match="on a tmpfs"):
        opened(docker_containers, name).read(path, 100)
    docker_containers.stop(name)
    assert opened(docker_containers, name).read(path, 100) is None


def test_a_replaced_file_stays_the_old_one_in_the_container(engine: ContainerEngine, tmp_path: Path) -> None:
    """A single mounted file that the host replaced whole is read as the container reads it, and told to be stale."""
    file = tmp_path / "config.json"
    file.write_text("old")
    name = engine.make(f"-v={file}:/srv/config.json")
    context = opened(engine, name)
    (mount,) = [mount for mount in context.mounts if mount.target == "/srv/config.json"]
    assert context.mounted.is_stale(mount) is False
    here(engine).update(str(file), lambda _: b"new one")
    assert engine.execute(name, "/bin/cat", "/srv/config.json").stdout == "old"
    content = opened(engine, name).read("/srv/config.json", 100)
    assert content is not None
    assert content.data == b"old"
    assert opened(engine, name).mounted.is_stale(mount) is True


def test_a_folder_that_becomes_a_link_leads_nowhere(engine: ContainerEngine) -> None:
    """A container that puts a link in a folder's place while we look gets nothing of the host's: no link is followed for it."""
    name = engine.make()
    assert engine.execute(name, "/bin/sh", "-c", "mkdir /srv/now; echo inside > /srv/now/shadow").returncode == 0
    container = opened(engine, name)
    root = proc_root(int(engine.run("inspect", "-f", "{{.State.Pid}}", name)), container.id)
    assert root is not None
    assert root.read("/srv/now/shadow", 100) == b"inside\n"
    script = "rm -r /srv/now; ln -s /etc /srv/now; ln -s /etc/shadow /srv/file"
    assert engine.execute(name, "/bin/sh", "-c", script).returncode == 0
    for path in ("/srv/now/shadow", "/srv/file"):
        with pytest.raises(FileError):
            root.read(path, 100)
    assert root.node("/srv/now/shadow") is None
    assert proc_root(os.getpid(), container.id) is None
