"""A context of each kind, on the ground that it stands on."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.grounds import Ground, all_kinds
from e2e import programs
from e2e.containers import USER, ContainerEngine, docker_engine, podman_engine
from e2e.people import new_person
from e2e.ssh_host import SshHost, ssh_host
from e2e.sudo_machine import DEBIAN, machine
from shorepass.contexts import find
from shorepass.contexts.local import LocalContext
from shorepass.contexts.shells.shell import ShellContext
from shorepass.contexts.shells.transport import Transport


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.xdist_group(f"ground_{kind}")) for kind in all_kinds()])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Each kind of context."""
    found: Ground = request.getfixturevalue(f"ground_{request.param}")
    return found


def here(home: Path, path: str = programs.SYSTEM_PATH) -> LocalContext:
    return LocalContext({"HOME": str(home), "PATH": path})


def local(context: ShellContext | LocalContext, home: Path) -> Ground:
    """A context that is a process of our own: its files are this user's, in the test's home."""
    folder = home / "ground"
    folder.mkdir(mode=0o700)
    sh = [programs.require("env"), "-C", str(folder)]
    return Ground(context, str(folder), lambda script, stdin=b"": programs.shell(sh, script, stdin))


@pytest.fixture
def ground_me(home: Path) -> Ground:
    """The user of this very process."""
    return local(here(home), home)


@pytest.fixture
def ground_user() -> Iterator[Ground]:
    """Another user of this machine."""
    with new_person() as person:
        folder = person.home / "ground"
        person.as_root("install", "-d", "-m", "0700", "-o", person.name, "-g", person.name, str(folder))
        sh = ["runuser", "-u", person.name, "--", "env", "-C", str(folder), f"HOME={person.home}"]
        context = find.find(f"user:{person.name}", LocalContext.current())
        yield Ground(context, str(folder), lambda script, stdin=b"": programs.shell(sh, script, stdin))


@pytest.fixture
def ground_shell(home: Path) -> Ground:
    """A shell behind the least of all programs, with this machine's own tools."""
    transport = Transport("shell", (programs.require("env"),), joins=False, hint="", here=here(home))
    return local(ShellContext.open(transport), home)


@pytest.fixture
def ground_kube(home: Path, tmp_path: Path) -> Ground:
    """A pod behind a kubectl that runs what it is given."""
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    # exactly the words that kubectl understands, then the command; what is wrong is said as kubectl says it
    kubectl.write_text(
        "#!/bin/sh\n"
        'if [ "$1 $2 $3 $4 $5 $6 $7" != "exec --stdin --quiet --namespace shop pod-1 --" ]; then\n'
        '  echo "Error from server (NotFound): pods \\"$6\\" not found" >&2; exit 1\n'
        'fi; shift 7; echo "Defaulted container" >&2; exec "$@"\n'
    )
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    context = find.find("kube:shop/pod-1", here(home, f"{kubectl.parent}:{programs.SYSTEM_PATH}"))
    assert isinstance(context, ShellContext)
    return local(context, home)


@pytest.fixture
def ground_sudo(home: Path) -> Iterator[Ground]:
    """Root behind a real sudo, for a user of this machine who is asked for no password."""
    with new_person() as person:
        place = machine(person, DEBIAN)
        prefix = (*place.prefix, "runuser", "-u", person.name, "--", "sudo", "-n")
        folder = place.root_home / "ground"
        place.run("mkdir", "-m", "700", str(folder))
        transport = Transport("sudo", prefix, joins=False, hint="", here=here(home))
        sh = [*place.prefix, "env", "-C", str(folder), f"HOME={place.root_home}"]
        context = ShellContext.open(transport)
        yield Ground(context, str(folder), lambda script, stdin=b"": programs.shell(sh, script, stdin))


@pytest.fixture(scope="session")
def host() -> Iterator[SshHost]:
    """A host behind a real sshd."""
    with ssh_host() as host:
        yield host


@pytest.fixture
def ground_ssh(host: SshHost) -> Ground:
    """The user of a host behind a real sshd, with busybox's tools."""
    folder = f"{host.home}/{os.urandom(4).hex()}"
    host.sh(f"mkdir -m 700 {folder}")
    context = find.find("ssh:virtual", here(Path("/"), str(host.bin)))
    return Ground(context, folder, lambda script, stdin=b"": host.sh(f"cd {folder}; {script}", stdin))


def contained(engine: ContainerEngine, name: str) -> Ground:
    """A folder in the home of a container's user; ``exec`` is the other way in."""
    folder = f"/home/{USER}/{os.urandom(4).hex()}"
    done = engine.execute(name, "/bin/mkdir", "-m", "700", folder)
    assert done.returncode == 0, done.stderr
    env = [f"{key}={value}" for key, value in engine.env.items()]
    sh = ["env", f"HOME={engine.folder}", *env, engine.program, "exec", "-i", "-w", folder, name]
    context = find.find(f"{engine.family}:{name}", LocalContext({**os.environ, **engine.leads}))
    return Ground(context, folder, lambda script, stdin=b"": programs.shell(sh, script, stdin))


@pytest.fixture(scope="session")
def docker_container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ContainerEngine, str]]:
    """A running container of docker."""
    folder = tmp_path_factory.mktemp("docker")
    with programs.docker_daemon(folder) as address, docker_engine(address, folder) as engine:
        yield engine, engine.make(f"--user={USER}")


@pytest.fixture(scope="session")
def podman_container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ContainerEngine, str]]:
    """A running container of podman."""
    with podman_engine(tmp_path_factory.mktemp("podman")) as engine:
        yield engine, engine.make(f"--user={USER}")


@pytest.fixture
def ground_docker(docker_container: tuple[ContainerEngine, str]) -> Ground:
    """The user of a container of docker."""
    return contained(*docker_container)


@pytest.fixture
def ground_podman(podman_container: tuple[ContainerEngine, str]) -> Ground:
    """The user of a container of podman."""
    return contained(*podman_container)
