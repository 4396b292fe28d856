"""Files and answers of others that are small and become large: bounded in what they become, not only in bytes.

Each runs in a process that may have so much memory and no more; none is timed.
"""

from __future__ import annotations

import base64
import bz2
import io
import json
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from faults.test_hostile_engine import GOOD, engine, http, stat
from shorepass.bounded_json import VALUES_LIMIT, loads
from shorepass.contexts.containers.container import discover, find
from shorepass.errors import ContextError, FileError
from shorepass.files import reading

MIB = 1024 * 1024
ROOM = 220  # MiB of address space: what a bare get takes, and 100 more


def limited(*words: str, room: int = ROOM) -> subprocess.CompletedProcess[str]:
    """Run shorepass with so many MiB of memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (room * MIB, room * MIB))

    command = [sys.executable, "-m", "shorepass", *words]
    return subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=120, check=False)


def filled(head: bytes, piece: bytes, tail: bytes, size: int) -> bytes:
    return head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


CONFIGS = {
    "lists": filled(b'{"x":[', b"[],", b"[]]}", 16 * MIB),
    "objects": filled(b'{"x":[', b'{"a":0},', b"0]}", 16 * MIB),
    "numbers": filled(b'{"x":[', b"300,", b"0]}", 16 * MIB),
    "logins": filled(b'{"auths":{', b'"a":{},', b'"a":{}}}', 16 * MIB),
}


@pytest.mark.parametrize("client", ["docker", "podman"])
@pytest.mark.parametrize("kind", CONFIGS)
def test_a_config_file_of_many_values(home: Path, client: str, kind: str) -> None:
    """16 MiB of JSON, the most that is read, are an error that names the file, and never half a gigabyte of objects."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_bytes(CONFIGS[kind])
    done = limited("get", "--client", client, "r.example/x")
    assert "MemoryError" not in done.stderr
    assert done.returncode == 3
    assert "config.json" in done.stderr
    assert f"more than {VALUES_LIMIT} values" in done.stderr


TOML = {
    "comments": b"#\n" * MIB,
    "aliases": b"[aliases]\n" + b'"a"="b/c"\n' * 200_000 + b"!",
    "tables": b"".join(b"[a%x]\n" % number for number in range(350_000)),
    "one number": b"x=1" + b"0" * (3 * MIB),
    "helpers": b"credential-helpers=[" + b'"none",' * 30_000 + b"]\n",
    "parts": (b"a." * 99 + b"b=1\n") * 15_000,
}


@pytest.mark.parametrize("kind", TOML)
def test_a_large_registries_conf(home: Path, kind: str) -> None:
    """A registries.conf of megabytes is an error that names the file, and no program is asked thousands of times."""
    folder = home / ".config/containers"
    folder.mkdir(parents=True)
    (folder / "registries.conf").write_bytes(TOML[kind])
    done = limited("get", "--client", "podman", "r.example/x")
    assert "MemoryError" not in done.stderr
    assert done.returncode == 3
    assert "registries.conf" in done.stderr


@pytest.mark.parametrize(("number", "size"), [(1000, 10), (60, MIB // 4)])
def test_many_drop_in_files(home: Path, number: int, size: int) -> None:
    """However many files there are in registries.conf.d: they are bounded together."""
    folder = home / ".config/containers/registries.conf.d"
    folder.mkdir(parents=True)
    for index in range(number):
        (folder / f"{index}.conf").write_bytes(b"#" * size)
    done = limited("get", "--client", "podman", "r.example/x")
    assert done.returncode == 3
    assert "registries.conf.d" in done.stderr


def test_a_small_registries_conf_is_read_line_by_line(home: Path) -> None:
    """Half a MiB of short lines, which are allowed, take no memory worth a word."""
    folder = home / ".config/containers"
    folder.mkdir(parents=True)
    (folder / "registries.conf").write_bytes(b"#\n" * (MIB // 4 - 1))
    assert limited("get", "--client", "podman", "r.example/x", room=150).returncode == 1


PEM = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("where", ["SSL_CERT_DIR", "certs.d"])
def test_many_certificates(home: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Hundreds of files of a MiB, each with a certificate, are not all held at once."""
    folder = home / (".config/containers/certs.d/localhost:1" if where == "certs.d" else "many")
    folder.mkdir(parents=True)
    for index in range(300):
        with open(folder / f"{index}.crt", "wb") as file:
            file.write(PEM)
            file.truncate(MIB)
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {"localhost:1": {"auth": "YTpi"}}}))
    if where == "SSL_CERT_DIR":
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    done = limited("explain", "--client", "podman", "--tls-verify", "localhost:1", room=400)
    assert "MemoryError" not in done.stdout + done.stderr
    assert str(folder) in done.stdout + done.stderr


@pytest.mark.parametrize(
    "body",
    [
        filled(b"[", b"[],", b"[]]", 16 * MIB - 100),
        filled(b"[", b'{"":0},', b"{}]", 16 * MIB - 100),
        b"[" * 100_000,
        b'{"message":' * 100_000,
        b'[{"Id":"a","Names":["/x"],"Labels":{"a":' + b"[" * 900 + b"]" * 900 + b"}}]",
        b"[1e999, -1e999, " + b"9" * 5000 + b"]",
    ],
    ids=["lists", "objects", "deep", "deep objects", "deep label", "numbers"],
)
@pytest.mark.parametrize("status", [200, 500])
def test_large_answers_of_an_engine(tmp_path: Path, body: bytes, status: int) -> None:
    """JSON that is deep, or has millions of values: a trouble of that engine."""
    with engine(tmp_path / "s", {"json": http(body, status)}) as here:
        for place in discover(here, 10.0):
            assert place.trouble or place.name
        with pytest.raises(ContextError):
            find(here, "docker", "web")


def test_values_are_counted() -> None:
    """As many values as are allowed are read; one more, and what is too deep, is a ValueError like any other."""
    assert len(loads("[" + "0," * VALUES_LIMIT + "0]")) == VALUES_LIMIT + 1
    for text in ("[" + "0," * (VALUES_LIMIT + 1) + "0]", "[" * 100_000, "", "9" * 5000):
        with pytest.raises(ValueError):  # noqa: PT011  # any
            loads(text)


def packed(header: bytes = b"", size: int = 5) -> bytes:
    """Return a tar of one file, with bytes in the place of a part of its extended header."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("passwd")
        info.size = size
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"} if header else {}
        tar.addfile(info, io.BytesIO((header + b"\n" * size)[:size]))
    return buffer.getvalue()


TARS = {
    "compressed": bz2.compress(b"\0" * 64 * MIB),
    "a sparse file of no number": packed(b"x" * 10 + b"\n", 512),
    "a sparse file of a long number": packed(b"9" * 5000 + b"\n", 6000),
    "size of no number": packed()[:124] + b"\xff" * 12 + packed()[136:],
    "no name": b"\xff" * 512,
}


@pytest.mark.parametrize("kind", TARS)
@pytest.mark.parametrize("what", ["read", "names"])
def test_odd_archives(tmp_path: Path, kind: str, what: str) -> None:
    """A tar that is compressed, or whose numbers are none, is an error that names the file; nothing is unpacked."""
    bits = 1 << 31 | 0o755
    last = stat(size=5, mode=0o644) if what == "read" else stat(size=0, mode=bits)
    answers = {
        "HEAD /containers/" + "a" * 64 + "/archive?path=%2Fx%2Fy": http(b"", 200, last),
        "HEAD": http(b"", 200, stat(size=0, mode=bits)),
        "archive": http(TARS[kind]),
        "json": http(json.dumps({**GOOD, "Config": {"User": "", "Env": ["HOME=/"]}}).encode()),
    }
    with engine(tmp_path / "s", answers) as here:
        context = find(here, "docker", "web")
        with pytest.raises(FileError, match="/x/y"):
            context.read("/x/y", 100) if what == "read" else context.names("/x/y")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "x", "1." + "9" * 5000, ""])
def test_odd_times(tmp_path: Path, time: str) -> None:
    """A file's time that is none, or that no clock has, stops nothing."""
    said = {"name": "x", "linkTarget": "", "mtime": time, "size": 0, "mode": 1 << 31 | 0o755}
    header = f"X-Docker-Container-Path-Stat: {base64.b64encode(json.dumps(said).encode()).decode()}\r\n"
    answers = {"HEAD": http(b"", 200, header), "json": http(json.dumps(GOOD).encode())}
    with engine(tmp_path / "s", answers) as here:
        assert find(here, "docker", "web").is_folder("/x")


def test_a_folder_of_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with more names than anybody needs is an error of that folder; it is not read to its end."""
    monkeypatch.setattr(reading, "NAMES_LIMIT", 100)
    for index in range(100):
        (tmp_path / str(index)).touch()
    assert len(reading.names(str(tmp_path))) == 100
    (tmp_path / "one more").touch()
    with pytest.raises(FileError, match="more than 100 files"):
        reading.names(str(tmp_path))
