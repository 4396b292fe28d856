"""A sudo policy of a test's own, and another home for root: real programs, in a mount namespace of this machine."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

from e2e import programs
from e2e.people import Person
from property.docker_oracle import Docker

__all__ = ["DEBIAN", "Machine", "config", "machine"]

DEBIAN = f'Defaults env_reset, mail_badpass, secure_path="{programs.SYSTEM_PATH}", use_pty\n'


class Machine(NamedTuple):
    """A mount namespace of this machine in which sudo has a policy of the test's own, and root another home."""

    person: Person
    prefix: tuple[str, ...]
    root_home: Path

    def run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as root in there."""
        return programs.run(programs.as_root([*self.prefix, *argv]), stdin=stdin)

    def shorepass(self, *args: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run shorepass as the person, in there."""
        return self.run(*self.person.shorepass(*args, **{"PATH": programs.SYSTEM_PATH, **env}), stdin=stdin)

    def docker(self, script: str, folder: Path) -> Docker:
        """Return a docker that the person runs by a script, which finds docker's arguments in ``$*``."""
        program = folder / "docker"
        variables = ("env", f"HOME={self.person.home}", f"PATH={programs.SYSTEM_PATH}")
        words = programs.as_root(
            [*self.prefix, "runuser", "-u", self.person.name, "--", *variables, "sh", "-c", script]
        )
        path = f"PATH={programs.SYSTEM_PATH}"
        program.write_text(f'#!/bin/sh\n{path} exec {shlex.join(words)} sh "$@"\n')
        program.chmod(0o700)
        return Docker(str(program), folder)


def config(user: str) -> str:
    return json.dumps({"auths": {"reg.example": {"auth": base64.b64encode(f"{user}:of {user}".encode()).decode()}}})


def machine(person: Person, policy: str, commands: str = "ALL") -> Machine:
    """Make the files that stand in for root's home, the user database and sudo's policy: ``person`` may run ``commands``."""
    root_home, etc = person.folder / "root", person.folder / "etc"
    passwd, sudoers = etc / "passwd", etc / "sudoers"
    etc.mkdir(exist_ok=True)
    person.as_root("mkdir", "-p", "-m", "700", f"{root_home}/.docker")
    person.as_root("tee", f"{root_home}/.docker/config.json", stdin=config("root"))
    person.as_root("tee", f"{root_home}/.profile", stdin="echo a greeting that nobody asked for\n")
    lines = Path("/etc/passwd").read_text().splitlines()
    others = "\n".join(line for line in lines if not line.startswith("root:"))
    person.as_root("tee", str(passwd), stdin=f"root:x:0:0:root:{root_home}:/bin/sh\n{others}\n")
    rules = f"root ALL=(ALL:ALL) ALL\n{person.name} ALL=(ALL) NOPASSWD: {commands}\n"
    person.as_root("tee", str(sudoers), stdin=policy + rules)
    person.as_root("chmod", "440", str(sudoers))
    person.as_root("chown", "root:root", str(sudoers))
    person.as_root("visudo", "--check", f"--file={sudoers}")
    # the files in place of the machine's; to mount them one by one would not outlast the next useradd anywhere
    mount = f'mount -t overlay overlay -o lowerdir={etc}:/etc /etc && exec "$@"'
    prefix = (programs.require("unshare"), "--mount", "sh", "-c", mount, "sh")
    person.write(".docker/config.json", config("caller"))
    return Machine(person, prefix, root_home)
