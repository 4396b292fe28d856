"""Bytes for a library that wants a path: on each system by its own way, and no other user can open them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
import trustme

from shorepass.files import lent


@pytest.fixture(params=["Linux", "another Unix", "Windows"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Each kind of system, as far as this one can play it: its folder for temporary files is empty."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if request.param != "Linux":
        monkeypatch.delattr(os, "memfd_create")
    if request.param == "Windows":
        monkeypatch.setattr(os, "name", "nt")
    return str(request.param)


def test_a_client_certificate_is_loaded(system: str, tmp_path: Path) -> None:
    """OpenSSL reads the certificate and the key; only Windows has them in a file, for as long as that takes."""
    issued = trustme.CA().issue_cert("client.example")
    chain, key = issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()
    with lent(chain) as certificate, lent(key) as private:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, private)
        assert len(os.listdir(tmp_path)) == (2 if system == "Windows" else 0)
        assert {os.stat(tmp_path / name).st_mode & 0o777 for name in os.listdir(tmp_path)} <= {0o600}
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("read", [0, 10, None], ids=["unread", "read in part", "read"])
@pytest.mark.usefixtures("system")
def test_more_than_a_pipe_holds(read: int | None) -> None:
    """A large chain comes whole, and a reader that stops early keeps nobody waiting."""
    data = os.urandom(1024 * 1024)
    with lent(data) as path, open(path, "rb") as file:
        assert file.read(read) == data[:read]


@pytest.mark.usefixtures("system")
def test_nothing_stays_open() -> None:
    """Neither a file nor a thread is left after the block, or after an error in it."""
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(ZeroDivisionError), lent(b"x" * 100_000):
        raise ZeroDivisionError
    assert sorted(os.listdir("/proc/self/fd")) == before
