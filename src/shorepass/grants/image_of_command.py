"""The image that a command of docker or podman starts, so that the policy can have a row for it, and its platform.

Source: ``docker run --help`` of 20.10 to 29, and ``podman run --help`` of 4. A test compares the tables with the programs here.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from shorepass.contexts.engine_family import Family
from shorepass.errors import UsageError, printable
from shorepass.names import ShortName, parse

if TYPE_CHECKING:
    from shorepass.grants.start import Start

__all__ = ["SWITCHES", "VALUED", "image_of", "platform_of"]

# Flags without a value, and flags whose value may be in the next word. Behind an unknown flag, the image cannot be told.
SWITCHES_WORDS = """
--detach --disable-content-trust --env-host --help --http-proxy --init --interactive --no-healthcheck --no-hosts
--oom-kill-disable --passwd --privileged --publish-all --quiet --read-only --read-only-tmpfs --replace --rm --rmi
--sig-proxy --tls-verify --tty --unsetenv-all --use-api-socket -P -d -i -q -t
"""
VALUED_WORDS = """
--add-host --annotation --arch --attach --authfile --blkio-weight --blkio-weight-device --cap-add --cap-drop
--cgroup-conf --cgroup-parent --cgroupns --cgroups --chrootdirs --cidfile --conmon-pidfile --cpu-count --cpu-percent
--cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems
--detach-keys --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps
--device-write-iops --dns --dns-opt --dns-option --dns-search --domainname --entrypoint --env --env-file --env-merge
--expose --gidmap --gpus --group-add --health-cmd --health-interval --health-on-failure --health-retries
--health-start-interval --health-start-period --health-timeout --hostname --hostuser --image-volume --init-ctr
--init-path --io-maxbandwidth --io-maxiops --ip --ip6 --ipc --isolation --kernel-memory --label --label-file --link
--link-local-ip --log-driver --log-opt --mac-address --memory --memory-reservation --memory-swap --memory-swappiness
--mount --name --net --net-alias --network --network-alias --oom-score-adj --os --passwd-entry --personality --pid
--pidfile --pids-limit --platform --pod --pod-id-file --preserve-fds --publish --pull --requires --restart --runtime
--sdnotify --seccomp-policy --secret --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --subgidname
--subuidname --sysctl --systemd --timeout --tmpfs --tz --uidmap --ulimit --umask --unsetenv --user --userns --uts
--variant --volume --volume-driver --volumes-from --workdir -a -c -e -h -l -m -p -u -v -w
"""
SWITCHES, VALUED = frozenset(SWITCHES_WORDS.split()), frozenset(VALUED_WORDS.split())


def image_of(start: Start) -> str:
    """Return the name of the image that a command starts, with its registry and without its tag.

    >>> image_of(Start("/usr/bin/docker", ("docker", "run", "-it", "alpine:3", "sh"), 2))
    'docker.io/library/alpine'

    Raises UsageError: there is no image, or a flag that is not known; InvalidReference.
    """
    words = iter(start.after)
    for word in words:
        if word == "--":
            return _name(start, next(words, ""))
        if not word.startswith("-") or word == "-":
            return _name(start, word)
        if _has_value_behind(word):
            next(words, "")
    return _name(start, "")


def platform_of(start: Start) -> str:
    """Return the platform of the container that a command starts, "" if it is not named in front of the image.

    >>> platform_of(Start("/usr/bin/docker", ("docker", "run", "--platform", "linux/arm64", "alpine:3"), 2))
    'linux/arm64'
    """
    words = iter(start.after)
    for word in words:
        name, equals, value = word.partition("=")
        if name == "--platform":
            return value if equals else next(words, "")
        if word in ("--", "-") or not word.startswith("-"):
            break
        with contextlib.suppress(UsageError):  # a flag that is not known
            if _has_value_behind(word):
                next(words, "")
    return ""


def _name(start: Start, word: str) -> str:
    if not word:
        raise UsageError("the command names no image")
    found = parse(word)
    if isinstance(found, ShortName) and Family.PODMAN in start.argv[0]:
        raise UsageError(
            f"podman looks for the registry of {printable(word)!r} itself, so the policy has no row for it"
        )
    if not found.repository:
        raise UsageError(f"{printable(word)!r} is not an image")
    return found.name


def _has_value_behind(word: str) -> bool:
    """Tell whether the value of a flag is the next word. Raises UsageError: the flag is not known."""
    name, equals, _ = word.partition("=")
    if word.startswith("--"):
        if name not in SWITCHES and name not in VALUED:
            raise _unknown(name)
        return name in VALUED and not equals
    for at, letter in enumerate(name[1:], 1):
        if f"-{letter}" in VALUED:
            return not equals and at == len(name) - 1
        if f"-{letter}" not in SWITCHES:
            raise _unknown(f"-{letter}")
    return False


def _unknown(flag: str) -> UsageError:
    return UsageError(
        f"the flag {printable(flag)} is not known, so the policy cannot have a row for the image behind it"
    )
