"""Faults of servers: the real program fails, and doctor says that the administrator may have to correct them."""

from __future__ import annotations

from pathlib import Path

from e2e import programs
from e2e.doctor import Doctor, Program, found, one


def htpasswd(file: Path, flag: str) -> None:
    made = programs.run([programs.require("htpasswd"), "-n", "-i", flag, "alice"], stdin="wonderland")
    assert made.returncode == 0, made.stderr
    file.write_text(made.stdout)


def test_an_htpasswd_file_without_bcrypt(doctor: Doctor, docker: Program, tmp_path: Path, home: Path) -> None:
    """SP501 says that the registry's own file may be wrong; with bcrypt the same password is accepted."""
    file, folder = tmp_path / "htpasswd", home / ".docker"
    folder.mkdir()
    config = folder / "config.json"
    config.touch(0o600)
    htpasswd(file, "-m")
    with programs.docker_registry(tmp_path, f"{{htpasswd: {{realm: basic-realm, path: '{file}'}}}}") as registry:
        auths = '{"auths": {"REGISTRY": {"auth": "YWxpY2U6d29uZGVybGFuZA=="}}}'  # alice:wonderland
        config.write_text(auths.replace("REGISTRY", registry))
        assert "unauthorized" in docker("pull", f"{registry}/team/app:1").stderr
        for words in ([f"{registry}/team/app:1"], ["--check"]):
            finding = one(doctor(*words))
            assert finding["code"] == "SP501"
            assert any("htpasswd -B" in line for line in finding["evidence"])
        htpasswd(file, "-B")
        assert "unauthorized" not in docker("pull", f"{registry}/team/app:1").stderr
        assert found(doctor(f"{registry}/team/app:1")) == []
