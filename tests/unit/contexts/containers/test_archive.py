"""What is asked of an engine to read a container's files by its archive call."""

from __future__ import annotations

from shorepass.contexts.containers.archive import ArchiveRoot, Entry, packed
from shorepass.contexts.containers.engine import PathStat


class Engine:
    """An engine whose containers have folders of user 7 alone."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    def stat(self, container: str, path: str) -> PathStat:
        assert (container, path) == ("web", "/etc")
        return PathStat("folder", 0o755, 0, "", "")

    def fetch(self, container: str, path: str, limit: int) -> bytes:
        assert (container, limit > 0) == ("web", True)
        self.fetched.append(path)
        return packed([Entry("etc", None, 0o755)], (7, 7))


def test_the_owner_of_a_folder_is_asked_for_once() -> None:
    """Each time, podman mounts a stopped container's files again; doctor asked forty times about the same folders."""
    engine = Engine()
    root = ArchiveRoot(engine, "web", running=False, hidden=())  # type: ignore[arg-type]  # as much of one as is asked
    for _ in range(3):
        node = root.node("/etc")
        assert node is not None
        assert root.owned("/etc", node).uid == 7
    assert engine.fetched == ["/etc"]
    root.forget()
    node = root.node("/etc")
    assert node is not None
    assert root.owned("/etc", node).uid == 7
    assert engine.fetched == ["/etc", "/etc"]
