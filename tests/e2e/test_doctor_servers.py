"""Faults of servers: the real program fails, and doctor says that the administrator may have to correct them."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from e2e import programs
from e2e.doctor import Doctor, Program, found, one
from shorepass.testing import Registry

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
    assert one(doctor(image, client="skopeo"))["code"] == "SP511"


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
