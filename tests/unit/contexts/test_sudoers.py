"""What ``sudo -l`` tells of a policy. That it is what sudo then does is in tests/e2e/test_sudo_context.py."""

from __future__ import annotations

import pytest

from shorepass.contexts.sudoers import environment

CALLER = {
    "HOME": "/home/alice",
    "PATH": "/home/alice/bin:/bin",
    "DOCKER_CONFIG": "/elsewhere",
    "LC_TIME": "C",
    "LD_PRELOAD": "x",
}


def policy(settings: str) -> dict[str, str] | None:
    listing = (
        f"Matching Defaults entries for alice on host:\n    {settings}\n\n"
        "User alice may run the following commands on host:\n    (root) NOPASSWD: /usr/bin/docker\n"
    )
    return environment(listing, CALLER, "/root")


@pytest.mark.parametrize(
    ("settings", "home", "path", "config"),
    [
        (r"env_reset, mail_badpass, secure_path=/usr/sbin\:/bin, use_pty", "/root", "/usr/sbin:/bin", None),
        (r'env_reset, secure_path="/usr/sbin\:/bin", env_keep+="HOME X"', "/home/alice", "/usr/sbin:/bin", None),
        ("env_reset, env_keep+=HOME, always_set_home", "/root", CALLER["PATH"], None),
        ("env_reset, env_keep+=DOCKER_*", "/root", CALLER["PATH"], "/elsewhere"),
        ("env_reset, env_keep+=DOCKER_CONFIG=/other", "/root", CALLER["PATH"], None),
        ("env_reset, env_keep+=DOCKER_CONFIG=/elsewhere", "/root", CALLER["PATH"], "/elsewhere"),
        ('env_reset, env_keep+="A HOME", env_keep-=HOME', "/root", CALLER["PATH"], None),
        ("!env_reset", "/home/alice", CALLER["PATH"], "/elsewhere"),
        ("!env_reset, always_set_home", "/root", CALLER["PATH"], "/elsewhere"),
        (r"env_reset,\n    env_keep+=HOME", "/home/alice", CALLER["PATH"], None),
    ],
)
def test_settings(settings: str, home: str, path: str, config: str | None) -> None:
    """HOME, PATH and DOCKER_CONFIG as sudoers(5) has them."""
    found = policy(settings.replace(r"\n", "\n"))
    assert found is not None
    assert (found["HOME"], found["PATH"], found.get("DOCKER_CONFIG")) == (home, path, config)
    assert found["LC_TIME"] == "C"
    assert "LD_PRELOAD" not in found
    assert (found["USER"], found["LOGNAME"]) == ("root", "root")


@pytest.mark.parametrize(
    "listing", ["", "sudo: a password is required", "Matching Defaults entries", "User alice is not allowed"]
)
def test_nothing_told(listing: str) -> None:
    """Without a policy nothing is worked out."""
    assert environment(listing, CALLER, "/root") is None
