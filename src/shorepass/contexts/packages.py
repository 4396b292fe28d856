"""How to install a program in a context.

It is the command of a package manager that is on PATH there. A row has only packages that the manager's own repositories
have. Sources: packages.debian.org and Ubuntu's, packages.fedoraproject.org, pkgs.alpinelinux.org, archlinux.org/packages,
software.opensuse.org and formulae.brew.sh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.contexts.engine_family import Family

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shorepass.contexts import Context

__all__ = ["MANAGERS", "command_to_install", "how_to_install"]

ECR = "docker-credential-ecr-login"
PASS = "docker-credential-pass"  # noqa: S105  # a program
SECRET_SERVICE = "docker-credential-secretservice"  # noqa: S105  # a program
OSXKEYCHAIN = "docker-credential-osxkeychain"
BREW_HELPERS = "docker-credential-helper"  # for macOS it has another program than for Linux


class _Manager(NamedTuple):
    """A package manager.

    ``program``: it must be on PATH; empty: the hint fits the platform also without. ``install``: the words in front of the
    packages. ``packages``: by the name of a program. ``by_root``: only root can use it.
    """

    program: str
    install: str
    packages: Mapping[str, str]
    platform: str = "linux"
    by_root: bool = True


def _named(*programs: str, **others: str) -> dict[str, str]:
    """Return packages by program: most have the program's name."""
    return {**dict(zip(programs, programs, strict=True)), **others}


_BREW = {
    **_named("colima", "kubectl", "pass", Family.PODMAN, limactl="lima", ssh="openssh"),
    ECR: "docker-credential-helper-ecr",
}

_MANAGERS = (
    _Manager(
        "apt-get",
        "apt-get install",
        {
            **_named("pass", Family.PODMAN, ssh="openssh-client"),
            **dict.fromkeys((PASS, SECRET_SERVICE), "golang-docker-credential-helpers"),
            "gnome-keyring-daemon": "gnome-keyring",
            ECR: "amazon-ecr-credential-helper",
        },
    ),
    _Manager(
        "dnf",
        "dnf install",
        {**_named("pass", Family.PODMAN, ssh="openssh-clients"), ECR: "amazon-ecr-credential-helper"},
    ),
    _Manager("apk", "apk add", _named("kubectl", "pass", Family.PODMAN, ssh="openssh-client")),
    _Manager("pacman", "pacman -S", _named("kubectl", "pass", Family.PODMAN, ssh="openssh")),
    _Manager("zypper", "zypper install", {**_named(Family.PODMAN, ssh="openssh-clients"), "pass": "password-store"}),
    _Manager("brew", "brew install", {**_BREW, PASS: BREW_HELPERS}, by_root=False),
    _Manager("", "brew install", {**_BREW, OSXKEYCHAIN: BREW_HELPERS}, platform="darwin", by_root=False),
    _Manager("", "wsl --install", {"wsl.exe": ""}, platform="windows", by_root=False),
)

MANAGERS = tuple(manager.program for manager in _MANAGERS if manager.program)


def how_to_install(context: Context, program: str) -> str:
    """Return what to do if a program is not on PATH in a context.

    It is a command where a package manager of the context has the program.
    """
    return command_to_install(context, program) or f"install {program}, or add its folder to PATH"


def command_to_install(context: Context, *programs: str) -> str:
    """Return the command that installs programs in a context.

    The answer is empty if no package manager there has all of them.
    """
    for manager in _MANAGERS:
        if manager.platform != context.platform or not all(program in manager.packages for program in programs):
            continue
        if manager.program and context.which(manager.program) is None:
            continue
        packages = dict.fromkeys(manager.packages[program] for program in programs)
        line = " ".join(filter(None, (manager.install, *packages)))
        return _by_root(context, line) if manager.by_root else line
    return ""


def _by_root(context: Context, line: str) -> str:
    if context.which("sudo"):
        return f"sudo {line}"  # also for root, who may have come by sudo
    return line if context.uid == 0 else f"as root: {line}"
