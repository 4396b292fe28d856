"""``shorepass get``: the very credential the real client would send, in the words of the helper protocol."""

from __future__ import annotations

from shorepass.cli import console, place
from shorepass.contexts.command import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLES = """\
examples:
  shorepass get ghcr.io/acme/app:1
  shorepass get --client podman quay.io/acme/app
  shorepass get ghcr.io | jq -r .Secret

prints {"ServerURL": ..., "Username": ..., "Secret": ...}; the user name is <token> for an identity
token and <bearer> for a registry token. No network is used.

exit codes: 0 a credential; 1 the client would go anonymous; 3 a source is broken
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("reference", metavar="REF", help="an image, or a registry")
    place.add_client_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the credential."""
    from shorepass.credential import Anonymous
    from shorepass.helper import protocol
    from shorepass.names import parse

    context = place.context(arguments)
    resolution = place.find_client(arguments).resolve(context, parse(arguments.reference))
    credential = resolution.credential
    if isinstance(credential, Anonymous):
        console.out(protocol.Refusal.NOT_FOUND)
        return 1
    if resolution.alternatives:
        console.note(
            f"{resolution.client} is not deterministic here: two keys name this registry; "
            f"it picks one of {1 + len(resolution.alternatives)} at random"
        )
        console.hint(command(context, "explain", arguments.reference, client=resolution.client))
    console.data(protocol.encode_answer(resolution.server_url, credential))
    return 0
