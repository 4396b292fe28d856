"""The libraries that a program names are those that readelf shows."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from e2e import programs
from shorepass.contexts.libraries import needed_libraries


@pytest.mark.parametrize("program", ["skopeo", "kubectl", "busybox", "gcc", "docker-credential-pass", sys.executable])
def test_against_readelf(program: str) -> None:
    """Dynamic and static programs of several compilers."""
    path = Path(programs.require(program)).resolve()
    shown = programs.run([programs.require("readelf"), "-dW", str(path)]).stdout
    assert needed_libraries(path.read_bytes()) == re.findall(r"\(NEEDED\).*\[(.*)\]", shown)


@pytest.mark.parametrize("size", [0, 3, 63, 64, 200, 1000, 5000])
def test_what_is_cut_or_no_program(size: int) -> None:
    """The beginning of a program, and other bytes, name no library or fewer, and raise nothing."""
    data = Path(programs.require("skopeo")).read_bytes()
    assert set(needed_libraries(data[:size])) <= {*needed_libraries(data), ""}
    assert needed_libraries(b"#!/bin/sh\n".ljust(size, b"x")) == []
