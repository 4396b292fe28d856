"""Domains whose hosts have different owners, although the public suffix list does not have these domains.

The owner of a domain must send it to that list. The services below give each customer, machine or address a host, and did
not send their domains. So two hosts in one of them are not related. A row is the reason, a source for it, and the domains.
"""

from itertools import chain
from typing import NamedTuple

__all__ = ["SHARED", "is_shared"]


class Shared(NamedTuple):
    """Domains whose hosts have different owners, why, and where that is documented."""

    why: str
    source: str
    domains: tuple[str, ...]


SHARED = (
    Shared(
        "every address has a name in it",
        "https://nip.io, https://sslip.io, https://doc.traefik.me",
        (
            *("nip.io", "sslip.io", "xip.io", "xip.name", "traefik.me", "ip6.name", "backname.io", "plex.direct"),
            *("local-ip.sh", "local-ip.co", "local-ip.medicmobile.org"),
        ),
    ),
    Shared(
        "every name in it is an address of this machine",
        "https://github.com/localtest-dot-me/localtest.me, https://lvh.me",
        ("lvh.me", "localtest.me", "vcap.me", "lacolhost.com", "localho.st", "local.gd", "fuf.me", "apps-crc.testing"),
    ),
    Shared(
        "each virtual machine, cluster or function of Azure has a host in it",
        "https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses#dns-name-label",
        (
            *("cloudapp.azure.com", "cloudapp.net", "azurecontainer.io", "azurecontainerapps.io", "azmk8s.io"),
            *("aksapp.io", "azurewebsites.net", "azurefd.net", "trafficmanager.net"),
        ),
    ),
    Shared(
        "each registry in it is a customer's, with its token server on its own host",
        "https://learn.microsoft.com/azure/container-registry, https://jfrog.com/help, https://docs.ovhcloud.com",
        ("azurecr.io", "jfrog.io", "container-registry.ovh.net", "tencentcloudcr.com", "pkg.coding.net", "myget.org"),
    ),
    Shared(
        "each machine, cluster or load balancer of AWS has a host in it",
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html",
        ("amazonaws.com", "ec2.internal", "compute.internal", "on.aws"),
    ),
    Shared(
        "each virtual machine has a host in it, made of its address",
        "https://cloud.google.com/compute/docs/instances/create-ptr-record",
        ("googleusercontent.com", "vultrusercontent.com", "vultr.com", "linodeusercontent.com", "secureserver.net"),
    ),
    Shared(
        "each rented server has a host in it",
        "https://docs.hetzner.com/cloud/servers/cloud-server-rdns, https://help.ovhcloud.com",
        (
            *("your-server.de", "vps.ovh.net", "vps.ovh.ca", "vps.ovh.us", "hosting.ovh.net", "kimsufi.com"),
            *("contaboserver.net", "stratoserver.net", "scw.cloud", "poneytelecom.eu", "upcloud.host"),
            *("oraclevcn.com", "k8s.civo.com", "k8s.ondigitalocean.com", "openshiftapps.com", "appdomain.cloud"),
            "ecs.aliyuncs.com",
        ),
    ),
    Shared(
        "each workspace of a user has a host in it, for each port",
        "https://docs.github.com/codespaces/developing-in-a-codespace/forwarding-ports-in-your-codespace",
        ("app.github.dev", "githubpreview.dev", "gitpod.io", "gitpod.dev", "webcontainer.io", "csb.app", "replit.dev"),
    ),
    Shared(
        "each tunnel to a user's machine has a host name there",
        "https://learn.microsoft.com/azure/developer/dev-tunnels, https://ngrok.com/docs, https://serveo.net",
        (
            *("devtunnels.ms", "loca.lt", "localtunnel.me", "serveo.net", "serveousercontent.com", "localhost.run"),
            *("lhr.life", "lhr.rocks", "lhr.domains", "lhrtunnel.link", "ngrok.io", "ngrok.app", "ngrok.dev"),
            *("ngrok-free.app", "ngrok-free.dev", "ngrok.pizza", "ngrok.pro", "trycloudflare.com", "pinggy.link"),
            *("pinggy.io", "pagekite.me", "telebit.io", "tunnelto.dev", "bore.pub", "bore.digital", "zrok.io"),
            *("loclx.io", "tunnelmole.net", "playit.gg", "sharedwithexpose.com", "packetriot.net"),
            "beta.tailscale.net",
        ),
    ),
)

_DOMAINS = frozenset(chain.from_iterable(row.domains for row in SHARED))


def is_shared(host: str) -> bool:
    """Tell whether a host's name ends in one of these domains, or is one."""
    labels = host.split(".")
    return any(".".join(labels[at:]) in _DOMAINS for at in range(len(labels)))
