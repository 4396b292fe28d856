"""The public test kit: what a program that logs in to registries needs for its tests, without Docker or a network.

::

    from shorepass.testing import Registry

    with Registry(users={"alice": "secret"}, auth="bearer") as registry:
        ...  # log in to registry.host, push, pull; look at registry.requests
"""

from __future__ import annotations

from shorepass.testing.registry import Failure, Recorded, Registry

__all__ = ["Failure", "Recorded", "Registry"]
