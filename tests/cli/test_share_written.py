"""``shorepass share k8s`` and other documents: what is printed, to whom, and what ends it."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs

if TYPE_CHECKING:
    from conftest import RunShorepass

    Write = Callable[[dict[str, object]], None]

PASSWORD = "s3cret-of-alice"
LOGIN = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
# A stand-in for kubectl, because there is no cluster: it records its words and its standard input.
KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >> "{folder}/calls"
case "$1" in apply) cat > "{folder}/applied.$(grep -c ^apply "{folder}/calls")";; esac
exit "$(cat "{folder}/status" 2>/dev/null || echo 0)"
"""


@pytest.fixture
def write(nothing_set: None, home: Path) -> Write:
    """Return a function that writes the entries of docker's file."""
    assert nothing_set is None

    def config(auths: dict[str, object]) -> None:
        (home / ".docker").mkdir(exist_ok=True)
        (home / ".docker/config.json").write_text(json.dumps({"auths": auths}))

    config({"a.example": {"auth": LOGIN}, "b.example": {"auth": LOGIN}})
    return config


@pytest.fixture
def kubectl(world: Path, tmp_path: Path) -> Path:
    """A stand-in on PATH; return the folder of its records."""
    program = world / "bin/kubectl"
    program.write_text(KUBECTL.format(folder=tmp_path))
    program.chmod(0o755)
    (world / "bin/cat").symlink_to(programs.require("cat"))
    (world / "bin/grep").symlink_to(programs.require("grep"))
    return tmp_path


@pytest.mark.parametrize("target", ["config", "env", "gitlab", "github", "k8s"])
@pytest.mark.usefixtures("write")
def test_only_the_named_login_is_printed(run_shorepass: RunShorepass, target: str) -> None:
    """Standard output has the one login; the notes say that revoke cannot end it, and the audit log has a line."""
    done = run_shorepass("share", target, "--registry", "a.example")
    assert done.status == 0, done.stderr
    text = done.stdout
    if target == "k8s":
        data = text.split(".dockerconfigjson: ")[1].split()[0]
        text = base64.b64decode(data).decode()
    assert ("a.example" in text, LOGIN in text, "b.example" in text) == (True, True, False)
    assert LOGIN not in done.stderr
    assert PASSWORD not in done.stderr
    assert "revoke cannot end this copy: to end it, change the password or token at a.example" in done.stderr
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    (record,) = map(json.loads, run_shorepass("agent", "log", "--json").stdout.splitlines())
    assert (record["helper"], record["verb"], record["registry"]) == (target, "print", "a.example")


@pytest.mark.usefixtures("write")
def test_a_terminal_shows_no_secret() -> None:
    """On a terminal a document is refused without ``--show``."""
    argv = [sys.executable, "-m", "shorepass", "share", "env", "--registry", "a.example"]

    def on_terminal(*words: str) -> str:
        line = " ".join([*argv, *words])
        return programs.run([programs.require("script"), "-qec", line, "/dev/null"], env=os.environ).stdout

    assert "would show the secret" in on_terminal()
    assert LOGIN not in on_terminal()
    assert LOGIN in on_terminal("--show")


@pytest.mark.usefixtures("write")
def test_github_hides_it_in_a_job(run_shorepass: RunShorepass) -> None:
    """Inside a job, the commands that hide the secrets are printed too, and not into the document."""
    done = run_shorepass("share", "github", "--registry", "a.example", env={"GITHUB_ACTIONS": "true"})
    assert f"::add-mask::{PASSWORD}\n::add-mask::{LOGIN}\n" in done.stderr
    assert json.loads(done.stdout) == {"auths": {"a.example": {"auth": LOGIN}}}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("k8s", "--repo", "a.example/app"), "no registry token"),
        (("gitlab", "--repo", "a.example/app"), "cannot ask your agent"),
        (("k8s", "--mode", "token", "--repo", "a.example/app"), "mode token is not for k8s: the kubelet"),
        (("k8s", "--registry", "*.example"), "needs each registry by its name"),
        (("k8s", "--registry", "c.example"), "you have no login for it"),
        (("k8s", "--registry", "a.example", "--name", "A b"), "is not a name in Kubernetes"),
        (("k8s", "--registry", "a.example", "--refresh"), "--refresh needs --apply"),
        (("k8s", "--registry", "a.example", "--for", "1h"), "--for is for --apply --refresh and for mode token"),
        (("k8s", "--registry", "a.example", "--for", "1h", "--apply"), "--for is for --apply --refresh"),
        (("config", "--registry", "a.example", "--for", "1h"), "a copy of a login does not end by itself"),
        (("k8s", "--registry", "a.example", "--show", "--apply"), "leave out --show"),
        (("config", "--registry", "a.example", "--max-uses", "2"), "does not see uses"),
    ],
)
@pytest.mark.usefixtures("write")
def test_what_is_refused(run_shorepass: RunShorepass, words: tuple[str, ...], reason: str) -> None:
    """What the reader of a document cannot use is refused with the reason, and nothing is printed."""
    done = run_shorepass("share", *words)
    assert (done.status in (1, 2), done.stdout, reason in done.stderr) == (True, "", True), done.stderr


def test_an_identity_token_is_no_password(write: Write, run_shorepass: RunShorepass) -> None:
    """A login that the kubelet cannot use is refused; a config file may have it."""
    write({"a.example": {"auth": "", "identitytoken": "refresh-me"}})
    done = run_shorepass("share", "k8s", "--registry", "a.example")
    assert (done.status, "identity token" in done.stderr) == (2, True)
    assert "refresh-me" in run_shorepass("share", "config", "--registry", "a.example").stdout


@pytest.mark.usefixtures("write")
def test_the_policy_counts_for_documents(home: Path, run_shorepass: RunShorepass) -> None:
    """A registry that the policy never lends is not printed either."""
    (home / ".config/shorepass").mkdir(parents=True)
    (home / ".config/shorepass/policy.toml").write_text('never = ["a.example"]\n')
    done = run_shorepass("share", "config", "--registry", "a.example")
    assert (done.status, done.stdout) == (1, ""), done.stderr


@pytest.mark.usefixtures("write")
def test_a_secret_is_applied(kubectl: Path, run_shorepass: RunShorepass) -> None:
    """``--apply`` pipes the same document to ``kubectl apply -f -``, and prints no secret."""
    words = ("k8s", "--registry", "a.example", "--namespace", "team", "--name", "pull")
    document = run_shorepass("share", *words).stdout
    done = run_shorepass("share", *words, "--apply")
    assert (done.status, done.stdout) == (0, ""), done.stderr
    assert (kubectl / "calls").read_text() == "apply -f -\n"
    assert (kubectl / "applied.1").read_text() == document
    assert "kubectl delete secret pull --ignore-not-found --namespace team" in done.stderr
    (kubectl / "status").write_text("1")
    done = run_shorepass("share", *words, "--apply")
    assert (done.status, "kubectl apply failed" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ('Error from server (NotFound): namespaces "team" not found', "kubectl create namespace team"),
        ("Error from server (Forbidden): secrets is forbidden", "kubectl auth can-i --list --namespace team"),
        ("error: You must be logged in to the server", "kubectl cluster-info"),
    ],
)
@pytest.mark.usefixtures("write")
def test_the_fix_of_a_failing_kubectl(world: Path, run_shorepass: RunShorepass, said: str, fix: str) -> None:
    """What kubectl prints is in the error, with the command that fixes or explains it."""
    program = world / "bin/kubectl"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    done = run_shorepass("share", "k8s", "--registry", "a.example", "--namespace", "team", "--apply")
    assert (done.status, f"kubectl apply failed: {said}\nhint: {fix}\n" in done.stderr) == (1, True), done.stderr


@pytest.mark.usefixtures("write")
def test_the_real_kubectl_without_a_cluster(world: Path, run_shorepass: RunShorepass) -> None:
    """Its own words are in the error, and the printed command asks about the cluster."""
    (world / "bin/kubectl").symlink_to(programs.require("kubectl"))
    done = run_shorepass("share", "k8s", "--registry", "a.example", "--apply", env={"KUBECONFIG": "/none"})
    assert (done.status, "kubectl apply failed: " in done.stderr) == (1, True), done.stderr
    assert "\nhint: kubectl cluster-info\n" in done.stderr
    assert PASSWORD not in done.stderr


def test_a_secret_is_kept_fresh(write: Write, kubectl: Path) -> None:
    """``--refresh`` applies a newer login, and deletes the Secret when it is ended."""
    argv = [sys.executable, "-m", "shorepass", "share", "k8s", "--registry", "a.example", "--apply", "--refresh"]
    write({"a.example": {"auth": login(jwt())}})
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(kubectl / "applied.1")
        newer = login(jwt())
        write({"a.example": {"auth": newer}})
        wait_for(kubectl / "applied.2")
        data = (kubectl / "applied.2").read_text().split(".dockerconfigjson: ")[1].split()[0]
        assert newer in base64.b64decode(data).decode()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert (kubectl / "calls").read_text().splitlines()[-1] == "delete secret shorepass --ignore-not-found"


def wait_for(path: Path) -> None:
    """Wait until the stand-in has written a whole document."""
    programs.wait_until(
        lambda: True if path.exists() and path.read_text().endswith("dockerconfigjson\n") else None, str(path)
    )


def jwt() -> str:
    """Return a token that ends soon."""
    claims = json.dumps({"exp": int(time.time() + 12), "jti": os.urandom(4).hex()})
    return f"e30.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.c2ln"


def login(password: str) -> str:
    return base64.b64encode(f"alice:{password}".encode()).decode()
