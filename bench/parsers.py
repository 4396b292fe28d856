"""Two hundred thousand random and damaged inputs to every parser, on all processors at once.

The figure is reached when nothing but errors of ours comes out, and no input takes a second. Prints a line a parser:
how many inputs were refused, and the longest time for one; ends with status 1 and the input at the first that fails.
"""

from __future__ import annotations

import sys
import time
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.mutants import Report, run
from faults.parsers import PARSERS

COUNT = 200_000
PART = 10_000  # inputs that one process takes at a time


def part(job: tuple[str, int]) -> Report:
    return run(*job, PART)


def main() -> None:
    """Try and print."""
    begun, total = time.monotonic(), 0
    with Pool() as pool:
        for name in PARSERS:
            try:
                reports = pool.map(part, [(name, seed) for seed in range(COUNT // PART)], chunksize=1)
            except AssertionError as error:
                sys.exit(str(error))
            inputs, refused = sum(report.inputs for report in reports), sum(report.refused for report in reports)
            total += inputs
            slowest = max(report.slowest for report in reports)
            print(f"{name}: {inputs} inputs, {refused} refused; the slowest took {1000 * slowest:.0f} ms", flush=True)
    print(f"{len(PARSERS)} parsers, {total} inputs, {time.monotonic() - begun:.0f} s: no error but ours came out")


if __name__ == "__main__":
    main()
