"""Where cases happen: on this machine, in a network of its own, or as an ordinary user."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from e2e import programs
from e2e.people import Person
from e2e.sudo_machine import machine

__all__ = ["AsUser", "Ground", "Here", "Net", "UnderSudo", "make_certificates", "net"]

Run = subprocess.CompletedProcess[str]
TESTS = Path(__file__).parent.parent
KEPT = ("PYTHONPATH",)


class Ground(Protocol):
    """Where the programs of a case run.

    ``registry``: the registry that scripts are given. ``env``: the variables that lead to the engines. ``home``: a
    folder that is there already, or None. ``authority``: the file of the certificate that scripts are given;
    ``bundle``: it among all others. ``owner``: who owns the tree, ``uid:gid``. ``shorepass_folder``: where the
    program shorepass is.
    """

    registry: str
    env: Mapping[str, str]
    home: Path | None
    authority: str
    bundle: str
    owner: str
    shorepass_folder: str

    def run(self, argv: list[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run: ...

    def shorepass(self, words: Sequence[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run: ...

    def prepared(
        self, facts: Mapping[str, str], engine: Mapping[str, str]
    ) -> contextlib.AbstractContextManager[None]: ...


def _in_folder(argv: Sequence[str], cwd: str) -> list[str]:
    return ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", cwd, *argv]


def _ours(words: Sequence[str]) -> list[str]:
    kept = [f"{name}={os.environ[name]}" for name in KEPT if name in os.environ]
    return ["env", *kept, sys.executable, "-m", "shorepass", *words]


class Here:
    """The machine itself, with the engines and the registry that all rows share."""

    home: Path | None = None
    authority = bundle = owner = ""

    def __init__(self, registry: str, env: Mapping[str, str], shorepass_folder: str) -> None:
        self.registry = registry
        self.env = env
        self.shorepass_folder = shorepass_folder

    def run(self, argv: list[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        return programs.run(_in_folder(argv, cwd), env=env, stdin=stdin, timeout=60)

    def shorepass(self, words: Sequence[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        return self.run(_ours(words), env, cwd, stdin)

    def prepared(self, facts: Mapping[str, str], engine: Mapping[str, str]) -> contextlib.AbstractContextManager[None]:
        del facts, engine
        return contextlib.nullcontext()


class AsUser(Here):
    """The machine itself, as an ordinary user, whose home is the case's."""

    def __init__(self, registry: str, env: Mapping[str, str], shorepass_folder: str, person: Person) -> None:
        super().__init__(registry, env, shorepass_folder)
        self.person = person
        self.home = person.home
        self.owner = f"{person.uid}:{person.uid}"

    def run(self, argv: list[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        return self.person.run(*_in_folder(argv, cwd), stdin=stdin, **env)

    def shorepass(self, words: Sequence[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        words = _in_folder(self.person.shorepass(*words, **env), cwd)
        return programs.run(programs.as_root(words), stdin=stdin, timeout=60)


class UnderSudo(AsUser):
    """The machine itself, as a user whose sudo keeps HOME and PATH, as that of macOS does."""

    def __init__(self, registry: str, env: Mapping[str, str], shorepass_folder: str, person: Person) -> None:
        super().__init__(registry, env, shorepass_folder, person)
        person.as_root("usermod", "--append", "--groups", "sudo", person.name)
        self.machine = machine(person, 'Defaults env_reset, env_keep += "HOME PATH DOCKER_HOST"\n')
        person.as_root("rm", "-rf", f"{person.home}/.docker")  # the machine's, not the case's

    def run(self, argv: list[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        variables = [f"{name}={value}" for name, value in env.items()]
        words = ["runuser", "-u", self.person.name, "--", "env", *variables, *_in_folder(argv, cwd)]
        return self.machine.run(*words, stdin=stdin)

    def shorepass(self, words: Sequence[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        return self.machine.run(*_in_folder(self.person.shorepass(*words, **env), cwd), stdin=stdin)


# Docker Hub's names lead to a Hub, and these to a registry with TLS: see net_servers.py.
HUB = ("registry-1.docker.io", "auth.docker.io", "index.docker.io")
OTHERS = (
    "acme.azurecr.io",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "eu.gcr.io",
    "europe-docker.pkg.dev",
    "us-docker.pkg.dev",
    "registry.gitlab.com",
    "nvcr.io",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
)

START = """
set -e
mount --make-rprivate /
ip link set lo up
ip addr add 10.77.0.1/24 dev lo
cp "$3/hosts" "$1/hosts"
mount --bind "$1/hosts" /etc/hosts
mkdir -p /etc/docker
mount -t tmpfs none /etc/docker
cp -a /etc/ssl/certs "$1/certs"
mount --bind "$1/certs" /etc/ssl/certs
echo pid $$
exec "$2" -m cases.net_servers "$3"
"""


class Net:
    """A network of its own, with names, certificates, files of docker and an engine that no other case has."""

    registry = "127.0.0.1:5310"
    home = None
    owner = ""

    def __init__(self, pid: int, folder: Path, certificates: Path, shorepass_folder: str) -> None:
        self._enter = ["nsenter", "-t", str(pid), "--mount", "--net", "--"]
        self._folder = folder
        self.authority = str(certificates / "ca.crt")
        self.bundle = str(certificates / "bundle.crt")
        self.shorepass_folder = shorepass_folder
        self.env = {"DOCKER_HOST": f"unix://{folder}/dockerd/docker.sock"}
        self._engine = contextlib.ExitStack()

    def run(self, argv: list[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        variables = [f"{name}={value}" for name, value in {"PATH": programs.SYSTEM_PATH, **env}.items()]
        words = [*self._enter, "env", "-i", *variables, *_in_folder(argv, cwd)]
        return programs.run(programs.as_root(words), stdin=stdin, timeout=60)

    def shorepass(self, words: Sequence[str], env: Mapping[str, str], cwd: str, stdin: str) -> Run:
        return self.run(_ours(words), env, cwd, stdin)

    @contextlib.contextmanager
    def prepared(self, facts: Mapping[str, str], engine: Mapping[str, str]) -> Iterator[None]:
        """Put docker's certificates and mounts where the script wants them, and start the engine with its file."""
        if "CERTSD" in facts:
            self._must("cp", "-r", facts["CERTSD"], "/etc/docker/certs.d")
        if "BIND" in facts:
            self._must("mount", "--bind", facts["BIND"], facts["BIND"])
        folder = self._folder / "dockerd"
        folder.mkdir()
        self.file = facts.get("DAEMON") or str(folder / "daemon.json")
        if "DAEMON" not in facts:
            Path(self.file).write_text("{}")
        with self._engine:
            self.restart(**engine)
            yield

    def restart(self, **variables: str) -> None:
        """Start the engine, again if it runs, with these variables."""
        self._engine.close()
        self._engine.enter_context(self.started(variables))

    @contextlib.contextmanager
    def started(self, variables: Mapping[str, str]) -> Iterator[None]:
        """Run the engine with these variables; ``{bundle}`` is the file of all authorities, that of this network included."""
        env = [f"{name}={value.replace('{bundle}', self.bundle)}" for name, value in variables.items()]
        enter = [*self._enter, "env", *env]
        with programs.docker_daemon(self._folder / "dockerd", enter, flags=("--config-file", self.file)):
            yield

    def _must(self, *argv: str) -> None:
        done = self.run([*argv], {}, "/", "")
        assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def net(folder: Path, certificates: Path, shorepass_folder: str) -> Iterator[Net]:
    """Make the namespaces, which last as long as the servers in them."""
    log = folder / "servers.log"
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = ["env", f"PYTHONPATH={os.pathsep.join(paths)}"]
    words = ["--mount", "--net", "--", "/bin/sh", "-c", START, "sh", str(folder), sys.executable, str(certificates)]

    def pid() -> int | None:
        found = re.search(r"^pid ([0-9]+)\n.*^ready$", log.read_text(), re.MULTILINE | re.DOTALL)
        return int(found[1]) if found else None

    argv = programs.as_root([*env, programs.require("unshare"), *words])
    with programs.running(argv, log, pid) as number:
        yield Net(number, folder, certificates, shorepass_folder)


def make_certificates(folder: Path) -> None:
    """Make an authority (``ca.crt``), a server's certificate, and a bundle with the authority among all others."""
    hosts = {"127.0.0.1": ("localhost", *HUB), "127.0.0.2": OTHERS, "10.77.0.1": ("registry.example",)}
    (folder / "hosts").write_text("".join(f"{address} {' '.join(of)}\n" for address, of in hosts.items()))
    names = (*HUB, *OTHERS, "registry.example")
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    for line in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=Acme\\ Root",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=registry.example",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out server.crt -extfile names",
    ):
        done = programs.run(["sh", "-c", f"cd '{folder}' && openssl {line}"])
        assert done.returncode == 0, done.stderr
    system = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    (folder / "bundle.crt").write_text((folder / "ca.crt").read_text() + system)
