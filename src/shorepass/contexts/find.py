"""Opens a context by its name, as ``--in`` gives it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.contexts.engine_family import Family
from shorepass.errors import UnknownWord, printable

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.contexts.local import LocalContext

__all__ = ["FORMS", "find"]

# The forms of a name, each with its meaning: for --help and for errors.
FORMS = {
    "me": "this user, here",
    "user:NAME": "another user of this machine; needs root",
    "sudo": "what `sudo COMMAND` runs in",
    "sudo-login": "what `sudo -i` and `sudo su` run in",
    "clean": "this user with HOME and PATH alone, as `env -i`",
    "cron[:USER]": "what a crontab's jobs run in; another user's needs root",
    "process:PID": "what a running program was started with",
    "unit:NAME": "what a systemd unit runs in: nightly.service, app.container of Quadlet, user@ci/NAME",
    "docker:NAME": "a container of docker, running or stopped",
    "podman:NAME": "a container of podman, running or stopped",
    "compose:SERVICE": "the container of a compose service",
    "kube:NAMESPACE/POD[/CONTAINER]": "a container of a pod, by kubectl exec",
    "ssh:HOST": "the user behind `ssh HOST`",
    "wsl:DISTRO": "a distribution of the Windows Subsystem for Linux",
    "lima:NAME": "a Lima virtual machine",
    "colima[:PROFILE]": "the virtual machine of Colima",
    "podman-machine[:NAME]": "the virtual machine of podman",
}

# Each module has ``find(here, kind, rest) -> Context``; it is loaded when such a context is asked for.
_MODULES: dict[str, str] = {
    "user": "user",
    **dict.fromkeys(("sudo", "sudo-login"), "sudo"),
    "clean": "clean",
    "cron": "cron",
    "process": "process",
    "unit": "unit",
    **dict.fromkeys(Family, "containers.container"),
    **dict.fromkeys(("compose",), "containers.compose"),
    **dict.fromkeys(("kube",), "shells.kube"),
    **dict.fromkeys(("ssh", "wsl", "lima", "colima", "podman-machine"), "shells.remote"),
}
_ALONE = frozenset(("sudo", "sudo-login", "clean", "cron", "colima", "podman-machine"))  # need no colon and name


def find(name: str, here: LocalContext) -> Context:
    """Return the context of that name.

    Raises UnknownWord: no such form; ContextError: it does not exist.
    """
    if name == "me":
        return here
    kind, colon, rest = name.partition(":")
    if kind not in _MODULES or (colon and not rest) or (not colon and kind not in _ALONE):
        reason = f"no context is called {printable(name)!r}; a context is one of {', '.join(FORMS)}"
        raise UnknownWord(reason, name, ("me", *_MODULES), word=kind, hint=command(None, "who", "--all"))
    found: Context = import_module(f"shorepass.contexts.{_MODULES[kind]}").find(here, kind, rest)
    return found
