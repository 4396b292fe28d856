"""Whatever the bytes are, a parser of ours takes them or refuses them, in time."""

from __future__ import annotations

import pytest

from faults.mutants import repeated, run, try_all
from faults.parsers import PARSERS

COUNT = 2000  # the same ones on every run; bench/parsers.py tries a hundred times as many


@pytest.mark.parametrize("name", PARSERS)
def test_only_errors_of_ours(name: str) -> None:
    """Random and damaged inputs, small and large: no other error comes out, and none takes a second."""
    report = run(name, 0, COUNT)
    assert report.inputs == COUNT
    assert report.refused < COUNT, "some inputs are good, or the seeds are not what the parser reads"


@pytest.mark.parametrize("name", PARSERS)
def test_what_repeats_is_read_in_time(name: str) -> None:
    """Nothing takes a time that grows with the square of the input: a hundred thousand bytes of one thing are soon read."""
    try_all(name, repeated(name))
