"""The one small image that every registry of the cases has."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading

from shorepass.testing import Registry
from shorepass.testing.server import Incoming

__all__ = ["put_image"]

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def put_image(registry: Registry, repository: str, tag: str = "1") -> None:
    """Put an image of one file into a test registry, as if its owner had pushed it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("hello")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"hi\n"))
    layer = gzip.compress(archive.getvalue())
    rootfs = {"type": "layers", "diff_ids": [_digest(archive.getvalue())]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    parts = {"config": _put_blob(registry, repository, CONFIG, config)}
    layers = [_put_blob(registry, repository, LAYER, layer)]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **parts, "layers": layers}).encode()
    _ask(registry, "PUT", f"/v2/{repository}/manifests/{tag}", manifest, MANIFEST)


def _put_blob(registry: Registry, repository: str, kind: str, data: bytes) -> dict[str, object]:
    digest = _digest(data)
    _ask(registry, "POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data, "application/octet-stream")
    return {"mediaType": kind, "size": len(data), "digest": digest}


def _ask(registry: Registry, method: str, target: str, data: bytes, kind: str) -> None:
    answer = registry._storage.answer(Incoming(method, target, "", data, kind, threading.Event()))
    assert answer.status == 201, answer


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
