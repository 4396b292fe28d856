"""Makes TLS settings from authorities and client certificates, and names errors."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from shorepass.config.locations import join
from shorepass.errors import FileError, MalformedFile, PlainHttp, UnknownAuthority, Unreachable, printable
from shorepass.files import lent
from shorepass.foreign_text import quoted
from shorepass.http.peer import Signer, hosts, signer
from shorepass.http.pem import certificates

if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.http import Url
    from shorepass.registry.authorities import Authorities
    from shorepass.registry.certs_d import Certificates

__all__ = ["make", "of_engine", "system", "trouble", "trusting", "whole_chain", "words"]

# OpenSSL's names for "that was not a TLS record": the server answered the first message in plain text.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"})
PAIR_LIMIT = 1024 * 1024  # bytes of a client certificate with its chain, or of a key
_WANTS_PAIR = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
_REASONS = {  # X509_V_ERR_* of OpenSSL's x509_vfy.h
    9: "the certificate is not valid yet: check this machine's clock",
    10: "the certificate has expired",
    18: "the certificate is signed by itself",
    19: "the certificate's authority is unknown here",
    20: "the certificate's authority is unknown here",
    21: "the certificate's authority is unknown here",
    23: "the certificate was revoked",
    62: "the certificate is for another host name",
    64: "the certificate is for another address",
}
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
_OTHER_HOST = frozenset({62, 64})
_EXPIRED = 10


def system(trusted: Authorities | None) -> ssl.SSLContext:
    """Return TLS settings with these authorities; None: with this machine's own."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.hostname_checks_common_name = False  # because clients written in Go do not read it
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # because Go accepts an intermediate authority that is trusted
    if trusted is None or trusted.own:
        _load_own(tls)
    for _, data in trusted.files if trusted else ():
        _trust(tls, data)
    return tls


def _trust(tls: ssl.SSLContext, data: bytes) -> bool:
    """Trust the certificates of a file, and tell whether it has one that can be used."""
    used = False
    for certificate in certificates(data):
        try:
            tls.load_verify_locations(cadata=certificate)
        except (OSError, ValueError):
            continue
        used = True
    return used


def _load_own(tls: ssl.SSLContext) -> None:
    """Load the authorities of this machine.

    They are at OpenSSL's built-in paths, because the variables of this process are not those of the context.
    """
    if os.name == "nt":
        tls.load_default_certs()
        return
    paths = ssl.get_default_verify_paths()
    for names in ({"cafile": paths.openssl_cafile}, {"capath": paths.openssl_capath}):
        try:
            tls.load_verify_locations(**names)
        except OSError:
            continue  # because a system may have only one of the two, or none


def trusting(found: Certificates, *, verify: bool) -> ssl.SSLContext:
    """Return TLS settings for one host, with its authorities. It asks no context, so any thread may call it.

    Raises MalformedFile.
    """
    tls = system(found.trusted)
    for path, data in found.authorities:
        if not _trust(tls, data):
            raise MalformedFile(path, "not a certificate")
    if not verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls


def make(context: Context, found: Certificates, trusted: ssl.SSLContext) -> ssl.SSLContext:
    """Return the settings of ``trusting``, with the client certificate for the host.

    Raises FileError.
    """
    if found.pair is not None:
        _use_pair(trusted, context, *found.pair)
    return trusted


def of_engine(context: Context, folder: str) -> ssl.SSLContext:
    """Return TLS settings for an engine, from the files that docker looks for in a folder. A missing one is left out.

    Raises FileError, MalformedFile.
    """
    tls = system(None)
    authority, path, key = (join(context, folder, name) for name in ("ca.pem", "cert.pem", "key.pem"))
    if context.status(authority) is not None and not _trust(tls, _read(context, authority)):
        raise MalformedFile(authority, "not a certificate")
    if context.status(path) is not None:
        _use_pair(tls, context, path, key)
    return tls


def _use_pair(tls: ssl.SSLContext, context: Context, path: str, key: str) -> None:
    try:
        with lent(_read(context, path)) as certificate, lent(_read(context, key)) as private:
            tls.load_cert_chain(certificate, private, password=_no_prompt)
    except (OSError, ValueError) as error:
        raise FileError(key, f"client certificate or key cannot be used: {words(error)}") from None


def _read(context: Context, path: str) -> bytes:
    """Return a file's bytes, read by its own context.

    OpenSSL would open the path on this machine, with the rights of this process. Raises FileError.
    """
    content = context.read(path, PAIR_LIMIT)
    if content is None:
        raise FileError(path, "no such file")
    return content.data


def _no_prompt() -> str:
    """Answer OpenSSL's question for a key's password, so that it asks no one."""
    return ""


def trouble(url: Url, error: ssl.SSLError, folder: str, *, through: str, direct: bool, deadline: float) -> Unreachable:
    """Return the error for a failed handshake.

    ``folder``: the folder for this host's certificates. ``through``: the words about a proxy; ``direct``: without a proxy.
    ``deadline``: by the monotonic clock, for another connection to the server.
    """
    name = url.authority
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = _REASONS.get(error.verify_code, printable(error.verify_message))
        named = hosts(url.host, url.port, deadline) if direct and error.verify_code in _OTHER_HOST else None
        if named is not None:
            return _other_host(url, reason, named)
        if error.verify_code not in _UNKNOWN_AUTHORITY:
            hint = None
            if error.verify_code == _EXPIRED:
                hint = f"ask the administrator of {name} to renew it; if this machine's date is wrong, correct that"
            return Unreachable(name, f"TLS: {reason}{through}", hint=hint)
        signed = signer(url.host, url.port, deadline) if direct else Signer()  # by another connection
        reason += f" (issuer: {signed.name})" if signed.name else ""
        belongs = (
            f"put the authority's certificate into {quoted(folder + '/ca.crt')}" if folder else "add it to the system's"
        )
        hint = f"{belongs}; or, without any check, --tls-verify=false"
        if signed.is_alone and signed.has_address:
            hint = whole_chain(name, signed.name)
        return UnknownAuthority(
            name,
            f"TLS: {reason}{through}",
            issuer=signed.name,
            is_alone=signed.is_alone,
            has_address=signed.has_address,
            folder=folder,
            hint=hint,
        )
    code = error.reason or ""
    if code in _NOT_TLS:
        hint = "if it is meant to be plain http: --tls-verify=false (the password is then readable on the way)"
        return PlainHttp(name, "the server does not speak TLS", hint=hint)
    pair_hint = f"put client.cert and client.key into {quoted(folder)}" if folder else None
    if any(word in code for word in _WANTS_PAIR):
        return Unreachable(name, f"TLS: the server requires another client certificate{through}", hint=pair_hint)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):  # because TLS 1.3 may lose the alert at the end
        reason = "TLS: the server closed the connection; it may require another client certificate"
        return Unreachable(name, reason + through, hint=pair_hint)
    return Unreachable(name, f"TLS: {words(error)}{through}")


def whole_chain(registry: str, signer: str) -> str:
    """Return the fix of a server that sends its own certificate only."""
    return f"ask the administrator of {registry} to send the whole chain: its certificate, then that of {signer}"


def _other_host(url: Url, reason: str, named: list[str]) -> Unreachable:
    """Return the error for a certificate of other hosts. ``named``: these hosts."""
    new = f"ask the administrator of {url.authority} for a certificate with the name {url.host}"
    if not named:
        said = "TLS: the certificate has no Subject Alternative Name, and clients do not read its Common Name"
        return Unreachable(url.authority, said, hint=new)
    hint = f"use a name of the certificate, if one is the registry's, or {new}"
    return Unreachable(url.authority, f"TLS: {reason}: {', '.join(named)}", hint=hint)


def words(error: Exception) -> str:
    """Return OpenSSL's reason in plain words, or the system's."""
    text = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return printable(str(text)).lower().replace("_", " ")
