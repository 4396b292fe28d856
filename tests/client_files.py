"""Files that clients read, made for a test: auth entries, helpers that answer one thing, and a context that finds them."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from shorepass.contexts.local import LocalContext

__all__ = ["auth", "helper", "jwt", "lay_out", "our_helper"]


def auth(pair: str, **more: str) -> dict[str, str]:
    """Return an entry of ``auths`` for ``user:password``."""
    return {"auth": base64.b64encode(pair.encode()).decode(), **more}


def jwt(claims: object) -> str:
    """Return a token with these claims, signed by nobody."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "RS256"}, claims)
    ]
    return ".".join([*parts, "c2ln"])


def helper(answer: str, status: int = 0) -> str:
    """Return a helper that lists ``h.io`` and prints ``answer`` to every other verb."""
    return f"#!/bin/sh\nread -r url\ncase $1 in list) echo '{{\"h.io\":\"held\"}}';; *) echo '{answer}';; esac\nexit {status}\n"


def our_helper(folder: Path) -> Path:
    """Make docker-credential-shorepass in a folder, as an installer would, and return it."""
    program = folder / "docker-credential-shorepass"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shorepass.docker_credential "$@"\n')
    program.chmod(0o755)
    return program


def lay_out(world: Path, files: dict[str, str], **env: str) -> LocalContext:
    """Make files below a folder and return the context that finds them; ``{}`` in a variable is that folder."""
    for name, text in files.items():
        path = world / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.startswith("bin/") else 0o600)
    found = {"HOME": "{}/home", "XDG_RUNTIME_DIR": "{}/run", "PATH": "{}/bin", **env}
    return LocalContext({name: value.replace("{}", str(world)) for name, value in found.items()}, platform="linux")
