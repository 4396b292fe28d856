"""The registry client, the auth objects and the test kit against programs that nobody here wrote."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import requests
import trustme

import shorepass
from e2e import programs
from e2e.token_server import TokenServer
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, Credential, IdentityToken
from shorepass.errors import LoginRefused, PermissionDenied, RealmRefused, Unreachable
from shorepass.names import parse
from shorepass.registry.client import Access, LoginResult, RegistryClient
from shorepass.resolution import Outcome, Step
from shorepass.secret import Secret
from shorepass.testing import Registry

HERE = LocalContext({"HOME": "/nonexistent"})
TRUSTED = ("127.0.0.1",)  # the tests' token server has a port of this machine to itself


def check(host: str, credential: Credential, **access: object) -> LoginResult:
    with RegistryClient(host, Access(trusted_realms=TRUSTED)._replace(**access), HERE) as client:  # type: ignore[arg-type]
        return client.check_login(credential)


def permissions(image: str, credential: Credential, *actions: str, probe: bool = False) -> list[tuple[Outcome, str]]:
    reference = parse(image)
    with RegistryClient(reference.registry, Access(trusted_realms=TRUSTED), HERE) as client:
        steps: list[Step] = client.permissions(reference, credential, actions, probe_push=probe)
    return [(step.outcome, step.detail) for step in steps]


def user(users: Mapping[str, str], name: str) -> Basic:
    return Basic(name, Secret(users[name]))


def push(client: httpx.Client, base: str) -> None:
    """Push the smallest image there is to ``base`` (``http://HOST/v2/NAME``) with tag 1, in pieces, as clients do."""
    blob = b"{}"
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    began = client.post(f"{base}/blobs/uploads/")
    assert began.status_code == 202, began.text
    sent = client.patch(began.headers["location"], content=blob)
    assert sent.status_code == 202, sent.text
    assert client.put(f"{sent.headers['location']}&digest={digest}").status_code == 201
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(blob)}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
    put = client.put(f"{base}/manifests/1", json=manifest, headers={"Content-Type": kind})
    assert put.status_code == 201, put.text


# htpasswd


def test_htpasswd_login(registry: str, users: dict[str, str]) -> None:
    """The right password is accepted, another is refused, strangers are not let in."""
    assert check(registry, user(users, "alice")).credential == user(users, "alice")
    with pytest.raises(LoginRefused, match="incorrect username or password"):
        check(registry, Basic("alice", Secret("wrong")))
    with pytest.raises(LoginRefused, match="the request had none"):
        check(registry, ANONYMOUS)
    assert check(registry.replace("127.0.0.1", "localhost"), user(users, "alice")).steps


def test_htpasswd_permissions(registry: str, users: dict[str, str]) -> None:
    """Basic has no scopes: a push is unknown until it is begun, and the begun one is cancelled."""
    alice = user(users, "alice")
    assert permissions(f"{registry}/none/such:1", alice, "pull", "push") == [
        (Outcome.OK, "pull: granted, but there is no tag 1"),
        (Outcome.SKIPPED, "push: unknown without a trial upload"),
    ]
    assert permissions(f"{registry}/none/such:1", alice, "push", probe=True)[-1] == (
        Outcome.OK,
        "push: granted, an upload could begin",
    )


@pytest.mark.parametrize("kind", ["registry", "registry_with_tokens"])
def test_httpx_pushes_and_pulls(request: pytest.FixtureRequest, kind: str, users: dict[str, str]) -> None:
    """A push and a pull with nothing but the auth object."""
    host = request.getfixturevalue(kind)
    with httpx.Client(auth=shorepass.httpx_auth(trusted_realms=TRUSTED, credential=user(users, "alice"))) as client:
        push(client, f"http://{host}/v2/team/app")
        assert "1" in client.get(f"http://{host}/v2/team/app/tags/list").json()["tags"]  # other tests push there, too


@pytest.mark.parametrize("kind", ["registry", "registry_with_tokens"])
def test_requests_pulls(request: pytest.FixtureRequest, kind: str, users: dict[str, str]) -> None:
    """A pull with requests, of what httpx pushed."""
    host = request.getfixturevalue(kind)
    with httpx.Client(auth=shorepass.httpx_auth(trusted_realms=TRUSTED, credential=user(users, "alice"))) as client:
        push(client, f"http://{host}/v2/team/app")
    kind = "application/vnd.oci.image.manifest.v1+json"
    auth = shorepass.requests_auth(trusted_realms=TRUSTED, credential=user(users, "bob"))
    got = requests.get(f"http://{host}/v2/team/app/manifests/1", auth=auth, headers={"Accept": kind}, timeout=60)
    assert (got.status_code, got.json()["mediaType"]) == (200, kind)


# Tokens that docker-registry verifies


def test_token_login(registry_with_tokens: str, token_server: TokenServer, users: dict[str, str]) -> None:
    """One request to the token server, for no scope and no refresh token; its token opens the registry."""
    token_server.requests.clear()
    assert check(registry_with_tokens, user(users, "alice")).steps[-1].outcome is Outcome.OK
    assert token_server.requests == [("GET", {"service": ["shorepass-test"], "account": ["alice"]})]
    with pytest.raises(LoginRefused):
        check(registry_with_tokens, Basic("alice", Secret("wrong")))
    assert len(token_server.requests) == 2


def test_another_port_of_this_machine_is_not_trusted(
    registry_with_tokens: str, token_server: TokenServer, users: dict[str, str]
) -> None:
    """A token server on another port may be another user's: it is asked nothing until the person names it."""
    token_server.requests.clear()
    with pytest.raises(RealmRefused, match="another port of this machine") as caught:
        check(registry_with_tokens, user(users, "alice"), trusted_realms=())
    assert token_server.requests == []
    named = token_server.realm.split("/")[2]
    assert f"--trust-realm {named}" in (caught.value.hint or "")
    assert check(registry_with_tokens, user(users, "alice"), trusted_realms=(named,)).steps[-1].outcome is Outcome.OK


def test_identity_token_login(registry_with_tokens: str, token_server: TokenServer) -> None:
    """An identity token is good at the token server, and another is refused."""
    token_server.refresh_tokens["r3fresh"] = "alice"
    identity = IdentityToken(Secret("r3fresh"))
    assert check(registry_with_tokens, identity).credential == identity
    assert token_server.requests[-1][0] == "POST"
    with pytest.raises(LoginRefused, match="identity token is refused"):
        check(registry_with_tokens, IdentityToken(Secret("other")))


def test_token_permissions(registry_with_tokens: str, users: dict[str, str]) -> None:
    """The claim names what is granted and missing; the registry itself says the same when it is asked."""
    image = f"{registry_with_tokens}/team/app:none"
    assert permissions(image, user(users, "alice"), "pull", "push") == [
        (Outcome.OK, "a token for team/app; granted: pull, push"),
        (Outcome.OK, "pull: granted, but there is no tag none"),
        (Outcome.OK, "push: granted by the token server (not tried)"),
    ]
    assert permissions(image, user(users, "bob"), "pull", "push") == [
        (Outcome.OK, "a token for team/app; granted: pull; missing: push"),
        (Outcome.OK, "pull: granted, but there is no tag none"),
        (Outcome.FAILED, "push: denied, the token server does not grant it to this login"),
    ]
    assert permissions(f"{registry_with_tokens}/other/app:1", user(users, "bob"), "pull")[1:] == [
        (Outcome.FAILED, "pull: denied, missing: pull on other/app"),
    ]


def test_probe_without_delete(registry_with_tokens: str, users: dict[str, str]) -> None:
    """A cancel needs the delete action: without it the trial upload remains, and the step shows that."""
    outcome, detail = permissions(
        f"{registry_with_tokens}/team/app:1", user(users, "alice"), "pull", "push", probe=True
    )[2]
    assert outcome is Outcome.OK
    assert detail.endswith("the trial upload remains until the registry removes it")


def test_denied_push_by_auth_object(registry_with_tokens: str, users: dict[str, str]) -> None:
    """What the registry denies is the caller's 401, after one more token and no more."""
    with httpx.Client(auth=shorepass.httpx_auth(trusted_realms=TRUSTED, credential=user(users, "bob"))) as client:
        denied = client.post(f"http://{registry_with_tokens}/v2/team/app/blobs/uploads/")
    assert denied.status_code == 401
    assert 'error="insufficient_scope"' in denied.headers["www-authenticate"]


# TLS


@contextmanager
def tls_registry(folder: Path, authority: trustme.CA, *, client_certificates: bool = False) -> Iterator[str]:
    """docker-registry over TLS, without a login."""
    mine = authority.issue_cert("127.0.0.1")
    mine.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.crt").write_bytes(b"".join(pem.bytes() for pem in mine.cert_chain_pems))
    authority.cert_pem.write_to_path(folder / "authority.crt")
    clients = f", clientcas: ['{folder}/authority.crt']" if client_certificates else ""
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {inmemory: {}}\n"
        "http: {addr: '127.0.0.1:0', secret: x, "
        f"tls: {{certificate: '{folder}/server.crt', key: '{folder}/server.key'{clients}}}}}\n"
    )
    log = folder / "registry.log"

    def address() -> str | None:
        found = re.search(r"listening on (127\.0\.0\.1:[0-9]+)", log.read_text(errors="replace"))
        return found[1] if found else None

    with programs.running([programs.require("docker-registry"), "serve", str(config)], log, address) as name:
        yield name


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Acme Root")


def cert_dir(folder: Path, authority: trustme.CA, *, client: bool = False) -> str:
    folder.mkdir()
    authority.cert_pem.write_to_path(folder / "ca.crt")
    if client:
        mine = authority.issue_cert("client.example")
        mine.private_key_pem.write_to_path(folder / "client.key")
        mine.cert_chain_pems[0].write_to_path(folder / "client.cert")
    return str(folder)


def test_tls(tmp_path: Path, authority: trustme.CA) -> None:
    """A Go server over TLS: found behind a plain http try, refused without its authority, accepted with it."""
    with tls_registry(tmp_path, authority) as host:
        with pytest.raises(Unreachable, match=r"authority is unknown here \(issuer: Acme Root\)"):
            check(host, ANONYMOUS)
        folder = cert_dir(tmp_path / "d", authority)
        assert f"https://{host} needs no login" in check(host, ANONYMOUS, cert_dir=folder).steps[0].detail
        assert check(host, ANONYMOUS, tls_verify=True, cert_dir=folder).steps
        assert check(host, ANONYMOUS, tls_verify=False).steps


def test_certs_d_of_the_user(tmp_path: Path, authority: trustme.CA) -> None:
    """The folder in the user's certs.d is found by host and port, for podman and for rootless docker."""
    with tls_registry(tmp_path, authority) as host:
        for client, place in (("podman", "containers"), ("docker", "docker")):
            parent = tmp_path / client / ".config" / place / "certs.d"
            parent.mkdir(parents=True)
            cert_dir(parent / host, authority)
            context = LocalContext({"HOME": str(tmp_path / client)}, uid=1000)
            with RegistryClient(host, Access(client=client), context) as asked:
                assert asked.check_login(ANONYMOUS).steps


def test_client_certificates(tmp_path: Path, authority: trustme.CA) -> None:
    """A Go server that wants a client certificate: the message says so and where it belongs; with it all is well."""
    with tls_registry(tmp_path, authority, client_certificates=True) as host:
        with pytest.raises(Unreachable, match="client certificate") as caught:
            check(host, ANONYMOUS, cert_dir=cert_dir(tmp_path / "without", authority))
        assert str(tmp_path / "without") in (caught.value.hint or "")
        folder = cert_dir(tmp_path / "with", authority, client=True)
        assert check(host, ANONYMOUS, cert_dir=folder).steps


# Real clients with the test kit's registry


def oci_image(folder: Path) -> Path:
    """Write an OCI layout with one image, tag 1."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    archive = folder / "layer.tar"
    subprocess.run(["/bin/tar", "-cf", str(archive), "-C", str(folder), "blobs"], check=True)
    layer = archive.read_bytes()
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = blob(
        json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode(), "config.v1+json"
    )
    layers = [blob(layer, "layer.v1.tar")]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": layers,
    }
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return folder


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_skopeo_with_the_test_kit(tmp_path: Path, auth: str) -> None:
    """Skopeo pushes to the test kit's registry and pulls the same bytes back; a wrong password is refused."""
    skopeo = [programs.require("skopeo"), "--insecure-policy", "--tmpdir", str(tmp_path), "copy", "-q"]
    image = f"oci:{oci_image(tmp_path / 'image')}:1"
    environment = {"HOME": str(tmp_path)}
    with Registry(users={"alice": "s3cret"}, auth=auth) as registry:  # type: ignore[arg-type]
        remote = f"docker://{registry.host}/team/app:1"

        def copy(*argv: str) -> subprocess.CompletedProcess[str]:
            return programs.run([*skopeo, *argv], env=environment)

        pushed = copy("--dest-creds", "alice:s3cret", "--dest-tls-verify=false", image, remote)
        assert pushed.returncode == 0, pushed.stderr
        assert registry.tags("team/app") == ["1"]
        pulled = copy("--src-creds", "alice:s3cret", "--src-tls-verify=false", remote, f"dir:{tmp_path}/pulled")
        assert pulled.returncode == 0, pulled.stderr
        assert (tmp_path / "pulled/manifest.json").is_file()
        refused = copy("--src-creds", "alice:wrong", "--src-tls-verify=false", remote, f"dir:{tmp_path}/again")
        assert refused.returncode != 0


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_podman_with_the_test_kit(tmp_path: Path, auth: str) -> None:
    """Podman logs in to the test kit's registry, pushes and pulls."""
    image = oci_image(tmp_path / "image")
    with (
        tempfile.TemporaryDirectory(prefix="sp") as run_folder,  # podman takes no runroot of more than 50 characters
        Registry(users={"alice": "s3cret"}, auth=auth) as registry,  # type: ignore[arg-type]
    ):
        podman = [
            programs.require("podman"),
            "--root",
            f"{tmp_path}/root",
            "--runroot",
            run_folder,
            "--storage-driver=vfs",
        ]
        environment = {
            "HOME": str(tmp_path),
            "XDG_RUNTIME_DIR": run_folder,
            "REGISTRY_AUTH_FILE": f"{tmp_path}/auth.json",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/no-bus",  # or a rootless podman starts one
        }
        name = f"{registry.host}/team/app:1"

        def run(*argv: str, stdin: str = "") -> None:
            done = programs.run([*podman, *argv], env=environment, stdin=stdin)
            assert done.returncode == 0, done.stderr

        run("login", "--tls-verify=false", "-u", "alice", "--password-stdin", registry.host, stdin="s3cret")
        run("pull", "-q", f"oci:{image}:1")
        found = programs.run([*podman, "images", "-q", "--no-trunc"], env=environment).stdout.split()
        run("push", "-q", "--tls-verify=false", found[0].partition(":")[2] or found[0], name)
        run("rmi", "-f", *found)
        run("pull", "-q", "--tls-verify=false", name)
        assert registry.tags("team/app") == ["1"]
        run("rmi", "--all", "--force")
        if os.geteuid() != 0:
            run("system", "migrate")  # ends the process by which a rootless podman keeps its user namespace


def test_docker_login_with_the_test_kit(tmp_path: Path) -> None:
    """Docker itself logs in to the test kit's registry, also where it is given an identity token to keep."""
    newer = [path for path in programs.docker_programs() if programs.run([path, "--version"]).stdout.split()[2] >= "28"]
    environment = {"HOME": str(tmp_path), "PATH": str(tmp_path)}  # no helper to store with: the file is what we look at
    for identity in (False, True):
        with Registry(users={"alice": "s3cret"}, auth="bearer", identity_tokens=identity) as registry:
            for docker in newer:  # an older one needs a daemon even to log in
                folder = tmp_path / f"{identity}"
                argv = [docker, "--config", str(folder), "-H", "unix:///nonexistent", "login"]
                done = programs.run(
                    [*argv, "-u", "alice", "--password-stdin", registry.host], env=environment, stdin="s3cret"
                )
                assert done.returncode == 0, done.stderr
                entry = json.loads((folder / "config.json").read_text())["auths"][registry.host]
                assert ("identitytoken" in entry) is identity


def test_denied_scope_is_told_from_a_wrong_password(registry_with_tokens: str, users: dict[str, str]) -> None:
    """A login that may nothing is still a good login."""
    assert check(registry_with_tokens, user(users, "bob")).steps[-1].outcome is Outcome.OK
    with httpx.Client(auth=shorepass.httpx_auth(trusted_realms=TRUSTED, credential=user(users, "bob"))) as client:
        try:
            status = client.get(f"http://{registry_with_tokens}/v2/other/app/tags/list").status_code
        except PermissionDenied:  # a token server may say it, too
            status = 401
    assert status == 401
