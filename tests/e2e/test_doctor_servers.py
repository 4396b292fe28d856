"""Faults of servers: the real program fails, and doctor says that the administrator may have to correct them."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from cases.image import put_image
from client_files import auth
from e2e import programs
from e2e.doctor import Doctor, Program, found, one
from shorepass.testing import Failure, Registry

if TYPE_CHECKING:
    from conftest import RunShorepass


def htpasswd(file: Path, flag: str) -> None:
    made = programs.run([programs.require("htpasswd"), "-n", "-i", flag, "alice"], stdin="wonderland")
    assert made.returncode == 0, made.stderr
    file.write_text(made.stdout)


def test_an_htpasswd_file_without_bcrypt(doctor: Doctor, docker: Program, tmp_path: Path, home: Path) -> None:
    """SP501 says that the registry's own file may be wrong; with bcrypt the same password is accepted."""
    file, folder = tmp_path / "htpasswd", home / ".docker"
    folder.mkdir()
    config = folder / "config.json"
    config.touch(0o600)
    htpasswd(file, "-m")
    with programs.docker_registry(tmp_path, f"{{htpasswd: {{realm: basic-realm, path: '{file}'}}}}") as registry:
        auths = '{"auths": {"REGISTRY": {"auth": "YWxpY2U6d29uZGVybGFuZA=="}}}'  # alice:wonderland
        config.write_text(auths.replace("REGISTRY", registry))
        assert "unauthorized" in docker("pull", f"{registry}/team/app:1").stderr
        for words in ([f"{registry}/team/app:1"], ["--check"]):
            finding = one(doctor(*words))
            assert finding["code"] == "SP501"
            assert any("htpasswd -B" in line for line in finding["evidence"])
        htpasswd(file, "-B")
        assert "unauthorized" not in docker("pull", f"{registry}/team/app:1").stderr
        assert found(doctor(f"{registry}/team/app:1")) == []


def test_a_mirror_that_has_the_image(
    doctor: Doctor, skopeo: Program, private_image: str, users: dict[str, str], home: Path, run_shorepass: RunShorepass
) -> None:
    """Podman and skopeo pull from a mirror, with its own login; explain and doctor ask it where the registry is down."""
    mirror = private_image.partition("/")[0]
    conf, auth = home / ".config/containers/registries.conf", home / ".config/containers/auth.json"
    conf.parent.mkdir(parents=True)
    conf.write_text(
        f'[[registry]]\nlocation = "127.0.0.1:1"\n[[registry.mirror]]\nlocation = "{mirror}"\ninsecure = true\n'
    )
    auth.touch(0o600)
    secret = base64.b64encode(f"alice:{users['alice']}".encode()).decode()
    auth.write_text(json.dumps({"auths": {mirror: {"auth": secret}}}))
    image = private_image.replace(mirror, "127.0.0.1:1")
    assert skopeo("inspect", "--raw", f"docker://{image}").returncode == 0
    assert found(doctor(image, client="skopeo")) == []
    said = run_shorepass("explain", "--client", "skopeo", image)
    assert (said.status, "the image comes from this mirror" in said.stdout) == (0, True)
    auth.write_text("{}")
    assert skopeo("inspect", "--raw", f"docker://{image}").returncode != 0
    finding = one(doctor(image, client="skopeo"))
    assert (finding["code"], finding["subject"].startswith(mirror)) == ("SP510", True)


def test_a_token_server_in_plain_http(doctor: Doctor, tmp_path: Path) -> None:
    """SP506: a registry behind a proxy that ends TLS names http; no flag of ours helps, its administrator can."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with (
        Registry() as plain,
        Registry(users={"alice": "wonderland"}, auth="bearer", tls=tls, realm=f"{plain.url}/v2/token") as registry,
    ):
        finding = one(doctor("--cert-dir", str(tmp_path), f"{registry.host}/team/app:1", client="podman"))
    assert (finding["code"], "plain http" in finding["cause"]) == ("SP506", True)
    assert ("X-Forwarded-Proto" in finding["fix"]["text"], "--trust-realm" in finding["fix"]["text"]) == (True, False)


CHALLENGE = (("WWW-Authenticate", "Negotiate"),)
DENIED = json.dumps({"errors": [{"code": "DENIED", "message": "client with IP 192.0.2.7 is not allowed"}]}).encode()


@pytest.fixture
def odd(home: Path) -> Iterator[Registry]:
    """A registry with an image, and alice's login for it."""
    with Registry(users={"alice": "wonderland"}) as registry:
        put_image(registry, "team/app")
        (home / ".docker").mkdir()
        config = home / ".docker/config.json"
        config.touch(0o600)
        config.write_text(json.dumps({"auths": {registry.host: auth("alice:wonderland")}}))
        yield registry


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (Failure(status=401), "it answers 401 and does not say what it wants"),
        (Failure(status=401, body=b"<html>", headers=(("Content-Type", "text/html"),)), "does not say what it wants"),
        (Failure(status=401, headers=CHALLENGE), "in a way that clients do not support: negotiate"),
        (Failure(status=403, body=DENIED), "DENIED client with IP 192.0.2.7 is not allowed"),
    ],
    ids=["nothing", "web page", "negotiate", "address"],
)
def test_a_registry_that_asks_for_no_login(
    doctor: Doctor, docker: Program, run_shorepass: RunShorepass, odd: Registry, failure: Failure, cause: str
) -> None:
    """SP525: docker calls the login refused, and never sent it; doctor says that, and offers no new login."""
    image = f"{odd.host}/team/app:1"
    odd.fail("/v2/", failure, times=99)
    assert docker("pull", image).returncode != 0
    assert all(not request.authorization for request in odd.requests)
    finding = one(doctor(image))
    assert (finding["code"], cause in finding["cause"]) == ("SP525", True)
    assert "shorepass login" not in finding["fix"]["text"]
    said = run_shorepass("explain", image)
    assert (said.status, cause in said.stdout, "shorepass login" in said.stdout) == (1, True, False)


def test_data_on_a_server_that_is_not_reached(
    doctor: Doctor, skopeo: Program, run_shorepass: RunShorepass, odd: Registry, tmp_path: Path
) -> None:
    """SP523: the manifest can be read, and the data cannot; the finding names that server."""
    image = f"{odd.host}/team/app:1"
    copy = ("copy", "--insecure-policy", "--src-tls-verify=false", f"docker://{image}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        inner = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for place, why in ((inner, "connection refused"), ("http://minio:9000", "its name cannot be resolved")):
            odd.fail("/v2/team/app/blobs/", Failure(status=307, headers=(("Location", f"{place}/data?x=1"),)), times=4)
            assert skopeo(*copy, f"dir:{tmp_path}/a").returncode != 0
            finding = one(doctor(image, client="skopeo"))
            assert (finding["code"], f"{place} for the data of images: {why}" in finding["cause"]) == ("SP523", True)
            assert "storage.redirect.disable" in finding["fix"]["text"]
            assert "but that fails: it sends clients to" in run_shorepass("explain", "--client", "skopeo", image).stdout
            while doctor(image, client="skopeo").status:
                pass  # until the registry gives the data itself again
    assert skopeo(*copy, f"dir:{tmp_path}/b").returncode == 0
    assert found(doctor(image, client="skopeo")) == []


def test_a_tag_that_does_not_exist(doctor: Doctor, docker: Program, run_shorepass: RunShorepass, odd: Registry) -> None:
    """SP524: the login is good, so that a missing tag is a note; it is none if no tag was named, or for a push."""
    image = f"{odd.host}/team/app"
    assert docker("pull", f"{image}:2").returncode != 0
    finding = next(one for one in found(doctor(f"{image}:2"), notes=True) if one["code"] == "SP524")
    assert (finding["severity"], finding["cause"]) == ("note", "the login may pull, but there is no tag 2")
    for words in ((f"{image}:1",), (image,), ("--push", f"{image}:2")):
        assert "SP524" not in doctor(*words).stdout
    assert run_shorepass("explain", f"{image}:2").stdout.rstrip().endswith("but there is no tag 2")
