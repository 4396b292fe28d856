"""The flags of a grant are right behind the verb that starts a container, and nothing else of the command changes."""

from __future__ import annotations

import platform

import pytest

from shorepass.agent_client.forwarder_file import path_for
from shorepass.contexts.local import LocalContext
from shorepass.errors import UsageError
from shorepass.grants.flags import flags, with_flags
from shorepass.grants.grant import FORWARD, Grant

HERE = LocalContext({})
GRANT = Grant("0123abcd", "test", FORWARD, ("ghcr.io",), "/run/user/1/shorepass/grants/0123abcd", "", 0.0, 9.0)


@pytest.mark.parametrize(
    ("client", "before", "after"),
    [
        ("docker", "docker run", "image"),
        ("docker", "docker run", "-it --env DOCKER_CONFIG=/mine image docker run x"),
        ("docker", "docker container create", "image"),
        ("docker", "docker --context run -H unix:///run/create --tls container run", "--rm image"),
        ("docker", "docker --host=tcp://create create", "image"),
        ("podman", "/usr/bin/podman --log-level run --root /x run", "-d image"),
        ("podman", "podman container run", "image sh -c create"),
    ],
)
def test_the_flags_are_behind_the_verb(client: str, before: str, after: str) -> None:
    """Global flags and their values are passed over; the command's own flags are behind and override."""
    words = [*before.split(), *after.split()]
    found = with_flags(HERE, GRANT, client, words)
    assert found == [*before.split(), *flags(HERE, GRANT), *after.split()]


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ("docker", "docker"),
        ("docker", "docker pull run"),
        ("docker", "docker network create mine"),
        ("docker", "docker compose run web"),
        ("docker", "docker --context run"),
        ("podman", "podman pod create"),
        ("sh", "sh run"),
        ("sh", "sh -c run"),
    ],
)
def test_a_command_that_starts_no_container_is_refused(client: str, words: str) -> None:
    """Nothing is added to a command that would not understand the flags."""
    with pytest.raises(UsageError, match="docker or podman"):
        with_flags(HERE, GRANT, client, words.split())


def test_the_forwarder_is_of_the_containers_machine() -> None:
    """``--platform`` chooses the program, in both of its forms; other systems than Linux have none."""
    arm = f"source={path_for('linux', 'aarch64')},"
    for words in ("docker run --platform linux/arm64/v8 image", "docker run --platform=linux/arm64 image"):
        assert any(arm in word for word in with_flags(HERE, GRANT, "docker", words.split()))
    own = f"source={path_for('linux', platform.machine())},"
    assert any(own in word for word in flags(HERE, GRANT))
    with pytest.raises(UsageError, match="windows"):
        flags(HERE, GRANT, "windows/amd64")


def test_a_folder_that_no_flag_can_name() -> None:
    """A comma would end the path in the flag, and mount another folder."""
    with pytest.raises(UsageError, match="comma"):
        flags(HERE, GRANT._replace(folder="/tmp/a,target=/etc/0123abcd"))
