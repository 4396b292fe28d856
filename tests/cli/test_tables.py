"""Tables on a terminal of any width, a real one: no value is cut or folded, so that each can be copied."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faults.canary import write_program

if TYPE_CHECKING:
    from conftest import RunShorepass

LONG = "registry-of-the-platform-team.eu-central-1.example.com/some/namespace"
USER = "someone.with.a.long.name@example.com"
AUTH = {"auth": base64.b64encode(f"{USER}:password".encode()).decode()}
ROOM = 3  # columns between two cells, at least


def on_terminal(columns: int, *words: str) -> str:
    """Return what the command line prints on a terminal of so many columns, without its colours."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([sys.executable, "-m", "shorepass", *words], stdin=side, stdout=side, stderr=side) as process:
        os.close(side)
        printed = b""
        while True:
            try:
                data = os.read(main, 65536)
            except OSError:  # the other side is closed
                break
            if not data:
                break
            printed += data
        process.wait(timeout=60)
    os.close(main)
    return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", printed.decode().replace("\r\n", "\n"))


@pytest.fixture
def logins(home: Path, world: Path) -> Path:
    """Logins with long keys, in docker's file, in podman's, and with a helper that has a long name."""
    names = {LONG: AUTH, "quay.io": AUTH, "漢字.example": AUTH}
    helper = "helper-with-quite-a-long-name-for-this-test"
    script = f'#!/bin/sh\necho \'{{"{LONG}.helped":"{USER}"}}\'\n'
    write_program(world / f"bin/docker-credential-{helper}", script)
    for path in (home / ".docker/config.json", home / ".config/containers/auth.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"auths": names, "credHelpers": {f"{LONG}.helped": helper}}, ensure_ascii=False))
    rule = f'[[account]]\nname = "an-account-with-a-name"\nrepository = "{LONG}/*"\n'
    rule += f'[[account]]\nname = "an-account-with-a-name"\ndirectory = "{home}/some/folder/of/a/project"\n'
    (home / ".config/shorepass/config.toml").write_text(rule)
    return home


TABLES = {
    "list": (["list"], ["list", "--json"]),
    "who": (["who", "--in", "me"], ["who", "--in", "me", "--json"]),
    "stores": (["stores"], ["stores", "--json"]),
    "accounts": (["accounts"], ["accounts", "--json"]),
    "migrate": (["migrate"], ["migrate", "--json"]),
}
# Their rows are an agent's, which does not run here, or have no value of the user's. console.print_table prints all alike.
OF_AN_AGENT = {"accelerate", "agent", "grants", "policy", "share_modes"}
COPIED = {
    "key",
    "user",
    "path",
    "helper",
    "stored_in",
    "account",
    "registry",
    "repository",
    "directory",
    "context",
    "name",
}


def copied(document: Any, name: str = "") -> Iterator[str]:
    """Yield the values of a document that are in its table, and that somebody may want to copy."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from copied(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from copied(value, name)
    elif isinstance(document, str) and name in COPIED:
        yield document


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_cut_or_folded(run_shorepass: RunShorepass, table: str, columns: int) -> None:
    """Each value is there as a whole, each heading too, and a line that is too wide has one cell."""
    words, as_json = TABLES[table]
    whole = run_shorepass(*words).stdout.splitlines()
    values = {*copied(json.loads(run_shorepass(*as_json).stdout))} - {"me"}
    printed = on_terminal(columns, *words)
    assert len(values) > 1 or table == "stores"
    missing = {value for value in values if value in "\n".join(whole) and value not in printed}
    assert missing == set()
    assert "\u2026" not in printed
    heading = re.split(r" {3,}", whole[0])
    assert len(heading) >= 4
    assert all(name in printed for name in heading)
    cells = {cell for line in printed.splitlines() for cell in re.split(r" {3,}", line.strip())}
    assert {name for name in heading if name} <= cells
    if table == "list":  # of it nothing is below the table
        wide = [line for line in printed.splitlines() if len(line) > columns]
        assert all(len(re.split(r" {3,}", line.strip())) == 1 for line in wide)


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize("table", TABLES)
def test_off_a_terminal_a_row_is_a_line(run_shorepass: RunShorepass, table: str) -> None:
    """Programs and people with a pager get one line for each row, whatever COLUMNS says."""
    words, _ = TABLES[table]
    printed = run_shorepass(*words, env={"COLUMNS": "20"}).stdout.splitlines()
    assert len(re.split(r" {3,}", printed[0])) >= 4
    assert not any(line.startswith(" " * ROOM) for line in printed)


def test_every_verb_with_a_table_is_here() -> None:
    """A new table is tried here as well."""
    folder = Path(__file__).parents[2] / "src/shorepass/cli"
    with_table = {path.stem for path in folder.glob("*.py") if "console.print_table(" in path.read_text()}
    assert with_table == {*TABLES, *OF_AN_AGENT}
