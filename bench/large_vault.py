"""How long ``docker-credential-shorepass`` takes to get and to list with 10,000 logins, in runs with 10.

Whole processes, in turn and in changing order; the login asked for is the last but one. Prints the medians and the median
of the paired ratios; the figure is reached when both are at most 2.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from e2e.helper_programs import Helper, shorepass_helper
from shorepass import LocalContext
from shorepass.credential import Basic
from shorepass.secret import Secret
from shorepass.stores.vault.document import Document
from shorepass.stores.vault.vault import Vault

SMALL, LARGE = 10, 10_000
ROUNDS = 51
WARM_UP = 3


def filled(home: Path, count: int) -> Helper:
    """Return our helper, with ``count`` logins in its vault."""
    helper = shorepass_helper(home)

    def fill(document: Document) -> Document:
        logins: dict[str, object] = {}
        for number in range(count):
            login = Basic(f"user-{number}", Secret(f"{number:036x}"))
            logins.update(document.with_login(f"registry-{number}.example", login).logins)
        return document._replace(logins=logins)

    Vault(LocalContext(helper.env), ask=lambda _: "", tell=print).change(fill)
    return helper


def main() -> None:
    """Measure and print; status 1 when the figure is missed."""
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        helpers = {count: filled(Path(folder, str(count)), count) for count in (SMALL, LARGE)}
        for verb in ("get", "list"):
            pairs = []
            for number in range(WARM_UP + ROUNDS):
                order = (SMALL, LARGE) if number % 2 else (LARGE, SMALL)
                taken = {n: helpers[n].seconds(verb, f"registry-{n - 2}.example".encode()) for n in order}
                if number >= WARM_UP:
                    pairs.append((taken[SMALL], taken[LARGE]))
            ratio = statistics.median(large / small for small, large in pairs)
            missed = missed or ratio > 2
            print(f"{verb}, {SMALL} logins: median {1000 * statistics.median(s for s, _ in pairs):.1f} ms")
            print(f"{verb}, {LARGE} logins: median {1000 * statistics.median(large for _, large in pairs):.1f} ms")
            print(f"{verb}, ratio: {ratio:.2f} (median of {ROUNDS} pairs; at most 2 is the goal)")
    sys.exit(missed)


if __name__ == "__main__":
    main()
