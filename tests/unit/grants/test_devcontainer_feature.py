"""A feature is written into a folder of a repository, whose author may be hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shorepass.contexts.local import LocalContext
from shorepass.errors import UsageError
from shorepass.grants.contents import Contents
from shorepass.grants.devcontainer_feature import write_feature

if TYPE_CHECKING:
    from pathlib import Path

FOUND = Contents({"/run/shorepass": "/run/user/1/shorepass/grants/0123abcd"}, {})
METADATA = '{"name": "Shorepass grant"}'


@pytest.mark.parametrize("name", ["install.sh", "forwarder-x86_64", "devcontainer-feature.json"])
def test_no_file_outside_of_the_folder_is_written(tmp_path: Path, name: str) -> None:
    """A symlink of the repository does not lead to a file of the user, which keeps its content and its mode."""
    mine = tmp_path / "mine"
    mine.write_text(METADATA)
    mine.chmod(0o600)
    folder = tmp_path / "lent"
    folder.mkdir()
    (folder / "devcontainer-feature.json").write_text(METADATA)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(mine)
    with pytest.raises(UsageError, match="symlink"):
        write_feature(LocalContext({}), str(folder), FOUND)
    assert (mine.read_text(), mine.stat().st_mode & 0o777) == (METADATA, 0o600)


def test_no_file_outside_of_the_folder_is_made(tmp_path: Path) -> None:
    """A symlink that leads nowhere is not followed, either."""
    folder = tmp_path / "lent"
    folder.mkdir()
    (folder / "devcontainer-feature.json").write_text(METADATA)
    (folder / "install.sh").symlink_to(tmp_path / "made")
    with pytest.raises(UsageError, match="symlink"):
        write_feature(LocalContext({}), str(folder), FOUND)
    assert not (tmp_path / "made").exists()


def test_metadata_of_any_depth(tmp_path: Path) -> None:
    """Metadata that are no feature of Shorepass's are other files, however they look."""
    (tmp_path / "devcontainer-feature.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="has other files"):
        write_feature(LocalContext({}), str(tmp_path), FOUND)


def test_a_feature_is_written_again(tmp_path: Path) -> None:
    """The next grant takes the place of the former one in the same folder."""
    folder = tmp_path / "lent"
    for _ in range(2):
        write_feature(LocalContext({}), str(folder), FOUND)
    assert (folder / "install.sh").stat().st_mode & 0o777 == 0o755
