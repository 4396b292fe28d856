"""What registries say when they refuse a login."""

from __future__ import annotations

import pytest

from shorepass.errors import LoginRefused, PermissionDenied
from shorepass.registry.known_answers import ANSWERS, KnownAnswer, known_answer


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row.words)
def test_each_row_is_found_by_its_words(row: KnownAnswer) -> None:
    """The case of letters does not matter, and no earlier row hides a later one."""
    assert known_answer(f": DENIED {row.words.upper()} ...") is row
    assert row.source
    assert "{" not in row.hint + row.advice("LOGIN")


@pytest.mark.parametrize(
    ("words", "kind", "cause"),
    [
        # docker/hub-feedback issue 1981
        ("unauthorized: please use personal access token to login", LoginRefused, "two-factor"),
        # go-gitea/gitea issue 31531
        ("unauthorized: reqPackageAccess", PermissionDenied, "packages"),
        # docker/build-push-action issue 1214
        (
            "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.",
            PermissionDenied,
            "firewall",
        ),
        # the common errors in the user guide of Amazon ECR
        ("Your authorization token has expired. Reauthenticate and try again.", LoginRefused, "expired"),
        ("Token does not match expected scopes.", PermissionDenied, "scope"),
    ],
)
def test_what_registries_say(words: str, kind: type[Exception], cause: str) -> None:
    """A refused login is told from a missing permission."""
    row = known_answer(words)
    assert row is not None
    assert cause in row.cause
    assert isinstance(row.error("registry.example", words), kind)


@pytest.mark.parametrize("words", ["", "incorrect username or password", "authentication required", "denied: denied"])
def test_common_words_are_no_known_answer(words: str) -> None:
    """Words that name no cause get no row."""
    assert known_answer(words) is None
