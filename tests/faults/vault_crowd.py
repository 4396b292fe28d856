"""Many processes that store and erase at the same time, in one vault, by docker-credential-shorepass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

__all__ = ["Result", "round_of"]

HELPER = [sys.executable, "-m", "shorepass.docker_credential"]


class Result(NamedTuple):
    """``longest``: seconds from the moment when all had been started to the end of the last; ``failures``: what they said."""

    lost: list[str]
    come_back: list[str]
    failures: list[str]
    longest: float


def round_of(count: int, home: Path, helper: list[str] = HELPER) -> Result:
    """Store half of ``count`` logins, then at once store the other half and erase the first; look what is there."""
    env = {"HOME": str(home), "PATH": "/nonexistent", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    if not (home / ".local/share/shorepass/vault.age").exists():
        subprocess.run([sys.executable, "-m", "shorepass", "vault", "init"], env=env, check=True, capture_output=True)

    def at_once(calls: list[tuple[str, bytes]]) -> tuple[list[str], float]:
        running = []
        for verb, stdin in calls:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            process = subprocess.Popen([*helper, verb], env=env, **pipes)  # type: ignore[call-overload]
            process.stdin.write(stdin)
            running.append(process)
        begun = time.monotonic()
        for process in running:  # each waits for the end of its standard input
            process.stdin.close()
            process.stdin = None
        said = [process.communicate(timeout=120)[0].decode() for process in running]
        taken = time.monotonic() - begun
        return [text for text, p in zip(said, running, strict=True) if p.returncode != 0 or text], taken

    def listed() -> dict[str, str]:
        done = subprocess.run([*helper, "list"], env=env, capture_output=True, check=True)
        assert done.stderr == b""
        return dict(json.loads(done.stdout))

    old, new = ([f"{kind}-{number}.example" for number in range(count // 2)] for kind in ("old", "new"))
    erasing, storing = [("erase", key.encode()) for key in old], [("store", _login(key)) for key in new]
    first, _ = at_once([("store", _login(key)) for key in old])
    second, longest = at_once([call for pair in zip(erasing, storing, strict=True) for call in pair])
    there = listed()
    third, _ = at_once([("erase", key.encode()) for key in new])
    come_back = [key for key in old if key in there] + [*listed()]
    return Result([key for key in new if key not in there], come_back, first + second + third, longest)


def _login(key: str) -> bytes:
    return json.dumps({"ServerURL": key, "Username": "alice", "Secret": f"secret of {key}"}).encode()
