"""``shorepass run``: the command has an account of its own, its exit code is ours, and nothing is left behind."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from faults.canary import CANARY, leaks, write_program
from shorepass.processes import READ_SIZE

if TYPE_CHECKING:
    from conftest import Done, RunShorepass

SHOREPASS = [sys.executable, "-m", "shorepass"]
HELPER = [sys.executable, "-m", "shorepass.docker_credential"]
AUTH = b64encode(f"other:{CANARY}".encode()).decode()


def keep(key: str, username: str, secret: str = CANARY) -> None:
    """Store a login as docker does; a key with an account in it is that account's."""
    login = json.dumps({"ServerURL": key, "Username": username, "Secret": secret})
    subprocess.run([*HELPER, "store"], input=login.encode(), check=True, timeout=60)


@pytest.fixture(autouse=True)
def work(
    run_shorepass: RunShorepass,
    our_helper: str,
    nothing_set: None,  # noqa: ARG001  # it must come first
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A vault with logins of two accounts, and the system's programs behind our helper on PATH."""
    monkeypatch.setenv("PATH", f"{os.path.dirname(our_helper)}:{programs.SYSTEM_PATH}")
    assert run_shorepass("vault", "init").status == 0
    keep("ghcr.io#work", "me-at-work")
    keep("https://index.docker.io/v1/#work", "hub-at-work")
    keep("ghcr.io#home", "me-at-home")
    keep("ghcr.io", "me")


@pytest.fixture
def docker_folder(home: Path) -> Path:
    """What a docker folder has in it."""
    folder = home / ".docker"
    (folder / "contexts/meta").mkdir(parents=True)
    (folder / "cli-plugins").mkdir()
    config = {
        "auths": {"other.example": {"auth": AUTH}},
        "AUTHS": {"more.example": {"auth": AUTH}},
        "HttpHeaders": {"X-Test": "yes"},
        "currentContext": "default",
        "credHelpers": {"ghcr.io": "nothing"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def left() -> list[str]:
    """Return what ``run`` has left in the runtime folder."""
    return [name for name in os.listdir(os.environ["XDG_RUNTIME_DIR"]) if "shorepass" in name]


def sh(run_shorepass: RunShorepass, script: str, *words: str) -> Done:
    return run_shorepass("run", "--as", "work", *words, "--", "sh", "-c", script)


# What the command sees


def test_the_command_sees_the_account_and_all_else_as_before(
    run_shorepass: RunShorepass, docker_folder: Path, home: Path
) -> None:
    """Its helper has the account's logins, and for other registries what docker's own rules give."""
    script = (
        'cat "$DOCKER_CONFIG/config.json"; echo; readlink "$DOCKER_CONFIG/contexts"; '
        'ls -A "$DOCKER_CONFIG" | tr "\\n" " "; stat -c %a "$DOCKER_CONFIG/.." "$DOCKER_CONFIG" "$DOCKER_CONFIG/config.json"'
    )
    done = sh(run_shorepass, script)
    assert done.stderr == ""
    text, rest = done.stdout[: done.stdout.rindex("}") + 1], done.stdout[done.stdout.rindex("}") + 1 :]
    assert json.loads(text) == {
        "HttpHeaders": {"X-Test": "yes"},
        "currentContext": "default",
        "credHelpers": dict.fromkeys(["docker.io", "ghcr.io", "more.example", "other.example"], "shorepass"),
        "credsStore": "shorepass",
    }
    assert rest == f"\n{docker_folder}/contexts\ncli-plugins config.json contexts 700\n700\n600\n"
    keys = "ghcr.io https://index.docker.io/v1/ docker.io other.example more.example none.example"
    script = f"for key in {keys}; do echo $key | docker-credential-shorepass get; done"
    done = sh(run_shorepass, script)
    found = [json.loads(line)["Username"] if line.startswith("{") else line for line in done.stdout.splitlines()]
    assert found == [
        "me-at-work",
        "hub-at-work",
        "hub-at-work",
        "other",
        "other",
        "credentials not found in native keychain",
    ]
    done = sh(run_shorepass, "docker-credential-shorepass list")
    assert json.loads(done.stdout) == {
        "ghcr.io": "me-at-work",
        "https://index.docker.io/v1/": "hub-at-work",
        "more.example": "other",
        "other.example": "other",
    }
    assert left() == []
    assert json.loads((home / ".docker/config.json").read_text())["credHelpers"] == {"ghcr.io": "nothing"}


def test_no_secret_is_anywhere(run_shorepass: RunShorepass, docker_folder: Path) -> None:
    """Neither in the private folder, nor in arguments or environment of any process on the way."""
    assert docker_folder.exists()
    (Path(os.environ["XDG_RUNTIME_DIR"]) / "containers").mkdir()
    (Path(os.environ["XDG_RUNTIME_DIR"]) / "containers/auth.json").write_text(
        json.dumps({"auths": {"other.example": {"auth": AUTH}, "other.example/part": {"auth": AUTH}}})
    )
    script = (
        'find "$XDG_RUNTIME_DIR"/shorepass-run-* -type f -exec cat {} +; env; '
        'tr "\\0" "\\n" </proc/$PPID/environ; tr "\\0" "\\n" </proc/$PPID/cmdline'
    )
    for client in ("docker", "podman", "skopeo", "buildah"):
        done = sh(run_shorepass, script, "--client", client)
        assert done.status == 0
        assert "shorepass-run-" in done.stdout
        assert leaks(done.stdout + done.stderr) == set()


def test_without_a_docker_folder(run_shorepass: RunShorepass, home: Path) -> None:
    """Nobody has used docker yet: the command finds the account all the same, and no folder is made."""
    done = sh(run_shorepass, "echo ghcr.io | docker-credential-shorepass get")
    assert json.loads(done.stdout)["Username"] == "me-at-work"
    assert not (home / ".docker").exists()


def test_podman_asks_for_what_its_file_had(run_shorepass: RunShorepass, home: Path) -> None:
    """Podman's private file names our helper for the account's registries and for those that stood there before."""
    file = home / "auth.json"
    file.write_text(
        json.dumps(
            {
                "auths": {
                    "other.example": {"auth": AUTH},
                    "other.example/part": {"auth": AUTH},
                    "ghcr.io/x": {"auth": AUTH},
                },
                "credHelpers": {"helped.example": "odd"},
            }
        )
    )
    answer = json.dumps({"ServerURL": "", "Username": "helped", "Secret": "s"})
    write_program(
        Path(os.environ["PATH"].partition(":")[0]) / "docker-credential-odd",
        f"#!/bin/sh\ncat >/dev/null; echo '{answer}'",
    )
    env = {"REGISTRY_AUTH_FILE": str(file)}
    keys = "docker.io ghcr.io helped.example other.example"
    script = f'cat "$REGISTRY_AUTH_FILE"; for key in {keys}; do echo $key | docker-credential-shorepass get; done'
    done = run_shorepass("run", "--as", "work", "--client", "podman", "--", "sh", "-c", script, env=env)
    at = done.stdout.index('{"ServerURL')
    assert json.loads(done.stdout[:at]) == {"auths": {}, "credHelpers": dict.fromkeys(keys.split(), "shorepass")}
    found = [json.loads(line)["Username"] for line in done.stdout[at:].splitlines()]
    assert found == ["hub-at-work", "me-at-work", "helped", "other"]
    assert "podman does not see the login for other.example/part" in done.stderr
    assert "ghcr.io/x" not in done.stderr  # the account is meant to stand before that


def test_podman_takes_its_own_keys_by_itself(run_shorepass: RunShorepass, world: Path) -> None:
    """An account whose login is in podman's file alone: podman sees that as ever, and docker is told that it would not."""
    auth = b64encode(b"quay:" + CANARY.encode()).decode()
    path = world / "run/containers/auth.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {"quay.io/acme": {"auth": auth}}}))
    assert run_shorepass("accounts", "use", "quay", "quay.io/acme/*").status == 0
    words = ("run", "--as", "quay", "--client")
    done = run_shorepass(*words, "podman", "--", "sh", "-c", "echo ${REGISTRY_AUTH_FILE-none}; exit 3")
    assert (done.status, done.stdout) == (3, "none\n")
    assert "podman finds the login of the account 'quay' in its own file: quay.io/acme" in done.stderr
    done = run_shorepass(*words, "docker", "--", "touch", "ran")
    assert done.status == 125
    assert (
        "the account 'quay' has logins only in podman's file, where docker does not look: quay.io/acme" in done.stderr
    )
    assert "hint: shorepass login --as quay REGISTRY" in done.stderr
    path.unlink()
    assert "has no login for any registry" in run_shorepass(*words, "podman", "--", "touch", "ran").stderr
    assert left() == []


def test_an_account_where_no_store_was_made(run_shorepass: RunShorepass, home: Path) -> None:
    """The hint is to log in, which makes the store, too."""
    for file in (home / ".local/share/shorepass").iterdir():
        file.unlink()
    done = run_shorepass("run", "--as", "work", "--", "touch", "ran")
    assert (done.status, "hint: shorepass login --as work REGISTRY" in done.stderr) == (125, True), done.stderr


@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
def test_podman_in_a_script_finds_what_it_found(
    run_shorepass: RunShorepass, docker_folder: Path, world: Path, client: str
) -> None:
    """Its own file stays before docker's, and docker's logins are found by our helper, with those of the account."""
    assert docker_folder.exists()
    own = world / "run/containers/auth.json"

    def users() -> list[str]:
        script = f"for one in ghcr.io other.example own.example/a; do {command} get --client {client} $one || echo none; done"
        found = sh(run_shorepass, script).stdout.splitlines()
        return [json.loads(line)["Username"] if line.startswith("{") else line for line in found]

    command = " ".join(SHOREPASS)
    assert users() == ["me-at-work", "other", "none"]
    own.parent.mkdir()
    own.write_text(json.dumps({"auths": {"own.example/a": {"auth": AUTH}}}))
    assert users() == ["me-at-work", "other", "other"]


@pytest.mark.parametrize("name", ["podman", "skopeo", "buildah"])
def test_the_client_is_known_by_its_name(run_shorepass: RunShorepass, world: Path, name: str) -> None:
    """Podman's family gets an auth file, everything else a docker folder."""
    for program, variable in ((name, "REGISTRY_AUTH_FILE"), ("other", "DOCKER_CONFIG")):
        write_program(world / "bin" / program, '#!/bin/sh\necho "${REGISTRY_AUTH_FILE-none} ${DOCKER_CONFIG-none}"')
        words = run_shorepass("run", "--as", "work", "--", program).stdout.split()
        assert [word == "none" for word in words] == [variable == "DOCKER_CONFIG", variable != "DOCKER_CONFIG"]


def test_words_and_streams_pass_unchanged(world: Path) -> None:
    """Arguments that look like flags of ours, input and output of any size, and the working directory."""
    write_program(world / "bin/show", '#!/bin/sh\nfor word; do printf "%s|" "$word"; done; pwd; cat; echo problem >&2')
    words = ["--as", "x", "--tls-verify", "--", "", "two words", "--client", "podman", "-h", "$HOME", "\n"]
    data = b"\0\xff\r\n" * READ_SIZE
    for dashes in (["--"], []):
        done = subprocess.run(
            [*SHOREPASS, "run", "--as", "work", *dashes, "show", *words],
            input=data,
            capture_output=True,
            cwd=world,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"problem\n")
        assert done.stdout == ("|".join(words) + f"|{world}\n").encode() + data


def test_streams_that_are_closed() -> None:
    """The command has them closed as well, and no file of ours in their place; what we cannot print is an error."""
    words = "-m shorepass run --as work -- sh -c"
    script = f"""
        {sys.executable} {words} 'test -e /dev/fd/0 && echo open >&2' <&-
        {sys.executable} {words} 'test -e /dev/fd/1 && echo open >&2' >&-
        {sys.executable} -m shorepass accounts >&-; echo $?
    """
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "shorepass: standard output: bad file descriptor\n")


def test_runs_in_one_another(run_shorepass: RunShorepass, docker_folder: Path) -> None:
    """The inner one counts, and what neither account has is found where it was before both."""
    assert docker_folder.exists()
    inner = "for key in ghcr.io other.example; do echo $key | docker-credential-shorepass get; done"
    words = [*SHOREPASS, "run", "--as", "home", "--", "sh", "-c", inner]
    done = run_shorepass("run", "--as", "work", "--", *words)
    assert [json.loads(line)["Username"] for line in done.stdout.splitlines()] == ["me-at-home", "other"]
    assert left() == []


def test_login_and_logout_of_the_command_are_the_accounts(run_shorepass: RunShorepass) -> None:
    """What the command stores is the account's; what it erases is never the default login."""
    login = json.dumps({"ServerURL": "new.example", "Username": "n", "Secret": "s"})
    assert sh(run_shorepass, f"echo '{login}' | docker-credential-shorepass store").status == 0
    assert sh(run_shorepass, "echo ghcr.io | docker-credential-shorepass erase").status == 0
    assert "not found" in sh(run_shorepass, "echo ghcr.io | docker-credential-shorepass erase").stdout
    for key, user in (("new.example#work", "n"), ("ghcr.io", "me")):
        done = subprocess.run([*HELPER, "get"], input=key.encode(), capture_output=True, timeout=60, check=True)
        assert json.loads(done.stdout)["Username"] == user


def test_a_login_that_vanishes_is_told(run_shorepass: RunShorepass) -> None:
    """Podman keeps a login for another registry in the private file: somebody is told that it is gone."""
    script = f"""echo '{{"auths": {{"new.example": {{"auth": "{AUTH}"}}}}}}' >"$REGISTRY_AUTH_FILE" """
    done = sh(run_shorepass, script, "--client", "podman")
    assert "the login for new.example was in a file that no longer exists" in done.stderr
    assert "hint: shorepass login --as work new.example" in done.stderr
    assert leaks(done.stderr) == set()


@pytest.mark.parametrize("there", [True, False])
def test_what_the_command_makes_in_the_folder_is_kept(run_shorepass: RunShorepass, home: Path, *, there: bool) -> None:
    """A first context, builder or signing key goes into the user's own folder, and config.json stays as it was."""
    folder = home / ".docker"
    if there:
        folder.mkdir()
        (folder / "old").write_text("old")
    script = (
        'umask 077; mkdir -p "$DOCKER_CONFIG/trust/private"; echo key >"$DOCKER_CONFIG/trust/private/a.key"; '
        'echo "{}" >"$DOCKER_CONFIG/config.json"; rm -f "$DOCKER_CONFIG/old"; echo new >"$DOCKER_CONFIG/old"; exit 3'
    )
    done = sh(run_shorepass, script)
    assert (done.status, left()) == (3, [])
    made = folder / "trust/private/a.key"
    assert (made.read_text(), made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (
        "key\n",
        0o600,
        0o700,
    )
    assert there or folder.stat().st_mode & 0o777 == 0o700
    assert not (folder / "config.json").exists()
    assert (folder / "old").read_text() == ("old" if there else "new\n")
    assert done.stderr == (f"shorepass: a change of the command is lost: {folder}/old: file exists\n" if there else "")


def test_a_place_without_our_helper_on_path(run_shorepass: RunShorepass, world: Path) -> None:
    """Where it is not on PATH the command gets the folder in which it is installed beside us."""
    beside = Path(sys.executable).parent
    done = run_shorepass("run", "--as", "work", "--", "sh", "-c", "echo $PATH", env={"PATH": programs.SYSTEM_PATH})
    assert done.stdout == f"{programs.SYSTEM_PATH}:{beside}\n"
    done = run_shorepass("run", "--as", "work", "--", "sh", "-c", "echo $PATH")
    assert done.stdout == f"{world}/bin:{programs.SYSTEM_PATH}\n"


# What it refuses


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--as", "wrok", "--", "touch", "ran"), "'wrok' has no login"),
        (("--as", "a/b", "--", "touch", "ran"), "cannot be the name of an account"),
        (("--as", "work"), "no command was named"),
        (("--as", "work", "--"), "no command was named"),
        (("--", "touch", "ran"), "--as"),
        (("--as", "work", "--client", "other", "--", "touch", "ran"), "--client"),
    ],
)
def test_nothing_starts_where_something_is_wrong(
    run_shorepass: RunShorepass, world: Path, words: tuple[str, ...], reason: str
) -> None:
    """A failure of our own is exit code 125, before anything starts."""
    done = run_shorepass("run", *words)
    assert (done.status, reason in done.stderr) == (125, True), done.stderr
    assert not (world / "ran").exists()
    assert left() == []


def test_a_slip_names_the_accounts(run_shorepass: RunShorepass) -> None:
    """Who mistypes an account sees those there are."""
    assert "these have: home, work" in run_shorepass("run", "--as", "wrok", "--", "true").stderr


@pytest.mark.parametrize(
    ("content", "reason"), [("{", "JSON"), ('{"auths": []}', "auths"), ('{"auths": {"x": {"auth": "%"}}}', "x")]
)
def test_a_broken_file_is_an_error(
    run_shorepass: RunShorepass, home: Path, world: Path, content: str, reason: str
) -> None:
    """What is broken is not passed over: other registries would go without their logins."""
    for client, path in (("docker", home / ".docker/config.json"), ("podman", world / "run/containers/auth.json")):
        path.parent.mkdir()
        path.write_text(content)
        done = run_shorepass("run", "--as", "work", "--client", client, "--", "touch", "ran")
        if client == "podman" and "%" in content:
            assert done.status == 0  # podman looks at an entry when it needs that
            continue
        assert (done.status, reason in done.stderr) == (125, True), done.stderr
        assert not (world / "ran").exists()
        assert left() == []


def test_a_login_in_the_variable_stands_before_every_account(run_shorepass: RunShorepass) -> None:
    """Docker 28.3 takes DOCKER_AUTH_CONFIG first: with a login for the account's registry in it nothing is started."""
    for key, status in (("ghcr.io", 125), ("other.example", 0)):
        env = {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {key: {"auth": AUTH}}})}
        done = run_shorepass("run", "--as", "work", "--", "true", env=env)
        assert done.status == status
        assert ("hint: unset DOCKER_AUTH_CONFIG" in done.stderr) == bool(status)
        assert leaks(done.stderr) == set()
    assert run_shorepass("run", "--as", "work", "--", "true", env={"DOCKER_AUTH_CONFIG": "{"}).status == 0  # as docker


@pytest.mark.parametrize("behind", ["docker", "docker:", ":", "odd:x", "podman"])
def test_a_variable_that_somebody_else_has_set(home: Path, behind: str) -> None:
    """Whatever SHOREPASS_BEHIND is, our helper answers or says what is wrong, and does not ask itself without end."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "shorepass"}')
    env = {**os.environ, "SHOREPASS_BEHIND": behind}
    done = subprocess.run([*HELPER, "get"], input=b"ghcr.io", env=env, capture_output=True, timeout=60, check=False)
    assert done.returncode == (0 if behind.startswith("docker") else 1)
    fine = done.returncode == 0 or done.stdout.startswith(b"credentials not found")
    assert done.stderr == (b"" if fine else b"docker-credential-shorepass: " + done.stdout)


# Exit codes and signals


def test_exit_codes(run_shorepass: RunShorepass, world: Path) -> None:
    """The command's own; 127 it is not there, 126 it cannot be run, 128 + n a signal ended it."""
    (world / "plain").write_text("x")
    (world / "no-format").write_bytes(b"\x7fELF")
    (world / "no-format").chmod(0o755)
    for code in (0, 1, 3, 42, 125, 255):
        assert sh(run_shorepass, f"exit {code}").status == code
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        assert sh(run_shorepass, f"kill -{int(number)} $$").status == 128 + number
    for name, status in (("nonesuch", 127), ("./nonesuch", 127), ("./plain", 126), (".", 126), ("./no-format", 126)):
        done = run_shorepass("run", "--as", "work", "--", name)
        assert (done.status, done.stderr.startswith(f"shorepass: {name}: ")) == (status, True)
    assert left() == []


@contextmanager
def running(script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that has said that it is ready, in a process group of its own."""
    argv = [*SHOREPASS, "run", "--as", "work", "--", "sh", "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_signals_reach_the_command(number: signal.Signals) -> None:
    """What is sent to us is sent on, once; the command may take its time, and the folder is gone afterwards."""
    script = f"trap 'echo caught; exit 7' {number.name.removeprefix('SIG')}; echo ready; while :; do sleep 0.02; done"
    with running(script) as process:
        assert len(left()) == 1
        process.send_signal(number)
        assert process.stdout
        assert process.stdout.read() == b"caught\n"
        assert process.wait(20) == 7
    with running("echo ready; exec sleep 60") as process:
        process.send_signal(number)
        assert process.wait(20) == 128 + number
    assert left() == []


def test_what_the_terminal_sends_comes_once() -> None:
    """Ctrl-C goes to all that run on the terminal: the command gets it once, and not from us again."""
    script = "trap 'echo caught' INT; echo ready; sleep 1; sleep 1; exit 5"
    pid, terminal = pty.fork()
    if not pid:
        os.execvp(SHOREPASS[0], [*SHOREPASS, "run", "--as", "work", "--", "sh", "-c", script])
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while True:
        try:
            chunk = os.read(terminal, 1000)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(terminal)
    assert shown.count(b"caught") == 1


def test_a_terminal_that_goes_away_ends_the_command() -> None:
    """As ``ssh -t HOST shorepass run ...`` loses its connection: the terminal tells us alone, and we tell the command."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvp(SHOREPASS[0], [*SHOREPASS, "run", "--as", "work", "--", "sh", "-c", "echo ready; exec sleep 60"])
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGHUP
    assert left() == []


def test_the_next_run_sweeps_what_a_kill_left(run_shorepass: RunShorepass, world: Path) -> None:
    """A SIGKILL leaves the folder: while the command lives it is let alone, then it is removed; others' are never touched."""
    for name in ("shorepass-run-x", f"shorepass-run-{os.getpid()}-0"):
        (world / "run" / name).mkdir()
    (world / "run/shorepass-run-999999999-0").symlink_to(world)
    with running("echo ready; echo $$; exec sleep 60") as process:
        assert process.stdout
        command = int(process.stdout.readline())
        process.kill()
        process.wait(20)
        kept = set(left())
        assert len(kept) == 4
        assert run_shorepass("run", "--as", "work", "--", "true").status == 0
        assert set(left()) == kept
        os.kill(command, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while len(left()) == 4 and time.monotonic() < deadline:
            assert run_shorepass("run", "--as", "work", "--", "true").status == 0
    assert len(left()) == 3
    assert (world / "bin").exists()


def test_the_folder_is_elsewhere_without_a_run_folder(run_shorepass: RunShorepass, tmp_path: Path) -> None:
    """Without XDG_RUNTIME_DIR, or with one that is not ours, it is a temporary one, and none the less private."""
    script = 'stat -c "%n %a" "$DOCKER_CONFIG/.."; rm -rf "$DOCKER_CONFIG/config.json"; mkdir "$DOCKER_CONFIG/more"'
    for runtime in ("", str(tmp_path / "none"), "relative"):
        env = {"XDG_RUNTIME_DIR": runtime, "TMPDIR": str(tmp_path)}
        done = run_shorepass("run", "--as", "work", "--", "sh", "-c", script, env=env)
        assert done.stdout.startswith(f"{tmp_path}/shorepass-run-")
        assert done.stdout.endswith(" 700\n")
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "words", [("who",), ("doctor",), ("list",), ("explain", "--offline", "ghcr.io"), ("get", "ghcr.io")]
)
def test_the_other_verbs_inside_of_it(run_shorepass: RunShorepass, docker_folder: Path, words: tuple[str, ...]) -> None:
    """Who runs Shorepass itself there sees the account, and no trouble."""
    assert docker_folder.exists()
    done = run_shorepass("run", "--as", "work", "--", *SHOREPASS, *words)
    assert (done.status, "Traceback" in done.stderr) == (0, False), done
    assert words[0] == "doctor" or "me-at-work" in done.stdout
