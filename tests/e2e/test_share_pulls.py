"""Real clients in running containers pull and push with a lent login, and log in elsewhere by themselves."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from e2e import programs
from e2e.containers import IMAGE, SLEEP
from e2e.lending import Lender, end_agent, share
from e2e.token_server import TokenServer, token_registry

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

pytestmark = pytest.mark.xdist_group("docker")
ALL = "pull,push"
# As --privileged, but for a right that the machine of the tests may not have itself.
PRIVILEGED = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=systempaths=unconfined"),
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
)
# The host's programs and their libraries, for an image that has only busybox.
FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/lib", "/lib64")
SYSTEM = tuple(f"--volume={path}:{path}:ro" for path in FOLDERS if Path(path).exists())


class Lent(NamedTuple):
    """A registry with a private image and a public one, both pushed; alice's login for it is lent."""

    registry: str
    private: str
    public: str


@pytest.fixture(scope="module")
def lent(image_archive: Path, users: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lent]:
    """The registry: alice may pull and push both images, anyone may pull the public one."""
    grants = {"alice": {"team/app": ALL, "team/public": ALL}, "": {"team/public": "pull"}}
    with token_registry(tmp_path_factory.mktemp("lent"), TokenServer(users, grants)) as registry:
        images = [f"{registry}/team/{name}:1" for name in ("app", "public")]
        for image in images:
            words = ["copy", "--insecure-policy", "--dest-tls-verify=false", f"--dest-creds=alice:{users['alice']}"]
            source = f"docker-archive:{image_archive}"
            done = programs.run([programs.require("skopeo"), *words, source, f"docker://{image}"])
            assert done.returncode == 0, done.stderr
        yield Lent(registry, *images)


@pytest.fixture(autouse=True)
def login(home: Path, lent: Lent, users: dict[str, str]) -> Iterator[None]:
    """The lender's login; the agent that a grant starts ends with the test."""
    (home / ".docker").mkdir()
    auth = base64.b64encode(f"alice:{users['alice']}".encode()).decode()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {lent.registry: {"auth": auth}}}))
    yield
    end_agent()


class Inside:
    """A container with a relay in it: a program there has the variables that ``share`` printed, and ``env``."""

    def __init__(self, engine: ContainerEngine, name: str, lender: Lender, **env: str) -> None:
        self.engine = engine
        self.name = name
        self.lender = lender
        self.exports = "".join(f"export {name}={value}; " for name, value in {**lender.variables, **env}.items())

    def __call__(self, *words: str, stdin: str = "", user: str = "0") -> subprocess.CompletedProcess[str]:
        """Run a program."""
        argv = ("sh", "-c", f'{self.exports}exec "$@"', "sh", *words)
        return self.engine.try_run("exec", "-i", "--user", user, self.name, *argv, stdin=stdin)


@contextlib.contextmanager
def relayed(engine: ContainerEngine, name: str, lent: Lent, folder: Path, **env: str) -> Iterator[Inside]:
    """Lend the login to a container until the end of ``with``."""
    lender = Lender(f"{engine.family}:{name}", folder / "said", "--registry", lent.registry, env=engine.leads)
    with contextlib.closing(lender):
        lender.wait_until_ready()
        yield Inside(engine, name, lender, **env)


def with_docker(engine: ContainerEngine) -> tuple[str, ...]:
    """Return flags for a container with a docker client and the engine's socket."""
    client = programs.require(programs.docker_programs()[-1])
    socket = engine.env["DOCKER_HOST"].removeprefix("unix://")
    return ("-v", f"{client}:/bin/docker:ro", "-v", f"{socket}:/var/run/docker.sock")


def revoke(inside: Inside, run_shorepass: RunShorepass) -> None:
    """End the grant, and wait until the relay has ended."""
    assert run_shorepass("revoke", "--all").status == 0
    assert inside.lender.process.wait(60) == 0


def check_pulls(inside: Inside, lent: Lent, run_shorepass: RunShorepass, *docker: str) -> None:
    """Pull and push the private image; after ``revoke`` only the public one pulls."""
    done = inside(*docker, "pull", lent.private)
    assert done.returncode == 0, done.stderr
    done = inside(*docker, "push", lent.private)
    assert done.returncode == 0, done.stderr
    revoke(inside, run_shorepass)
    for image, is_public in ((lent.private, False), (lent.public, True)):
        inside(*docker, "rmi", image)
        done = inside(*docker, "pull", image)
        assert (done.returncode == 0) == is_public, (image, done.stderr)


@pytest.mark.parametrize("flags", [(), ("--read-only", "--tmpfs", "/tmp:exec")])
def test_docker_with_the_hosts_engine(
    docker_containers: ContainerEngine, lent: Lent, run_shorepass: RunShorepass, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    """A docker client with the engine's socket pulls and pushes until ``revoke``, also with a read-only root."""
    engine = docker_containers
    name = engine.make(*flags, *with_docker(engine))
    with relayed(engine, name, lent, tmp_path) as inside:
        check_pulls(inside, lent, run_shorepass, "/bin/docker")


def test_an_engine_inside(
    docker_containers: ContainerEngine, lent: Lent, run_shorepass: RunShorepass, tmp_path: Path
) -> None:
    """A privileged container with a dockerd of its own pulls and pushes until ``revoke``."""
    engine, name = docker_containers, "with-an-engine"
    client = f"--volume={programs.require(programs.docker_programs()[-1])}:/bin/docker:ro"
    flags = (*SYSTEM, client, *PRIVILEGED, "--network=host", "--volume=/var/lib/inner", "--tmpfs", "/run")
    start = "mkdir -p /var/lib/inner/run; exec dockerd --bridge=none --iptables=false --storage-driver=vfs"
    start += (
        " --data-root /var/lib/inner/data --exec-root /var/lib/inner/exec -p /run/inner.pid -H unix:///run/inner.sock"
    )
    path = f"PATH={programs.SYSTEM_PATH}"
    engine.run("run", "-d", "--name", name, *flags, "--env", path, IMAGE, "/bin/busybox", "sh", "-c", start)
    try:
        docker = ("/bin/docker", "-H", "unix:///run/inner.sock")

        def answers() -> bool | None:
            running = engine.run("inspect", "-f", "{{.State.Running}}", name)
            assert "true" in running, engine.try_run("logs", name).stderr[-2000:]
            return engine.execute(name, *docker, "version").returncode == 0 or None

        programs.wait_until(answers, "the inner dockerd")
        with relayed(engine, name, lent, tmp_path) as inside:
            check_pulls(inside, lent, run_shorepass, *docker)
    finally:
        engine.try_run("rm", "-f", "-v", name)


def test_podman_inside(
    docker_containers: ContainerEngine, lent: Lent, run_shorepass: RunShorepass, tmp_path: Path
) -> None:
    """Podman in a privileged container pulls and pushes until ``revoke``."""
    engine, name = docker_containers, "with-podman"
    flags = (
        *SYSTEM,
        *PRIVILEGED,
        "--network=host",
        "--volume=/var/lib/containers",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp",
    )
    engine.run("run", "-d", "--name", name, *flags, "--tmpfs=/var/tmp", IMAGE, *SLEEP)
    try:
        policy = '{"default": [{"type": "insecureAcceptAnything"}]}'
        write = "mkdir -p /etc/containers; cat >/etc/containers/policy.json"
        assert engine.execute(name, "/bin/busybox", "sh", "-c", write, stdin=policy).returncode == 0
        insecure = f'[[registry]]\nlocation = "{lent.registry}"\ninsecure = true\n'
        write = "cat >/etc/containers/registries.conf"
        assert engine.execute(name, "/bin/busybox", "sh", "-c", write, stdin=insecure).returncode == 0
        with relayed(engine, name, lent, tmp_path, HOME="/root") as inside:
            check_pulls(
                inside, lent, run_shorepass, "/usr/bin/podman", "--storage-driver=vfs", "--cgroup-manager=cgroupfs"
            )
    finally:
        engine.try_run("rm", "-f", "-v", name)


@pytest.mark.parametrize("user", ["0", "1000:1000"])
def test_docker_login_inside(
    docker_containers: ContainerEngine,
    lent: Lent,
    registry: str,
    private_image: str,
    users: dict[str, str],
    tmp_path: Path,
    home: Path,
    user: str,
) -> None:
    """``docker login`` for another registry is stored in the container's file, and both logins pull; none comes here."""
    engine = docker_containers
    before = (home / ".docker/config.json").read_bytes()
    group = Path(engine.env["DOCKER_HOST"].removeprefix("unix://")).stat().st_gid
    name = engine.make("--user", user, f"--group-add={group}", *with_docker(engine))
    with relayed(engine, name, lent, tmp_path) as inside:
        login = ("/bin/docker", "login", "-u", "bob", "--password-stdin", registry)
        done = inside(*login, stdin=users["bob"], user=user)
        assert done.returncode == 0, done.stderr
        for image in (private_image, lent.private):
            engine.try_run("rmi", image)
            done = inside("/bin/docker", "pull", image, user=user)
            assert done.returncode == 0, done.stderr
        kept = json.loads(inside("/bin/cat", "/run/shorepass/config/config.json").stdout)
        assert (list(kept["auths"]), list(kept["credHelpers"])) == ([registry], [lent.registry])
    assert (home / ".docker/config.json").read_bytes() == before


@pytest.mark.parametrize("user", ["0", "1000:1000"])
def test_docker_login_inside_with_a_mount(
    docker_containers: ContainerEngine,
    lent: Lent,
    registry: str,
    private_image: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    home: Path,
    user: str,
) -> None:
    """With --own-logins, ``docker login`` is stored in the grant's folder, which ends with it; the lender reads none."""
    engine = docker_containers
    before = (home / ".docker/config.json").read_bytes()
    group = Path(engine.env["DOCKER_HOST"].removeprefix("unix://")).stat().st_gid
    shared = share(run_shorepass, "--own-logins", "--registry", lent.registry)
    name = engine.make(*shared.flags, "--user", user, f"--group-add={group}", *with_docker(engine))
    login = ("/bin/docker", "login", "-u", "bob", "--password-stdin", registry)
    done = engine.execute(name, *login, stdin=users["bob"])
    assert done.returncode == 0, done.stderr
    for image in (private_image, lent.private):
        engine.try_run("rmi", image)
        done = engine.execute(name, "/bin/docker", "pull", image)
        assert done.returncode == 0, done.stderr
    assert engine.execute(name, "sh", "-c", "echo x > /run/shorepass/x").returncode != 0
    assert engine.execute(name, "sh", "-c", "echo x > /usr/local/bin/docker-credential-shorepass").returncode != 0
    assert (home / ".docker/config.json").read_bytes() == before
    folder = Path(shared.socket).parent
    kept = json.loads((folder / "own/config.json").read_text())
    assert (list(kept["auths"]), list(kept["credHelpers"])) == ([registry], [lent.registry])
    (folder / "own/link").symlink_to(home / ".docker")
    assert run_shorepass("revoke", "--all").status == 0
    assert not folder.exists()
    assert (home / ".docker/config.json").read_bytes() == before


def test_own_logins_need_a_named_registry(run_shorepass: RunShorepass) -> None:
    """A pattern makes the helper answer for every registry, so that no login could be stored."""
    done = run_shorepass("share", "flags", "--own-logins", "--registry", "*.example.com")
    assert (done.status, "without *" in done.stderr) == (2, True)
    assert run_shorepass("grants").stdout == "nothing is lent\n"


@pytest.fixture(scope="module")
def musl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a client that is linked to musl, and musl's loader."""
    folder = tmp_path_factory.mktemp("musl")
    source = folder / "client.c"
    source.write_text(
        "#include <stdio.h>\n"
        "int main(int argc, char **argv) {\n"
        "    char line[4096]; int c; FILE *helper;\n"
        '    snprintf(line, sizeof line, "echo %s | docker-credential-shorepass get", argc > 1 ? argv[1] : "");\n'
        '    helper = popen(line, "r");\n'
        "    while (helper && (c = getc(helper)) != EOF) putchar(c);\n"
        "    return helper ? pclose(helper) != 0 : 2;\n}\n"
    )
    compiled = programs.run([programs.require("musl-gcc"), str(source), "-o", str(folder / "client")])
    assert compiled.returncode == 0, compiled.stderr
    (loader,) = Path("/lib").glob("ld-musl-*.so.1")
    shutil.copy(loader, folder / loader.name)
    return folder


def test_a_client_with_musl(
    docker_containers: ContainerEngine, lent: Lent, users: dict[str, str], musl: Path, tmp_path: Path
) -> None:
    """A client in a container whose only library is musl gets the login by the forwarder."""
    engine = docker_containers
    (loader,) = (path.name for path in musl.glob("ld-musl-*"))
    name = engine.make("-v", f"{musl}/{loader}:/lib/{loader}:ro", "-v", f"{musl}/client:/bin/client:ro")
    with relayed(engine, name, lent, tmp_path) as inside:
        done = inside("/bin/client", lent.registry)
        assert json.loads(done.stdout)["Secret"] == users["alice"], done.stderr
