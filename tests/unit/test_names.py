"""Which texts name a registry. Source: distribution/reference regexp.go, ``domain`` with its port."""

from __future__ import annotations

import pytest

from shorepass.errors import InvalidReference
from shorepass.names import is_registry, parse, port_meant, registry_meant, registry_of_server


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "ghcr.io",
        "GHCR.io:443",
        "a-b.c--d",
        "localhost:5000",
        "127.0.0.1:0",
        "[::1]",
        "[fe80::Ab]:5000",
        "1.2",
        "a.b:00",
    ],
)
def test_a_host_and_its_port_name_a_registry(text: str) -> None:
    """Labels of letters, digits and inner hyphens, or an address in brackets; a port has digits."""
    assert is_registry(text)
    assert registry_of_server(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "-", "a_b", "a b", "a/b", "\u00e9.io", "\u0663"),
        *("a:", ":5000", "a:b", "a:1:2", "a:-1", "a:\u0663", "a:1\n", "a\n"),
        *("[]", "[::1", "::1", "[::1]:", "[::1]5000", "[::g]", "[[::1]]", "[::1]]:5"),
    ],
)
def test_nothing_else_does(text: str) -> None:
    """An empty label, a hyphen at its end, another character, or a port without digits."""
    assert not is_registry(text)


@pytest.mark.parametrize(
    ("port", "meant"),
    [("5000", "5000"), ("05000", "5000"), ("0", "0"), ("000", "0"), ("*", "*"), ("0*", "0*"), ("", "")],
)
def test_a_port_in_one_spelling(port: str, meant: str) -> None:
    """Zeros in front of a number do not count; a pattern remains as it is."""
    assert port_meant(port) == meant
    if port.isdigit():
        assert registry_meant(f"registry.example:{port}") == f"registry.example:{meant}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("$CI_REGISTRY_IMAGE:1", "a variable that was not replaced"),
        ("ghcr.io/${{ github.repository }}", "a variable that was not replaced"),
        ("ghcr.io/acme/app:${TAG}", "a variable that was not replaced"),
        ("/acme/app:1", "the variable at its beginning may be empty"),
        (":1", "the variable at its beginning may be empty"),
        ("ghcr.io/acme/app:", "the variable behind the colon may be empty"),
        ("ghcr.io/acme/app:feature/login", "a tag cannot have a slash"),
        ("ghcr.io/Acme/App:1", "must be lower case: acme/app"),
    ],
)
def test_what_a_script_did_not_complete(text: str, why: str) -> None:
    """Clients call each of these names an invalid format; the message has the cause."""
    with pytest.raises(InvalidReference, match=why):
        parse(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://ghcr.io/acme/app:1", "ghcr.io/acme/app:1"),
        ("http://alice:secret@localhost:5000/app", "localhost:5000/app"),
        ("ftp://reg.io/app", "reg.io/app"),
    ],
)
def test_an_image_with_a_scheme_has_the_name_without_it_as_hint(text: str, name: str) -> None:
    """What the user can type, and no password of the URL."""
    with pytest.raises(InvalidReference) as caught:
        parse(text)
    assert caught.value.hint == f"write {name}"
    assert "secret" not in str(caught.value)
