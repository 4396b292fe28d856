"""The logins of docker's config file, for those who read it as docker does: its entries, and what its helpers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.clients import Entry
from shorepass.config.auth_entry import AuthConfig
from shorepass.credential import Anonymous, Basic, IdentityToken, kind_of
from shorepass.helper import OURSELVES
from shorepass.names import host_of_key

if TYPE_CHECKING:
    from shorepass.config.docker_config import DockerConfig
    from shorepass.contexts import Context
    from shorepass.credential import Credential

__all__ = ["beside_helper", "entries", "entry"]


def entries(context: Context, path: str, config: DockerConfig, default: str, *, ask_helpers: bool) -> list[Entry]:
    """Return the logins of a file and of its helpers. ``default``: the helper for all that has none of its own, or ""."""
    from shorepass.clients.helper_lists import HelperLists

    kept = [key for key in config.auths if _is_asked_for(config, key)]
    found = [entry(key, config.entry(key), path) for key in kept]
    if not ask_helpers:
        helpers = [("", default, path if config.creds_store else "")]
        helpers += [(key, helper, path) for key, helper in config.cred_helpers.items()]
        found += [Entry(key, "", "", named_in, helper) for key, helper, named_in in helpers if helper]
        return [one for one in found if one]
    lists = HelperLists(context)
    if default:
        listed = lists.entries(path, default, None)
        found += [one for one in listed if one.error or one.key not in config.cred_helpers]
    for key, helper in config.cred_helpers.items():
        if helper == OURSELVES:
            found += lists.entries(path, helper, key)  # its list is what it gives, and one call for all
        elif helper:
            found += lists.asked(path, helper, key)  # docker does not ask such a helper for a list
    return [one for one in found if one]


def _is_asked_for(config: DockerConfig, key: str) -> bool:
    """Tell whether the file's entry may be taken: for its key, or for the registry that the key names."""
    return not all(config.helper(asked) for asked in (key, host_of_key(key)))


def entry(key: str, auth: AuthConfig, path: str) -> Entry | None:
    """Return an entry of a file, None where no login is in it."""
    credential = auth.credential()
    if isinstance(credential, Anonymous):
        return None
    return Entry(key, auth.username, kind_of(credential), path, credential=credential)


def beside_helper(auth: AuthConfig, answer: Credential) -> AuthConfig:
    """Return what is known where a helper answered: of the file's entry only the registry token is left.

    Source: docker/cli ``cli/config/credentials/native_store.go``.
    """
    username, password, token = "", AuthConfig().password, AuthConfig().identity_token
    if isinstance(answer, Basic):
        username, password = answer
    elif isinstance(answer, IdentityToken):
        token = answer.token
    return AuthConfig(username, password, token, auth.registry_token)
