"""Logins at the same time, ours and other programs', to one file: all of ours are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from faults.parallel import PASSWORD, USER, kept, log_in_at_once, names_of, repeatedly, shorepass_login

COUNT = 12


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The names of one real registry; the last is for the other program."""
    with (
        programs.htpasswd_registry(tmp_path_factory.mktemp("registry"), {USER: PASSWORD}) as registry,
        names_of(registry, COUNT + 1) as names,
    ):
        yield names


@pytest.mark.parametrize(("client", "file"), [("docker", "config.json"), ("podman", "auth.json")])
def test_every_login_at_once_is_kept(names: list[str], tmp_path: Path, client: str, file: str) -> None:
    """Twelve at once to a file that does not exist yet, then the same again to the file that does."""
    path = tmp_path / "new" / file
    path.parent.mkdir(mode=0o700)
    for _ in range(2):
        log_in_at_once(shorepass_login(client), names[:COUNT], path)
        assert kept(names, path) == COUNT
        assert [p.name for p in path.parent.iterdir()] == [file]


@pytest.mark.parametrize("docker", programs.docker_programs())
def test_docker_login_in_a_loop_undoes_none_of_ours(names: list[str], tmp_path: Path, docker: str) -> None:
    """It reads the file at its start and writes it back at its end, again and again: ours are there in the end."""

    def docker_login(name: str, _: Path) -> list[str]:
        return [programs.require(docker), "login", "-u", USER, "--password-stdin", name]

    path = tmp_path / "config.json"
    with repeatedly(docker_login, names[COUNT], path):
        log_in_at_once(shorepass_login("docker"), names[:COUNT], path)
    assert kept(names[:COUNT], path) == COUNT
