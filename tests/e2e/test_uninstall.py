"""``shorepass uninstall``, and the real clients without the program: as before it ever came."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from shorepass.logins.helper_entry import without_program

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.real_clients import RealClient

pytestmark = pytest.mark.usefixtures("nothing_set", "helper")


CLIENTS = [*programs.docker_programs(), "podman"]


@pytest.fixture
def helper(our_helper: str, world: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Our helper, on the PATH of every program of the test."""
    path = f"{world / 'bin'}:{programs.SYSTEM_PATH}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(programs, "SYSTEM_PATH", path)
    return our_helper


def logged_in(run: RunShorepass, client: RealClient, registry: str, password: str) -> None:
    words = ("--client", client.rules, "-u", "alice", "--password-stdin", registry)
    done = run("login", *words, stdin=password)
    assert done.status == 0, done.stderr


def tree() -> dict[str, tuple[int, bytes]]:
    """Return the clients' files: path to mode and bytes."""
    folders = [Path(os.environ["HOME"], ".docker"), Path(os.environ["XDG_RUNTIME_DIR"])]
    paths = [path for folder in folders for path in folder.rglob("*.json")]
    return {str(path): (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) for path in paths}


@pytest.mark.parametrize(
    "before", ["", '{\n    "credsStore": "",\n    "psFormat": "table"\n}\n'], ids=["no file", "a file"]
)
@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_clients_log_in_and_pull_without_it(
    client: RealClient,
    registry: str,
    users: dict[str, str],
    run_shorepass: RunShorepass,
    helper: str,
    before: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The files are as they were, byte for byte; with the program gone the real client logs in, pushes and pulls."""
    if before:
        file = Path(os.environ["HOME"], ".docker/config.json")
        file.parent.mkdir(mode=0o700)
        file.write_text(before)
        file.chmod(0o600)
    was = tree()
    logged_in(run_shorepass, client, registry, users["alice"])
    assert tree() != was
    done = run_shorepass("uninstall", "--keep", "--yes")
    assert (done.status, "now remove the program" in done.stderr) == (0, True), done.stderr
    assert tree() == was
    Path(helper).unlink()
    monkeypatch.setenv("PATH", str(Path(helper).parent))  # without pass, which docker would choose by itself
    image = f"{registry}/team/app:uninstalled-{client.rules}"
    assert client.pull(image).returncode != 0
    done = client.login(registry, "alice", users["alice"])
    assert done.returncode == 0, done.stderr
    for done in (client.push(image), client.pull(image)):
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_logins_go_into_the_clients_own_files_by_name_alone(
    client: RealClient, registry: str, users: dict[str, str], run_shorepass: RunShorepass, helper: str
) -> None:
    """``--to file``: the real client pulls with what the vault held."""
    logged_in(run_shorepass, client, registry, users["alice"])
    image = f"{registry}/team/app:plain-{client.rules}"
    assert client.push(image).returncode == 0
    done = run_shorepass("uninstall", "--to", "file", "--yes")
    assert done.status == 0, done.stderr
    Path(helper).unlink()
    done = client.pull(image)
    assert done.returncode == 0, done.stderr


def test_what_migrate_and_install_have_named_comes_out_as_well(
    registry: str, run_shorepass: RunShorepass, home: Path
) -> None:
    """In every file, also of a DOCKER_CONFIG of another day; what was named before is named again."""
    files = {}
    for folder, extra in (("one", {"credsStore": "pass"}), ("two", {"credHelpers": {"eu.gcr.io": "gcloud"}})):
        file = home / folder / "config.json"
        file.parent.mkdir()
        file.write_text(json.dumps(extra))
        files[file] = file.read_text()
    for file in files:
        assert run_shorepass("helper", "install", "--yes", "--config", str(file.parent)).status == 0
    auth = home / "auth.json"
    auth.write_text(json.dumps({"auths": {registry: {"auth": "YWxpY2U6c2VjcmV0"}}}))
    assert run_shorepass("migrate", "--apply", "--authfile", str(auth)).status == 0
    assert "shorepass" in auth.read_text()
    assert run_shorepass("uninstall", "--keep", "--yes").status == 0
    assert {file: file.read_text() for file in files} == files
    assert "shorepass" not in auth.read_text()
    assert run_shorepass("uninstall").stdout.startswith("no file names Shorepass\n")


def test_nobody_is_left_without_their_logins_in_silence(
    registry: str, users: dict[str, str], run_shorepass: RunShorepass, home: Path
) -> None:
    """Logins in the vault: without a word about them nothing changes; each word does what it says."""
    assert run_shorepass("login", "-u", "alice", "--password-stdin", registry, stdin=users["alice"]).status == 0
    was = tree()
    done = run_shorepass("uninstall", "--yes")
    assert (done.status, tree()) == (2, was)
    assert "vault has 1 login that no client finds without Shorepass" in done.stderr
    planned = run_shorepass("uninstall", "--json", "--keep")
    assert (json.loads(planned.stdout)["state"], tree()) == ("planned", was)
    assert run_shorepass("uninstall", "--keep").status == 2  # no terminal to ask on
    file = home / "logins.json"
    done = run_shorepass("uninstall", "--export", str(file), "--delete", "--yes", "--json")
    assert (done.status, done.stderr) == (0, "")
    exported = json.loads(file.read_text())["auths"]
    assert (exported[registry]["username"], exported[registry]["password"]) == ("alice", users["alice"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = json.loads(done.stdout)
    assert (said["state"], said["errors"], said["login_count"]) == ("removed", [], 1)
    assert [*home.rglob("vault.age*"), *home.rglob("machine.key")] == []
    assert [path for path in said["deleted"] if Path(path).exists()] == []


def test_a_helper_in_registries_conf_is_named(run_shorepass: RunShorepass, home: Path) -> None:
    """A person has put it there by hand: it stays, and podman would stop at it."""
    conf = home / ".config/containers/registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text('credential-helpers = ["shorepass"]\n')
    done = run_shorepass("uninstall", "--yes")
    assert (done.status, "credential-helpers: remove it" in done.stdout) == (1, True)


FILES = {
    '{"credsStore": "shorepass"}': {},
    '{"auths":{},"credsStore":"shorepass","psFormat":"table"}': {"auths": {}, "psFormat": "table"},
    '{\n\t"credHelpers": {\n\t\t"ghcr.io": "shorepass",\n\t\t"eu.gcr.io": "gcloud",\n\t\t"localhost:5000": "shorepass"\n\t},\n'
    '\t"credsStore": "shorepass"\n}\n': {"credHelpers": {"eu.gcr.io": "gcloud"}},
    '{"auths":{"x.io":{"username":"shorepass","password":"shorepass","email":"a"}},"credHelpers":{"x.io":"shorepass"}}': {
        "auths": {"x.io": {"username": "shorepass", "password": "shorepass", "email": "a"}},
        "credHelpers": {},
    },
    '{"credHelpers":{"https://index.docker.io/v1/":"shorepass","docker.io":"shorepass"},"currentContext":"shorepass"}': {
        "credHelpers": {},
        "currentContext": "shorepass",
    },
}


@pytest.mark.parametrize(("text", "expected"), FILES.items(), ids=range(len(FILES)))
def test_the_line_that_needs_no_shorepass(home: Path, text: str, expected: object) -> None:
    """It takes out what names Shorepass, and keeps all else: members, mode, owner, the symlink."""
    real, link = home / "dotfiles/config.json", home / ".docker/config.json"
    for path in (real, link):
        path.parent.mkdir(mode=0o700)
    real.write_text(text)
    real.chmod(0o640)
    os.chown(real, 1234, 1234)
    link.symlink_to(real)
    inode = real.stat().st_ino
    done = programs.run([programs.require("sh"), "-c", without_program(str(link))])
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(link.read_text()) == expected
    status = real.stat()
    assert (status.st_ino, stat.S_IMODE(status.st_mode), status.st_uid) == (inode, 0o640, 1234)
    assert link.is_symlink()
    assert [path.name for path in real.parent.iterdir()] == ["config.json"]


@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_the_line_mends_a_client_whose_helper_is_gone(
    client: RealClient, registry: str, users: dict[str, str], run_shorepass: RunShorepass, helper: str, home: Path
) -> None:
    """After ``pip uninstall`` the real client fails; doctor elsewhere prints the line; with it the client logs in."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    other = {"other.example": {"auth": "YWxpY2U6c2VjcmV0"}}  # so that docker chooses no helper by itself
    file.write_text(json.dumps({"auths": other}))
    words = ("login", "--config", str(file.parent), "-u", "alice", "--password-stdin", registry)
    assert run_shorepass(*words, stdin=users["alice"]).status == 0
    Path(helper).unlink()
    assert client.login(registry, "alice", users["alice"]).returncode != 0 or client.rules != "docker"
    found = json.loads(run_shorepass("doctor", "--json").stdout)["findings"]
    evidence = next(one["evidence"] for one in found if one["code"] == "SP201")
    line = next(text for text in evidence if text.startswith("to remove it without Shorepass")).partition(
        "Shorepass: "
    )[2]
    assert programs.run([programs.require("sh"), "-c", line]).returncode == 0
    assert "shorepass" not in file.read_text()
    assert other.items() <= json.loads(file.read_text())["auths"].items()
    done = client.login(registry, "alice", users["alice"])
    assert done.returncode == 0, done.stderr


def test_the_page_has_that_line() -> None:
    page = Path(__file__).parents[2] / "docs/guides/remove.md"
    assert without_program("F").replace("f=F;", "f=~/.docker/config.json;") in page.read_text().splitlines()
