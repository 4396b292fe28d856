"""Reads the names in a certificate (DER), without a library for certificates."""

from __future__ import annotations

import ipaddress

from shorepass.errors import printable

__all__ = ["hosts_of", "is_issued_by", "issuer_of", "names_issuer_address", "subject_of"]

_COMMON_NAME = b"\x55\x04\x03"  # object identifier 2.5.4.3
_ORGANISATION = b"\x55\x04\x0a"  # 2.5.4.10
_ALTERNATIVE_NAME = b"\x55\x1d\x11"  # 2.5.29.17
_AUTHORITY_ACCESS = b"\x2b\x06\x01\x05\x05\x07\x01\x01"  # 1.3.6.1.5.5.7.1.1: RFC 5280 section 4.2.2.1
_ISSUERS = b"\x2b\x06\x01\x05\x05\x07\x30\x02"  # 1.3.6.1.5.5.7.48.2, the address of the issuer's certificate
_HOST, _ADDRESS, _EXTENSIONS = 0x82, 0x87, 0xA3  # tags: RFC 5280 sections 4.2.1.6 and 4.1
HOSTS_LIMIT = 5  # that are shown


def issuer_of(certificate: bytes) -> str:
    """Return organisation and common name of a DER certificate's issuer.

    ``""``: it cannot be read.
    """
    return _name(certificate, 2)


def subject_of(certificate: bytes) -> str:
    """Return organisation and common name of a DER certificate's subject.

    ``""``: it cannot be read.
    """
    return _name(certificate, 4)


def is_issued_by(certificate: bytes, other: bytes) -> bool:
    """Return whether the issuer that a DER certificate names is the subject of another one, or of the same."""
    try:
        return _raw_name(certificate, 2) == _raw_name(other, 4)
    except (IndexError, ValueError):
        return False


def hosts_of(certificate: bytes) -> list[str]:
    """Return the hosts and addresses that a DER certificate is for, at most HOSTS_LIMIT.

    ``[]``: it is for none, or it cannot be read.
    """
    value = _extension(certificate, _ALTERNATIVE_NAME)
    try:
        return list(filter(None, map(_host, _elements(_content(value)[0]))))[:HOSTS_LIMIT]
    except (IndexError, ValueError):
        return []


def names_issuer_address(certificate: bytes) -> bool:
    """Return whether a DER certificate has the address of its issuer's certificate, as those of an intermediate have."""
    return _ISSUERS in _extension(certificate, _AUTHORITY_ACCESS)


def _extension(certificate: bytes, wanted: bytes) -> bytes:
    """Return the value of an extension, ``b""`` if it is missing, or cannot be read."""
    try:
        signed = _content(_content(certificate)[0])[0]
        listed = next((content for tag, content in _elements(signed) if tag == _EXTENSIONS), b"")
        for _, extension in _elements(_content(listed)[0]) if listed else ():
            (_, kind), *_, (_, value) = _elements(extension)
            if kind == wanted:
                return value
    except (IndexError, ValueError):
        pass
    return b""


def _host(name: tuple[int, bytes]) -> str:
    tag, value = name
    if tag == _ADDRESS:
        return str(ipaddress.ip_address(value))
    return printable(value.decode("ascii", "replace"), 120) if tag == _HOST else ""


def _name(certificate: bytes, place: int) -> str:
    """Return the name at a place of a certificate without a version."""
    try:
        found: dict[bytes, str] = {}
        for _, part in _elements(_raw_name(certificate, place)):
            for _, pair in _elements(part):
                (_, kind), (_, value) = _elements(pair)
                found.setdefault(kind, value.decode("utf-8", "replace"))
    except (IndexError, ValueError):
        return ""
    return printable(", ".join(found[kind] for kind in (_ORGANISATION, _COMMON_NAME) if kind in found), 120)


def _raw_name(certificate: bytes, place: int) -> bytes:
    """Return the bytes of a name. Raises IndexError and ValueError."""
    fields = list(_elements(_content(_content(certificate)[0])[0]))
    # [0] version (absent in version 1), serial number, algorithm, issuer, validity, subject: RFC 5280 section 4.1.
    return fields[place + 1 if fields[0][0] == 0xA0 else place][1]


def _content(data: bytes) -> tuple[bytes, bytes]:
    """Return the content of the first DER element, and the bytes after the element."""
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("cut short")
    return data[start : start + length], data[start + length :]


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        tag = data[0]
        content, data = _content(data)
        found.append((tag, content))
    return found
