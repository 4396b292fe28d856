"""How many cases the property tests try, and which: the same ones on every run, but for ``make fuzz``."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "shorepass",
    max_examples=int(os.environ.get("CASES", "400")),
    deadline=None,
    database=None,
    derandomize=not os.environ.get("SHOREPASS_FUZZ"),  # fuzz looks for cases that nobody has seen
    print_blob=True,  # how to see a failing case again
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("shorepass")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test here tries hundreds of cases: it hangs when it does not end within half an hour, on a busy machine."""
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(pytest.mark.timeout(1800))
