"""``kube:NAMESPACE/POD[/CONTAINER]``: a container of a pod.

It is reached through ``kubectl exec`` and the kubeconfig that kubectl finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.packages import how_to_install
from shorepass.contexts.shells.shell import ShellContext
from shorepass.contexts.shells.transport import Transport
from shorepass.errors import ContextError, UsageError, printable
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext

__all__ = ["find"]

PARTS = (2, 3)


def find(here: LocalContext, kind: str, rest: str) -> ShellContext:
    """Return the context of a pod's container, its first where none is named.

    Raises UsageError, ContextError.
    """
    name = f"{kind}:{rest}"
    parts = rest.split("/")
    if len(parts) not in PARTS or any(not part or part.startswith("-") for part in parts):
        raise UsageError(f"{printable(name)} names no pod", hint="kube:NAMESPACE/POD or kube:NAMESPACE/POD/CONTAINER")
    program = here.which("kubectl")
    if program is None:
        hint = how_to_install(here, "kubectl")
        raise ContextError(printable(name), "there is no kubectl on PATH", hint=hint)
    namespace, pod, *container = parts
    which = ("--container", container[0]) if container else ()
    prefix = (program, "exec", "--stdin", "--quiet", "--namespace", namespace, pod, *which, "--")
    hint = f"kubectl get pod --namespace {quoted(namespace)} {quoted(pod)}"
    return ShellContext.open(Transport(name, prefix, joins=False, hint=hint, here=here))
