"""Mode ``mount``: nothing is served, because the container has the helper itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.agent.served import Served

if TYPE_CHECKING:
    from shorepass.agent.lender import Lender
    from shorepass.grants.grant import Grant

__all__ = ["LentMount"]


class LentMount(Served):
    """A grant in mode ``mount``. Its folder has the config file, and nothing secret."""

    def __init__(self, lender: Lender, grant: Grant) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: the config file is removed with the folder of the grant."""
