"""Plain text in docker's ``config.json``: a store only for users who name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.config import docker_config, document
from shorepass.config.auth_entry import read_docker_entry, write_entry
from shorepass.config.locations import docker_config_path
from shorepass.contexts.command import command
from shorepass.credential import ANONYMOUS, Basic, BearerToken, IdentityToken
from shorepass.errors import StoreBroken, UsageError, printable
from shorepass.stores import check

if TYPE_CHECKING:
    from shorepass.config.docker_config import DockerConfig
    from shorepass.contexts import Context, FileContent
    from shorepass.credential import Credential

__all__ = ["ConfigFile"]


class ConfigFile:
    """``auths`` of docker's file, each key exactly as it is written. See ``Store``."""

    name = "file"

    def __init__(self, context: Context) -> None:
        self.path = docker_config_path(context)[0]
        self._context = context

    def get(self, key: str) -> Credential:
        """Return the login of a key's entry, ANONYMOUS if there is no entry. Raises FileError."""
        config = self._read()
        found = config.entry(key).credential() if key in config.auths else ANONYMOUS
        return ANONYMOUS if isinstance(found, BearerToken) else found

    def list(self) -> dict[str, str]:
        """Return user names by key; entries without a login, which a helper leaves, do not count. Raises FileError."""
        names = {}
        for key in self._read().auths:
            match self.get(key):
                case Basic(username):
                    names[key] = username
                case IdentityToken():
                    names[key] = "<token>"
        return names

    def store(self, key: str, credential: Credential) -> None:
        """Write an entry. Raises UsageError, FileError, WriteError.

        StoreBroken is raised if docker asks a helper for this key, because it would not read the entry.
        """
        check(key, credential)
        entry = write_entry(credential)
        if read_docker_entry(entry.items(), nobody=True).credential() != credential:
            raise UsageError(
                "docker's file cannot hold it: a colon in the user name, an empty password, or a NUL at its end"
            )

        def edit(content: FileContent | None) -> bytes | None:
            config = docker_config.load(content)
            helper = config.helper(key)
            if helper:
                raise StoreBroken(
                    self.name,
                    f"{self.path}: docker asks docker-credential-{printable(helper)} for this login, not the file",
                    hint=f"{command(None, 'helper', 'uninstall', '--all')}; or use another store: "
                    f"{command(None, 'stores', 'use', 'vault')}",
                )
            if key in config.auths and config.entry(key).credential() == credential:
                return None
            return document.set_member(content or b"", ("auths", key), entry)

        self._context.update(self.path, edit)

    def erase(self, key: str) -> bool:
        """Remove an entry, False if there was no entry. Raises FileError, WriteError."""
        found = False

        def edit(content: FileContent | None) -> bytes | None:
            nonlocal found
            if content is None or key not in docker_config.load(content).auths:
                return None
            found = True
            return document.remove_member(content, ("auths", key))

        self._context.update(self.path, edit)
        return found

    def _read(self) -> DockerConfig:
        return docker_config.load(self._context.read(self.path, document.SIZE_LIMIT))
