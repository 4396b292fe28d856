"""A network of its own, with an address that is not loopback, and an ``/etc/docker`` of its own: on this machine, unseen.

docker takes every certificate and plain http from 127.0.0.0/8, so what it does elsewhere can only be seen at another address.
Needs root, or sudo that does not ask.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from e2e.programs import SYSTEM_PATH, as_root, require, run, running

__all__ = ["ADDRESS", "Island", "island"]

ADDRESS = "192.0.2.1"  # TEST-NET-1, RFC 5737: it belongs to nobody


class Island(NamedTuple):
    """``enter``: the command that runs another one there, as root."""

    enter: list[str]

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program there to its end, as root, with no environment but ``env`` and the system's PATH."""
        variables = [f"{name}={value}" for name, value in {"PATH": SYSTEM_PATH, **(env or {})}.items()]
        return run(as_root([*self.enter, require("env"), "-i", *variables, *argv]), stdin=stdin)

    @contextlib.contextmanager
    def registry(self, folder: Path, tls: str = "") -> Iterator[str]:
        """Run docker-registry there, without a login; yield ``ADDRESS:PORT``. ``tls``: YAML of its section, in flow style."""
        folder.mkdir()
        config, log = folder / "registry.yml", folder / "registry.log"
        config.write_text(
            "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: '{folder}/data'}}}}\n"
            f"http: {{addr: '{ADDRESS}:0', secret: only-for-this-test{tls and f', tls: {tls}'}}}\n"
        )

        def address() -> str | None:
            found = re.search(rf"listening on ({re.escape(ADDRESS)}:[0-9]+)", log.read_text(errors="replace"))
            return found[1] if found else None

        argv = as_root([*self.enter, require("docker-registry"), "serve", str(config)])
        try:
            with running(argv, log, address) as name:
                yield name
        finally:
            run(as_root(["rm", "-rf", f"{folder}/data"]))


@contextlib.contextmanager
def island(folder: Path) -> Iterator[Island]:
    """Make the namespaces, which last as long as one sleeping process in them."""
    log = folder / "island.log"
    script = (
        "set -e; mkdir -p /etc/docker; mount -t tmpfs tmpfs /etc/docker; "
        f"ip link set lo up; ip address add {ADDRESS}/32 dev lo; echo pid $$; exec sleep infinity"
    )

    def pid() -> str | None:
        found = re.search(r"pid ([0-9]+)\n", log.read_text())
        return found[1] if found else None

    argv = as_root([require("unshare"), "--mount", "--net", "--", "/bin/sh", "-c", script])
    with running(argv, log, pid) as number:
        yield Island([require("nsenter"), "-t", number, "--mount", "--net", "--"])
