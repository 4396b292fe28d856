"""The servers of a network of its own: a registry behind TLS, one without, a proxy, and a small Docker Hub.

``registry.example`` is 10.77.0.1 there: 5443 with TLS, 5312 without. The plain registry is at 127.0.0.1:5310, too. A
proxy at 127.0.0.1:3128 leads to the registry with TLS, whatever it is asked for, and so do other registries' names
(127.0.0.2:443). Docker Hub is 127.0.0.1:443: everybody may pull alpine, alice may do all with acme/app and
alice/myapp, and a login with an e-mail address is good until an image is asked for.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading

from cases.image import put_image
from shorepass.testing import Registry
from shorepass.testing.server import Answer, Incoming, refusal

USERS = {"alice": "wonderland"}
EMAIL = "alice@example.com"
OWN = {"library/alpine": "pull", "alice/myapp": "pull,push", "acme/app": "pull,push"}


class Hub(Registry):
    """Docker Hub, which takes an e-mail address for a login and refuses it for every image."""

    def _token(self, request: Incoming) -> Answer:
        fields = request.form if request.method == "POST" else request.query
        answer = super()._token(request)
        asker = self._tokens and list(self._tokens.values())[-1][0]
        if answer.status == 200 and asker == EMAIL and fields.get("scope"):
            return refusal(401, "UNAUTHORIZED", "incorrect username or password")
        return answer


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes, until one side ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def relay(listener: socket.socket, port: int, *, is_proxy: bool = False) -> None:
    """Lead each connection to a port of this machine; a proxy hears a CONNECT first."""
    while True:
        client, _ = listener.accept()
        threading.Thread(target=connect, args=(client, port, is_proxy), daemon=True).start()


def connect(client: socket.socket, port: int, is_proxy: bool) -> None:
    head = b""
    while is_proxy and b"\r\n\r\n" not in head:
        head += client.recv(4096)
    server = socket.create_connection(("127.0.0.1", port))
    if is_proxy:
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)


def main(folder: str) -> None:
    """Serve until killed; the certificate and its key are in a folder."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{folder}/server.crt", f"{folder}/server.key")
    hub = Hub(
        users={**USERS, EMAIL: "wonderland"},
        auth="bearer",
        tls=tls,
        port=443,
        realm="https://auth.docker.io/token",
        service="registry.docker.io",
        grants={"": {"library/alpine": "pull"}, "alice": OWN, EMAIL: {"library/alpine": "pull"}},
    )
    with Registry(users=USERS, tls=tls, port=5444) as secure, Registry(users=USERS, port=5310) as plain, hub:
        for registry, repository in ((secure, "acme/app"), (plain, "acme/app"), (hub, "acme/app")):
            put_image(registry, repository)
        put_image(hub, "library/alpine", "3")
        put_image(secure, "app")
        put_image(plain, "library/alpine", "3")
        for address, port, is_proxy in (
            (("10.77.0.1", 5443), 5444, False),
            (("10.77.0.1", 5312), 5310, False),
            (("127.0.0.2", 443), 5444, False),
            (("127.0.0.1", 3128), 5444, True),
        ):
            listener = socket.create_server(address)
            threading.Thread(target=relay, args=(listener, port), kwargs={"is_proxy": is_proxy}, daemon=True).start()
        print("ready", flush=True)  # noqa: T201  # the starter waits for it
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
