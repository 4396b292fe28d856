"""What a client sends, judged by its form before anything is sent: each fault with the complete command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.contexts.command import command
from shorepass.credential import Basic
from shorepass.helper.known_helpers import sign_in
from shorepass.registry.forms import faults, name_fault

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.registry.forms import Fault
    from shorepass.resolution import Resolution
    from shorepass.secret import Secret

__all__ = ["image_fault", "login_faults", "of_resolution"]


def login_faults(context: Context, registry: str, client: str, username: str, secret: Secret | None) -> list[Fault]:
    """Return why a login cannot be right for a registry. ``secret``: None if it is not known."""
    return [_complete(fault, context, registry, client) for fault in faults(registry, username, secret)]


def of_resolution(context: Context, resolution: Resolution) -> list[Fault]:
    """Return why what a client sends cannot be right. A helper that makes its own logins is not judged by them."""
    answer, source = resolution.answer, resolution.source
    if not isinstance(answer, Basic) or (source is not None and sign_in(source.helper)):
        return []
    registry = resolution.reference.registry
    return login_faults(context, registry, resolution.client, answer.username, answer.password)


def image_fault(resolution: Resolution, *, push: bool) -> Fault | None:
    """Return why the image's name cannot be right, None if it can be."""
    answer = resolution.answer
    username = answer.username if isinstance(answer, Basic) else ""
    return name_fault(resolution.reference, username, push=push)


def _complete(fault: Fault, context: Context, registry: str, client: str) -> Fault:
    user = ("-u", fault.right) if fault.right else ()
    login = command(context, "login", *user, registry, client=client)
    return fault._replace(fix=fault.fix.replace("{login}", login))
