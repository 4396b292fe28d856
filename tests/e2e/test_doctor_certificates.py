"""TLS and plain http away from loopback: the real program fails first, then doctor names the cause, then its repair helps."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from conftest import Done
from e2e import programs
from e2e.doctor import found
from e2e.island import ADDRESS, Island, island

if TYPE_CHECKING:
    from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[str]"]
CERTS = "/etc/docker/certs.d"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Island]:
    with island(tmp_path_factory.mktemp("island")) as place:
        yield place


@pytest.fixture(scope="module")
def engine(elsewhere: Island, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A docker engine on the island, with an image in it."""
    folder = tmp_path_factory.mktemp("engine")
    with programs.docker_daemon(folder, elsewhere.enter) as address:
        docker = [programs.require(programs.docker_programs()[-1]), "-H", address]
        made = programs.run([*docker, "import", str(programs.busybox_archive(folder)), "local/busybox:1"])
        assert made.returncode == 0, made.stderr
        yield address


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Acme Root")


@pytest.fixture(scope="module")
def tls_registry(elsewhere: Island, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tls")
    mine = authority.issue_cert(ADDRESS)
    mine.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.crt").write_bytes(b"".join(pem.bytes() for pem in mine.cert_chain_pems))
    tls = f"{{certificate: '{folder}/server.crt', key: '{folder}/server.key'}}"
    with elsewhere.registry(folder / "registry", tls) as name:
        yield name


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    """The path of the authority's certificate, where no client looks."""
    path = tmp_path / "acme-root.crt"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def here(elsewhere: Island, engine: str, world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a program on the island with the test's environment; afterwards its certs.d is as empty as before."""
    monkeypatch.setenv("DOCKER_HOST", engine)
    for program in (programs.docker_programs()[-1], "podman"):  # no helper that docker would choose by itself
        (world / "bin" / Path(program).name).symlink_to(programs.require(program))

    def run(*argv: str) -> CompletedProcess[str]:
        env = {**os.environ, "PATH": programs.SYSTEM_PATH}
        return elsewhere.run(argv, env=env)

    yield run
    assert run("rm", "-rf", CERTS).returncode == 0


def doctor(here: Run, image: str, client: str) -> Done:
    path = f"PATH={os.environ['PATH']}"
    done = here("env", path, sys.executable, "-m", "shorepass", "doctor", "--json", "--client", client, image)
    return Done(done.returncode, done.stdout, done.stderr)


def finding(here: Run, image: str, client: str) -> dict[str, object]:
    (only,) = found(doctor(here, image, client))
    return only


def push(here: Run, image: str) -> CompletedProcess[str]:
    docker = programs.docker_programs()[-1]
    assert here(docker, "tag", "local/busybox:1", image).returncode == 0
    return here(docker, "push", image)


def skopeo(here: Run, image: str) -> CompletedProcess[str]:
    return here("skopeo", "inspect", f"docker://{image}")


def obey(here: Run, text: str, **replaced: str) -> None:
    """Do what doctor advises, in a shell; ``sudo`` is not needed there."""
    for name, value in replaced.items():
        text = text.replace(name, value)
    done = here("/bin/sh", "-c", text.replace("sudo ", ""))
    assert done.returncode == 0, done.stderr


def test_an_unknown_authority(here: Run, tls_registry: str, ca: str, home: Path) -> None:
    """SP507: docker and skopeo refuse the certificate; once the authority's is in the folder named, both work."""
    image = f"{tls_registry}/team/app:1"
    assert "x509" in push(here, image).stderr
    assert "x509" in skopeo(here, image).stderr
    for client, folder in (("podman", f"{home}/.config/containers/certs.d"), ("docker", CERTS)):
        known = finding(here, image, client)
        assert (known["code"], known["subject"]) == ("SP507", f"{tls_registry} ({client})")
        assert "Acme Root" in " ".join(known["evidence"])
        assert f"{folder}/{tls_registry}/ca.crt" in known["fix"]["text"]
        obey(here, known["fix"]["text"], **{"AUTHORITY.crt": ca})
        assert found(doctor(here, image, client)) == []
    pushed = push(here, image)
    assert pushed.returncode == 0, pushed.stderr
    assert skopeo(here, image).returncode == 0
    assert here("rm", "-r", f"{home}/.config").returncode == 0
    assert skopeo(here, image).returncode == 0  # it looks into docker's folder, too
    assert found(doctor(here, image, "podman")) == []


def test_a_chain_that_is_not_whole(
    here: Run, elsewhere: Island, authority: trustme.CA, ca: str, tmp_path: Path
) -> None:
    """SP526: the root is installed, and the server does not send the certificate between; whole, the chain is good."""
    between = authority.create_child_ca()
    mine = between.issue_cert(ADDRESS)
    between.cert_pem.write_to_path(tmp_path / "between.crt")
    mine.private_key_pem.write_to_path(tmp_path / "server.key")
    own, *others = (pem.bytes() for pem in mine.cert_chain_pems)
    tls = f"{{certificate: '{tmp_path}/server.crt', key: '{tmp_path}/server.key'}}"
    (tmp_path / "server.crt").write_bytes(own)
    with elsewhere.registry(tmp_path / "short", tls) as name:
        image, folder = f"{name}/team/app:1", f"{CERTS}/{name}"
        only = finding(here, image, "docker")
        assert only["code"] == "SP507"  # nothing tells a root from an authority between
        obey(here, only["fix"]["text"], **{"AUTHORITY.crt": ca})  # type: ignore[index]
        assert "x509" in push(here, image).stderr
        only = finding(here, image, "docker")
        assert only["code"] == "SP526", (only["cause"], only["evidence"], only["fix"])
        assert f"ask the administrator of {name} to send the whole chain" in str(only["fix"])
        obey(here, only["fix"]["text"].rpartition(": ")[2], **{"ISSUER.crt": f"{tmp_path}/between.crt"})  # type: ignore[index]
        assert push(here, image).returncode == 0
        assert found(doctor(here, image, "docker")) == []
        assert here("rm", f"{folder}/issuer.crt").returncode == 0
        assert finding(here, image, "docker")["code"] == "SP526"
    (tmp_path / "server.crt").write_bytes(b"".join([own, *others]))
    with elsewhere.registry(tmp_path / "whole", tls) as name:
        obey(here, f"mkdir -p {CERTS}/{name} && cp {ca} {CERTS}/{name}/ca.crt")
        assert push(here, f"{name}/team/app:1").returncode == 0
        assert found(doctor(here, f"{name}/team/app:1", "docker")) == []


@pytest.mark.parametrize("wrong", [f"{ADDRESS}/ca.crt", "HOST/ca.pem", "HOST/ca.crt.txt"])
def test_a_certificate_in_the_wrong_place(here: Run, tls_registry: str, ca: str, wrong: str) -> None:
    """SP508: a folder without the port, or another ending than .crt: doctor names both places, and the copy helps."""
    image, path = f"{tls_registry}/team/app:1", f"{CERTS}/{wrong.replace('HOST', tls_registry)}"
    assert here("mkdir", "-p", os.path.dirname(path)).returncode == 0
    assert here("cp", ca, path).returncode == 0
    assert "x509" in push(here, image).stderr
    assert "x509" in skopeo(here, image).stderr
    for client in ("docker", "podman"):
        known = finding(here, image, client)
        assert (known["code"], f"not read: {path}" in known["evidence"]) == ("SP508", True)
    obey(here, finding(here, image, "docker")["fix"]["text"])
    assert push(here, image).returncode == 0
    assert skopeo(here, image).returncode == 0
    assert [found(doctor(here, image, client)) for client in ("docker", "podman")] == [[], []]


def test_half_a_client_certificate(here: Run, tls_registry: str, ca: str) -> None:
    """SP508: a .cert without its .key stops docker and skopeo, authority or not."""
    image, folder = f"{tls_registry}/team/app:1", f"{CERTS}/{tls_registry}"
    assert here("mkdir", "-p", folder).returncode == 0
    for name in ("ca.crt", "client.cert"):
        assert here("cp", ca, f"{folder}/{name}").returncode == 0
    assert "issing key" in push(here, image).stderr
    assert "issing key" in skopeo(here, image).stderr
    for client in ("docker", "podman"):
        known = finding(here, image, client)
        assert (known["code"], "client.key is missing" in known["cause"]) == ("SP508", True)
    assert here("mv", f"{folder}/client.cert", f"{folder}/client.crt").returncode == 0  # what the hint says
    assert push(here, image).returncode == 0
    assert [found(doctor(here, image, client)) for client in ("docker", "podman")] == [[], []]


def test_plain_http(here: Run, elsewhere: Island, engine: str, home: Path, tmp_path: Path) -> None:
    """SP509: docker and skopeo want https; each works once the registry is on its own list, and doctor knows that."""
    with elsewhere.registry(tmp_path / "plain") as registry:
        image = f"{registry}/team/app:1"
        assert "HTTP response to HTTPS client" in push(here, image).stderr
        assert "HTTP response to HTTPS client" in skopeo(here, image).stderr
        for client in ("docker", "podman"):
            known = finding(here, image, client)
            assert (known["code"], known["subject"]) == ("SP509", f"{registry} ({client})")
            assert registry in known["fix"]["text"]
        daemon = json.dumps({"insecure-registries": [registry]})
        assert here("/bin/sh", "-c", f"echo '{daemon}' > /etc/docker/daemon.json").returncode == 0
        engine_pid = Path(engine.removeprefix("unix://")).with_name("pid").read_text()
        assert here("kill", "-HUP", engine_pid).returncode == 0
        programs.wait_until(lambda: push(here, image).returncode == 0 or None, "the engine to read its list anew")
        assert found(doctor(here, image, "docker")) == []
        conf = home / ".config/containers/registries.conf.d/plain.conf"
        conf.parent.mkdir(parents=True)
        conf.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
        assert skopeo(here, image).returncode == 0
        assert found(doctor(here, image, "podman")) == []
