"""What clients that read docker's file as docker does have alike: the file, its entries, and what is named in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.client_table import row_of
from shorepass.clients import find
from shorepass.clients.views import DockerView, FileView
from shorepass.config import docker_config
from shorepass.config.auth_entry import SINCE_29, read_docker_entry, write_entry
from shorepass.config.auth_file import AuthFile
from shorepass.config.locations import docker_config_path
from shorepass.names import Reference, registry_of_server, server_url

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from shorepass.client_table import Row
    from shorepass.clients import Client
    from shorepass.clients.facts import Facts
    from shorepass.clients.private import Lent
    from shorepass.clients.release import Release
    from shorepass.config.auth_entry import Dialect
    from shorepass.contexts import Context, FileContent
    from shorepass.contexts.local import LocalContext
    from shorepass.credential import Credential
    from shorepass.resolution import Resolution, Step

__all__ = ["DockerFiles"]

LINE_ENDINGS = ("\r\n", "\n", "\r")


class DockerFiles:
    """The part of ``Client`` that is about docker's file. A client that reads it is a subclass."""

    name: str
    release: Release | None = None
    facts: Facts
    dialect: Dialect = SINCE_29

    @property
    def row(self) -> Row:
        """Its row of the table of clients."""
        return row_of(self.name)

    def named_by_flag(self) -> Client:
        """Return the same client: a flag and a variable are alike to it."""
        return find(self.name)

    def resolve(self, context: Context, reference: Reference) -> Resolution:
        """Return what the program sends for an image."""
        raise NotImplementedError

    def stored(self, context: Context, server: str) -> Resolution:
        """Return what is sent to the registry that a server URL names. Raises InvalidReference."""
        return self.resolve(context, Reference(registry_of_server(server)))

    def remarks(self, context: Context, reference: Reference) -> list[Step]:  # noqa: ARG002
        """Return none: all commands do the same."""
        return []

    def reads_dash(self, context: Context) -> bool:  # noqa: ARG002
        """Return False: it is a password like any other."""
        return False

    def login_password(self, context: Context, text: str, *, from_stdin: bool) -> str:  # noqa: ARG002
        """Return the text; of standard input without one line ending at its end."""
        ending = next((end for end in LINE_ENDINGS if text.endswith(end)), "") if from_stdin else ""
        return text.removesuffix(ending)

    def files(self, context: Context, *, for_login: bool = False) -> Sequence[AuthFile]:  # noqa: ARG002
        """Return the one file: login writes the same."""
        path, why = docker_config_path(context)
        return [AuthFile(path, why, self.row.family)]

    def own_file(self, context: Context) -> str:
        """Return docker's file."""
        return docker_config_path(context)[0]

    def missing(self, context: Context) -> AuthFile | None:  # noqa: ARG002
        """Return None: a file that is not there stops nothing."""
        return None

    def passes_over_variable(self, context: Context, *, runs: bool) -> str:  # noqa: ARG002
        """Return nothing: it is read everywhere."""
        return ""

    def asked_for(self, registry: str) -> str:
        """Return the registry itself, except for Docker Hub."""
        return server_url(registry)

    def fitting(self, keys: Collection[str], reference: Reference) -> list[str]:
        """Return those of a file's keys whose login the program may take for an image."""
        raise NotImplementedError

    def read_entry(self, members: Iterable[tuple[str, Any]]) -> Credential:
        """Return what an entry holds. Raises BadEntryError."""
        return read_docker_entry(members, dialect=self.dialect).credential()

    def write_entry(self, credential: Credential) -> dict[str, str]:
        """Return the entry that is written for a credential."""
        return write_entry(credential)

    def view(self, content: FileContent, *, legacy: bool = False) -> FileView:  # noqa: ARG002
        """Return what is seen in a file. Raises MalformedFile."""
        return DockerView(find(self.name), docker_config.load(content, self.dialect))

    def refusal(self, content: FileContent) -> str:  # noqa: ARG002
        """Return nothing: it runs with every file that it can read."""
        return ""

    def common_helpers(self, context: Context) -> list[str]:  # noqa: ARG002
        """Return none: there is no such file."""
        return []

    def lend(self, here: LocalContext, keys: Iterable[str], folder: str) -> Lent:
        """Make a private folder for DOCKER_CONFIG. Raises UsageError, FileError, WriteError."""
        from shorepass.clients.private import lend_docker_folder

        return lend_docker_folder(here, find(self.name), keys, folder)
