"""The code of docs/guides/testing.md, run as printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).parents[3] / "docs/guides/testing.md"
FOUND: list[str] = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
BLOCKS = [block for block in FOUND if "class Test" not in block]
CLASSES = [block for block in FOUND if "class Test" in block]


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
@pytest.mark.usefixtures("world")
def test_the_guides_tests_pass(block: str) -> None:
    """Each piece is a test, and passes."""
    names: dict[str, Any] = {}
    exec(compile(block, str(GUIDE), "exec"), names)
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test()


@pytest.mark.parametrize("block", CLASSES, ids=range(len(CLASSES)))
def test_the_guides_classes_pass(block: str, tmp_path: Path) -> None:
    """Each class of tests passes under pytest, with the limits that it declares and no others."""
    file = tmp_path / "test_guide.py"
    file.write_text(block)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert " 4 xfailed" in done.stdout
