"""The kinds of targets of ``shorepass share``: one row each, and one module that brings a grant there."""

from __future__ import annotations

from typing import NamedTuple

from shorepass.contexts.command import command
from shorepass.errors import UsageError, printable
from shorepass.grants.grant import ENGINE, EXPORT, FORWARD, MOUNT, TOKEN

__all__ = ["TARGETS", "TARGET_FLAGS", "Target", "find_target", "shown_targets"]


class Target(NamedTuple):
    """A kind of target.

    ``shown``: how it is typed, such as ``flags`` or ``docker:NAME``. ``modes``: what it can have, the usual one first.
    ``flags``: those of ``TARGET_FLAGS`` that it uses, by their names in the arguments.
    ``module``: its name in ``shorepass.cli``; it has ``share(here, arguments) -> int``. ``arguments.target`` is the whole word.
    ``why``: why it has no other mode.
    """

    shown: str
    modes: tuple[str, ...]
    flags: tuple[str, ...]
    module: str
    help: str
    why: str = ""

    @property
    def word(self) -> str:
        """The part before a colon."""
        return self.shown.partition(":")[0]

    @property
    def has_name(self) -> bool:
        """Whether a name follows a colon."""
        return ":" in self.shown


# Flags that not every kind of target uses, by their names in the arguments. Those of a mode are in `lending`, too.
TARGET_FLAGS = {
    "duration": "--for",
    "json": "--json",
    "any_user": "--any-user",
    "own_logins": "--own-logins",
    "services": "--service",
    "detach": "--detach",
    "show": "--show",
    "object_name": "--name",
    "namespace": "--namespace",
    "apply": "--apply",
    "refresh": "--refresh",
}
OF_STARTED = ("duration", "json", "any_user", "own_logins")
OF_RUNNING = ("duration", "json", "detach")
MOUNTED = (FORWARD, ENGINE, TOKEN, EXPORT)  # of a container that is not started yet
TARGETS = (
    Target("flags", (*MOUNTED, MOUNT), OF_STARTED, "share_flags", "print flags for docker run and podman run"),
    Target(
        "compose",
        MOUNTED,
        (*OF_STARTED, "services"),
        "share_compose",
        "print a compose file for the services of the project here",
    ),
    Target("devcontainer", MOUNTED, OF_STARTED, "share_devcontainer", "print members for a devcontainer.json"),
    Target(
        "devcontainer:FOLDER",
        MOUNTED,
        OF_STARTED,
        "share_devcontainer",
        "write a feature for a dev container into this folder",
    ),
    Target("docker:NAME", (FORWARD,), OF_RUNNING, "share_running", "lend to a docker container that runs"),
    Target("podman:NAME", (FORWARD,), OF_RUNNING, "share_running", "lend to a podman container that runs"),
    Target(
        "compose:SERVICE",
        (FORWARD,),
        OF_RUNNING,
        "share_running",
        "lend to the container of a compose service that runs",
    ),
    Target(
        "kube:NAMESPACE/POD[/CONTAINER]",
        (FORWARD,),
        OF_RUNNING,
        "share_running",
        "lend to a container of a pod, by kubectl exec",
    ),
    Target("ssh:HOST", (FORWARD,), OF_RUNNING, "share_running", "lend to the user that `ssh HOST` logs in"),
    Target(
        "wsl:DISTRO",
        (FORWARD,),
        OF_RUNNING,
        "share_running",
        "lend to a distribution of the Windows Subsystem for Linux",
    ),
    Target("lima:NAME", (FORWARD,), OF_RUNNING, "share_running", "lend to a Lima virtual machine"),
    Target(
        "config",
        (EXPORT, TOKEN),
        ("show", "duration"),
        "share_documents",
        "print a config.json",
        "Shorepass does not know who reads the file",
    ),
    Target(
        "env",
        (EXPORT,),
        ("show",),
        "share_documents",
        "print DOCKER_AUTH_CONFIG for a shell",
        "docker reads only passwords from DOCKER_AUTH_CONFIG",
    ),
    Target(
        "gitlab",
        (EXPORT,),
        ("show",),
        "share_documents",
        "print the value of DOCKER_AUTH_CONFIG for GitLab CI",
        "the runner reads the variable before a job starts, and cannot ask your agent",
    ),
    Target(
        "github",
        (EXPORT,),
        ("show",),
        "share_documents",
        "print the value of a secret for GitHub Actions",
        "a job runs on a machine that cannot ask your agent",
    ),
    Target(
        "k8s",
        (EXPORT,),
        ("show", "object_name", "namespace", "apply", "refresh", "duration"),
        "share_documents",
        "print or apply a Secret for imagePullSecrets",
        "the kubelet reads only user name and password from a Secret, and no registry token",
    ),
)


def find_target(text: str) -> Target:
    """Return the kind of a target. Raises UsageError: there is no such kind.

    >>> find_target("docker:web").module
    'share_running'
    """
    word, colon, name = text.partition(":")
    for target in TARGETS:
        if target.word == word and target.has_name == bool(colon) == bool(name):
            return target
    shown = ", ".join(target.shown for target in TARGETS)
    raise UsageError(
        f"{printable(text)!r} is not a target; a target is: {shown}", hint=command(None, "share", "--help")
    )


def shown_targets() -> str:
    """Return the list of the targets for ``--help``, one line each: how it is typed, its modes, and what happens."""
    wide = max(len(target.shown) for target in TARGETS)
    every = max((target.modes for target in TARGETS), key=len)
    names = {every: "all modes", MOUNTED: f"not {MOUNT}"}
    lines = []
    for target in TARGETS:
        modes = names.get(target.modes, ", ".join(target.modes))
        lines.append(f"  {target.shown:{wide}}  {modes:13}  {target.help}")
    return "\n".join(lines)
