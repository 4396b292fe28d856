"""Releases as users write them, and clients that are asked for one."""

from __future__ import annotations

import pytest

from shorepass.clients import NAMES, find
from shorepass.clients.release import Release, Rule
from shorepass.errors import UsageError

RULE = Rule("reads a variable", Release(28, 3), "https://example.com")


@pytest.mark.parametrize(
    ("text", "release"), [("29", Release(29)), ("20.10", Release(20, 10)), ("29.5.1", Release(29, 5, 1))]
)
def test_a_release_is_read_by_its_numbers(text: str, release: Release) -> None:
    """One number, two or three; those that are left out are 0."""
    assert Release.parse(text) == release


@pytest.mark.parametrize("text", ["", "new", "29.", "29.5.1.2", "-1", "29.x", "v29", "29.5-rc1", "٢٩", "9" * 5000])
def test_what_is_no_release_is_said_in_the_users_words(text: str) -> None:
    """The error repeats what was typed, and shows how a release is written."""
    with pytest.raises(UsageError) as caught:
        Release.parse(text)
    assert "not a release" in caught.value.message
    assert "docker@28.2" in str(caught.value.hint)


def test_releases_compare_by_number() -> None:
    """20.10 is before 28.2, and 28.10 behind 28.9."""
    assert Release.parse("20.10") < Release.parse("28.2") < Release.parse("28.9") < Release.parse("28.10")
    assert [RULE.holds(Release.parse(text)) for text in ("28.2.2", "28.3", "28.3.1", "29")] == [False, True, True, True]
    assert RULE.holds(None)


@pytest.mark.parametrize("name", NAMES)
def test_a_client_is_found_with_a_release(name: str) -> None:
    """It keeps the release in its name, so that what finds it by that name again finds the same."""
    client = find(f"{name}@20.10")
    assert (client.release, client.name, client.row) == (Release(20, 10), f"{name}@20.10", find(name).row)
    assert find(client.name).release == client.release
    assert find(name).release is None


def test_a_client_of_no_such_release() -> None:
    """What stands behind the @ is a release, or an error."""
    with pytest.raises(UsageError, match="not a release: new"):
        find("docker@new")
    with pytest.raises(UsageError, match="unknown client 'dock'"):
        find("dock@29")
