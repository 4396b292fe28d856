"""Where a credential may go, and where not."""

from __future__ import annotations

import pytest

from shorepass.errors import RealmRefused, UsageError
from shorepass.http import parse_url
from shorepass.registry.realm import check
from shorepass.registry.shared_hosts import SHARED, Shared, is_shared


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
        ("https://localhost:5000", "https://localhost:5000/token"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/token"),
        ("http://127.0.0.1:5000", "https://127.0.0.1:5000/token"),
        ("http://127.0.0.2:5000", "http://127.0.0.2:5000/token"),
        ("https://registry.localhost", "https://registry.localhost/token"),
        ("https://r.example.com", "/token"),
        ("https://registry.hub.docker.com", "https://auth.docker.com/token"),
        ("https://us-docker.pkg.dev", "https://us-docker.pkg.dev/v2/token"),
        ("https://gcr.io", "https://gcr.io/v2/token"),
        ("https://registry.digitalocean.com", "https://api.digitalocean.com/v2/registry/auth"),
        ("https://registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.cn-hangzhou.aliyuncs.com/auth"),
        ("https://us.icr.io", "https://us.icr.io/oauth/token"),
        ("https://acme.jfrog.io", "https://acme.jfrog.io/artifactory/api/docker/r/v2/token"),
        ("https://1.dkr.ecr.eu-west-1.amazonaws.com", "https://1.dkr.ecr.eu-west-1.amazonaws.com/token"),
        ("https://x.westeurope.cloudapp.azure.com", "https://x.westeurope.cloudapp.azure.com:8443/token"),
        ("https://registry.10.0.0.1.nip.io", "https://registry.10.0.0.1.nip.io/token"),
        ("https://registry.team.svc.cluster.local:5000", "https://auth.team.svc.cluster.local/token"),
        ("https://registry.team.svc.k8s.example.com", "https://auth.team.svc.k8s.example.com/token"),
        ("https://registry.team.svc", "https://auth.team.svc/token"),
        ("https://registry.svc.example.com", "https://auth.example.com/token"),
        ("https://svc.example.com", "https://auth.example.com/token"),
        ("https://registry.gitpod.example", "https://auth.gitpod.example/token"),
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
        ("https://localhost:5000", "https://localhost:5001/token", "another port of this machine"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", "another port of this machine"),
        ("http://127.0.0.1:5000", "https://127.0.0.1:5001/token", "another port of this machine"),
        ("http://localhost:5000", "http://127.0.0.1:5001/token", "another port of this machine"),
        ("http://[::1]:5000", "http://localhost:80/token", "another port of this machine"),
        ("http://localhost:5000", "http://localhost/token", "another port of this machine"),
        ("http://127.0.0.2:5000", "http://127.0.0.2:5001/token", "another port of this machine"),
        ("http://127.0.0.2:5000", "http://127.0.0.1:5000/token", "it is an address"),
        ("https://[::ffff:127.0.0.1]:5000", "https://[::ffff:127.0.0.1]:5001/token", "another port of this machine"),
        ("https://0.0.0.0:5000", "https://0.0.0.0:5001/token", "another port of this machine"),
        ("https://registry.localhost", "https://registry.localhost:5001/token", "another port of this machine"),
        ("https://registry.localhost", "https://auth.localhost/token", "does not belong"),
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


STRANGERS = [
    ("app.10.0.0.1.nip.io", "auth.10.0.0.2.nip.io"),
    ("app.10.0.0.1.nip.io", "auth.9.9.0.1.nip.io"),  # names end alike, and the addresses differ
    ("app-10-0-0-1.nip.io", "app-10-0-0-2.nip.io"),
    ("www.1.2.3.4.sslip.io", "www.4.3.2.4.sslip.io"),
    ("a.traefik.me", "b.traefik.me"),
    ("1.2.3.4.xip.io", "4.3.3.4.xip.io"),
    ("a.westeurope.cloudapp.azure.com", "b.westeurope.cloudapp.azure.com"),
    ("a.westeurope.cloudapp.azure.com", "b.eastus.cloudapp.azure.com"),
    ("a.westeurope.cloudapp.azure.com", "portal.azure.com"),
    ("vm.abc.bx.internal.cloudapp.net", "vm.def.bx.internal.cloudapp.net"),
    ("a.westeurope.azurecontainer.io", "b.westeurope.azurecontainer.io"),
    ("a.x.westeurope.azurecontainerapps.io", "b.y.westeurope.azurecontainerapps.io"),
    ("one.azurecr.io", "two.azurecr.io"),
    ("one.jfrog.io", "two.jfrog.io"),
    ("4.3.2.1.bc.googleusercontent.com", "9.9.2.1.bc.googleusercontent.com"),
    ("1.2.3.4.vultrusercontent.com", "4.3.2.1.vultrusercontent.com"),
    ("static.1.2.3.4.clients.your-server.de", "static.4.3.2.1.clients.your-server.de"),
    ("vps-1.vps.ovh.net", "vps-2.vps.ovh.net"),
    ("x-5000.app.github.dev", "y-5000.app.github.dev"),
    ("x-5000.euw.devtunnels.ms", "y-5000.euw.devtunnels.ms"),
    ("a.loca.lt", "b.loca.lt"),
    ("a.serveo.net", "b.serveo.net"),
    ("a.serveo.net", "serveo.net"),
    ("a.localhost.run", "b.localhost.run"),
    ("a.lhr.life", "b.lhr.life"),
    ("5000-a.ws-eu1.gitpod.io", "5000-b.ws-eu1.gitpod.io"),
    *((f"a.{name}", f"b.{name}") for name in ("ngrok.io", "eu.ngrok.io", "ngrok.app", "ngrok.dev")),
    *((f"a.{name}", f"b.{name}") for name in ("ngrok-free.app", "ngrok-free.dev", "trycloudflare.com")),
    ("ec2-1-2-3-4.eu-west-1.compute.amazonaws.com", "ec2-4-3-2-1.eu-west-1.compute.amazonaws.com"),
    ("ec2-1-2-3-4.compute-1.amazonaws.com", "ec2-4-3-2-1.compute-1.amazonaws.com"),
    ("a.gr7.eu-west-1.eks.amazonaws.com", "b.gr7.eu-west-1.eks.amazonaws.com"),
    ("ip-10-0-0-1.ec2.internal", "ip-10-0-0-2.ec2.internal"),
    ("ip-10-0-0-1.eu-west-1.compute.internal", "ip-10-0-0-2.eu-west-1.compute.internal"),
    ("registry.team.svc.cluster.local", "auth.other.svc.cluster.local"),
    ("registry.team.svc.cluster.local", "kubernetes.default.svc.cluster.local"),
    ("registry.team.svc.cluster.local", "cluster.local"),
    ("registry.team.svc.k8s.example.com", "auth.other.svc.k8s.example.com"),
    ("registry.team.svc.k8s.example.com", "auth.example.com"),
    ("registry.team.svc", "auth.other.svc"),
    ("registry.svc.svc.cluster.local", "auth.other.svc.cluster.local"),
    ("10-0-0-1.team.pod.cluster.local", "10-0-0-2.other.pod.cluster.local"),
    ("registry.team.svc.cluster.local", "registry.team.svc.cluster.example"),
    ("a.svc.firenet.ch", "b.svc.firenet.ch"),  # the public list goes on below svc
    ("x.a.svc.firenet.ch", "x.b.svc.firenet.ch"),
]


@pytest.mark.parametrize(("registry", "realm"), STRANGERS)
def test_strangers_on_a_shared_domain(registry: str, realm: str) -> None:
    """Two customers of one service are strangers, both ways round and in any spelling; the user may trust the host."""
    for one, other in ((registry, realm), (realm, registry), (registry.upper(), f"{realm}.")):
        with pytest.raises(RealmRefused) as caught:
            check(parse_url(f"https://{one}/v2/"), f"https://{other}/token")
        assert "does not belong" in caught.value.reason
    trusted = check(parse_url(f"https://{registry}/v2/"), f"https://{realm}/token", trusted=(realm,))
    assert trusted.host == realm


@pytest.mark.parametrize("row", SHARED)
def test_each_shared_domain_has_its_reason(row: Shared) -> None:
    """Each row says why and where that can be read, and what only ends in the same letters is not meant."""
    assert row.why
    assert row.source.startswith("https://")
    for domain in row.domains:
        assert is_shared(f"a.b.{domain}")
        assert is_shared(domain)
        assert not is_shared(f"not-{domain}")


@pytest.mark.parametrize("trusted", ["localhost", "localhost:5001"])
def test_another_port_of_this_machine_by_name(trusted: str) -> None:
    """A token server of one's own on another port takes one flag, with the port or without."""
    asked = parse_url("http://localhost:5000/v2/")
    assert check(asked, "http://localhost:5001/token", trusted=(trusted,)).port == 5001
    with pytest.raises(RealmRefused) as caught:
        check(asked, "http://localhost:5001/token", trusted=("localhost:5002",))
    assert "--trust-realm localhost:5001" in (caught.value.hint or "")


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
    """A registry named localhost may have its token server on 127.0.0.1 or [::1] and the same port: it is itself."""
    assert check(parse_url(f"http://{registry}:5000/v2/"), f"http://{realm}:5000/token").port == 5000
