"""A guide's table of what Shorepass prints quotes messages that the program has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def quotes() -> Iterator[str]:
    """Yield what the first column of such a table has, cut where a path, a program or another message is put in."""
    for page in (ROOT / "docs/guides").glob("*.md"):
        for table in re.findall(r"^\| Shorepass prints \|.*\n\|---.*\n((?:\|.*\n)+)", page.read_text(), re.MULTILINE):
            for cell in (row.split("|")[1] for row in table.splitlines()):
                for quote in re.findall(r"`([^`]+)`", cell):
                    yield from filter(None, map(str.strip, re.split(r"\.\.\.|[:;] |docker-credential-\w+", quote)))


def test_each_quote_is_in_the_program() -> None:
    """A user who searches the page for an error finds it."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "src").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    texts = "\n".join(node.value for node in nodes if isinstance(node.value, str))
    found = list(quotes())
    assert len(found) > 10
    assert [quote for quote in found if quote not in texts] == []
