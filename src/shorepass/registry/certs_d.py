"""certs.d: the certificate folders that docker and the containers tools keep for each registry.

``*.crt`` are certificate authorities, added to the system's; ``X.cert`` with ``X.key`` is a client certificate.
Sources: moby registry/registry.go ``ReadCertsDirectory``; containers/image pkg/tlsclientconfig.
``Client.certificate_folders`` returns the folders that a client reads.
"""

from typing import NamedTuple

from shorepass.clients import Client
from shorepass.contexts import Context
from shorepass.errors import FileError, MalformedFile, UsageError, printable
from shorepass.http.certificate_names import subject_of
from shorepass.http.pem import certificates
from shorepass.names import split_host_port
from shorepass.registry.authorities import Authorities, authorities

__all__ = ["Certificates", "find", "misplaced", "of_authority", "place_for"]

BEGIN = b"-----BEGIN CERTIFICATE-----"
FILE_LIMIT = 1024 * 1024  # bytes: a bundle of all public authorities has 250 KiB
FILES_LIMIT = 20  # authorities of one registry
LOOKS_LIMIT = 100  # files whose beginning is read, to find a misplaced certificate
CERTIFICATE_LIMIT = 64 * 1024  # bytes: an authority with its chain; a larger file is a bundle of many
ENDINGS = (".crt", ".pem", ".cer")
SYSTEM_SOURCES = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors")  # not read before an update
HEAD_SIZE = 4096  # bytes: a certificate begins there, after openssl's description of it


class Certificates(NamedTuple):
    """What one host's folder holds. ``folder`` is also where a missing certificate belongs.

    ``authorities``: path and bytes of each file. ``pair``: the paths of a client certificate and its key, which are read only
    when they are used. ``trusted``: the authorities beside them; None for those of this machine.
    """

    folder: str = ""
    authorities: tuple[tuple[str, bytes], ...] = ()
    pair: tuple[str, str] | None = None
    trusted: Authorities | None = None


def find(context: Context, client: Client, host: str, override: str | None = None) -> Certificates:
    """Return the certificates for ``host`` (``host[:port]`` as the user wrote it) by the rules of ``client``.

    The first folder that exists wins; folders are not merged. ``override`` replaces all of them.
    Raises FileError (half a pair, several pairs, unreadable), MalformedFile, UsageError (no such override).
    """
    return _in_folders(context, client, host, override)._replace(trusted=authorities(context))


def _in_folders(context: Context, client: Client, host: str, override: str | None) -> Certificates:
    if override:
        if not context.is_folder(override):
            raise UsageError(f"no such certificate folder: {printable(override)}", hint="correct --cert-dir")
        return _read(context, override)
    folders = client.certificate_folders(context, host)
    for folder in folders:
        if context.is_folder(folder):
            try:
                return _read(context, folder)
            except _UnreadableFolderError:
                if client.facts.stops_at_closed_folder:
                    raise
                continue  # containers passes over a folder that it may not read
    missing = folders[-1] if folders else ""
    return Certificates(missing)


def place_for(context: Context, client: Client, host: str) -> str:
    """Return the best folder for a certificate for ``host``: the one that is read, else one that needs no root.

    ``""`` if the client reads no folder. An engine's folder is on the engine's machine, where you may be another user.
    """
    folders = client.certificate_folders(context, host)
    best = folders[-1:] if client.facts.has_engine else folders[:1]
    return next((folder for folder in folders if context.is_folder(folder)), "".join(best))


def misplaced(context: Context, client: Client, host: str) -> list[str]:
    """Return the certificates that are probably for ``host``, but are not read because of their name or their folder's."""
    folders = client.certificate_folders(context, host)
    read = next((folder for folder in folders if context.is_folder(folder)), "")
    found: list[str] = []
    for folder in folders:
        root = folder.rpartition("/")[0]
        near = [f"{root}/{name}" for name in _names(context, root) if _bare(name) == _bare(host)][:LOOKS_LIMIT]
        for place in dict.fromkeys([folder, *near]):
            paths = (f"{place}/{name}" for name in _names(context, place)[:LOOKS_LIMIT])
            found += [
                path for path in paths if not (place == read and path.endswith(".crt")) and _is_pem(context, path)
            ]
    return list(dict.fromkeys(found))


def of_authority(context: Context, client: Client, host: str, authority: str) -> list[str]:
    """Return the certificates of an authority in the folders that users put them in, but that the client does not read.

    ``authority``: organisation and common name, as ``http.certificate_names`` returns them.
    """
    folders = client.certificate_folders(context, host)
    roots = [folder.rpartition("/")[0] for folder in folders]
    home = context.home()
    places = [*roots, *SYSTEM_SOURCES]
    if home:
        places += [home, f"{home}/.docker", f"{home}/certs"]
    for root in roots:
        places += [f"{root}/{name}" for name in _names(context, root)[:LOOKS_LIMIT]]
    read = next((folder for folder in folders if context.is_folder(folder)), "")
    found: list[str] = []
    for place in dict.fromkeys(places):
        paths = [f"{place}/{name}" for name in _names(context, place)[:LOOKS_LIMIT] if name.endswith(ENDINGS)]
        found += [path for path in paths if place != read and _is_of(context, path, authority)]
    return found


def _is_of(context: Context, path: str, authority: str) -> bool:
    """Tell whether a file has the certificate of an authority."""
    try:
        content = context.read(path, CERTIFICATE_LIMIT) if _is_pem(context, path) else None
    except FileError:
        return False
    return content is not None and any(subject_of(one) == authority for one in certificates(content.data))


def _bare(host: str) -> str:
    """Return a host without scheme, port and capitals."""
    return split_host_port(host.lower().rpartition("://")[2].strip("/"))[0]


def _names(context: Context, folder: str) -> list[str]:
    try:
        return context.names(folder)
    except FileError:
        return []


def _is_pem(context: Context, path: str) -> bool:
    """Tell whether a file begins as a certificate does; client certificates have their own name."""
    if path.endswith((".cert", ".key")):
        return False
    try:
        return BEGIN in (context.head(path, HEAD_SIZE) or b"")
    except FileError:
        return False


class _UnreadableFolderError(FileError):
    """The folder exists and its names cannot be read."""


def _read(context: Context, folder: str) -> Certificates:
    try:
        names = context.names(folder)
    except FileError as error:
        raise _UnreadableFolderError(
            folder, error.reason, owner=error.owner, mode=error.mode, hint=error.hint
        ) from error
    separator = "\\" if context.platform == "windows" else "/"
    path = {name: f"{folder}{separator}{name}" for name in names}
    crts = [path[name] for name in names if name.endswith(".crt")]
    if len(crts) > FILES_LIMIT:
        raise MalformedFile(folder, f"more than {FILES_LIMIT} certificates")
    authorities = tuple((crt, _pem(context, crt)) for crt in crts)
    pairs = []
    for name in names:
        stem, _, kind = name.rpartition(".")
        if kind == "cert" and f"{stem}.key" not in path:
            hint = "certificates of authorities must have names that end in .crt"
            raise FileError(path[name], f"its key {stem}.key is missing", hint=hint)
        if kind == "key" and f"{stem}.cert" not in path:
            raise FileError(path[name], f"its certificate {stem}.cert is missing")
        if kind == "cert":
            pairs.append((path[name], path[f"{stem}.key"]))
    if len(pairs) > 1:
        # In TLS the server names the one that it wants. Python's ssl cannot wait for that, and a wrong guess is a failed login.
        raise FileError(folder, f"{len(pairs)} client certificates, and only one can be sent", hint="use --cert-dir")
    pair = pairs[0] if pairs else None
    return Certificates(folder, authorities, pair)


def _pem(context: Context, path: str) -> bytes:
    content = context.read(path, FILE_LIMIT)
    if content is None or BEGIN not in content.data:
        raise MalformedFile(path, "no PEM certificate in it")
    return content.data
