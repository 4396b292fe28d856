"""A login is lent to a real container: its client pulls with it, sees no other, and has nothing after the grant has ended."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.containers import IMAGE
from e2e.lending import NOT_FOUND, check_schema, end_agent, share
from e2e.token_server import TokenServer, token_registry

if TYPE_CHECKING:
    from conftest import Done, RunShorepass
    from e2e.containers import ContainerEngine

HELPER = "/usr/local/bin/docker-credential-shorepass"
OTHER = "other.example"
OTHERS_SECRET = "s3cret-that-is-not-lent"


@pytest.fixture(autouse=True)
def no_agent_remains(world: Path) -> Iterator[None]:
    """The agent that a grant starts ends with the test."""
    assert world
    yield
    end_agent()


@pytest.fixture
def logins(
    nothing_set: None,
    our_helper: str,
    home: Path,
    users: dict[str, str],
    registry_with_tokens: str,
    run_shorepass: RunShorepass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Docker's logins in the vault: alice's for the registry, and one for another registry."""
    assert nothing_set is None
    assert run_shorepass("vault", "init").status == 0
    monkeypatch.setenv("PATH", f"{os.path.dirname(our_helper)}:{programs.SYSTEM_PATH}")
    for registry, secret in ((registry_with_tokens, users["alice"]), (OTHER, OTHERS_SECRET)):
        login = json.dumps({"ServerURL": registry, "Username": "alice", "Secret": secret})
        assert programs.run([our_helper, "store"], env=os.environ, stdin=login).returncode == 0
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "shorepass"}')


@pytest.fixture(scope="module")
def private_image(registry_with_tokens: str, users: dict[str, str], image_archive: Path) -> str:
    """An image that only alice and bob may pull."""
    name = f"{registry_with_tokens}/team/app:1"
    push(name, image_archive, users["alice"])
    return name


def push(image: str, archive: Path, password: str) -> None:
    """Push an image as alice, with a program that uses none of the test's logins."""
    words = ["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", f"alice:{password}"]
    done = programs.run([programs.require("skopeo"), *words, f"docker-archive:{archive}", f"docker://{image}"])
    assert done.returncode == 0, done.stderr


def docker_in(engine: ContainerEngine) -> tuple[str, ...]:
    """Return flags for a container with a docker client and the engine's socket."""
    client = programs.require(programs.docker_programs()[-1])
    socket = engine.env["DOCKER_HOST"].removeprefix("unix://")
    return ("-v", f"{client}:/bin/docker:ro", "-v", f"{socket}:/var/run/docker.sock")


@pytest.mark.usefixtures("logins")
def test_a_container_pulls_with_a_lent_login_until_it_is_revoked(
    docker_containers: ContainerEngine, registry_with_tokens: str, private_image: str, run_shorepass: RunShorepass
) -> None:
    """Docker in a container pulls a private image with the host's login, and cannot after ``revoke``."""
    engine = docker_containers
    id_, flags, _ = share(run_shorepass, "--registry", registry_with_tokens)
    name = engine.make(*flags, *docker_in(engine))

    def pull() -> subprocess.CompletedProcess[str]:
        engine.try_run("rmi", private_image)
        return engine.execute(name, "/bin/docker", "pull", private_image)

    done = pull()
    assert done.returncode == 0, done.stderr
    assert run_shorepass("revoke", id_).stdout == f"revoked the grant {id_}\n"
    done = pull()
    assert done.returncode != 0, done.stdout


def own_lines(errors: str) -> list[str]:
    """Return the lines of standard error without podman's warnings about the machine of the tests."""
    return [line for line in errors.splitlines() if not line.startswith("time=")]


def ask(registry: str) -> tuple[str, ...]:
    """Return a command for a container that asks its helper for a login."""
    return ("sh", "-c", f"echo {registry} | {HELPER} get")


@pytest.mark.usefixtures("logins")
def test_run_lends_until_the_command_ends(
    engine: ContainerEngine,
    registry_with_tokens: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
) -> None:
    """``run --share`` adds the flags, passes the exit code through, and ends the grant; other registries are not lent."""

    def run(*words: str) -> Done:
        start = ("run", "--share", registry_with_tokens, "--", engine.program, "run", "--rm", "--network=none", IMAGE)
        return run_shorepass(*start, *words, env=engine.env)

    done = run(*ask(registry_with_tokens))
    assert (done.status, own_lines(done.stderr)) == (0, [])
    answer = {"ServerURL": registry_with_tokens, "Username": "alice", "Secret": users["alice"]}
    assert json.loads(done.stdout) == answer
    done = run(*ask(OTHER))
    assert (done.status, done.stdout) == (1, NOT_FOUND)
    assert "does not lend a login for other.example" in done.stderr
    assert run("sh", "-c", "exit 7").status == 7
    assert run_shorepass("grants").stdout == "nothing is lent\n"


@pytest.mark.usefixtures("logins")
def test_a_container_in_the_background_keeps_its_grant(
    engine: ContainerEngine, registry_with_tokens: str, run_shorepass: RunShorepass
) -> None:
    """The grant of ``docker run -d`` is listed, its use is logged with the container, and ``revoke --all`` ends it."""
    words = ("run", "--share", registry_with_tokens, "--", engine.program, "run", "-d", "--network=none", IMAGE)
    done = run_shorepass(*words, "sleep", "1000", env=engine.env)
    assert done.status == 0, done.stderr
    container = done.stdout.strip()
    try:
        assert engine.execute(container, *ask(registry_with_tokens)).returncode == 0
        document = json.loads(run_shorepass("grants", "--json").stdout)
        check_schema("grants", document)
        (grant,) = document["grants"]
        assert (grant["registries"], grant["last_use"] > grant["created"]) == ([registry_with_tokens], True)
        assert f"the grant {grant['id']} remains" in done.stderr
        (record,) = map(json.loads, run_shorepass("agent", "log", "--json").stdout.splitlines())
        assert (record["grant"], record["container"]) == (grant["id"], container)
        assert run_shorepass("revoke", "--all").status == 0
        done = engine.execute(container, *ask(registry_with_tokens))
        assert (done.returncode, done.stdout) == (1, NOT_FOUND)
        assert len(own_lines(done.stderr)) == 1
    finally:
        engine.try_run("rm", "-f", container)


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize("user", ["0", "1000:1000", "4711:4711"])
def test_any_user_of_the_container(
    engine: ContainerEngine, registry_with_tokens: str, run_shorepass: RunShorepass, user: str
) -> None:
    """The socket is for the container and not for one user in it, also with a read-only root and no capabilities."""
    _, flags, _ = share(run_shorepass, "--registry", registry_with_tokens)
    name = engine.make(*flags, "--user", user, "--read-only", "--cap-drop=ALL")
    done = engine.execute(name, *ask(registry_with_tokens))
    assert (done.returncode, own_lines(done.stderr)) == (0, [])
    assert engine.execute(name, "touch", "/run/shorepass/new").returncode != 0
    listed = engine.execute(name, "find", "/run/shorepass", "-type", "f").stdout.split()
    assert listed == ["/run/shorepass/config/config.json"]


@pytest.mark.usefixtures("logins")
def test_in_a_user_namespace(
    podman_containers: ContainerEngine, registry_with_tokens: str, run_shorepass: RunShorepass
) -> None:
    """Root of a container whose users are others on the host gets the lent login."""
    _, flags, _ = share(run_shorepass, "--registry", registry_with_tokens)
    name = podman_containers.make(*flags, "--uidmap=0:100000:65536", "--gidmap=0:100000:65536")
    done = podman_containers.execute(name, *ask(registry_with_tokens))
    assert (done.returncode, own_lines(done.stderr)) == (0, [])


@pytest.mark.usefixtures("logins")
def test_a_running_container_finds_the_next_agent(
    engine: ContainerEngine, registry_with_tokens: str, run_shorepass: RunShorepass
) -> None:
    """While the agent is away there is no login and one line says why; after its start the same container has it again."""
    _, flags, _ = share(run_shorepass, "--registry", registry_with_tokens)
    name = engine.make(*flags)
    assert engine.execute(name, *ask(registry_with_tokens)).returncode == 0
    end_agent()
    done = engine.execute(name, *ask(registry_with_tokens))
    assert (done.returncode, done.stdout, len(own_lines(done.stderr))) == (1, NOT_FOUND, 1)
    assert run_shorepass("agent", "start").status == 0
    assert engine.execute(name, *ask(registry_with_tokens)).returncode == 0


def secrets_in(engine: ContainerEngine, name: str, password: str) -> list[str]:
    """Return which secrets are in a container's files, variables, processes and description, also in base64."""
    search = (
        "tar -c bin etc home root tmp srv data run usr var 2>/dev/null; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
    )
    argv = [engine.program, "exec", name, "sh", "-c", search]
    env = {"PATH": programs.SYSTEM_PATH, "HOME": str(engine.folder), **engine.env}
    seen = subprocess.run(argv, capture_output=True, env=env, check=False, timeout=60).stdout
    seen += engine.run("inspect", name).encode() + engine.run("top", name).encode()
    assert b"HOME=" in seen
    forms = [form for secret in (password, OTHERS_SECRET) for form in (secret, basic(secret))]
    return [form for form in forms if form.encode() in seen]


def basic(secret: str) -> str:
    """Return alice's login as config files have it."""
    return base64.b64encode(f"alice:{secret}".encode()).decode()


@pytest.mark.usefixtures("logins")
def test_no_secret_is_in_the_container(
    engine: ContainerEngine, registry_with_tokens: str, users: dict[str, str], run_shorepass: RunShorepass
) -> None:
    """No byte of a secret is in its files, variables, description or processes, before a request and after it."""
    _, flags, _ = share(run_shorepass, "--registry", registry_with_tokens)
    name = engine.make(*flags)
    assert secrets_in(engine, name, users["alice"]) == []
    assert engine.execute(name, *ask(registry_with_tokens)).returncode == 0
    assert secrets_in(engine, name, users["alice"]) == []


@pytest.mark.usefixtures("logins")
def test_docker_itself_copies_every_secret(docker_containers: ContainerEngine, users: dict[str, str]) -> None:
    """``docker run --use-api-socket`` (docker 28) copies all logins into the container, where the same search finds them."""
    engine = docker_containers
    words = ("run", "-d", "--network=none", "--use-api-socket", IMAGE, "sleep", "1000")
    program = programs.require(programs.docker_programs()[-1])
    done = programs.run([program, *words], env={**os.environ, **engine.env})
    assert done.returncode == 0, done.stderr
    name = done.stdout.strip()
    try:
        assert secrets_in(engine, name, users["alice"]) == [basic(users["alice"]), basic(OTHERS_SECRET)]
    finally:
        engine.try_run("rm", "-f", name)


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize("ended", ["agent", "grant"])
def test_a_public_image_pulls_without_the_lender(
    docker_containers: ContainerEngine,
    image_archive: Path,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    tmp_path: Path,
    ended: str,
) -> None:
    """Docker in the container pulls a public image after the agent was killed, and after the grant has ended."""
    engine = docker_containers
    tokens = TokenServer(users, {"alice": {"team/public": "pull,push"}, "": {"team/public": "pull"}})
    with token_registry(tmp_path, tokens) as registry:
        image = f"{registry}/team/public:1"
        push(image, image_archive, users["alice"])
        id_, flags, _ = share(run_shorepass, "--registry", "127.0.0.1:*")
        name = engine.make(*flags, *docker_in(engine))
        if ended == "agent":
            end_agent()
        else:
            assert run_shorepass("revoke", id_).status == 0
        done = engine.execute(name, "/bin/docker", "pull", image)
        assert done.returncode == 0, done.stderr
        engine.run("rmi", image)


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize("named", [True, False])
def test_skopeo_uses_it_if_the_registry_is_named(
    registry_with_tokens: str, private_image: str, run_shorepass: RunShorepass, tmp_path: Path, *, named: bool
) -> None:
    """With what a container gets, skopeo reads a private image; of a pattern it finds no helper, and asks anonymously."""
    lent = registry_with_tokens if named else "127.*:*"
    grant = share(run_shorepass, "--registry", lent)
    (forwarder,) = (word.split("source=")[1].split(",")[0] for word in grant.flags if HELPER in word)
    (tmp_path / "docker-credential-shorepass").symlink_to(forwarder)
    env = {
        "HOME": str(tmp_path),
        "PATH": f"{tmp_path}:{programs.SYSTEM_PATH}",
        "SHOREPASS_SOCK": grant.socket,
        "REGISTRY_AUTH_FILE": str(Path(grant.socket).parent / "config/config.json"),
    }
    done = programs.run(["skopeo", "inspect", "--tls-verify=false", f"docker://{private_image}"], env=env)
    assert (done.returncode == 0) == named, done.stderr
