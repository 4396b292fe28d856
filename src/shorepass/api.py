"""The three verbs of the Python API, by default for this process's user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.clients import find
from shorepass.contexts.find import find as find_context
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic, Credential
from shorepass.errors import UsageError
from shorepass.logins.log_in import log_in
from shorepass.logins.log_out import log_out
from shorepass.names import parse, require_user_name
from shorepass.profile import current, with_store
from shorepass.registry.client import Access
from shorepass.secret import Secret

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.logins.log_in import Erasure, Login
    from shorepass.names import Reference
    from shorepass.resolution import Resolution

__all__ = ["login", "logout", "resolve"]


def resolve(reference: str | Reference, *, client: str = "docker", context: Context | str | None = None) -> Resolution:
    """Return what ``client`` will send for an image or registry, and why.

    ``client``: docker, podman, skopeo, buildah, crane. ``context``: by default this process's own user and environment; a text
    is the word for ``--in`` (``user:bob``, ``docker:web``). It uses no network and changes nothing. The credential is
    ``resolution.credential``, which raises SourceError if a source is broken.

    Raises InvalidReference, UsageError (unknown client, no such kind of context), ContextError (it does not exist).
    """
    parsed = parse(reference) if isinstance(reference, str) else reference
    return find(client).resolve(_or_here(context), parsed)


def login(
    server: str,
    username: str | None = None,
    password: str | Secret | None = None,
    *,
    credential: Credential | None = None,
    client: str = "docker",
    context: Context | str | None = None,
    access: Access | None = None,
    store: str | None = None,
) -> Login:
    """Check a login with the registry and store it where ``client`` looks for it.

    Give ``username`` and ``password``, or a ``credential``. ``store``: the store to use if the client's file names no helper
    (None: the one in use, or the first that works; ``file``: plain text, as the client itself does it).

    Raises LoginRefused and the other RegistryErrors (then nothing is stored), SourceError (for example ContextError),
    WriteError, UsageError.
    """
    if credential is None:
        if not username or not password:
            raise UsageError("give a user name and a password, or a credential")
        secret = password if isinstance(password, Secret) else Secret(password)
        credential = Basic(require_user_name(username), secret)
    return log_in(_or_here(context), find(client), server, credential, access or Access(client=client), store=store)


def logout(server: str, *, client: str = "docker", context: Context | str | None = None) -> list[Erasure]:
    """Erase what ``client``'s own logout erases, and every copy in Shorepass's stores.

    It returns the result for each. Fixes that had the login can no longer be undone. Raises UsageError, ContextError,
    WriteError.
    """
    here = current()
    done = log_out(here, _or_here(context, here), find(client), server)
    return done.erased + done.ours


def _or_here(context: Context | str | None, here: LocalContext | None = None) -> Context:
    if isinstance(context, LocalContext) and context.name == "me":
        return with_store(context)
    if context is not None and not isinstance(context, str):
        return context
    here = here or current()
    return find_context(context or here.name, here)
