"""A login is lent to a container of a rootless podman, by its own user."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from e2e.lending import NOT_FOUND
from e2e.people import Person, new_person

REGISTRY = "lent.example"
SECRET = "s3cret-that-is-lent"
HELPER = "/usr/local/bin/docker-credential-shorepass"
IMAGE = "local/busybox:1"
CONTAINERS_CONF = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""


@pytest.fixture
def person() -> Iterator[Person]:
    """A user with a run folder, a login, and a podman without subordinate ids."""
    with new_person() as person:
        person.as_root("install", "-d", "-m", "0700", "-o", str(person.uid), f"/run/user/{person.uid}")
        person.write(".config/containers/storage.conf", '[storage]\ndriver = "vfs"\n')
        person.write(".config/containers/containers.conf", CONTAINERS_CONF)
        auth = base64.b64encode(f"alice:{SECRET}".encode()).decode()
        person.write(".docker/config.json", json.dumps({"auths": {REGISTRY: {"auth": auth}}}))
        yield person


def test_a_container_of_a_rootless_podman(person: Person) -> None:
    """It gets the lent login and no other, and nothing is left in it after the end."""
    env = {
        "PATH": programs.SYSTEM_PATH,
        "XDG_RUNTIME_DIR": f"/run/user/{person.uid}",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
    }

    def podman(*words: str, stdin: str = "") -> str:
        return person.run(programs.require("podman"), *words, stdin=stdin, **env).stdout

    def lent(log: Path) -> bool | None:
        return "has the grant" in log.read_text() or None

    podman("import", str(programs.busybox_archive(person.folder)), IMAGE)
    podman("run", "-d", "--name", "web", "--network=none", IMAGE, "/bin/busybox", "sleep", "1000")
    try:
        agent, said = person.folder / "agent.log", person.folder / "share.log"
        socket = Path(env["XDG_RUNTIME_DIR"], "shorepass/agent.sock")
        serve = programs.as_root(person.shorepass("agent", "start", "--foreground", **env))
        share = programs.as_root(person.shorepass("share", "podman:web", "--registry", REGISTRY, **env))
        with programs.running(serve, agent, lambda: socket.exists() or None):
            with programs.running(share, said, lambda: lent(said)):
                assert json.loads(podman("exec", "-i", "web", HELPER, "get", stdin=REGISTRY))["Secret"] == SECRET
                assert podman("exec", "-i", "web", HELPER, "get", stdin="other.example") == NOT_FOUND
            find = "/bin/busybox find / -xdev -name *shorepass* -not -type d"
            assert podman("exec", "web", *find.split()) == ""
    finally:
        podman("kill", "web")
        podman("rm", "-f", "web")
        podman("system", "migrate")
