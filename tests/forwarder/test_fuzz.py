"""Random answers of an agent: the forwarder reads nothing outside of them, and never crashes."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from forwarder.conftest import SANITISERS, build_sanitised

CASES = 50_000
CASES_OF_FUZZ = 2_000_000  # about a minute


def test_answers_at_random(tmp_path: Path) -> None:
    """The same cases each time; ``make fuzz`` runs more, and others each time."""
    program = build_sanitised(tmp_path / "fuzz", parts=("fuzz.c", "agent.c", "wire.c"))
    cases, seed = CASES, 0
    if "SHOREPASS_FUZZ" in os.environ:
        cases, seed = CASES_OF_FUZZ, random.SystemRandom().getrandbits(63)
    done = subprocess.run([program, str(cases), str(seed)], capture_output=True, env=SANITISERS, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{cases} cases\n"), f"seed {seed}\n{done.stderr}"
