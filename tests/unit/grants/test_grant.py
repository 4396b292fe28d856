"""What a grant is for, and when it has ended."""

from __future__ import annotations

import pytest

from shorepass.errors import InvalidReference, UsageError
from shorepass.grants.globs import check_glob
from shorepass.grants.grant import FORWARD, Grant

FOLDER = "/run/user/1/shorepass/grants/0123abcd"


def lending(*registries: str) -> Grant:
    """Return a grant for some registries."""
    return Grant("0123abcd", "test", FORWARD, tuple(map(check_glob, registries)), FOLDER, "", 100.0, 200.0, 3)


@pytest.mark.parametrize(
    ("registry", "keys"),
    [
        ("ghcr.io", ("ghcr.io", "GHCR.io", "https://ghcr.io/v2/", "ghcr.io:443")),
        ("GHCR.IO", ("ghcr.io",)),
        ("docker.io", ("https://index.docker.io/v1/", "docker.io", "registry-1.docker.io")),
        ("https://index.docker.io/v1/", ("https://index.docker.io/v1/",)),
        ("*.example.com", ("a.example.com", "a.b.example.com")),
        ("localhost:*", ("localhost:5000", "localhost:80")),
        ("[::1]:5000", ("[::1]:5000", "[0:0:0:0:0:0:0:1]:05000", "[0000::0001]:5000")),
        (
            "registry.example:5000",
            ("registry.example:05000", "Registry.Example:0005000", "http://registry.example:5000"),
        ),
        ("registry.example:05000", ("registry.example:5000",)),
        ("registry.example", ("registry.example:443", "registry.example:0443", "http://registry.example")),
        ("docker.io", ("index.docker.io:443", "registry-1.docker.io:0443", "Docker.IO")),
        ("10.0.0.1", ("[::ffff:a00:1]", "10.0.0.1:443")),
        ("*.example.com:05000", ("a.example.com:5000",)),
        ("*.example.com:000443", ("a.example.com", "a.example.com:443")),
        ("*.example.com:00", ("a.example.com:0",)),
        ("*.example.com:443", ("a.example.com", "a.example.com:443")),
    ],
)
def test_the_keys_of_a_registry(registry: str, keys: tuple[str, ...]) -> None:
    """A registry has several keys, and a pattern several registries."""
    assert [key for key in keys if not lending(registry).allows(key)] == []


@pytest.mark.parametrize(
    ("registry", "keys"),
    [
        (
            "ghcr.io",
            ("", "ghcr.io:8443", "xghcr.io", "ghcr.io.evil.example", "https://ghcr.io@evil.example", "evil/ghcr.io"),
        ),
        (
            "docker.io",
            ("https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token", "docker.com"),
        ),
        ("*.example.com", ("example.com", "a.example.com.evil", "a.example.com:5000", "aXexample.com")),
        ("localhost:*", ("localhost", "localhost.evil:5000")),
        # Names that are stored for another port, and names that no client connects to.
        (
            "registry.example",
            ("http://registry.example:80", "registry.example:0", "registry.example.", "registry%2eexample"),
        ),
        ("registry.example:443", ("http://registry.example:80", "https://registry%2Eexample:443/", "[::1]:443")),
        ("registry.example:5000", ("registry.example:50000", "registry.example:5000.", "registry.example:+5000")),
    ],
)
def test_other_keys(registry: str, keys: tuple[str, ...]) -> None:
    """Names that contain a lent one are not lent, and neither are docker's tokens beside a login by browser."""
    assert [key for key in keys if lending(registry).allows(key)] == []


@pytest.mark.parametrize("text", ["", "*", "**", "*.*", "ghcr.io/acme", "*.example.com/a", "[*]", "a b*", "é*"])
def test_what_is_not_a_registry(text: str) -> None:
    """A pattern of everything, a repository, and what no registry is named are refused."""
    with pytest.raises((UsageError, InvalidReference)):
        check_glob(text)


def test_its_end() -> None:
    """It ends at its time, after its uses, and if the clock is before its beginning."""
    grant = lending("ghcr.io")
    assert [bool(grant.end(now)) for now in (99.0, 100.0, 199.9, 200.0)] == [True, False, False, True]
    assert grant._replace(uses=2).end(150.0) == ""
    assert grant._replace(uses=3).end(150.0) == "it was used up (3 of 3 uses)"
    assert grant._replace(uses=3, max_uses=0).end(150.0) == ""


@pytest.mark.parametrize(
    "name", ["ghcr.io/acme/app", "GHCR.IO/acme/app", "ghcr.io:443/acme/app", "ghcr.io:0443/acme/app"]
)
def test_a_repository_in_other_spellings(name: str) -> None:
    """A repository is lent by each name of its registry."""
    grant = lending("ghcr.io")._replace(repositories=("ghcr.io/acme/*",))
    assert grant.lends(name, push=False)
    assert not grant.lends(name.replace("acme", "other"), push=False)
    assert grant.lends(name.partition("/")[0], push=False)


def test_a_pattern_of_registries_beside_a_repository() -> None:
    """With --repo, a lent registry is lent whole, and its pattern matches no path."""
    grant = lending("*.example.com", "ghcr.io", "quay.io")._replace(
        repositories=("*.example.com/*", "ghcr.io/acme/*", "quay.io/*")
    )
    names = ["a.example.com/app", "ghcr.io/acme/app", "ghcr.io/other/app", "evil.io/a.example.com/app", "quay.io/x/y"]
    assert [grant.lends(name, push=False) for name in names] == [True, True, False, False, True]
    assert grant.whole == ["quay.io"]
