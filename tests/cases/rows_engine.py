"""Who really asks, and which server failed: engines, proxies, mirrors, certificates, token servers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from cases.acts import docker_pull, login
from cases.case import Case
from cases.grounds import Net
from cases.repairs import first_line, with_login
from e2e import programs

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]

Run = subprocess.CompletedProcess[str]
TRUSTED = {"SSL_CERT_FILE": "{bundle}"}
PROXY = "http://127.0.0.1:3128"


def pull_behind_firewall(stage: Stage) -> Run:
    """Pull where no way leads to the registry's address: the proxy alone reaches it."""
    stage.run("ip", "addr", "del", "10.77.0.1/24", "dev", "lo")
    return docker_pull(stage)


def engine_with_proxy(stage: Stage, offer: str) -> None:
    """Do what the drop-in of the offer does: there is no systemd here."""
    assert 'Environment="HTTPS_PROXY=%s"' in offer
    assert isinstance(stage.ground, Net)
    stage.ground.restart(HTTPS_PROXY=PROXY, SSL_CERT_FILE=stage.ground.bundle)


def pull_without_hub(stage: Stage) -> Run:
    """Pull where a firewall closes Docker Hub."""
    reject = ["-d", "127.0.0.1", "-p", "tcp", "--dport", "443", "-j", "REJECT", "--reject-with", "tcp-reset"]
    done = stage.run("iptables", "-A", "OUTPUT", *reject)
    assert done.returncode == 0, done.stderr
    return docker_pull(stage)


def engine_without_proxy(stage: Stage, offer: str) -> None:
    """Do what the drop-in of the offer does."""
    assert "registry.example" in offer
    assert isinstance(stage.ground, Net)
    proxies = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "registry.example"}
    stage.ground.restart(**proxies, SSL_CERT_FILE=stage.ground.bundle)


def name_the_mirror(stage: Stage, offer: str) -> None:
    """Pull by the mirror's name, as the offer says."""
    stage.ref = first_line(offer).removeprefix("docker pull ")
    stage.asks = ["doctor", stage.ref]


def service_runs(stage: Stage) -> Run:
    """Create the service once, and wait until its task has an image, or a node has no such image."""
    if stage.run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip() != "active":
        assert stage.run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1").returncode == 0
        made = stage.run("docker", "service", "create", "--detach", "--name", "app", stage.ref)
        assert made.returncode == 0, made.stderr

    def settled() -> Run | None:
        done = stage.run("docker", "service", "ps", "app", "--no-trunc", "--format", "{{.Error}}")
        newest = done.stdout.partition("\n")[0]
        failed = "No such image" in newest
        if failed or stage.run("docker", "image", "inspect", stage.ref).returncode == 0:
            return subprocess.CompletedProcess([], int(failed), newest, "")
        return None

    return programs.wait_until(settled, "the service to have a task", seconds=60)


def update_service(stage: Stage, offer: str) -> None:
    """Type the line, without the wait for the container: the image has no program."""
    stage.shell(offer.replace("update", "update --detach"))


def pull_with_new_authority(stage: Stage) -> Run:
    """Pull after the authority was added to the system's, which the engine had read before."""
    first = docker_pull(stage)
    sources = "/usr/local/share/ca-certificates"
    stage.shell(
        f"mountpoint -q {sources} || mount -t tmpfs none {sources}\n"
        f"cp {stage.ground.authority} {sources}/acme.crt\nupdate-ca-certificates >&2"
    )
    return first if first.returncode == 0 else docker_pull(stage)


def pull_with_new_list(stage: Stage) -> Run:
    """Pull after the registry was listed as insecure in the engine's file, which the engine had read before."""
    listed = '{"insecure-registries":["registry.example:5312"]}'
    assert isinstance(stage.ground, Net)
    for path in ("/etc/docker/daemon.json", stage.ground.file):
        stage.shell(f"echo '{listed}' >{path}")
    return docker_pull(stage)


def restart_engine(stage: Stage, offer: str) -> None:
    """Do what systemd would."""
    assert isinstance(stage.ground, Net)
    assert offer in ("sudo systemctl restart docker", "sudo systemctl reload docker")
    stage.ground.restart()


def by_the_name(stage: Stage, offer: str) -> None:
    """Log in and pull by a name of the certificate."""
    assert "or ask the administrator" in offer
    stage.ref = stage.ref.replace("10.77.0.1", "registry.example")
    stage.asks = ["doctor", stage.ref]
    with_login(stage, "shorepass login --store file registry.example:5443")


def server_is_corrected(stage: Stage, offer: str) -> None:
    """Correct the realm, as the administrator does."""
    assert "ROOT_URL" in offer
    stage.build_again(REALM=f"http://{stage.registry}/token")


ROWS: list[Case] = [
    Case(
        script="docker-11",
        fails="network is unreachable",
        asks="doctor {ref}",
        code="SP512",
        cause="this shell goes through the proxy http://127.0.0.1:3128, and the engine uses no proxy",
        offers="sudo tee /etc/systemd/system/docker.service.d/proxy.conf",
        act=pull_behind_firewall,
        repair=engine_with_proxy,
        ground="net",
        env={"SSL_CERT_FILE": "{bundle}"},
        engine={"SSL_CERT_FILE": "{bundle}"},
    ),
    Case(
        script="docker-13",
        fails="connection refused",
        asks="doctor {ref}",
        code="SP516",
        cause="the mirror 127.0.0.1:5310 requires a login, and docker never sends a mirror's own login to a mirror",
        offers="docker pull 127.0.0.1:5310/library/alpine:3",
        act=pull_without_hub,
        repair=name_the_mirror,
        ground="net",
    ),
    Case(
        script="docker-19",
        fails="No such image",
        asks="doctor {ref}",
        code="SP517",
        cause="created without --with-registry-auth",
        offers="docker service update --with-registry-auth app",
        act=service_runs,
        repair=update_service,
        variant={"R": "127.0.0.1:5310"},
        ground="net",
    ),
    Case(
        script="docker-25",
        fails="x509",
        asks="doctor {ref}",
        code="SP508",
        cause="/etc/docker/certs.d/registry.example:5443.crt",
        offers="/etc/docker/certs.d/registry.example:5443/ca.crt",
        ground="net",
    ),
    Case(
        script="engine-login",
        fails="x509",
        asks="doctor {ref}",
        code="SP514",
        cause="the engine has not read the system's authorities again",
        offers="sudo systemctl restart docker",
        act=pull_with_new_authority,
        repair=restart_engine,
        ground="net",
    ),
    Case(
        script="engine-login",
        fails="does not look like a TLS handshake",
        asks="doctor --client docker {ref}",
        code="SP515",
        cause="/etc/docker/daemon.json lists it as insecure, and the engine has not read that file again",
        offers="sudo systemctl reload docker",
        variant={"PORT": "5312"},
        act=pull_with_new_list,
        repair=restart_engine,
        ground="net",
    ),
    Case(
        script="engine-login",
        fails="proxyconnect",
        asks="doctor {ref}",
        code="SP512",
        cause="the engine goes through the proxy http://127.0.0.1:9, and this shell uses no proxy for it",
        offers="NO_PROXY=%s",
        variant={"WHAT": "no-proxy"},
        repair=engine_without_proxy,
        ground="net",
        env={"SSL_CERT_FILE": "{bundle}"},
        engine={"HTTPS_PROXY": "http://127.0.0.1:9", "SSL_CERT_FILE": "{bundle}"},
    ),
    Case(
        script="engine-login",
        fails="x509: cannot validate certificate for 10.77.0.1",
        asks="doctor {ref}",
        code="SP511",
        cause="the certificate is for another address: registry-1.docker.io",
        offers="use a name of the certificate",
        variant={"HOST": "10.77.0.1"},
        repair=by_the_name,
        ground="net",
        env=TRUSTED,
        engine=TRUSTED,
    ),
    Case(
        script="other-21",
        fails="lookup gitea",
        asks="doctor {ref}",
        code="SP518",
        cause="the registry is misconfigured",
        offers="ROOT_URL",
        act=login,
        repair=server_is_corrected,
    ),
    Case(
        script="other-37",
        fails="localhost:5999",
        asks="doctor {ref}",
        code="SP518",
        cause="http://localhost:5999/v2/token, which no client reaches: connection refused",
        offers="ROOT_URL",
        act=login,
        repair=server_is_corrected,
    ),
]
