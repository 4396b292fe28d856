"""Mode ``mount``: a helper of the user works in a container, or is refused with the reason why it could not."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.lending import end_agent, share

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

    Install = Callable[..., None]

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
KEY = "s3cret-key-of-aws"
HELPER = "/usr/local/bin/docker-credential-ecr-login"
# A stand-in for Amazon's helper, because there is no Amazon here: it answers with what is in the key file of the home.
SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) {
    char path[4096], key[256] = "";
    if (count < 2 || strcmp(words[1], "get")) return 1;
    snprintf(path, sizeof path, "%s/.aws/credentials", getenv("HOME"));
    FILE *file = fopen(path, "r");
    if (!file || !fgets(key, sizeof key, file)) { puts("credentials not found in native keychain"); return 1; }
    printf("{\"Username\":\"AWS\",\"Secret\":\"%s\"}\n", key);
    return 0;
}
"""


@pytest.fixture(autouse=True)
def no_agent_remains(world: Path) -> Iterator[None]:
    """The agent that a grant starts ends with the test."""
    assert world
    yield
    end_agent()


@pytest.fixture(scope="module")
def helpers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in, static and dynamic."""
    folder = tmp_path_factory.mktemp("helpers")
    (folder / "helper.c").write_text(SOURCE)
    for name, flags in (("static", ["-static"]), ("dynamic", [])):
        argv = [programs.require("gcc"), *flags, "-o", str(folder / name), str(folder / "helper.c")]
        done = programs.run(argv)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def install(nothing_set: None, world: Path, home: Path, helpers: Path) -> Install:
    """Return a function that puts a helper on PATH and names it in docker's file."""
    assert nothing_set is None

    def put(kind: str, *, helper: str = "ecr-login", text: str = "") -> None:
        program = world / f"bin/docker-credential-{helper}"
        if text:
            program.write_text(text)
            program.chmod(0o755)
        else:
            program.symlink_to(helpers / kind)
        (home / ".aws").mkdir()
        (home / ".aws/credentials").write_text(KEY)
        (home / ".docker").mkdir()
        (home / ".docker/config.json").write_text(json.dumps({"credHelpers": {REGISTRY: helper}}))

    return put


@pytest.fixture(scope="module")
def glibc_image(docker_containers: ContainerEngine, helpers: Path) -> str:
    """An image with the C library that the dynamic helper needs."""
    archive = helpers / "glibc.tar"
    shown = programs.run([programs.require("ldd"), str(helpers / "dynamic")]).stdout
    files = {word for line in shown.splitlines() for word in line.split() if word.startswith("/")}
    with tarfile.open(archive, "w", dereference=True) as tar:
        for path in files:
            tar.add(path, path.lstrip("/"))
        tar.add(programs.require("busybox"), "bin/busybox")
    docker_containers.run("import", str(archive), "local/glibc:1")
    return "local/glibc:1"


def refused(run_shorepass: RunShorepass, *words: str, engine: ContainerEngine | None = None) -> str:
    """Return why no grant is made."""
    env = engine.leads if engine else None
    done = run_shorepass("share", "flags", "--mode", "mount", "--registry", REGISTRY, *words, env=env)
    assert (done.status != 0, done.stdout) == (True, ""), done.stdout
    assert run_shorepass("grants").stdout == "nothing is lent\n"
    return done.stderr


def test_a_static_helper_works_in_a_container(
    engine: ContainerEngine, install: Install, run_shorepass: RunShorepass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container has the helper, its key files, the config file, HOME and the variables; no flag has a secret."""
    install("static")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    words = ("--mode", "mount", "--registry", REGISTRY)
    done = run_shorepass("share", "flags", *words)
    assert "/.aws, AWS_SECRET_ACCESS_KEY" in done.stderr
    assert "every login that the helper can get" in done.stderr
    assert KEY not in done.stdout + done.stderr
    _, flags, _ = share(run_shorepass, *words)
    assert "--env=AWS_SECRET_ACCESS_KEY" in flags
    assert not [flag for flag in flags if KEY in flag]
    assert all(flag.endswith(",readonly") for flag in flags if flag.startswith("--mount"))
    name = engine.make(*flags)
    done = engine.execute(name, "sh", "-c", f'echo {REGISTRY} | "{HELPER}" get')
    assert json.loads(done.stdout) == {"Username": "AWS", "Secret": KEY}
    config = json.loads(engine.execute(name, "cat", "/run/shorepass/config/config.json").stdout)
    assert config == {"credHelpers": {REGISTRY: "ecr-login"}}
    assert engine.execute(name, "touch", "/run/shorepass-home/.aws/new").returncode != 0


def test_run_mounts_it_too(docker_containers: ContainerEngine, install: Install, run_shorepass: RunShorepass) -> None:
    """``run --share --mode mount`` does the same for one command."""
    install("static")
    engine = docker_containers
    words = (
        "--share",
        REGISTRY,
        "--mode",
        "mount",
        "--",
        engine.program,
        "run",
        "--rm",
        "--network=none",
        "local/place:1",
    )
    done = run_shorepass("run", *words, "sh", "-c", f"echo {REGISTRY} | {HELPER} get", env=engine.env)
    assert json.loads(done.stdout)["Secret"] == KEY, done.stderr
    assert "the container can read, and keep" in done.stderr


def test_a_dynamic_helper_needs_its_libraries(
    docker_containers: ContainerEngine, install: Install, glibc_image: str, run_shorepass: RunShorepass
) -> None:
    """Without the image it is refused; the image must have the loader and each library, and no container remains."""
    install("dynamic")
    engine = docker_containers
    before = engine.run("ps", "-aq")
    assert "name the image: --image IMAGE" in refused(run_shorepass)
    assert "linked against glibc, and the image has no /lib" in refused(
        run_shorepass, "--image", "local/place:1", engine=engine
    )
    assert "no engine here has this image" in refused(run_shorepass, "--image", "local/none:1", engine=engine)
    words = ("--mode", "mount", "--registry", REGISTRY, "--image", glibc_image, "--json")
    done = run_shorepass("share", "flags", *words, env=engine.leads)
    assert done.status == 0, done.stderr
    flags = json.loads(done.stdout)["flags"]
    asked = f"echo {REGISTRY} | {HELPER} get"
    output = engine.run("run", "--rm", "--network=none", *flags, glibc_image, "/bin/busybox", "sh", "-c", asked)
    assert json.loads(output)["Secret"] == KEY
    assert engine.run("ps", "-aq") == before


def foreign_image(folder: Path) -> Path:
    """Return an archive for ``docker load`` of an image for a processor that this machine does not have."""
    with tarfile.open(folder / "layer.tar", "w") as tar:
        tar.add(programs.require("busybox"), "bin/busybox")
    digest = hashlib.sha256((folder / "layer.tar").read_bytes()).hexdigest()
    other = "arm64" if os.uname().machine == "x86_64" else "amd64"
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    (folder / "config.json").write_text(json.dumps({"architecture": other, "os": "linux", "rootfs": rootfs}))
    manifest = [{"Config": "config.json", "RepoTags": ["local/other:1"], "Layers": ["layer.tar"]}]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(folder / "image.tar", "w") as tar:
        for name in ("config.json", "layer.tar", "manifest.json"):
            tar.add(folder / name, name)
    return folder / "image.tar"


def test_another_processor(
    docker_containers: ContainerEngine, install: Install, helpers: Path, run_shorepass: RunShorepass
) -> None:
    """A helper for this processor is refused for an image for another one."""
    install("static")
    docker_containers.run("load", "-i", str(foreign_image(helpers)))
    reason = refused(run_shorepass, "--image", "local/other:1", engine=docker_containers)
    assert "and the image is for" in reason


@pytest.mark.parametrize(
    ("helper", "text", "reason"),
    [
        ("gcloud", '#!/bin/sh\necho \'{"Username":"a","Secret":"b"}\'\n', "it is a script for /bin/sh"),
        ("pass", '#!/bin/sh\necho \'{"Username":"a","Secret":"b"}\'\n', "needs your gpg-agent"),
    ],
)
def test_a_helper_that_cannot_work_there(
    install: Install, run_shorepass: RunShorepass, helper: str, text: str, reason: str
) -> None:
    """A script, and a helper that needs a service of the session, are refused; the hint is mode forward."""
    install("", helper=helper, text=text)
    said = refused(run_shorepass)
    assert reason in said
    assert "mode forward" in said


def test_a_login_in_a_file_has_no_helper(nothing_set: None, home: Path, run_shorepass: RunShorepass) -> None:
    """A login in the config file is for mode ``export``."""
    assert nothing_set is None
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: {"auth": "YWxpY2U6c2VjcmV0"}}}))
    assert "--mode export" in refused(run_shorepass)
