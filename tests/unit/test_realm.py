"""Where a credential may go, and where not."""

from __future__ import annotations

import pytest

from shorepass.errors import RealmRefused, UsageError
from shorepass.http import parse_url
from shorepass.registry.realm import check


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("https://registry-1.docker.io", "https://auth.docker.io/token"),
        ("https://lscr.io", "https://ghcr.io/token"),
        ("https://ghcr.io", "https://ghcr.io/token"),
        ("https://quay.io", "https://quay.io/v2/auth"),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("https://registry.example.co.uk", "https://auth.example.co.uk/token"),
        ("https://eu-docker.pkg.dev", "https://eu-docker.pkg.dev/v2/token"),
        ("https://public.ecr.aws", "https://public.ecr.aws/token/"),
        ("https://r.azurecr.io", "https://r.azurecr.io/oauth2/token"),
        ("https://registry.corp.internal:5000", "https://login.corp.internal/token"),
        ("https://r.example.com", "https://r.example.com:8443/token"),
        ("https://r.example.com", "https://R.EXAMPLE.com./token"),
        ("https://10.1.2.3:5000", "https://10.1.2.3:5001/token"),
        ("https://10.1.2.3:5000", "https://[::ffff:10.1.2.3]/token"),
        ("https://[fd00::1]:5000", "https://[fd00:0::1]/token"),
        ("https://localhost:5000", "https://localhost:5001/token"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token"),
        ("http://127.0.0.1:5000", "https://127.0.0.1:5001/token"),
        ("https://r.example.com", "/token"),
        ("https://r.example.com", "//auth.example.com/token"),
    ],
)
def test_allowed(registry: str, realm: str) -> None:
    """The registry's own host, its registrable domain and the known pairs may have the credential."""
    assert check(parse_url(f"{registry}/v2/"), realm).path.startswith("/")


@pytest.mark.parametrize(
    ("registry", "realm", "why"),
    [
        ("https://r.example.com", "https://evil.example.org/token", "does not belong to the domain"),
        ("https://r.example.com", "https://r.example.com.evil.org/token", "does not belong"),
        ("https://r.example.com", "https://evil-example.com/token", "does not belong"),
        ("https://a.github.io", "https://b.github.io/token", "does not belong"),
        ("https://one.azurecr.io.evil.net", "https://r.azurecr.io/token", "does not belong"),
        ("https://a.co.uk", "https://b.co.uk/token", "does not belong"),
        ("https://ghcr.io", "https://lscr.io/token", "does not belong"),
        ("https://registry", "https://auth/token", "does not belong"),
        ("https://r.example.com", "https://169.254.169.254/latest", "it is an address"),
        ("https://r.example.com", "https://[fd00:ec2::254]/", "it is an address"),
        ("https://r.example.com", "https://2130706433/", "it is an address"),
        ("https://r.example.com", "https://0x7f.1/", "it is an address"),
        ("https://r.example.com", "https://0177.0.0.1/", "it is an address"),
        ("https://r.example.com", "https://127.1/", "it is an address"),
        ("https://127.0.0.1:5000", "https://2130706433/", "it is an address"),
        ("https://10.0.0.1", "https://10.0.0.2/", "it is an address"),
        ("https://10.0.0.1", "https://r.example.com/", "the registry is an address"),
        ("https://r.example.com", "http://r.example.com/token", "plain http and the registry is https"),
        ("http://r.example.com", "http://r.example.com/token", "plain http"),
        ("https://r.example.com", "ftp://r.example.com/token", "neither http nor https"),
        ("https://r.example.com", "https://user:pw@r.example.com/token", "user name or password"),
        ("https://r.example.com", "https://r.example.com@evil.org/token", "user name or password"),
        ("https://r.example.com", "https://r.example.com#@evil.org/", "fragment"),
        ("https://r.example.com", "https://evil.org\\@r.example.com/", "backslashes"),
        ("https://r.example.com", "https://r.example.com:0/token", "port"),
        ("https://r.example.com", "https://r.example.com:99999/token", "port"),
        ("https://r.example.com", "https:///token", "host"),
        ("https://r.example.com", "https://r.exam\nple.com/", "control"),
        ("https://r.example.com", "https://r.exämple.com/", "non-ASCII"),
        ("https://r.example.com", "https://[::1%eth0]/", "host"),
        ("https://r.example.com", "", "empty"),
        ("https://r.example.com", "https://r.example.com/" + "x" * 9000, "longer"),
    ],
)
def test_refused(registry: str, realm: str, why: str) -> None:
    """Anything else is refused with a reason, and the message names the realm."""
    with pytest.raises(RealmRefused) as caught:
        check(parse_url(f"{registry}/v2/"), realm)
    assert why in caught.value.reason
    assert caught.value.hint


@pytest.mark.parametrize(
    "entry", ["evil.example.org", "EVIL.example.org", "evil.example.org:8443", "evil.example.org."]
)
def test_trusted_by_name(entry: str) -> None:
    """A host that the user trusts may have the credential; the refusal says how to trust it."""
    asked = parse_url("https://r.example.com/v2/")
    realm = "https://evil.example.org:8443/token"
    assert str(check(asked, realm, trusted=(entry,))) == realm
    with pytest.raises(RealmRefused) as caught:
        check(asked, realm)
    assert "--trust-realm evil.example.org:8443" in (caught.value.hint or "")


def test_trust_of_one_port_is_not_trust_of_another() -> None:
    """A trusted ``host:port`` is that port only."""
    with pytest.raises(RealmRefused):
        check(parse_url("https://r.example.com/v2/"), "https://auth.other.org/t", trusted=("auth.other.org:8443",))


def test_trust_does_not_allow_plain_http() -> None:
    """A trusted name does not make an https registry's http realm acceptable."""
    with pytest.raises(RealmRefused, match="plain http"):
        check(
            parse_url("https://r.example.com/v2/"),
            "http://auth.other.org/t",
            trusted=("auth.other.org",),
            insecure=True,
        )


@pytest.mark.parametrize("entry", ["https://auth.example.org", "a b", "auth.example.org/token", "", "u@h"])
def test_what_is_no_host_cannot_be_trusted(entry: str) -> None:
    """``--trust-realm`` with something else than a host is the user's mistake, and said so."""
    with pytest.raises(UsageError, match="--trust-realm"):
        check(parse_url("https://r.example.com/v2/"), "https://auth.other.org/t", trusted=(entry,))


def test_plain_http_where_it_was_allowed() -> None:
    """An insecure registry's realm may be plain http on the same host, or on one that the user named."""
    asked = parse_url("http://r.example.com:5000/v2/")
    assert check(asked, "http://r.example.com:5001/t", insecure=True).port == 5001
    assert check(asked, "http://auth.example.com/t", insecure=True, trusted=("auth.example.com",)).port == 80
    with pytest.raises(RealmRefused, match="plain http"):
        check(asked, "http://auth.example.com/t", insecure=True)


def test_realm_text_is_safe_to_print() -> None:
    """No control character of a realm reaches the message."""
    with pytest.raises(RealmRefused) as caught:
        check(parse_url("https://r.example.com/v2/"), "https://x\x1b[31m\r\n/")
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("registry", "realm"), [("localhost", "127.0.0.1"), ("127.0.0.1", "[::1]"), ("[::1]", "localhost")]
)
def test_the_spellings_of_this_machine_are_one_host(registry: str, realm: str) -> None:
    """A registry named localhost may have its token server on 127.0.0.1 or [::1]: no other machine is meant."""
    assert check(parse_url(f"http://{registry}:5000/v2/"), f"http://{realm}:5001/token").port == 5001
