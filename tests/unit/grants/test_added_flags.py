"""The flags of a grant are right behind the verb, and are for the machine of the container."""

from __future__ import annotations

import platform

import pytest

from shorepass.agent_client.forwarder_file import path_for
from shorepass.contexts.local import LocalContext
from shorepass.errors import UsageError
from shorepass.grants.added_flags import flags, with_flags
from shorepass.grants.compose import override
from shorepass.grants.contents import contents
from shorepass.grants.grant import FORWARD, Grant
from shorepass.grants.start import Start

HERE = LocalContext({})
GRANT = Grant("0123abcd", "test", FORWARD, ("ghcr.io",), "/run/user/1/shorepass/grants/0123abcd", "", 0.0, 9.0)


def command(words: str) -> Start:
    """Return a command of docker whose verb is its second word."""
    return Start("/bin/docker", tuple(words.split()), 2)


def test_the_commands_own_flags_are_behind() -> None:
    """So they override Shorepass's."""
    found = with_flags(HERE, GRANT, command("docker run -it --env DOCKER_CONFIG=/mine image docker run x"))
    assert found == [
        "docker",
        "run",
        *flags(HERE, GRANT),
        "-it",
        *["--env", "DOCKER_CONFIG=/mine", "image", "docker", "run", "x"],
    ]


def test_the_forwarder_is_of_the_containers_machine() -> None:
    """``--platform`` chooses the program, in both of its forms; other systems than Linux have none."""
    arm = f"source={path_for('linux', 'aarch64')},"
    for words in ("docker run --platform linux/arm64/v8 image", "docker run --platform=linux/arm64 image"):
        assert any(arm in word for word in with_flags(HERE, GRANT, command(words)))
    own = f"source={path_for('linux', platform.machine())},"
    assert any(own in word for word in flags(HERE, GRANT))
    with pytest.raises(UsageError, match="windows"):
        flags(HERE, GRANT, "windows/amd64")


@pytest.mark.parametrize("words", ["-it --unknown image", "-it -v /a:/b --rm image", "--", "-- image"])
def test_a_platform_behind_the_image_is_not_the_containers(words: str) -> None:
    """It belongs to the command in the container, such as ``docker build --platform``."""
    given = f"docker run {words} docker build --platform linux/amd64,linux/arm64 ."
    own = f"source={path_for('linux', platform.machine())},"
    assert any(own in word for word in with_flags(HERE, GRANT, command(given)))


def test_a_platform_behind_other_flags() -> None:
    """Values of other flags are passed over, and so is a flag that is not known."""
    arm = f"source={path_for('linux', 'aarch64')},"
    for words in ("-it --env A --platform linux/arm64 image", "--new=1 -d --platform=linux/arm64 image --platform x"):
        assert any(arm in word for word in with_flags(HERE, GRANT, command(f"docker run {words}")))


def test_a_folder_that_no_flag_can_name() -> None:
    """A comma would end the path in the flag, and mount another folder."""
    with pytest.raises(UsageError, match="comma"):
        flags(HERE, GRANT._replace(folder="/tmp/a,target=/etc/0123abcd"))


def test_only_the_folder_for_own_logins_is_writable() -> None:
    """With --own-logins the container can write to that folder, and to nothing else, in flags as in a compose file."""
    grant = GRANT._replace(own_logins=True)
    mounts = [word for word in flags(HERE, grant) if word.startswith("--mount=")]
    assert [word.endswith(",readonly") for word in mounts] == [True, True, False]
    assert f"source={grant.folder}/own,target=/run/shorepass/own" in mounts[-1]
    text = override({"web": contents(HERE, grant)})
    _, *targets = text.split("target: ")
    assert ["read_only: false" in target for target in targets] == [False, False, True]
    assert '"/run/shorepass/own"' in targets[-1]
