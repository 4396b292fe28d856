"""The files of an image, as a container that is never started."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from shorepass.contexts.containers.container import opened
from shorepass.contexts.containers.engines import endpoints
from shorepass.contexts.engine_family import Family
from shorepass.errors import ContextError, printable
from shorepass.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shorepass.contexts.containers.container import ContainerContext
    from shorepass.contexts.local import LocalContext

__all__ = ["opened_image"]


@contextlib.contextmanager
def opened_image(here: LocalContext, image: str) -> Iterator[ContainerContext]:
    """Yield a container of an image, as root sees it, and remove it afterwards.

    It is of the first engine that has the image. Raises ContextError: no engine has it.
    """
    troubles = []
    for family in Family:
        for endpoint in endpoints(here, family):
            try:
                engine = endpoint.open(here)
                container = engine.create(image)
            except ContextError as error:
                troubles.append(error.reason)
                continue
            if container:
                try:
                    yield opened(here, engine, container).unhindered()
                finally:
                    engine.remove(container)
                return
    reason = "; ".join(["no engine here has this image", *troubles])
    raise ContextError(printable(image), reason, hint=f"docker pull {quoted(image)}")
