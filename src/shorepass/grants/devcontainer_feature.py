"""A feature of a dev container that brings a grant: the forwarder in the image, and the mount and the variables.

https://containers.dev/implementors/features/
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from shorepass import bounded_json
from shorepass.agent_client.forwarder_file import path_for
from shorepass.errors import UsageError, printable
from shorepass.files import SIZE_LIMIT
from shorepass.foreign_text import quoted
from shorepass.grants.contents import HELPER_INSIDE
from shorepass.grants.devcontainer import members

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.contents import Contents

__all__ = ["write_feature"]

METADATA = "devcontainer-feature.json"
NAME = "Shorepass grant"
INSTALL = "install.sh"
MACHINES = ("x86_64", "aarch64")
SCRIPT = f"""\
#!/bin/sh
# Puts the forwarder of Shorepass into the image. It has no login; the mount of the grant leads to the lender.
set -e
program="$(dirname "$0")/forwarder-$(uname -m)"
if ! [ -f "$program" ]; then
    echo "Shorepass has no forwarder for $(uname -m)" >&2
    exit 1
fi
mkdir -p {os.path.dirname(HELPER_INSIDE)}
cp "$program" {HELPER_INSIDE}
chmod 755 {HELPER_INSIDE}
"""


def write_feature(here: LocalContext, folder: str, found: Contents) -> None:
    """Write the files of a feature into a folder, which is made if it is missing.

    ``found``: what the container gets; the image already has the forwarder. Raises UsageError: the folder has other files;
    WriteError, FileError.
    """
    _check(here, folder)
    mounts = {target: source for target, source in found.mounts.items() if target != HELPER_INSIDE}
    metadata = {
        "id": os.path.basename(folder),
        "version": "1.0.0",
        "name": NAME,
        **members(found._replace(mounts=mounts)),
    }
    written = {METADATA: json.dumps(metadata, indent=2).encode() + b"\n", INSTALL: SCRIPT.encode()}
    for machine in MACHINES:
        path = path_for("linux", machine)
        program = here.read(path, SIZE_LIMIT) if path else None
        if program is not None:
            written[f"forwarder-{machine}"] = program.data
    for name, data in written.items():
        _write(here, os.path.join(folder, name), data)
    here.set_mode(os.path.join(folder, INSTALL), 0o755)


def _write(here: LocalContext, path: str, data: bytes) -> None:
    here.update(path, lambda _: data)
    here.set_mode(path, 0o644)


def _check(here: LocalContext, folder: str) -> None:
    """Raise UsageError if a folder has files that are not of such a feature.

    A symlink may be of the repository's author, and lead to a file of the user.
    """
    if not here.is_folder(folder) or not here.names(folder):
        return
    for name in here.names(folder):
        path = os.path.join(folder, name)
        status = here.status(path)
        if status is None or status.link:  # it may lead nowhere
            raise UsageError(f"{printable(path)} is a symlink", hint=_another(folder))
    metadata = here.read(os.path.join(folder, METADATA), SIZE_LIMIT)
    try:
        is_own = metadata is not None and bounded_json.loads(metadata.data).get("name") == NAME
    except (ValueError, AttributeError):
        is_own = False
    if not is_own:
        raise UsageError(f"{printable(folder)} has other files", hint=_another(folder))


def _another(folder: str) -> str:
    return f"name a new folder: devcontainer:{quoted(folder)}/shorepass"
