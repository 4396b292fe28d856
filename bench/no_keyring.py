"""How long ``docker-credential-shorepass get`` takes where the store is the keychain and no keyring answers.

In each way in which a session can be without one: no bus, a bus that is silent, a bus without a keyring, and a keyring that
is started and never comes. Prints the longest of three runs each; the figure is reached when all are at most 3 seconds.
docker-credential-secretservice takes 25 seconds where the keyring never comes.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from contract.keyring_service import bus
from e2e import programs

GOAL = 3.0  # seconds
RUNS = 3
OURS = str(Path(sys.executable).with_name("docker-credential-shorepass"))
SECRETSERVICE = programs.require("docker-credential-secretservice")


@contextlib.contextmanager
def silent_bus(folder: Path) -> Iterator[str]:
    """Listen where a bus would, and never say a word."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "bus"))
        listener.listen()
        yield f"unix:path={folder}/bus"


SESSIONS = {
    "no bus": lambda _: contextlib.nullcontext(""),
    "a bus that is silent": silent_bus,
    "a bus without a keyring": bus,
    "a keyring that never comes": lambda folder: bus(folder, starts="/bin/sleep 300"),
}


def seconds(program: str, home: Path, address: str) -> float:
    """Ask for a login; return how long the refusal took."""
    env = {"HOME": str(home), "PATH": programs.SYSTEM_PATH, "XDG_RUNTIME_DIR": str(home)}
    start = time.perf_counter()
    done = subprocess.run(
        [program, "get"],
        input=b"ghcr.io",
        env=env | ({"DBUS_SESSION_BUS_ADDRESS": address} if address else {}),
        capture_output=True,
        check=False,
    )
    taken = time.perf_counter() - start
    if done.returncode != 1 or b"not found" in done.stdout:
        sys.exit(f"{program}: {done.stdout.decode()}")
    return taken


def measure(program: str, session: Callable[[Path], contextlib.AbstractContextManager[str]]) -> float:
    """Return the longest of the runs in such a session."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = home / ".config/shorepass/config.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text('store = "keychain"\n')
        with session(home) as address:
            return max(seconds(program, home, address) for _ in range(RUNS if program == OURS else 1))


def main() -> None:
    """Measure and print."""
    longest = 0.0
    for name, session in SESSIONS.items():
        taken = measure(OURS, session)
        print(f"{name}: {taken:.2f} s", flush=True)
        longest = max(longest, taken)
    print(f"the last with docker-credential-secretservice: {measure(SECRETSERVICE, session):.1f} s")
    print(f"the longest of ours: {longest:.2f} s (at most {GOAL:g} is the goal)")


if __name__ == "__main__":
    main()
