"""The code of docs/guides/testing.md, run as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).parents[2] / "docs/guides/testing.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
@pytest.mark.usefixtures("world")
def test_the_guides_tests_pass(block: str) -> None:
    """Each piece is a test, and passes."""
    names: dict[str, Any] = {}
    exec(compile(block, str(GUIDE), "exec"), names)
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test()
