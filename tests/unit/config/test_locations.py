"""Paths of files in a context."""

from __future__ import annotations

from dict_context import DictContext
from shorepass.config.locations import in_the_way
from shorepass.contexts import FileStatus


class WithoutStatus(DictContext):
    """A place where the status of a folder takes long, as in a stopped container: its engine packs the whole folder."""

    def status(self, path: str) -> FileStatus | None:
        assert not self.is_folder(path)
        return super().status(path)


def test_what_is_in_the_way() -> None:
    """A file in the place of a folder, however far above; only whether something is a folder is asked of folders."""
    context = WithoutStatus("docker:web", {"/home/you/.config": "a file", "/etc/hosts": ""})
    assert in_the_way(context, "/home/you/.config/containers/registries.conf") == "/home/you/.config"
    assert in_the_way(context, "/etc/containers/registries.conf.d/any") == ""
    assert in_the_way(context, "/opt/any") == ""
    assert in_the_way(context, "any") == ""
