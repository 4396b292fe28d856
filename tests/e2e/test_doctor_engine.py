"""The engine pulls, not this shell: docker fails first, then doctor says what differs, then its repair helps."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from cases.image import put_image
from conftest import Done
from e2e import programs
from e2e.doctor import Program, found, one
from e2e.island import ADDRESS, Island, island
from e2e.people import new_person
from shorepass.testing import Registry

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from conftest import RunShorepass

REGISTRY = f"{ADDRESS}:5443"
IMAGE = f"{REGISTRY}/acme/app:1"
CERTS = "/etc/docker/certs.d"
UNKNOWN = ("manifest unknown", "not found")  # docker was let in: there is no such image


class Place:
    """The island with an engine that is started anew for each step of a test."""

    def __init__(self, elsewhere: Island, folder: Path, world: Path) -> None:
        self.island = elsewhere
        self.folder = folder
        self.world = world
        self.address = ""

    def run(self, *argv: str, **variables: str) -> CompletedProcess[str]:
        env = {**os.environ, "PATH": programs.SYSTEM_PATH, "DOCKER_HOST": self.address, **variables}
        return self.island.run(argv, env=env)

    def docker(self, *words: str, **variables: str) -> CompletedProcess[str]:
        return self.run(programs.require(programs.docker_programs()[-1]), *words, **variables)

    def shorepass(self, *words: str, **variables: str) -> Done:
        argv = ("env", f"PATH={self.world}/bin", sys.executable, "-m", "shorepass", *words)
        done = self.run(*argv, **variables)
        return Done(done.returncode, done.stdout, done.stderr)

    def doctor(self, *words: str, **variables: str) -> Done:
        return self.shorepass("doctor", "--json", *words, **variables)

    @contextlib.contextmanager
    def engine(self, *flags: str, **variables: str) -> Iterator[None]:
        words = [f"{name}={value}" for name, value in variables.items()]
        with programs.docker_daemon(self.folder, [*self.island.enter, "env", *words], flags=flags) as address:
            self.address = address
            yield


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Island]:
    with island(tmp_path_factory.mktemp("island")) as place:
        yield place


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Acme Root")


@pytest.fixture
def place(elsewhere: Island, world: Path) -> Iterator[Place]:
    (world / "bin" / "docker").symlink_to(programs.require(programs.docker_programs()[-1]))
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:  # the path of a socket has at most 108 bytes
        found = Place(elsewhere, Path(folder), world)
        yield found
    assert found.run("rm", "-rf", CERTS, "/etc/docker/daemon.json").returncode == 0


@pytest.fixture
def proxy(elsewhere: Island, authority: trustme.CA, tmp_path: Path) -> Iterator[str]:
    """The URL of a proxy, by which alone REGISTRY is reached."""
    mine = authority.issue_cert(ADDRESS)
    mine.private_key_pem.write_to_path(tmp_path / "server.key")
    (tmp_path / "server.crt").write_bytes(b"".join(pem.bytes() for pem in mine.cert_chain_pems))
    log = tmp_path / "proxy.log"

    def ready() -> str | None:
        said = re.search(r"proxy ([0-9]+)\n", log.read_text())
        return f"http://127.0.0.1:{said[1]}" if said else None

    program = str(Path(__file__).with_name("proxied_registry.py"))
    argv = [*elsewhere.enter, sys.executable, program, str(tmp_path / "server.crt"), str(tmp_path / "server.key")]
    with programs.running(programs.as_root(argv), log, ready) as url:
        yield url


def store_login(home: Path, registry: str) -> None:
    folder = home / ".docker"
    folder.mkdir()
    auths = {registry: {"auth": "YWxpY2U6d29uZGVybGFuZA=="}}  # alice:wonderland
    file = folder / "config.json"
    file.touch(0o600)
    file.write_text(json.dumps({"auths": auths}))


def trust(place: Place, authority: trustme.CA, folder: Path) -> None:
    authority.cert_pem.write_to_path(folder / "ca.crt")
    place.run("mkdir", "-p", f"{CERTS}/{REGISTRY}")
    assert place.run("cp", str(folder / "ca.crt"), f"{CERTS}/{REGISTRY}/ca.crt").returncode == 0


def is_let_in(done: CompletedProcess[str]) -> bool:
    return any(word in done.stderr for word in UNKNOWN)


def test_a_proxy_that_only_the_shell_has(
    place: Place, proxy: str, authority: trustme.CA, home: Path, tmp_path: Path
) -> None:
    """SP512: docker pull fails although the shell's proxy works; with the engine's own proxy it is let in."""
    store_login(home, REGISTRY)
    trust(place, authority, tmp_path)
    with place.engine():
        assert "connection refused" in place.docker("pull", IMAGE, HTTPS_PROXY=proxy).stderr
        for words in ([IMAGE], ["--check"]):
            finding = one(place.doctor(*words, HTTPS_PROXY=proxy))
            assert (finding["code"], finding["subject"]) == ("SP512", REGISTRY)
            assert proxy in finding["cause"]
        assert 'Environment="HTTPS_PROXY=%s"' in finding["fix"]["text"]
        said = place.shorepass("explain", IMAGE, HTTPS_PROXY=proxy)
        assert (said.status, "accepts" in said.stdout.splitlines()[-2]) == (1, False)
        checked = place.shorepass("who", "--check", "--json", HTTPS_PROXY=proxy)
        states = {
            client: login["state"] for login in json.loads(checked.stdout)["logins"] for client in login["clients"]
        }
        assert (states["docker"], states["podman"]) == ("unreachable", "works")
    with place.engine(HTTPS_PROXY=proxy):
        assert is_let_in(place.docker("pull", IMAGE))
        assert found(place.doctor(IMAGE, HTTPS_PROXY=proxy)) == []
        assert place.shorepass("explain", IMAGE, HTTPS_PROXY=proxy).status == 0


def test_a_proxy_that_only_the_engine_has(
    place: Place, proxy: str, authority: trustme.CA, home: Path, tmp_path: Path
) -> None:
    """SP512 is only a note: docker works, and explain ends with the answer that docker gets."""
    store_login(home, REGISTRY)
    trust(place, authority, tmp_path)
    with place.engine(HTTPS_PROXY=proxy):
        assert is_let_in(place.docker("pull", IMAGE))
        done = place.doctor(IMAGE)
        assert found(done) == []
        assert one(done, notes=True)["code"] == "SP512"
        said = place.shorepass("explain", IMAGE)
        assert (said.status, "asked by the engine" in said.stdout) == (0, True)


def test_an_engine_that_cannot_be_asked(
    place: Place, proxy: str, authority: trustme.CA, home: Path, tmp_path: Path
) -> None:
    """Explain does not say that docker is let in if it could not ask docker's engine."""
    store_login(home, REGISTRY)
    trust(place, authority, tmp_path)
    said = place.shorepass("explain", IMAGE, HTTPS_PROXY=proxy, DOCKER_HOST="tcp://192.0.2.9:2376")
    assert "accepts it from here; the engine was not asked: tcp://192.0.2.9:2376" in said.stdout.splitlines()[-1]


def test_the_folder_of_a_rootless_engine(
    place: Place, proxy: str, authority: trustme.CA, home: Path, tmp_path: Path
) -> None:
    """SP514: a rootless engine does not read the system's folder; the command copies the certificate to its own."""
    store_login(home, REGISTRY)
    trust(place, authority, tmp_path)
    shim = tmp_path / "bin" / "rootlesskit-docker-proxy"  # a rootless engine wants it, and uses it only for ports
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\n")
    shim.chmod(0o755)
    own = {
        "ROOTLESSKIT_STATE_DIR": str(tmp_path),
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PATH": f"{shim.parent}:{programs.SYSTEM_PATH}",
    }
    with place.engine("--rootless", **own, HTTPS_PROXY=proxy):
        assert "x509" in place.docker("pull", IMAGE).stderr
        finding = one(place.doctor(IMAGE, HTTPS_PROXY=proxy))
        assert (finding["code"], finding["subject"]) == ("SP514", REGISTRY)
        assert f"{CERTS}/{REGISTRY}" in finding["cause"]
        assert place.run("sh", "-c", finding["fix"]["text"]).returncode == 0
        assert is_let_in(place.docker("pull", IMAGE))
        assert found(place.doctor(IMAGE, HTTPS_PROXY=proxy)) == []


def test_a_socket_without_an_engine(
    place: Place, proxy: str, authority: trustme.CA, home: Path, tmp_path: Path
) -> None:
    """SP521: doctor does not say that all is well if it could not ask the engine."""
    store_login(home, REGISTRY)
    trust(place, authority, tmp_path)
    gone = f"unix://{tmp_path}/gone.sock"
    assert "Cannot connect" in place.docker("pull", IMAGE, DOCKER_HOST=gone).stderr
    notes = found(place.doctor(IMAGE, HTTPS_PROXY=proxy, DOCKER_HOST=gone), notes=True)
    (note,) = [note for note in notes if note["code"] != "SP524"]  # the registry has no image
    assert (note["code"], "there is no such socket" in note["cause"]) == ("SP521", True)


def test_a_builder_without_the_authority(
    place: Place, proxy: str, authority: trustme.CA, home: Path, tmp_path: Path
) -> None:
    """SP522: docker pulls, and the builder's configuration, written as buildx does, lacks the authority."""
    store_login(home, REGISTRY)
    trust(place, authority, tmp_path)
    buildx = home / ".docker" / "buildx"
    (buildx / "instances").mkdir(parents=True)
    (buildx / "current").write_text(json.dumps({"Key": "default", "Name": "acme", "Global": True}))

    def write(files: dict[str, str]) -> None:
        node = {
            "Name": "acme0",
            "Endpoint": "default",
            "Platforms": None,
            "DriverOpts": None,
            "Flags": None,
            "Files": files,
        }
        builder = {"Name": "acme", "Driver": "docker-container", "Nodes": [node], "Dynamic": False}
        (buildx / "instances" / "acme").write_text(json.dumps(builder))

    with place.engine(HTTPS_PROXY=proxy):
        assert is_let_in(place.docker("pull", IMAGE))
        write({})
        finding = one(place.doctor("--client", "docker", IMAGE, HTTPS_PROXY=proxy))
        assert (finding["code"], finding["subject"]) == ("SP522", REGISTRY)
        line = finding["fix"]["text"].partition(" && ")[0]
        assert place.run("sh", "-c", f"cd {tmp_path} && {line}").returncode == 0
        content = (tmp_path / "buildkitd.toml").read_bytes()
        assert f'[registry."{REGISTRY}"]' in content.decode()
        write({"buildkitd.toml": base64.b64encode(content).decode()})
        assert found(place.doctor("--client", "docker", IMAGE, HTTPS_PROXY=proxy)) == []


def test_a_user_who_may_not_use_the_socket(dockerd: str, run_shorepass: RunShorepass, docker: Program) -> None:
    """SP521: root looks at another user, who is not in docker's group; root's own rights do not count."""
    del docker
    with new_person() as person, Registry(users={"alice": "wonderland"}) as registry:
        put_image(registry, "team/app")
        meta = f".docker/contexts/meta/{hashlib.sha256(b'acme').hexdigest()}"
        place = json.dumps({"Name": "acme", "Metadata": {}, "Endpoints": {"docker": {"Host": dockerd}}})
        auths = {registry.host: {"auth": "YWxpY2U6d29uZGVybGFuZA=="}}  # alice:wonderland
        config = json.dumps({"currentContext": "acme", "auths": auths})
        script = 'umask 077; mkdir -p "$1"; echo "$2" >"$1/meta.json"; echo "$3" >.docker/config.json'
        made = person.run("sh", "-c", f"cd && {script.replace('$1', meta)}", "sh", "", place, config)
        assert made.returncode == 0, made.stderr
        image = f"{registry.host}/team/app:1"
        assert "permission denied" in person.run(programs.require("docker"), "pull", image).stderr.lower()
        done = run_shorepass("doctor", "--json", "--client", "docker", "--in", f"user:{person.name}", image)
        (note,) = found(done, notes=True)
        assert (note["code"], "usermod -aG docker" in note["fix"]["text"]) == ("SP521", True)
        assert registry.requests  # the registry itself was asked


def test_a_name_that_only_this_shell_knows(place: Place, authority: trustme.CA, tmp_path: Path) -> None:
    """SP513: the engine is on a machine without the entry of /etc/hosts; its words and its machine are shown."""
    mine = authority.issue_cert("registry.example")
    mine.private_key_pem.write_to_path(tmp_path / "server.key")
    (tmp_path / "server.crt").write_bytes(b"".join(pem.bytes() for pem in mine.cert_chain_pems))
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    tls = f"{{certificate: '{tmp_path}/server.crt', key: '{tmp_path}/server.key'}}"
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{ADDRESS} registry.example\n")
    with place.island.registry(tmp_path / "registry", tls) as address, place.engine():
        registry = f"registry.example:{address.rpartition(':')[2]}"
        folder = f"{CERTS}/{registry}"
        assert place.run("sh", "-c", f"mkdir -p {folder} && cp {tmp_path}/ca.crt {folder}/").returncode == 0
        assert "lookup registry.example" in place.docker("pull", f"{registry}/team/app:1").stderr
        words = (sys.executable, "-m", "shorepass", "doctor", "--json", f"{registry}/team/app:1")
        script = f'mount --bind {hosts} /etc/hosts && exec env PATH={place.world}/bin "$@"'
        done = place.run("unshare", "-m", "sh", "-c", script, "sh", *words)
        finding = one(Done(done.returncode, done.stdout, done.stderr))
    assert (finding["code"], finding["subject"]) == ("SP513", registry)
    assert "cannot resolve its name" in finding["cause"]
    assert any("the engine runs on" in line for line in finding["evidence"])
