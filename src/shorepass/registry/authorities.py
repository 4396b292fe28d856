"""Which authorities a context trusts, as bytes that the context itself has read.

No path of a context is given to OpenSSL. It would open that path in this process's file system and with its rights, and would
wait endlessly for a FIFO.

Sources of the paths: Go's crypto/x509/root_linux.go and root_unix.go, by whose rules docker and podman read them.
"""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from shorepass.config.locations import join
from shorepass.contexts import Context, is_this_machine
from shorepass.errors import FileError
from shorepass.http.certificate_names import subject_of
from shorepass.http.pem import certificates
from shorepass.resolution import Outcome, Step

__all__ = ["Authorities", "authorities", "subjects", "trust_step"]

FILE_LIMIT = (
    4 * 1024 * 1024
)  # bytes of one bundle, and of all files together; that of all public authorities has 250 KiB
FOLDER_LIMIT = 1000  # files of one folder; a system's has 300
MARK = b"-----BEGIN CERTIFICATE-----"
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/pki/tls/cacert.pem",  # OpenELEC
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # CentOS, RHEL 7
    "/etc/ssl/cert.pem",  # Alpine, macOS
)


class Authorities(NamedTuple):
    """``source``: their origin, as text for users. ``files``: path and bytes of each. ``own``: this machine's own, too."""

    source: str
    files: tuple[tuple[str, bytes], ...]
    own: bool = False


def authorities(context: Context) -> Authorities | None:
    """Return what a context trusts, None for the authorities of this machine's OpenSSL.

    ``SSL_CERT_FILE`` replaces the system's bundle, ``SSL_CERT_DIR`` its folders. If one of them is not set, Go reads the
    system's, too. Another machine or a container has its own bundle. If that cannot be read, this machine's authorities are
    used.

    Raises FileError: the files of the variables cannot be read, or have no certificate.
    """
    file, folders = context.getenv("SSL_CERT_FILE"), context.getenv("SSL_CERT_DIR")
    is_here = is_this_machine(context.name)
    if not (file or folders):
        bundle = None if is_here else _bundle(context)
        return Authorities(bundle[0], (bundle,)) if bundle else None
    files = [*_of_file(context, file)]
    files += _of_folders(context, folders, FILE_LIMIT - sum(len(data) for _, data in files))
    if not files:
        raise FileError(file or folders or "", "no certificates can be read: it has none")
    has_both = bool(file and folders)
    if not is_here and not has_both:
        bundle = _bundle(context)
        files += [bundle] if bundle else []
    names = [name for name, value in (("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folders)) if value]
    return Authorities(" and ".join(names), tuple(files), own=is_here and not has_both)


def _bundle(context: Context) -> tuple[str, bytes] | None:
    """Return the path and the bytes of the first usual bundle that can be read."""
    for path in BUNDLES:
        try:
            content = context.read(path, FILE_LIMIT)
        except FileError:
            continue
        if content is not None and MARK in content.data:
            return path, content.data
    return None


def subjects(context: Context) -> list[str]:
    """Return organisation and common name of each authority that a context trusts, [] if none can be read."""
    try:
        trusted = authorities(context)
    except FileError:
        return []
    files = [*trusted.files] if trusted else []
    bundle = _bundle(context) if trusted is None or trusted.own else None
    files += [bundle] if bundle else []
    return [subject_of(one) for one in chain.from_iterable(certificates(data) for _, data in files)]


def trust_step(context: Context, trusted: Authorities | None) -> Step | None:
    """Return whose authorities are used, as a step. None if a user of this machine uses this machine's."""
    if trusted is not None:
        return Step("trust", Outcome.OK, trusted.source, f"the certificate authorities that {context.name} trusts")
    if is_this_machine(context.name):
        return None
    detail = f"no bundle of certificate authorities in {context.name} could be read: this machine's are used"
    return Step("trust", Outcome.SKIPPED, context.name, detail)


def _of_file(context: Context, path: str | None) -> Iterator[tuple[str, bytes]]:
    if path:
        content = context.read(path, FILE_LIMIT)
        if content is None:
            raise FileError(path, "no certificates can be read: no such file")
        if MARK not in content.data:
            raise FileError(path, "no certificates can be read: it has none")
        yield path, content.data


def _of_folders(context: Context, folders: str | None, left: int) -> Iterator[tuple[str, bytes]]:
    """Yield the certificates in folders, at most ``left`` bytes of them.

    Go ignores what it cannot read there, and files that are not certificates.
    """
    separator = ";" if context.platform == "windows" else ":"
    paths: list[str] = []
    for folder in filter(None, (folders or "").split(separator)):
        paths += [join(context, folder, name) for name in context.names(folder)[:FOLDER_LIMIT]]
    for path in paths[:FOLDER_LIMIT]:
        try:
            content = context.read(path, FILE_LIMIT)
        except FileError:
            continue
        if content is not None and MARK in content.data:
            left -= len(content.data)
            if left < 0:
                raise FileError(path, f"the certificates of SSL_CERT_DIR have more than {FILE_LIMIT} bytes")
            yield path, content.data
