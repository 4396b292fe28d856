"""What the look-up of a client's release adds to ``shorepass get``: nothing where no rule depends on it.

Whole processes in pairs, in changing order, with the real docker on PATH: the same answer by docker's rules, with the release
looked up or named (``--client docker@28.3``). In the first pair no rule depends on it, in the second one does
(``DOCKER_AUTH_CONFIG``). Prints medians of processor time, which other programs disturb less than wall time, the median of
the differences, and how many programs a ``get`` starts (strace).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 51
WARM_UP = 3
SHOREPASS = str(Path(sys.executable).with_name("shorepass"))
LOGIN = json.dumps({"auths": {"reg.io": {"auth": "YTpw"}}})
NAMED = ("--client", "docker@28.3")
SITUATIONS = {"no rule depends on it": {}, "DOCKER_AUTH_CONFIG is set": {"DOCKER_AUTH_CONFIG": LOGIN}}


def run(words: tuple[str, ...], env: dict[str, str], before: tuple[str, ...] = ()) -> tuple[float, str]:
    """Run one ``get``; return the processor seconds of it and its programs, and what it printed to standard error."""
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    argv = [*before, SHOREPASS, "get", *words, "reg.io/app"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    if done.returncode != 0 or json.loads(done.stdout)["Username"] != "a":
        sys.exit(f"shorepass get failed: {done.stderr}")
    return taken, done.stderr


def programs_of(env: dict[str, str]) -> int:
    """Return how many programs a ``get`` starts beside itself."""
    trace = (shutil.which("strace") or sys.exit("strace is missing"), "-f", "-qq", "-e", "trace=execve", "-z")
    return run((), env, trace)[1].count("execve(") - 1


def main() -> None:
    """Measure and print; status 1 where a program is started although no rule depends on the release."""
    docker = shutil.which("docker") or sys.exit("docker is missing")
    with tempfile.TemporaryDirectory() as home:
        Path(home, ".docker").mkdir()
        Path(home, ".docker", "config.json").write_text(LOGIN)
        extra = {}
        for name, variables in SITUATIONS.items():
            env = {"HOME": home, "PATH": os.path.dirname(docker), **variables}
            pairs = []
            for number in range(WARM_UP + ROUNDS):
                order = ((), NAMED) if number % 2 else (NAMED, ())
                taken = {words: run(words, env)[0] for words in order}
                if number >= WARM_UP:
                    pairs.append((taken[()], taken[NAMED]))
            looked_up, named = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
            added = statistics.median(1000 * (first - second) for first, second in pairs)
            extra[name] = programs_of(env)
            print(
                f"{name}: {looked_up:.0f} ms, with the release named {named:.0f} ms, difference {added:+.1f} ms "
                f"(median of {ROUNDS} pairs); programs started: {extra[name]}"
            )
    sys.exit(extra["no rule depends on it"] != 0)


if __name__ == "__main__":
    main()
