"""The tours of the README and of the guide, typed as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shorepass.testing import Registry
from shorepass.testing.__main__ import GRANTS, USERS

ROOT = Path(__file__).parents[2]


def tour(page: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a page's console blocks with the output printed below it."""
    for block in re.findall(r"^```console\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize(("page", "commands"), [("README.md", 3), ("docs/guides/tour.md", 11)])
def test_the_tour_works_as_printed(page: str, commands: int, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the tour prints what is below it, but for the home, the uid, the port, fingerprints and releases."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    (home / "run").mkdir()
    (home / "bin").mkdir()
    for name, module in (("shorepass", "shorepass"), ("docker-credential-shorepass", "shorepass.docker_credential")):
        program = home / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(home / "bin"))
    steps = list(tour(page))
    assert len(steps) == commands
    with Registry(users=USERS, grants=GRANTS, auth="bearer") as registry:
        for command, expected in steps:
            done = subprocess.run(
                ["/bin/sh", "-c", command.replace("5050", str(registry.port))],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
                env=os.environ,
            )
            printed = done.stdout.replace(str(home), "/home/you").replace(str(registry.port), "5050")
            printed = printed.replace(f"uid {os.getuid()},", "uid 1000,")
            assert unpadded(printed) == unpadded(expected), command


def unpadded(text: str) -> list[str]:
    """Columns are as wide as their widest cell, and a port may have one digit more."""
    text = re.sub(r"fingerprint [0-9a-f]{8}\b", "fingerprint (one for each report)", text)
    text = re.sub(r"^(ok +release +\w+) .*", r"\1 (the one on PATH)", text, flags=re.MULTILINE)
    return [re.sub(r" {2,}", "  ", line) for line in text.strip().splitlines()]


LINKS = re.compile(r"\]\(([^)#:\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/README.md"])
def test_each_link_leads_to_a_file(page: str) -> None:
    """The pages beside the site have links, too; make docs checks those of the site."""
    links = [link for link, _ in LINKS.findall((ROOT / page).read_text())]
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_readme_is_short_and_its_picture_is_small() -> None:
    """A reader sees what it is, how to install it and a tour before the links; the picture loads at once."""
    assert (ROOT / "README.md").read_text().partition("\n## More")[0].count("\n") <= 70
    assert (ROOT / "docs/images/map.png").stat().st_size < 150_000
