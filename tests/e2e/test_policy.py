"""The policy counts at each use of a grant, and gives containers a grant by itself: with real containers and clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import auth
from e2e import programs
from e2e.containers import IMAGE
from e2e.lending import NOT_FOUND, end_agent, is_empty, share
from e2e.test_share import docker_in, push
from e2e.token_server import TokenServer, token_registry

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine
    from e2e.doctor import Program

HELPER = "/usr/local/bin/docker-credential-shorepass"
REGISTRY, OTHER = "lent.example", "other.example"
SECRETS = {REGISTRY: "s3cret-that-is-lent", OTHER: "an0ther-secret"}
ROW = f'[[automatic]]\n{{what}}\nregistries = ["{REGISTRY}"]\nfor = "10m"\n'


@pytest.fixture
def policy(home: Path) -> Path:
    """Where the policy is."""
    return home / ".config/shorepass/policy.toml"


@pytest.fixture(autouse=True)
def logins(home: Path) -> Iterator[None]:
    """The lender's logins; the agent that a grant starts ends with the test."""
    found = {registry: auth(f"alice:{secret}") for registry, secret in SECRETS.items()}
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": found}))
    yield
    end_agent()


def get(engine: ContainerEngine, name: str, registry: str = REGISTRY) -> str:
    """Ask in a container for a login; return "" if it is given, or the line that says why not."""
    done = engine.execute(name, "sh", "-c", f"echo {registry} | {HELPER} get")
    if done.returncode == 0:
        assert json.loads(done.stdout)["Secret"] == SECRETS[registry]
        return ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("time=")]
    assert (done.stdout, len(lines)) == (NOT_FOUND, 1)
    return lines[0]


def test_a_rule_counts_at_once(engine: ContainerEngine, run_shorepass: RunShorepass, policy: Path) -> None:
    """A container that has a grant loses what ``never`` names, and has it again without the rule."""
    id_, flags, _ = share(run_shorepass, "--registry", "*.example")
    name = engine.make(*flags)
    assert [get(engine, name), get(engine, name, OTHER)] == ["", ""]
    policy.write_text(f'\nnever = ["{OTHER}"]\n')
    assert get(engine, name) == ""
    assert f"the lender's policy never lends {OTHER} (line 2)" in get(engine, name, OTHER)
    policy.write_text('[allowed]\nmodes = ["engine"]\n')
    assert "the lender's policy does not allow the mode forward (line 2)" in get(engine, name)
    listed = run_shorepass("grants")
    assert f"the grant {id_}: the policy does not allow the mode forward (line 2)" in listed.stderr
    policy.unlink()
    assert [get(engine, name), get(engine, name, OTHER)] == ["", ""]


@pytest.mark.xdist_group("docker")
def test_another_spelling_of_a_registry(
    docker_containers: ContainerEngine,
    docker: Program,
    skopeo: Program,
    private_image: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    policy: Path,
    home: Path,
) -> None:
    """Docker and skopeo connect to the same registry with a zero in front of its port, so ``never`` is for that name, too."""
    name = private_image.replace(":", ":0", 1)
    registry, padded = (image.partition("/")[0] for image in (private_image, name))
    logins = {"auths": {padded: auth(f"alice:{users['alice']}")}}
    (home / ".docker/config.json").write_text(json.dumps(logins))
    pulled = docker("pull", name)
    assert pulled.returncode == 0, pulled.stderr
    docker("rmi", name)
    inspected = skopeo("inspect", "--tls-verify=false", f"docker://{name}")
    assert inspected.returncode == 0, inspected.stderr
    policy.write_text(f'never = ["{registry}"]\n')
    done = run_shorepass("share", "flags", "--registry", padded)
    assert (done.status, f"the policy never lends {registry} (line 1)" in done.stderr) == (1, True)
    _, flags, _ = share(run_shorepass, "--registry", "127.0.0.1:*")
    container = docker_containers.make(*flags)
    for spelling in (padded, f"127.0.0.1:000{registry.partition(':')[2]}", f"http://{padded}/v2/"):
        assert f"the lender's policy never lends {registry} (line 1)" in get(docker_containers, container, spelling)


def test_a_broken_policy_stops_a_grant(
    docker_containers: ContainerEngine,
    image_archive: Path,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    policy: Path,
    tmp_path: Path,
) -> None:
    """The login is not given, the line is named on both sides, and a public image still pulls."""
    engine = docker_containers
    tokens = TokenServer(users, {"alice": {"team/public": "pull,push"}, "": {"team/public": "pull"}})
    with token_registry(tmp_path, tokens) as registry:
        image = f"{registry}/team/public:1"
        push(image, image_archive, users["alice"])
        _, flags, _ = share(run_shorepass, "--registry", REGISTRY, "--registry", "127.0.0.1:*")
        name = engine.make(*flags, *docker_in(engine))
        assert get(engine, name) == ""
        policy.write_text('never = []\n[allowed]\npush = "no"\n')
        assert 'policy.toml: line 3: "push": neither true nor false; no login is lent' in get(engine, name)
        done = run_shorepass("share", "flags", "--registry", REGISTRY)
        assert (done.status, "line 3" in done.stderr) == (3, True)
        assert "policy.toml: line 3" in run_shorepass("grants").stderr
        done = engine.execute(name, "/bin/docker", "pull", image)
        assert done.returncode == 0, done.stderr
        engine.run("rmi", image)
        policy.write_text("never = []\n")
        assert get(engine, name) == ""
        policy.chmod(0o666)
        assert "other users can write it" in get(engine, name)


def test_a_stored_secret_is_removed(run_shorepass: RunShorepass, policy: Path) -> None:
    """In a mode that stores the login in the target, the agent removes it when a rule refuses it, and lends it again."""
    done = run_shorepass("share", "flags", "--mode", "export", "--registry", REGISTRY, "--json")
    assert done.status == 0, done.stderr
    (mount,) = [word for word in json.loads(done.stdout)["flags"] if "target=/run/shorepass," in word]
    config = Path(mount.split("source=")[1].split(",")[0], "config/config.json")

    def has_login() -> bool:
        return "auth" in json.loads(config.read_text()).get("auths", {}).get(REGISTRY, {})

    programs.wait_until(lambda: has_login() or None, "the login")
    policy.write_text(f'never = ["{REGISTRY}"]\n')
    programs.wait_until(lambda: is_empty(config), "the agent to remove the login")
    policy.unlink()
    programs.wait_until(lambda: has_login() or None, "the login again")


def run(folder: Path, engine: ContainerEngine, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``shorepass run`` without ``--share``."""
    path = f"{Path(sys.executable).parent}:{programs.SYSTEM_PATH}"
    env = {**os.environ, **engine.env, "PATH": path}
    argv = [sys.executable, "-m", "shorepass", "run", *words]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_an_image_with_a_row(engine: ContainerEngine, run_shorepass: RunShorepass, policy: Path, world: Path) -> None:
    """A container of the image gets the row's grant, of another image none; the rules also count for a row."""
    if engine.family == "podman":
        image = engine.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()[0]
    else:
        image = f"docker.io/{IMAGE}"
    words = (engine.program, "run", "--rm", "--network=none", image, "sh", "-c", f"echo {REGISTRY} | {HELPER} get")
    assert run(world, engine, *words).returncode == 125
    policy.write_text(ROW.format(what=f'image = "{image.rpartition("/")[0]}/*"'))
    done = run(world, engine, *words)
    assert (done.returncode, json.loads(done.stdout)["Secret"]) == (0, SECRETS[REGISTRY])
    assert f"shorepass: lends {REGISTRY}: line 1 of the policy\n" in done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    policy.write_text(ROW.format(what='image = "ghcr.io/acme/*"'))
    done = run(world, engine, *words)
    assert (done.returncode, "the policy has no row [[automatic]]" in done.stderr) == (125, True)
    policy.write_text(f'never = ["{REGISTRY}"]\n' + ROW.format(what=f'image = "{image.rpartition("/")[0]}/*"'))
    done = run(world, engine, *words)
    assert (done.returncode, f"the policy never lends {REGISTRY} (line 1)" in done.stderr) == (125, True)
    without_login = ROW.format(what=f'image = "{image.rpartition("/")[0]}/*"').replace(REGISTRY, "nothing.example")
    policy.write_text(without_login)
    assert run(world, engine, *words[:-3], "true").returncode == 0


def test_a_project_with_a_row(
    docker_containers: ContainerEngine, run_shorepass: RunShorepass, policy: Path, world: Path
) -> None:
    """The services of the compose project get the row's grant; a project of another name has none."""
    ask = f"echo {REGISTRY} | docker-credential-shorepass get"
    service = {"image": IMAGE, "network_mode": "none", "command": ["sh", "-c", ask]}
    (world / "shop").mkdir()
    (world / "shop/compose.yaml").write_text(json.dumps({"name": "shop-policy", "services": {"one": service}}))
    compose = str(Path(sys.executable).with_name("docker-compose"))
    policy.write_text(ROW.format(what='project = "shop-*"'))
    try:
        done = run(world / "shop", docker_containers, compose, "up")
        assert (done.returncode, SECRETS[REGISTRY] in done.stdout) == (0, True), done.stderr
        done = run(world / "shop", docker_containers, compose, "-p", "other", "up")
        assert (done.returncode, "the policy has no row [[automatic]]" in done.stderr) == (125, True)
    finally:
        down = [compose, "down", "--timeout=0"]
        env = {**os.environ, **docker_containers.env, "PATH": programs.SYSTEM_PATH}
        subprocess.run(down, cwd=world / "shop", env=env, capture_output=True, check=False)
    assert run_shorepass("grants").stdout == "nothing is lent\n"
