"""Whether two paths lead to the same program decides which helper is the agent's own."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from shorepass.files import leads_to


def test_two_paths_are_the_same_only_behind_symlinks(tmp_path: Path) -> None:
    """A second name of a file is another program, because its folder decides; what is missing can be the same, too."""
    (tmp_path / "bin").mkdir()
    file, hard, linked = tmp_path / "bin/file", tmp_path / "hard", tmp_path / "linked"
    file.touch()
    hard.hardlink_to(file)
    linked.symlink_to("bin/file")
    folder, dangling = tmp_path / "folder", tmp_path / "dangling"
    folder.symlink_to("bin")
    dangling.symlink_to("missing")
    paths = {
        "file": (file, linked, folder / "file", tmp_path / "bin/../bin/file"),
        "second name": (hard,),
        "missing": (tmp_path / "missing", dangling),
        "also missing": (tmp_path / "bin/missing", folder / "missing"),
    }
    names = [(name, path) for name, same in paths.items() for path in same]
    for (name, path), (other_name, other) in product(names, names):
        assert leads_to(str(path), str(other)) is (name == other_name), (path, other)
