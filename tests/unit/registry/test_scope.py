"""The scope grammar, and what each request needs."""

from __future__ import annotations

import pytest

from shorepass.registry.scope import Scope, covers, for_request, parse, repository, repository_of, split, union


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repository:acme/app:pull,push", Scope("repository", "acme/app", ("pull", "push"))),
        ("repository:host:5000/app:pull", Scope("repository", "host:5000/app", ("pull",))),
        ("repository(plugin):acme/app:pull", Scope("repository", "acme/app", ("pull",))),
        ("registry:catalog:*", Scope("registry", "catalog", ("*",))),
        ("aws", None),
        ("*", None),
        ("", None),
        ("repository:acme", None),
        ("::", None),
    ],
)
def test_grammar(text: str, expected: Scope | None) -> None:
    """The type ends at the first colon, the actions begin after the last one; other texts are no scopes."""
    assert parse(text) == expected


def test_union() -> None:
    """Actions of one resource are joined and sorted, ``*`` absorbs, unknown texts and the order stay."""
    scopes = ["repository:b:push", "aws", "repository:a:pull", "repository:b:pull,push", "registry:catalog:*,x", "aws"]
    assert union(scopes) == ("repository:b:pull,push", "aws", "repository:a:pull", "registry:catalog:*")


@pytest.mark.parametrize(
    ("held", "wanted", "enough"),
    [
        (["repository:a:pull,push"], ["repository:a:pull"], True),
        (["repository:a:pull"], ["repository:a:pull,push"], False),
        (["repository:a:*"], ["repository:a:delete"], True),
        (["repository:a:pull"], ["repository:b:pull"], False),
        (["aws"], ["aws"], True),
        ([], ["aws"], False),
        ([], [], True),
        (["repository:a:pull"], [], True),
    ],
)
def test_covers(held: list[str], wanted: list[str], *, enough: bool) -> None:
    """A token for more can be used where less is needed, and never the other way round."""
    assert covers(held, wanted) is enough


# What docker-registry 2.8.2 names in its challenges for these requests.
@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/v2/", ()),
        ("HEAD", "/v2/foo/bar/manifests/latest", ("repository:foo/bar:pull",)),
        ("GET", "/v2/foo/bar/tags/list?n=1", ("repository:foo/bar:pull",)),
        ("POST", "/v2/foo/bar/blobs/uploads/", ("repository:foo/bar:pull,push",)),
        ("PATCH", "/v2/foo/bar/blobs/uploads/123?_state=x", ("repository:foo/bar:pull,push",)),
        ("DELETE", "/v2/foo/bar/blobs/uploads/123", ("repository:foo/bar:delete",)),
        (
            "POST",
            "/v2/foo/bar/blobs/uploads/?mount=sha256%3Aabc&from=other%2Frepo",
            ("repository:foo/bar:pull,push", "repository:other/repo:pull"),
        ),
        ("GET", "/v2/_catalog?n=10", ("registry:catalog:*",)),
        ("PUT", "/v2/a/blobs/manifests/1", ("repository:a/blobs:pull,push",)),
        ("GET", "/healthz", ()),
        ("OPTIONS", "/v2/a/manifests/1", ()),
    ],
)
def test_what_a_request_needs(method: str, target: str, expected: tuple[str, ...]) -> None:
    """Reads need pull, writes pull and push, deletes delete, a mount also pull on its source."""
    assert for_request(method, target) == expected


def test_repository_of() -> None:
    """The last of the API's words ends the repository's name: a repository may be called like one of them."""
    assert repository_of("/v2/team/tags/blobs/uploads/") == "team/tags"
    assert repository_of("/v2/team/blobs/manifests/latest") == "team/blobs"
    assert repository_of("/v2/manifests/latest") == ""
    assert repository_of("/token?scope=/v2/a/manifests/1") == ""


def test_split_and_build() -> None:
    """Two scopes in one parameter come apart; an empty parameter is none; actions are sorted."""
    assert split("repository:a:pull  repository:b:pull") == ("repository:a:pull", "repository:b:pull")
    assert split("") == ()
    assert repository("a", "push", "pull") == "repository:a:pull,push"
