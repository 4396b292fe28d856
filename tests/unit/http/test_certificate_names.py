"""The names and addresses in certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from shorepass.http.certificate_names import is_issued_by, names_issuer_address


def certificate(subject: str, issuer: str, *methods: x509.ObjectIdentifier) -> bytes:
    """Make a certificate with an address for each of the methods."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    address = x509.UniformResourceIdentifier("http://pki.example/ca.crt")
    if methods:
        access = [x509.AccessDescription(method, address) for method in methods]
        made = made.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("methods", "has"),
    [
        ((AuthorityInformationAccessOID.CA_ISSUERS,), True),
        ((AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS), True),
        ((AuthorityInformationAccessOID.OCSP,), False),
        ((), False),
    ],
)
def test_the_address_of_the_issuer(methods: tuple[x509.ObjectIdentifier, ...], has: bool) -> None:
    """Only an address of the issuer's certificate counts, not that of a status."""
    assert names_issuer_address(certificate("registry.example", "Acme Issuing CA", *methods)) is has


def test_who_issued_what() -> None:
    """The issuer's name is another certificate's subject, or the certificate's own."""
    leaf, issuer = certificate("registry.example", "Acme CA"), certificate("Acme CA", "Acme CA")
    assert is_issued_by(leaf, issuer)
    assert is_issued_by(issuer, issuer)
    assert not is_issued_by(leaf, leaf)
    assert not is_issued_by(b"", b"")
