"""Servers whose answer names the cause: another server than the registry, or a registry with words of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases.case import Case
from cases.repairs import with_login

if TYPE_CHECKING:
    from cases.stage import Stage

__all__ = ["ROWS"]


def at_the_registry(stage: Stage, offer: str) -> None:
    """Use the registry's own name and port, with a login there."""
    assert stage.found["subject"] == stage.registry, offer
    registry = stage.ground.registry
    stage.ref = stage.ref.replace(stage.registry, registry)
    stage.asks = ["doctor", stage.ref]
    with_login(stage, f"shorepass login --store file {registry}")


def with_a_token(stage: Stage, offer: str) -> None:
    """Log in with a token, which the registry knows, as the end of the offer says."""
    with_login(stage, offer.rpartition(", then: ")[2])


def as_the_owner_allows(stage: Stage, offer: str) -> None:
    """Let the registry allow it, as its administrator does."""
    assert offer
    stage.build_again(WORDS="")


ROWS = [
    *(
        Case(
            "products",
            variant={"REALM": realm},
            fails="unauthorized",
            asks="doctor {ref}",
            code="SP501",
            cause="incorrect username or password",
            offers=offers,
            repair=with_login,
            stand_in="a registry with the challenge of the product",
        )
        for realm, offers in (
            ("Artifactory Realm", "has an identity token of the profile as the password"),
            ("Sonatype Nexus Repository Manager", "needs a user token"),
        )
    ),
    *(
        Case(
            "answers",
            variant={"KIND": "token", "WORDS": words},
            fails=words,
            asks="doctor {ref}",
            code="SP501",
            cause=cause,
            offers=offers,
            repair=with_a_token,
            stand_in="a registry that says this, in place of the provider's",
        )
        for words, cause, offers in (
            ("please use personal access token to login", "two-factor login or single sign-on", "make an access token"),
            ("HTTP Basic: Access denied", "GitLab wants a token", "make a personal access token with read_registry"),
            (
                "Client login with unencrypted passwords is disabled",
                "this Quay accepts no plain password",
                "make an encrypted password in the settings of the Quay account",
            ),
        )
    ),
    *(
        Case(
            "answers",
            variant={"KIND": "image", "WORDS": words},
            fails=words,
            asks="doctor {ref}",
            code="SP502",
            cause=cause,
            offers=offers,
            repair=as_the_owner_allows,
            stand_in="a registry that says this, in place of the provider's",
        )
        for words, cause, offers in (
            (
                "Resource protected by organization SAML enforcement",
                "the token is not authorised for the organisation",
                "authorise the token for the organisation at https://github.com/settings/tokens",
            ),
            (
                "client with IP 203.0.113.7 is not allowed access",
                "does not allow the address of this machine: the login is not the cause",
                "ask the administrator to allow the address",
            ),
            (
                "You have exceeded your pull traffic quota for the current month",
                "has used up its quota: the login is not the cause",
                "choose a plan with a higher quota",
            ),
        )
    ),
    *(
        Case(
            "not-there",
            variant={"KIND": kind},
            fails=fails,
            asks="doctor {ref}",
            code="SP511",
            cause=cause,
            offers=offers,
            repair=at_the_registry,
        )
        for kind, fails, cause, offers in (
            ("page", "404", "it answered 404 with a web page", "is this the registry's own name and port?"),
            ("login", "unauthorized", "it answered 404 with a web page", "is this the registry's own name and port?"),
            ("json", "404", "it answered 404", "is this the registry's own name and port?"),
        )
    ),
]
