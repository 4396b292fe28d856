"""``login --store NAME`` does what it says, whatever helper a client's file names, or says why not before anything is sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cli.test_choosing import PASSWORD, in_plain_text, log_in, user_of
from shorepass import LocalContext
from shorepass.stores.in_use import named
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import Done, RunShorepass

pytestmark = pytest.mark.usefixtures("nothing_set", "our_helper")

REG = "REG"  # stands for the registry in what follows
KEEPS = """#!{python}
import json, os, sys
text, verb, folder = sys.stdin.read(), sys.argv[1], {folder!r}
if verb == "list":
    entries = [json.load(open(os.path.join(folder, name))) for name in os.listdir(folder)]
    print(json.dumps({{entry["ServerURL"]: entry["Username"] for entry in entries}}))
    sys.exit()
key = json.loads(text)["ServerURL"] if verb == "store" else text
path = os.path.join(folder, key.replace("/", "_"))
if verb == "store":
    open(path, "w").write(text)
elif not os.path.exists(path):
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(open(path).read())
else:
    os.unlink(path)
"""
# Stands for a helper whose store refuses long secrets, is for reading only, or is not there any more.
CANNOT = "#!/bin/sh\ncase $1 in list) echo '{}';; erase) ;; *) echo 'The stub received bad data.'; exit 1;; esac\n"


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry where alice has a login."""
    with Registry(users={"alice": PASSWORD}) as running:
        yield running


class Machine(NamedTuple):
    """A machine with two foreign helpers, one of which cannot store; ``run`` runs shorepass for one client."""

    world: Path
    run: RunShorepass
    registry: Registry

    def file(self, client: str) -> Path:
        """Return a client's file."""
        return self.world / ("home/.docker/config.json" if client == "docker" else "run/containers/auth.json")

    def write(self, client: str, config: dict[str, Any]) -> None:
        path = self.file(client)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(config).replace(REG, self.registry.host))

    def read(self, client: str) -> dict[str, Any]:
        text = self.file(client).read_text().replace(self.registry.host, REG)
        found: dict[str, Any] = json.loads(text)
        return found

    def log_in(self, client: str, store: str, *words: str) -> Done:
        return log_in(self.run, self.registry.host, "--client", client, "--store", store, *words)

    def kept_in(self) -> set[str]:
        """Return the stores that have alice's login: ``vault``, ``mine``, and clients whose file has it."""
        vault = named("vault", LocalContext.current(), ask=input, tell=print)
        found = {"vault"} if vault.path and Path(vault.path).exists() and vault.list() else set()
        if any((self.world / "kept").iterdir()):
            found.add("mine")
        return found | {
            client for client in ("docker", "podman") if str(self.file(client)) in in_plain_text(self.world)
        }


@pytest.fixture
def machine(world: Path, run_shorepass: RunShorepass, registry: Registry) -> Machine:
    folder = world / "kept"
    folder.mkdir()
    for name, text in (("mine", KEEPS.format(python=sys.executable, folder=str(folder))), ("wincred", CANNOT)):
        program = world / f"bin/docker-credential-{name}"
        program.write_text(text)
        program.chmod(0o755)
    return Machine(world, run_shorepass, registry)


DOCKER_FILES: dict[str, dict[str, Any]] = {
    "nothing": {"psFormat": "x"},
    "credsStore": {"credsStore": "wincred", "psFormat": "x"},
    "credHelpers": {"credHelpers": {REG: "wincred", "b.example": "wincred"}},
    "both": {"credsStore": "wincred", "credHelpers": {REG: "mine"}},
    "Shorepass's as credsStore": {"credsStore": "shorepass"},
    "Shorepass's in credHelpers": {"credHelpers": {REG: "shorepass"}},
}
PODMAN_FILES: dict[str, dict[str, Any]] = {
    "nothing": {"auths": {}},
    "credHelpers": {"credHelpers": {REG: "wincred", "b.example": "wincred"}},
    "Shorepass's in credHelpers": {"credHelpers": {REG: "shorepass"}},
}
CASES = [("docker", what) for what in DOCKER_FILES] + [("podman", what) for what in PODMAN_FILES]


@pytest.mark.parametrize(("client", "what"), CASES, ids=lambda value: value)
@pytest.mark.parametrize("store", ["file", "vault", "helper:mine"])
def test_it_is_kept_there_and_the_client_finds_it(machine: Machine, client: str, what: str, store: str) -> None:
    """In that store and in no other; after the logout nothing has it, and the file says what it said of other registries."""
    before = (DOCKER_FILES if client == "docker" else PODMAN_FILES)[what]
    machine.write(client, before)
    if "Shorepass" in what and store == "file":
        assert machine.run("vault", "init").status == 0  # who names its helper has one
    done = machine.log_in(client, store)
    assert done.status == 0, done.stderr
    expected = {"file": client, "vault": "vault", "helper:mine": "mine"}[store]
    assert machine.kept_in() == {expected}
    assert user_of(machine.run, machine.registry.host, client) == "alice"
    named_helper = before.get("credHelpers", {}).get(REG) or before.get("credsStore")
    if named_helper in ("wincred", "mine") and f"helper:{named_helper}" != store:
        assert f"no longer asks docker-credential-{named_helper} for {machine.registry.host}" in done.stderr
    after = machine.read(client)
    assert after.get("credHelpers", {}).get("b.example") == before.get("credHelpers", {}).get("b.example")
    assert (after.get("psFormat"), after.get("credsStore")) in (
        (before.get("psFormat"), before.get("credsStore")),
        (before.get("psFormat"), "shorepass"),
    )
    again = machine.log_in(client, store)
    assert again.status == 0, again.stderr
    assert machine.read(client) == after
    out = machine.run("logout", "--client", client, machine.registry.host)
    assert out.status == 0, out.stderr
    assert machine.kept_in() == set()
    assert machine.run("get", "--client", client, machine.registry.host).status in (1, 3)
    if "wincred" in str(before) or what == "both":
        left = machine.read(client)
        left.pop("auths", None)
        assert left == before


@pytest.mark.parametrize("client", ["docker", "podman"])
def test_one_store_after_the_other(machine: Machine, client: str) -> None:
    """Each login goes where it is told; the last logout leaves the file as it was before the first."""
    before = {"credHelpers": {REG: "wincred"}}
    machine.write(client, before)
    for store, expected in (("vault", "vault"), ("file", client), ("vault", "vault")):
        assert machine.log_in(client, store).status == 0
        assert expected in machine.kept_in()
        assert user_of(machine.run, machine.registry.host, client) == "alice"
    assert machine.run("logout", "--client", client, machine.registry.host).status == 0
    left = machine.read(client)
    left.pop("auths", None)
    assert (left, machine.kept_in()) == (before, set())


def test_the_way_out_of_a_helper_that_cannot_store(machine: Machine) -> None:
    """The login that failed with the helper's words is kept in the vault, for that registry alone, docker's and podman's."""
    machine.write("docker", {"credsStore": "wincred"})
    failed = log_in(machine.run, machine.registry.host)
    assert (failed.status, "bad data" in failed.stderr) == (1, True)
    assert failed.stderr.endswith(f"\nhint: shorepass login --store vault {machine.registry.host}\n")
    assert machine.log_in("docker", "vault").status == 0
    assert machine.read("docker")["credsStore"] == "wincred"
    assert machine.read("docker")["credHelpers"] == {REG: "shorepass"}
    assert [user_of(machine.run, machine.registry.host, client) for client in ("docker", "podman")] == ["alice"] * 2


def refused(machine: Machine, done: Done, reason: str, hint: str) -> None:
    """Check that a login was refused with a reason and a command, that nothing was sent, and that nothing has changed."""
    assert done.status in (1, 125)
    assert reason in done.stderr, done.stderr
    assert hint.replace(REG, machine.registry.host) in done.stderr.partition("\nhint: ")[2], done.stderr
    assert machine.registry.requests == []
    assert machine.kept_in() == set()


@pytest.mark.parametrize("program", ["podman", "skopeo", "buildah"])
def test_docker_s_file_where_podman_would_stop(machine: Machine, program: str) -> None:
    """The empty name by which docker reads its file is a helper to podman 4.3: where that is installed, it is refused."""
    machine.write("docker", {"credsStore": "wincred"})
    (machine.world / "bin" / program).write_text("#!/bin/sh\n")
    (machine.world / "bin" / program).chmod(0o755)
    before = machine.file("docker").read_bytes()
    done = machine.log_in("docker", "file")
    refused(machine, done, f"{program} stops at that", f"shorepass login --store vault {REG}")
    assert machine.file("docker").read_bytes() == before
    machine.write("docker", {"credHelpers": {REG: "wincred"}})
    assert machine.log_in("docker", "file").status == 0
    assert [user_of(machine.run, machine.registry.host, client) for client in ("docker", "podman")] == ["alice"] * 2


@pytest.mark.parametrize("what", ["nothing", "credsStore", "Shorepass's in credHelpers"])
@pytest.mark.parametrize(("store", "reason"), [("keychain", "no session bus"), ("helper:nonesuch", "no executable")])
def test_a_store_that_does_not_work(machine: Machine, what: str, store: str, reason: str) -> None:
    """It is tried with a random entry before the password is sent."""
    machine.write("docker", DOCKER_FILES[what])
    before = machine.file("docker").read_bytes()
    done = machine.log_in("docker", store)
    refused(machine, done, reason, "")
    assert machine.file("docker").read_bytes() == before


@pytest.mark.parametrize("what", ["nothing", "credsStore", "credHelpers"])
@pytest.mark.parametrize("account", [(), ("--as", "work")])
def test_another_store_is_in_use(machine: Machine, what: str, account: tuple[str, ...]) -> None:
    """Shorepass's helper reads one store: the command that changes it is named, and nothing is sent."""
    machine.write("docker", DOCKER_FILES[what])
    assert machine.run("vault", "init").status == 0
    done = machine.log_in("docker", "helper:mine", *account)
    refused(machine, done, "the store in use is 'vault'", "shorepass stores use helper:mine")


def test_a_part_of_a_registry(machine: Machine) -> None:
    """Podman asks no helper for one, so the vault is no place for it; the file is."""
    words = ("--client", "podman", "--store")
    done = log_in(machine.run, f"{machine.registry.host}/team", *words, "vault")
    refused(
        machine, done, "asks no helper for a part of a registry", f"shorepass login --client podman --store vault {REG}"
    )
    machine.write("podman", {"credHelpers": {REG: "wincred"}})
    done = log_in(machine.run, f"{machine.registry.host}/team", *words, "file")
    refused(machine, done, "and reads no key for a part of it", f"shorepass login --client podman --store file {REG}")


@pytest.mark.parametrize("helpers", [["wincred", "containers-auth.json"], ["wincred"]])
@pytest.mark.parametrize(("store", "hint"), [("file", "remove "), ("vault", "write ")])
def test_helpers_of_registries_conf(machine: Machine, helpers: list[str], store: str, hint: str) -> None:
    """They are asked before podman's file, which cannot change that: refused, and what to change is named."""
    folder = machine.world / "home/.config/containers"
    folder.mkdir(parents=True)
    (folder / "registries.conf").write_text(f"credential-helpers = {json.dumps(helpers)}\n")
    done = machine.log_in("podman", store)
    refused(machine, done, "asks docker-credential-wincred first, which registries.conf names", hint)


def test_shorepass_in_registries_conf(machine: Machine) -> None:
    """Then podman finds what is in Shorepass's store, and no file is made."""
    folder = machine.world / "home/.config/containers"
    folder.mkdir(parents=True)
    (folder / "registries.conf").write_text('credential-helpers = ["shorepass"]\n')
    assert machine.log_in("podman", "vault").status == 0
    assert user_of(machine.run, machine.registry.host, "podman") == "alice"
    assert not list(machine.world.glob("registries.conf"))
    assert not machine.file("podman").exists()


def test_a_file_by_name_gets_the_store_that_is_asked_for(machine: Machine, tmp_path: Path) -> None:
    """--authfile alone keeps the login itself, as it may be for a container; with --store vault it names the helper."""
    file = tmp_path / "auth.json"
    assert log_in(machine.run, machine.registry.host, "--authfile", str(file), "--store", "vault").status == 0
    assert json.loads(file.read_text())["credHelpers"] == {machine.registry.host: "shorepass"}
    assert machine.kept_in() == {"vault"}


def test_docker_s_own_choice_of_a_store(machine: Machine) -> None:
    """Where docker would choose the platform's helper by itself, the file by name is the file."""
    for name in ("pass", "docker-credential-pass"):
        (machine.world / "bin" / name).write_text(CANNOT)
        (machine.world / "bin" / name).chmod(0o755)
    assert machine.log_in("docker", "file").status == 0
    assert machine.kept_in() == {"docker"}
    assert user_of(machine.run, machine.registry.host) == "alice"


def test_inside_run(machine: Machine) -> None:
    """There the file is of one command: the store in use is, the file is not a place for a login."""
    assert machine.log_in("docker", "vault", "--as", "work").status == 0
    machine.registry.requests.clear()
    words = ("run", "--as", "work", "--", sys.executable, "-m", "shorepass", "login", "-u", "alice", "--password-stdin")
    done = machine.run(*words, "--store", "file", machine.registry.host, stdin=PASSWORD)
    assert (done.status, "belongs to this command" in done.stderr) == (1, True), done.stderr
    assert machine.registry.requests == []
    done = machine.run(*words, "--store", "vault", machine.registry.host, stdin=PASSWORD)
    assert done.status == 0, done.stderr


def test_hub_in_docker_s_file(machine: Machine) -> None:
    """Docker Hub has two names in such a file: none of them leads to a helper after a login into the file."""
    from shorepass.clients import find
    from shorepass.credential import Basic
    from shorepass.logins.log_in import store_in_file
    from shorepass.names import HUB_SERVER_URL, Reference
    from shorepass.secret import Secret

    machine.write("docker", {"credHelpers": {HUB_SERVER_URL: "wincred", "docker.io": "wincred"}})
    here, docker = LocalContext.current(), find("docker")
    store_in_file(here, docker, docker.target(here, ""), Basic("alice", Secret(PASSWORD)))
    for client in (docker, find("podman")):
        assert client.resolve(here, Reference("docker.io")).credential == Basic("alice", Secret(PASSWORD))
    assert machine.run("logout").status == 0
    assert machine.read("docker")["credHelpers"] == {HUB_SERVER_URL: "wincred", "docker.io": "wincred"}
