"""A registry with TLS that only a proxy reaches: a program for a network of its own.

``python proxied_registry.py CERTIFICATE KEY`` prints ``proxy PORT`` when both answer. alice's password is wonderland.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading

from shorepass.testing import Registry


def pump(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def serve(client: socket.socket, registry: tuple[str, int]) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    server = socket.create_connection(registry)
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)


def main(certificate: str, key: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with Registry(users={"alice": "wonderland"}, auth="basic", tls=tls) as registry:
        host, _, port = registry.host.partition(":")
        proxy = socket.create_server(("127.0.0.1", 0))
        sys.stdout.write(f"proxy {proxy.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            client, _ = proxy.accept()
            threading.Thread(target=serve, args=(client, (host, int(port))), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
