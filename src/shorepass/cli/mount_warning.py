"""What mode ``mount`` exposes, for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.cli import console
from shorepass.errors import printable
from shorepass.grants.contents import contents
from shorepass.grants.mounted_helper import HOME_INSIDE, needs_of

if TYPE_CHECKING:
    from shorepass.contexts.local import LocalContext
    from shorepass.grants.grant import Grant

__all__ = ["warn_of_mounts"]


def warn_of_mounts(here: LocalContext, grant: Grant) -> None:
    """Print everything that the container can read. Raises UsageError."""
    lent = contents(here, grant)
    exposed = [source for target, source in lent.mounts.items() if target.startswith(f"{HOME_INSIDE}/")]
    shown = ", ".join(map(printable, [*exposed, *lent.passed])) or "nothing that Shorepass knows"
    console.note(f"the container can read, and keep: {shown}")
    for helper in dict.fromkeys(grant.helpers):
        if needs_of(helper) == needs_of(""):
            console.note(
                f"Shorepass does not know which files docker-credential-{printable(helper)} reads, and mounts none"
            )
    console.note("it can ask the helper for every login that the helper can get, and not only for the named registries")
    console.note("revoke removes only the config file; a container that runs keeps the rest until it ends")
