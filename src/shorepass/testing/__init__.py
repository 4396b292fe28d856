"""The public test kit: a registry and store tests for programs that log in, without Docker or a network.

::

    from shorepass.testing import Registry

    with Registry(users={"alice": "secret"}, auth="bearer") as registry:
        ...  # log in to registry.host, push, pull; look at registry.requests
"""

from __future__ import annotations

from shorepass.testing.registry import Failure, Recorded, Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.testing.store_contract import StoreContract

__all__ = ["Failure", "Recorded", "Registry", "StoreContract"]


def __getattr__(name: str) -> object:
    if name == "StoreContract":  # it needs pytest, and the registry does not
        from shorepass.testing.store_contract import StoreContract

        return StoreContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
