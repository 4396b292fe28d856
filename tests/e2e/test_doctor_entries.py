"""Logins that are stored and not found, or not the right ones: the real program goes wrong first, then doctor says why."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from client_files import auth
from e2e import programs
from e2e.doctor import Doctor, Program, found, log_in, one, release
from property.docker_oracle import LOUD_CREATE_SINCE, Docker
from shorepass.credential import ANONYMOUS, Basic, Credential
from shorepass.secret import Secret

if TYPE_CHECKING:
    from conftest import RunShorepass

HUB = "https://index.docker.io/v1/"
HAS_NONE = "#!/bin/sh\ncase $1 in list) echo '{}';; *) echo credentials not found in native keychain; exit 1;; esac\n"


@pytest.fixture
def config(home: Path) -> Path:
    """Docker's config file, which is not there yet, in a folder that is."""
    (home / ".docker").mkdir(mode=0o700)
    return home / ".docker/config.json"


@pytest.fixture
def auth_json(world: Path) -> Path:
    """Podman's auth file, which is not there yet, in a folder that is."""
    (world / "run/containers").mkdir(mode=0o700)
    return world / "run/containers/auth.json"


def write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent="\t"))
    path.chmod(0o600)


def alice(users: dict[str, str]) -> dict[str, str]:
    return auth(f"alice:{users['alice']}")


def fix(run_shorepass: RunShorepass, *words: str) -> None:
    done = run_shorepass("doctor", "--fix", "--yes", *words)
    assert "fixed" in done.stdout, done.stdout + done.stderr


def inspects(skopeo: Program, image: str) -> bool:
    return skopeo("inspect", "--tls-verify=false", f"docker://{image}").returncode == 0


@pytest.fixture
def pass_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A password store that works, and docker-credential-pass on PATH."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{programs.SYSTEM_PATH}")
    monkeypatch.setenv("GNUPGHOME", str(home / ".gnupg"))
    (home / ".gnupg").mkdir(mode=0o700)
    words = ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "test@example.org"]
    for argv in ([programs.require("gpg"), *words], [programs.require("pass"), "init", "test@example.org"]):
        done = programs.run(argv, env=os.environ)
        assert done.returncode == 0, done.stderr
    yield
    programs.run([programs.require("gpgconf"), "--kill", "all"], env=os.environ)


# SP301


@pytest.mark.usefixtures("pass_store")
def test_plain_text(doctor: Doctor, docker: Program, private_image: str, users: dict[str, str], config: Path) -> None:
    """SP301: docker warns and writes the password readably; with the helper that doctor names it does not any more."""
    registry, password = private_image.partition("/")[0], users["alice"]
    config.write_text("{}")  # without a helper: docker would choose pass by itself, where there is no login at all
    config.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        warned = docker("login", "-u", "alice", "--password-stdin", registry, stdin=password)
    assert "unencrypted" in warned.stderr
    assert auth(f"alice:{password}")["auth"] in config.read_text()
    finding = one(doctor())
    assert (finding["code"], finding["severity"], finding["subject"]) == ("SP301", "warning", str(config))
    assert '"credsStore": "pass"' in finding["fix"]["text"]
    write(config, {**json.loads(config.read_text()), "credsStore": "pass"})
    log_in(docker, registry, "alice", password)
    assert auth(f"alice:{password}")["auth"] not in config.read_text()
    assert docker("pull", private_image).returncode == 0
    assert found(doctor(), notes=True) == []
    assert found(doctor(private_image, client="docker"), notes=True) == []


@pytest.mark.usefixtures("pass_store")
def test_plain_text_of_podman(
    doctor: Doctor,
    skopeo: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    auth_json: Path,
) -> None:
    """SP301, SP304: podman reads no credsStore; with credHelpers it stores with the helper, and leaves the old entry."""
    registry, words = private_image.partition("/")[0], ["--tls-verify=false", "-u", "alice", "--password-stdin"]
    assert skopeo("login", *words, registry, stdin=users["alice"]).returncode == 0
    assert alice(users)["auth"] in auth_json.read_text()
    finding = one(doctor())
    assert (finding["code"], finding["subject"]) == ("SP301", str(auth_json))
    assert f'"credHelpers": {{"{registry}": "pass"}}' in finding["fix"]["text"]
    write(auth_json, {**json.loads(auth_json.read_text()), "credHelpers": {registry: "pass"}})
    assert skopeo("login", *words, registry, stdin=users["alice"]).returncode == 0
    assert inspects(skopeo, private_image)
    assert alice(users)["auth"] in auth_json.read_text()  # who does not log out before has it twice
    assert {finding["code"] for finding in found(doctor(client="podman"))} == {"SP301", "SP304"}
    fix(run_shorepass, "--client", "podman")
    assert inspects(skopeo, private_image)
    assert alice(users)["auth"] not in auth_json.read_text()
    assert found(doctor(private_image, client="podman"), notes=True) == []


def test_plain_text_without_any_helper(doctor: Doctor, docker: Program, registry: str, users: dict[str, str]) -> None:
    """Where no helper works, plain text is what docker does: nothing to find."""
    log_in(docker, registry, "alice", users["alice"])
    assert found(doctor(), notes=True) == []


# SP302


def sent_for_nginx(folder: Path) -> set[Credential]:
    """Return what every docker of this machine sends for an image of Docker Hub."""
    folder.mkdir()
    sent = set()
    for program in programs.docker_programs():
        with Docker(programs.require(program), folder) as real:
            sent.add(real.pull("nginx", os.environ).credential)
    return sent


@pytest.mark.parametrize("key", ["docker.io", "index.docker.io", "https://docker.io", "https://index.docker.io/v2/"])
def test_a_key_of_docker_hub(
    doctor: Doctor, run_shorepass: RunShorepass, config: Path, tmp_path: Path, key: str
) -> None:
    """SP302: docker looks for Docker Hub's login under one key, and sends none for another; renamed, it sends it."""
    write(config, {"auths": {key: auth("alice:pw")}, "detachKeys": "ctrl-e,e"})
    assert sent_for_nginx(tmp_path / "before") == {ANONYMOUS}
    finding = one(doctor(client="docker"))
    assert (finding["code"], finding["subject"]) == ("SP302", f"{config}: {key}")
    fix(run_shorepass, "--client", "docker")
    assert sent_for_nginx(tmp_path / "after") == {Basic("alice", Secret("pw"))}
    assert json.loads(config.read_text()) == {"auths": {HUB: auth("alice:pw")}, "detachKeys": "ctrl-e,e"}
    assert found(doctor()) == []


@pytest.mark.parametrize("end", ["/", "/v2/", "/team/private:1"])
def test_a_key_that_podman_never_takes(
    doctor: Doctor,
    skopeo: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    auth_json: Path,
    end: str,
) -> None:
    """SP302: without a scheme podman and skopeo take a key for a namespace, whatever path it has; renamed, it is found."""
    registry = private_image.partition("/")[0]
    write(auth_json, {"auths": {registry + end: alice(users)}})
    assert not inspects(skopeo, private_image)
    finding = one(doctor())
    assert (finding["code"], finding["subject"]) == ("SP302", f"{auth_json}: {registry}{end}")
    fix(run_shorepass)
    assert inspects(skopeo, private_image)


def test_a_key_in_capitals(
    doctor: Doctor,
    docker: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    config: Path,
) -> None:
    """SP302: docker compares capitals, and people do not."""
    image = private_image.replace("127.0.0.1", "localhost")
    registry = image.partition("/")[0]
    key = f"https://{registry.upper()}/v1/"
    write(config, {"auths": {key: alice(users)}})
    assert docker("pull", image).returncode != 0
    finding = one(doctor())
    assert (finding["code"], finding["severity"], finding["subject"]) == ("SP302", "warning", f"{config}: {key}")
    fix(run_shorepass)
    assert docker("pull", image).returncode == 0
    assert found(doctor(image)) == []


def test_a_key_without_the_port(
    doctor: Doctor, docker: Program, private_image: str, users: dict[str, str], config: Path
) -> None:
    """SP302: a login for the host at another port is another registry's; doctor moves it nowhere, and says so."""
    registry = private_image.partition("/")[0]
    write(config, {"auths": {registry.partition(":")[0]: alice(users)}})
    assert docker("pull", private_image).returncode != 0
    finding = one(doctor("--offline", private_image))
    assert (finding["code"], finding["fix"]["kind"]) == ("SP302", "advice")
    assert found(doctor("--offline")) == []
    log_in(docker, registry, "alice", users["alice"])
    assert docker("pull", private_image).returncode == 0
    assert found(doctor(private_image)) == []


def test_a_key_that_has_its_place_taken(doctor: Doctor, run_shorepass: RunShorepass, config: Path) -> None:
    """SP302: where the right key has a login, the other is only left over: a note, and --fix takes it out."""
    write(config, {"auths": {HUB: auth("alice:pw"), "docker.io": auth("bob:pw")}})
    assert found(doctor()) == []
    assert [finding["code"] for finding in found(doctor(client="docker"), notes=True)] == ["SP302"]
    fix(run_shorepass, "--client", "docker")
    assert json.loads(config.read_text()) == {"auths": {HUB: auth("alice:pw")}}


def test_keys_that_are_right(doctor: Doctor, config: Path) -> None:
    """What docker and podman find is no finding, old spellings and docker's own tokens included."""
    keys = (HUB, f"{HUB}access-token", f"{HUB}refresh-token", "ghcr.io", "https://quay.io/v1/", "reg.example:5000")
    write(config, {"auths": {key: auth("alice:pw") for key in keys}})
    assert found(doctor()) == []


# SP303


@pytest.mark.parametrize("has", ["is missing", "has no login"])
def test_a_helper_hides_a_login(
    doctor: Doctor,
    docker: Program,
    skopeo: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    config: Path,
    world: Path,
    has: str,
) -> None:
    """SP303: docker asks the registry's own helper alone, and goes without a login although there is one in the file."""
    registry = private_image.partition("/")[0]
    write(config, {"auths": {registry: alice(users)}, "credHelpers": {registry: "other"}})
    if has == "has no login":
        (world / "bin/docker-credential-other").write_text(HAS_NONE)
        (world / "bin/docker-credential-other").chmod(0o755)
    if has == "has no login":
        assert docker("pull", private_image).returncode != 0
    elif release(docker) >= LOUD_CREATE_SINCE:  # an older one takes the file's login without a word
        assert docker("create", "--pull", "always", private_image).returncode != 0
    assert not inspects(skopeo, private_image)
    finding = next(finding for finding in found(doctor()) if finding["code"] == "SP303")
    assert finding["subject"] == f"{config}: {registry}"
    assert has in finding["cause"]
    fix(run_shorepass)
    assert docker("pull", private_image).returncode == 0
    assert inspects(skopeo, private_image)
    assert found(doctor(private_image)) == []


# SP304


def without_podman(folder: Path) -> Path:
    """Return a folder with every program of this machine but podman, skopeo and buildah."""
    folder.mkdir()
    for place in reversed(programs.SYSTEM_PATH.split(":")):
        for program in Path(place).iterdir():
            if program.name not in ("podman", "skopeo", "buildah"):
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    return folder


@pytest.mark.usefixtures("pass_store")
def test_a_login_left_in_the_file(
    doctor: Doctor,
    docker: Program,
    skopeo: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SP304: docker takes the helper's login; the old one stays readable, and skopeo, which knows no credsStore, takes it."""
    registry, stale = private_image.partition("/")[0], auth("alice:an older password")
    write(config, {"credsStore": "pass"})
    log_in(docker, registry, "alice", users["alice"])
    write(config, {"auths": {registry: stale}, "credsStore": "pass"})
    assert docker("pull", private_image).returncode == 0
    assert not inspects(skopeo, private_image)
    known = {finding["code"]: finding for finding in found(doctor())}
    assert known.keys() == {"SP304", "SP305"}  # docker and podman are at odds, too
    assert known["SP304"]["fix"]["kind"] == "advice"  # podman takes it: first podman needs a login of its own
    monkeypatch.setenv("PATH", str(without_podman(config.parent / "bin")))
    fix(run_shorepass, "--client", "docker")
    assert json.loads(config.read_text()) == {"auths": {registry: {}}, "credsStore": "pass"}
    assert docker("pull", private_image).returncode == 0
    assert found(doctor(private_image, client="docker"), notes=True) == []


@pytest.mark.usefixtures("pass_store")
def test_a_login_beneath_a_helper_without_one(
    doctor: Doctor, docker: Program, private_image: str, users: dict[str, str], config: Path
) -> None:
    """SP304: a store was set after the login: docker asks it alone, and finds nothing until the next login."""
    registry = private_image.partition("/")[0]
    write(config, {"auths": {registry: alice(users)}, "credsStore": "pass"})
    assert docker("pull", private_image).returncode != 0
    finding = one(doctor(client="docker"))
    assert (finding["code"], finding["severity"], finding["subject"]) == ("SP304", "error", f"{config}: {registry}")
    log_in(docker, registry, "alice", users["alice"])
    assert docker("pull", private_image).returncode == 0
    assert found(doctor(private_image, client="docker"), notes=True) == []


# SP305


def test_docker_and_podman_at_odds(
    doctor: Doctor,
    docker: Program,
    skopeo: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    auth_json: Path,
) -> None:
    """SP305: podman keeps an old password of its own; without it, it takes docker's. Two accounts are worth a note."""
    registry = private_image.partition("/")[0]
    log_in(docker, registry, "alice", users["alice"])
    write(auth_json, {"auths": {registry: auth("alice:an older password")}})
    assert docker("pull", private_image).returncode == 0
    assert not inspects(skopeo, private_image)
    finding = one(doctor())
    assert (finding["code"], finding["severity"], finding["subject"]) == ("SP305", "warning", registry)
    assert run_shorepass("logout", "--client", "podman", registry).status == 0
    assert inspects(skopeo, private_image)
    assert found(doctor(private_image)) == []
    write(auth_json, {"auths": {registry: auth(f"bob:{users['bob']}")}})
    assert found(doctor(private_image)) == []
    assert {finding["code"] for finding in found(doctor(private_image), notes=True)} == {"SP305"}


# SP306


@pytest.mark.parametrize("client", ["docker", "skopeo"])
def test_a_coin_toss(
    request: pytest.FixtureRequest,
    doctor: Doctor,
    docker: Program,
    run_shorepass: RunShorepass,
    private_image: str,
    users: dict[str, str],
    config: Path,
    client: str,
) -> None:
    """SP306: of two keys for one host the client takes one at random; a login under the exact key ends that."""
    registry = private_image.partition("/")[0]
    write(config, {"auths": {f"https://{registry}": alice(users), f"http://{registry}": auth("alice:wrong")}})
    skopeo: Program = request.getfixturevalue("skopeo")

    def works() -> bool:
        return docker("pull", private_image).returncode == 0 if client == "docker" else inspects(skopeo, private_image)

    assert {works() for _ in range(40)} == {True, False}  # all heads: once in 10^12 runs
    codes = [finding["code"] for finding in found(doctor(client=client))]
    assert codes == ["SP306"]
    done = run_shorepass(
        "login", "--client", "docker", "-u", "alice", "--password-stdin", registry, stdin=users["alice"]
    )
    assert done.status == 0, done.stderr
    assert {works() for _ in range(10)} == {True}
    assert found(doctor(private_image, client=client)) == []


def test_podman_and_what_a_login_by_browser_leaves(doctor: Doctor, skopeo: Program, config: Path) -> None:
    """SP306: docker keeps two tokens of its own for Docker Hub, and to podman their keys mean Docker Hub as well."""
    write(
        config,
        {"auths": {f"{HUB}{end}": auth(f"{end or 'alice'}:pw") for end in ("", "access-token", "refresh-token")}},
    )
    said = {skopeo("login", "--get-login", "docker.io").stdout for _ in range(100)}  # nine of ten are the first
    assert len(said) > 1
    assert one(doctor(client="skopeo"))["code"] == "SP306"
    assert found(doctor(client="docker")) == []
    write(config, {"auths": {HUB: auth("alice:pw")}})
    assert found(doctor(client="skopeo")) == []
