"""``shorepass login`` and ``logout``: docker's and podman's words, flags and exit codes."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.test_vault import SHOREPASS, on_a_terminal
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

PASSWORD = "s3cret:with colon"


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    with Registry(users={"alice": PASSWORD}, auth=request.param) as running:
        yield running


def config(home: Path) -> dict:
    return json.loads((home / ".docker/config.json").read_text())


def test_a_login_that_names_no_registry_asks_for_docker_hub() -> None:
    """The user sees for which registry the user name is, before the question."""
    status, shown, _ = on_a_terminal([*SHOREPASS, "login"], [""])
    assert status == 1
    assert shown.startswith(
        "shorepass: the registry is Docker Hub; the password can be a personal access token\r\nUsername: "
    )


def test_login_stores_where_docker_would(run_shorepass: RunShorepass, home: Path, registry: Registry) -> None:
    """A good login prints docker's words and makes a 0600 config.json in a 0700 folder."""
    done = run_shorepass("login", "-u", "alice", "--password-stdin", registry.host, stdin=PASSWORD + "\n")
    assert (done.status, done.stdout) == (0, "Login Succeeded\n")
    assert "stored unencrypted in" in done.stderr
    assert list(config(home)["auths"]) == [registry.host]
    file = home / ".docker/config.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_podman_login_stores_where_podman_would(run_shorepass: RunShorepass, home: Path, registry: Registry) -> None:
    """With --client podman the words have podman's exclamation mark and the login is in --authfile."""
    file = home / "auth.json"
    done = run_shorepass(
        *("login", "--authfile", str(file), "-v", "-u", "alice", "--password-stdin", registry.host), stdin=PASSWORD
    )
    assert (done.status, done.stdout) == (0, "Login Succeeded!\n")
    assert f"Used: {file}" in done.stderr
    assert list(json.loads(file.read_text())["auths"]) == [registry.host]
    assert not (home / ".docker").exists()


@pytest.mark.parametrize("server", ["alice:hunter2@ghcr.io", "https://alice:hunter2@ghcr.io", "a:hunter2@ghcr.io/x"])
@pytest.mark.parametrize("words", [("login", "--get-login"), ("logout",), ("get",), ("explain", "--offline")])
def test_a_password_in_the_name_is_not_repeated(
    run_shorepass: RunShorepass, server: str, words: tuple[str, ...]
) -> None:
    """Whoever puts user name and password before the registry does not find them in an error, or in a log of it."""
    done = run_shorepass(*words, server)
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(("flags", "code"), [((), 1), (("--client", "podman"), 125), (("--client", "skopeo"), 1)])
def test_refused_login_changes_nothing(
    run_shorepass: RunShorepass, home: Path, registry: Registry, flags: tuple[str, ...], code: int
) -> None:
    """A refused login exits as the imitated client does, keeps the file's bytes and time, and never shows the password."""
    file = home / ".docker/config.json"
    file.parent.mkdir()
    file.write_text('{"auths":{}, "mine": 1.0}')
    before = file.stat()
    done = run_shorepass("login", *flags, "-u", "alice", "--password-stdin", registry.host, stdin="wrong-one")
    assert done.status == code
    assert done.stdout == ""
    assert registry.host in done.stderr
    assert "wrong-one" not in done.stderr
    after = file.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert sorted(os.listdir(home)) == [".config", ".docker"]  # .config: as it was before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-u", "a", "-p", "b", "--password-stdin"), "cannot specify both --password and --password-stdin"),
        (("--password-stdin",), "the --password-stdin option requires --username to be set"),
        (("-u", "", "-p", "x"), "username is empty"),
        (("-u", "a", "-p", ""), "password is empty"),
        (("-u", "a", "--password-stdin"), "password is empty"),
        ((), "cannot perform an interactive login from a non-TTY device"),
        (("-u", "a:b", "-p", "x"), "a user name cannot have a colon"),
    ],
)
def test_flags_conflict_as_with_docker(run_shorepass: RunShorepass, arguments: tuple[str, ...], message: str) -> None:
    """Conflicting or empty user names and passwords fail with docker's sentences before anything is sent."""
    done = run_shorepass("login", *arguments, "127.0.0.1:1")
    assert done.status == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("job", ["GITLAB_CI", "GITHUB_ACTIONS", ""])
def test_an_empty_password_in_a_job(run_shorepass: RunShorepass, job: str) -> None:
    """In a CI job a variable is empty, and the hint says why that may be."""
    env = {job: "true"} if job else {}
    for words in (("-p", ""), ("--password-stdin",)):
        done = run_shorepass("login", "-u", "a", *words, "127.0.0.1:1", env=env)
        assert "password is empty" in done.stderr
        assert ("is its variable set in this job?" in done.stderr) is bool(job)


@pytest.mark.parametrize(("client", "reads"), [("docker@29.6", True), ("docker@29.5", False), ("podman", False)])
def test_a_dash_for_a_password(run_shorepass: RunShorepass, registry: Registry, client: str, reads: bool) -> None:
    """Docker 29.6 reads the password from standard input then; to all others it is a password, which is refused here."""
    words = ("--client", client, "-u", "alice", "-p", "-", "--tls-verify=false", "--store", "file")
    done = run_shorepass("login", *words, registry.host, stdin=PASSWORD)
    assert (done.status == 0) is reads


def test_password_on_argv_is_warned_about(run_shorepass: RunShorepass, registry: Registry) -> None:
    """-p works and warns in docker's words."""
    done = run_shorepass("login", "-u", "alice", "-p", PASSWORD, registry.host)
    assert done.status == 0
    assert "WARNING! Using --password via the CLI is insecure. Use --password-stdin." in done.stderr


def test_unknown_flag_exits_125(run_shorepass: RunShorepass) -> None:
    """A flag that does not exist exits 125, as with docker login and podman login."""
    done = run_shorepass("login", "--bogus")
    assert done.status == 125
    assert "--bogus" in done.stderr


def test_second_login_uses_what_is_stored(run_shorepass: RunShorepass, registry: Registry) -> None:
    """Without -u a stored login that still works is enough."""
    run_shorepass("login", "-u", "alice", "--password-stdin", registry.host, stdin=PASSWORD)
    done = run_shorepass("login", registry.host)
    assert (done.status, done.stdout) == (0, "Login Succeeded\n")
    assert "Authenticating with existing credentials" in done.stderr


def test_get_login(run_shorepass: RunShorepass, home: Path, registry: Registry) -> None:
    """--get-login prints the user name, or fails in podman's words with podman's code."""
    file = str(home / "auth.json")
    missing = run_shorepass("login", "--get-login", "--authfile", file, registry.host)
    assert missing.status == 125
    assert f"not logged into {registry.host}" in missing.stderr
    run_shorepass("login", "--authfile", file, "-u", "alice", "--password-stdin", registry.host, stdin=PASSWORD)
    assert run_shorepass("login", "--get-login", "--authfile", file, registry.host).stdout == "alice\n"


def test_get_login_of_a_part_of_a_registry(run_shorepass: RunShorepass, home: Path, registry: Registry) -> None:
    """A login for a part of a registry is found by its own name, as by podman, and not by that of the registry."""
    file, part = str(home / "auth.json"), f"{registry.host}/team"
    (home / "auth.json").write_text(json.dumps({"auths": {part: {"auth": "YWxpY2U6cHc="}}}))
    assert run_shorepass("login", "--get-login", "--authfile", file, part).stdout == "alice\n"
    assert run_shorepass("login", "--get-login", "--authfile", file, registry.host).status == 125


def test_tls_verify_takes_no_word_away(run_shorepass: RunShorepass, registry: Registry) -> None:
    """As with podman, the word after a bare --tls-verify is the registry."""
    done = run_shorepass("login", "-u", "alice", "--password-stdin", "--tls-verify", registry.host, stdin=PASSWORD)
    assert "neither true nor false" not in done.stderr


def test_logout_says_what_it_erased(run_shorepass: RunShorepass, home: Path, registry: Registry) -> None:
    """Logout erases the entry, keeps the rest of the file, and names place and key; a second one finds nothing."""
    run_shorepass("login", "-u", "alice", "--password-stdin", registry.host, stdin=PASSWORD)
    file = home / ".docker/config.json"
    document = json.loads(file.read_text()) | {"psFormat": "x"}
    file.write_text(json.dumps(document))
    done = run_shorepass("logout", registry.host)
    assert done.status == 0
    assert f"Removing login credentials for {registry.host}" in done.stdout
    assert f"erased {registry.host} from {file}" in done.stdout
    assert config(home) == {"auths": {}, "psFormat": "x"}
    again = run_shorepass("logout", registry.host)
    assert again.status == 0
    assert f"not logged into {registry.host}" in again.stderr


def test_podman_logout_of_nothing_fails(run_shorepass: RunShorepass, home: Path) -> None:
    """Podman logout of a registry without a login exits 125."""
    (home / "auth.json").write_text("{}")
    done = run_shorepass("logout", "--authfile", str(home / "auth.json"), "reg.example")
    assert done.status == 125
    assert "not logged into reg.example" in done.stderr


def test_logout_all(run_shorepass: RunShorepass, home: Path) -> None:
    """--all erases every login of the client, and --json says so as data."""
    file = home / ".docker/config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auths": {"a.example": {"auth": "YTpi"}, "https://b.example/v2/": {"auth": "YTpi"}}}))
    done = run_shorepass("logout", "--all", "--json")
    assert done.status == 0
    assert [(row["key"], row["found"]) for row in json.loads(done.stdout)["erasures"]] == [
        ("a.example", True),
        ("https://b.example/v2/", True),
    ]
    assert config(home) == {"auths": {}}
    again = run_shorepass("logout", "--all")
    assert (again.status, again.stdout, again.stderr) == (0, "", "not logged into any registry\n")


def test_what_is_left_over_is_not_repeated(run_shorepass: RunShorepass) -> None:
    """Words behind the registry may be a password that somebody wrote there: the complaint does not repeat them."""
    done = run_shorepass("login", "-u", "alice", "reg.example", "hidden-pw")
    assert done.status == 1
    assert "too many arguments" in done.stderr
    assert "hidden-pw" not in done.stderr


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"auths": []}', b"\xff\xfe", b'{"auths": {"a": {"auth": "!"}}}'])
def test_broken_file_is_never_overwritten(
    run_shorepass: RunShorepass, home: Path, registry: Registry, content: bytes
) -> None:
    """A config file that is not what it must be fails the login, names the path, and keeps its bytes."""
    file = home / ".docker/config.json"
    file.parent.mkdir()
    file.write_bytes(content)
    done = run_shorepass("login", "-u", "alice", "--password-stdin", registry.host, stdin=PASSWORD)
    assert done.status == 1
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == content


@pytest.mark.usefixtures("nothing_set", "our_helper")
def test_the_ci_job_of_the_guide(
    world: Path, home: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, run_shorepass: RunShorepass
) -> None:
    """As printed: a pull that fails is explained with the job's login. No file remains, and the user's own login does."""
    text = (Path(__file__).parents[2] / "docs/guides/log-in.md").read_text()
    [job] = [block for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if "trap" in block]
    programs = {"docker": "exit 1", "shorepass": f'exec "{sys.executable}" -m shorepass "$@"'}
    for name, script in programs.items():
        (world / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (world / "bin" / name).chmod(0o755)
    (world / "tmp").mkdir()
    variables = {"TMPDIR": world / "tmp", "PATH": f"{world}/bin:/usr/bin:/bin"}
    for variable, value in {**variables, "REGISTRY_USER": "alice", "REGISTRY_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(variable, str(value))
    assert run_shorepass("login", "-u", "alice", "--password-stdin", registry.host, stdin=PASSWORD).status == 0
    line = job.replace("ghcr.io", registry.host)
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("Login Succeeded\nme\n"), done.stderr
    assert "the password of 'alice' (fingerprint" in done.stdout
    assert [*(world / "tmp").iterdir()] == []
    assert "shorepass" in config(home)["credHelpers"].values()
    assert run_shorepass("get", "--field", "username", registry.host).stdout == "alice\n"
