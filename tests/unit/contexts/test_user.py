"""``user:NAME``: who is listed, and what a login gives. What root may then do is in tests/contract and tests/e2e."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from shorepass.contexts import user
from shorepass.contexts.local import LocalContext

if TYPE_CHECKING:
    import pytest


def account(name: str, uid: int, home: Path, shell: str) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", uid, uid, "", str(home), shell))


def test_who_is_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Root sees who can log in, and in whose home a client left a file; not themselves, and services not at all."""
    (tmp_path / "ci/.docker").mkdir(parents=True)
    (tmp_path / "ci/.docker/config.json").touch()
    (tmp_path / "shells").write_text("# /etc/shells\n/bin/sh\n/bin/zsh\n/usr/sbin/nologin\n")
    everybody = [
        account("root", 0, tmp_path / "root", "/bin/sh"),
        account("alice", 1000, tmp_path / "alice", "/bin/zsh"),
        account("bob", 1001, tmp_path / "bob", ""),
        account("ci", 999, tmp_path / "ci", "/usr/sbin/nologin"),
        account("daemon", 1, tmp_path, "/usr/sbin/nologin"),
        account("sync", 4, tmp_path, "/bin/sync"),
    ]
    monkeypatch.setattr(pwd, "getpwall", lambda: everybody)
    monkeypatch.setattr(user, "SHELLS", str(tmp_path / "shells"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = [place.name for place in user.discover(LocalContext({}, uid=0), 3)]
    assert found == ["user:alice", "user:bob", "user:ci"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert list(user.discover(LocalContext({}, uid=1000), 3)) == []


def test_system_files(tmp_path: Path) -> None:
    """login.defs separates by blanks and /etc/environment by "=": comments, quotes and ``export`` are put up with."""
    file = tmp_path / "file"
    file.write_text(
        "# ENV_PATH PATH=/no\n#ENV_PATH\tPATH=/no\nENV_PATH\tPATH=/bin:/usr/bin  # as shipped\n  UMASK 022\n"
        "export LANG=\"C.UTF-8\"\nEMPTY=\nDOCKER_CONFIG='/etc/docker cli'\n=x\nalone\n"
    )
    assert user.system_settings(str(file)) == {
        "ENV_PATH": "PATH=/bin:/usr/bin",
        "UMASK": "022",
        "LANG": "C.UTF-8",
        "EMPTY": "",
        "DOCKER_CONFIG": "/etc/docker cli",
    }
    assert user.system_settings(str(tmp_path / "none")) == {}
