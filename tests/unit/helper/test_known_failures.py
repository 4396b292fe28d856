"""What helpers print when they fail, in the words of public reports: each leads to its cause."""

from __future__ import annotations

import pytest

from shorepass.errors import Trouble
from shorepass.helper.known_failures import failure_of

EXTERNAL = "Exhausted all available authentication mechanisms (tried: EXTERNAL) (available: EXTERNAL)"
HUB = (
    'Post "https://hub.docker.com/v2/users/login?refresh_token=true": dialing hub.docker.com:443 with direct connection'
)
SSO = (
    'panic: profile "default" is configured to use SSO but is missing required configuration: sso_region, sso_start_url'
)


@pytest.mark.parametrize(
    ("suffix", "text", "cause"),
    [
        ("osxkeychain", "One or more parameters passed to a function were not valid.", "has an item that"),
        ("osxkeychain", "fork/exec docker-credential-osxkeychain: bad CPU type in executable", "another kind of Mac"),
        ("wincred.exe", "Not enough memory resources are available to process this command.", "is full"),
        ("desktop", HUB, "does not reach it"),
        ("secretservice", EXTERNAL, "runs in a user namespace"),
        ("secretservice", "SIGSEGV: segmentation violation", "the keyring was not unlocked"),
        (
            "secretservice",
            "Error calling StartServiceByName for org.freedesktop.secrets: Timeout was reached",
            "no keyring",
        ),
        ("gcloud", "ERROR: gcloud failed to load: 'module' object has no attribute 'HTTPSConnection'", "a Python that"),
        ("ecr-login", SSO, "sso_session"),
        ("pass", "exit status 1: gpg: decryption failed: No secret key", "gpg cannot decrypt it"),
    ],
)
def test_a_reported_sentence(suffix: str, text: str, cause: str) -> None:
    """The cause is named, and a fix that can be typed or done."""
    found = failure_of(text, suffix)
    assert found is not None
    assert cause in found.cause
    assert found.fix


def test_a_crash_is_a_locked_keyring() -> None:
    """Doctor then reports SP210, and does not ask the helper again."""
    found = failure_of("libsecret-CRITICAL **: secret_value_get: assertion 'value' failed", "secretservice")
    assert found is not None
    assert found.trouble is Trouble.LOCKED
