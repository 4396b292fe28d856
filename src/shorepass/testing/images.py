"""What was pushed to the test registry: blobs, manifests, tags and uploads, in memory."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, NamedTuple

from shorepass.testing.server import Answer, refusal

if TYPE_CHECKING:
    from shorepass.testing.server import Incoming

__all__ = ["Storage"]


class _Manifest(NamedTuple):
    kind: str
    data: bytes


class Storage:
    """Answers the OCI distribution API below ``/v2/``. The caller has checked the login."""

    def __init__(self) -> None:
        self._blobs: dict[str, dict[str, bytes]] = {}  # repository: digest: bytes
        self._manifests: dict[str, dict[str, _Manifest]] = {}  # repository: digest: manifest
        self._tags: dict[str, dict[str, str]] = {}  # repository: tag: digest
        self._uploads: dict[str, tuple[str, bytes]] = {}  # id: repository, bytes so far

    def repositories(self) -> list[str]:
        """Return the names of the repositories that hold a manifest."""
        return sorted(name for name, manifests in self._manifests.items() if manifests)

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, sorted."""
        return sorted(self._tags.get(repository, {}))

    def answer(self, request: Incoming) -> Answer:
        """Answer one request."""
        path = request.path.removeprefix("/v2").strip("/")
        if not path:
            return _json({})
        if path == "_catalog":
            return _json({"repositories": self.repositories()})
        repository, kind, name = _split(request.path.removeprefix("/v2/"))
        if kind == "tags" and name == "list":
            return self._tag_list(repository)
        if kind == "manifests" and name:
            return self._manifest(request, repository, name)
        if kind == "uploads":
            return self._upload(request, repository, name)
        if kind == "blobs" and name:
            return self._blob(request, repository, name)
        return refusal(404, "NAME_UNKNOWN", "repository name not known to registry")

    def _tag_list(self, repository: str) -> Answer:
        if repository not in self._manifests:
            return refusal(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": repository})
        return _json({"name": repository, "tags": self.tags(repository)})

    def _manifest(self, request: Incoming, repository: str, name: str) -> Answer:
        digest = name if ":" in name else self._tags.get(repository, {}).get(name, "")
        if request.method == "PUT":
            return self._put_manifest(request, repository, name)
        manifest = self._manifests.get(repository, {}).get(digest)
        if manifest is None:
            return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": name})
        if request.method == "DELETE":
            del self._manifests[repository][digest]
            self._tags[repository] = {t: d for t, d in self._tags.get(repository, {}).items() if d != digest}
            return Answer(202)
        if request.method not in ("GET", "HEAD"):
            return refusal(405, "UNSUPPORTED", "the operation is unsupported")
        return _content(request, manifest.data, digest, manifest.kind)

    def _put_manifest(self, request: Incoming, repository: str, name: str) -> Answer:
        digest = _digest(request.body)
        try:
            document = json.loads(request.body)
        except ValueError:
            return refusal(400, "MANIFEST_INVALID", "manifest invalid")
        if ":" in name and name != digest:
            return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        layers = [document.get("config"), *document.get("layers", [])] if isinstance(document, dict) else []
        blobs = self._blobs.get(repository, {})
        for layer in layers:
            if isinstance(layer, dict) and layer.get("digest") not in blobs and not layer.get("urls"):
                return refusal(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", layer.get("digest"))
        kind = request.kind or str(document.get("mediaType", ""))
        self._manifests.setdefault(repository, {})[digest] = _Manifest(kind, request.body)
        if ":" not in name:
            self._tags.setdefault(repository, {})[name] = digest
        location = ("Location", f"/v2/{repository}/manifests/{digest}")
        return Answer(201, b"", (location, ("Docker-Content-Digest", digest)))

    def _blob(self, request: Incoming, repository: str, digest: str) -> Answer:
        data = self._blobs.get(repository, {}).get(digest)
        if data is None:
            return refusal(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
        if request.method == "DELETE":
            del self._blobs[repository][digest]
            return Answer(202)
        if request.method not in ("GET", "HEAD"):
            return refusal(405, "UNSUPPORTED", "the operation is unsupported")
        return _content(request, data, digest, "application/octet-stream")

    def _upload(self, request: Incoming, repository: str, upload: str) -> Answer:
        """Answer below ``blobs/uploads/``: begin, mount, append, look, finish, cancel."""
        if request.method == "POST" and not upload:
            return self._begin(request, repository)
        owner, data = self._uploads.get(upload, ("", b""))
        if owner != repository:
            return refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if request.method == "DELETE":
            del self._uploads[upload]
            return Answer(204)
        if request.method == "GET":
            return self._progress(204, repository, upload)
        if request.method == "PATCH":
            self._uploads[upload] = (repository, data + request.body)
            return self._progress(202, repository, upload)
        if request.method == "PUT":
            del self._uploads[upload]
            return self._finish(repository, data + request.body, request.query.get("digest", [""])[0])
        return refusal(405, "UNSUPPORTED", "the operation is unsupported")

    def _begin(self, request: Incoming, repository: str) -> Answer:
        mount, source = request.query.get("mount", [""])[0], request.query.get("from", [""])[0]
        if mount and mount in self._blobs.get(source, {}):
            return self._finish(repository, self._blobs[source][mount], mount)
        digest = request.query.get("digest", [""])[0]
        if digest:
            return self._finish(repository, request.body, digest)
        upload = secrets.token_hex(16)
        self._uploads[upload] = (repository, b"")
        return self._progress(202, repository, upload)

    def _progress(self, status: int, repository: str, upload: str) -> Answer:
        size = len(self._uploads[upload][1])
        headers = (
            ("Location", f"/v2/{repository}/blobs/uploads/{upload}"),
            ("Docker-Upload-UUID", upload),
            ("Range", f"0-{max(size - 1, 0)}"),
        )
        return Answer(status, b"", headers)

    def _finish(self, repository: str, data: bytes, digest: str) -> Answer:
        if _digest(data) != digest:
            return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self._blobs.setdefault(repository, {})[digest] = data
        location = ("Location", f"/v2/{repository}/blobs/{digest}")
        return Answer(201, b"", (location, ("Docker-Content-Digest", digest)))


def _split(path: str) -> tuple[str, str, str]:
    """Return repository, kind (``manifests``, ``blobs``, ``uploads``, ``tags``) and the name after it."""
    parts = path.split("/")
    for index in range(len(parts) - 2, 0, -1):
        if parts[index : index + 2] == ["blobs", "uploads"]:
            return "/".join(parts[:index]), "uploads", "/".join(parts[index + 2 :])
        if parts[index] in ("manifests", "tags") or (parts[index] == "blobs" and parts[index + 1] != "uploads"):
            return "/".join(parts[:index]), parts[index], "/".join(parts[index + 1 :])
    return path, "", ""


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _content(request: Incoming, data: bytes, digest: str, kind: str) -> Answer:
    headers = (("Content-Type", kind), ("Docker-Content-Digest", digest), ("Content-Length", str(len(data))))
    body = b"" if request.method == "HEAD" else data
    return Answer(200, body, headers)


def _json(document: object) -> Answer:
    return Answer(200, json.dumps(document).encode(), (("Content-Type", "application/json"),))
