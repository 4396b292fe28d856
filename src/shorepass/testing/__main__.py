"""``python -m shorepass.testing``: start the test kit's registry, to try things out."""

from __future__ import annotations

import argparse
import threading
from contextlib import ExitStack, suppress

from shorepass.testing import Registry

USERS = {"alice": "wonderland", "bob": "builder"}  # for trials only: these are not secrets
GRANTS = {"alice": {"*": "pull,push"}, "bob": {"*": "pull"}}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m shorepass.testing",
        description="A registry in memory, on loopback, to try things out. For trials only.",
    )
    parser.add_argument("--port", type=int, default=5050, help="port on 127.0.0.1 (default: 5050)")
    parser.add_argument("--auth", choices=("basic", "bearer"), default="bearer", help="default: bearer")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        try:
            serving = Registry(users=USERS, grants=GRANTS, auth=arguments.auth, port=arguments.port)
            registry = stack.enter_context(serving)
        except OSError as error:
            parser.error(f"port {arguments.port}: {error.strerror}; --port 0 finds a free port")
        print(f"registry on {registry.host}; alice may pull and push (password wonderland), bob may pull (builder)")
        print("stop it with Ctrl-C", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
