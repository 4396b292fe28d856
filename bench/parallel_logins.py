"""How many of 51 logins at once are kept in one file.

51 processes log in to 127.0.0.1 to 127.0.0.51, all names of one docker-registry: twenty rounds with ``shorepass login``
to docker's file, twenty to podman's, and twenty to docker's file while ``docker login`` runs in a loop beside them and
writes the same file. The figure is reached when every round keeps all 51. For comparison docker and skopeo do the
same once.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from e2e import programs
from faults.parallel import PASSWORD, USER, Client, kept, log_in_at_once, names_of, repeatedly, shorepass_login

COUNT = 51
ROUNDS = 20


def docker_login(docker: str) -> Client:
    return lambda name, _: [docker, "login", "-u", USER, "--password-stdin", name]


def skopeo_login(name: str, file: Path) -> list[str]:
    words = ["login", "--tls-verify=false", "--authfile", str(file), "-u", USER, "--password-stdin", name]
    return [programs.require("skopeo"), *words]


def rounds(count: int, client: Client, names: Sequence[str], beside: Client | None = None) -> list[int]:
    """Return how many logins each round kept; ``beside`` logs in to one more name in a loop meanwhile."""
    result = []
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "config.json")
            with repeatedly(beside, names[COUNT], file) if beside else contextlib.nullcontext():
                log_in_at_once(client, names[:COUNT], file)
            result.append(kept(names[:COUNT], file))
    return result


def main() -> None:
    """Log in and print; status 1 when one of ours was lost."""
    docker = programs.require("docker")
    ours = {
        "shorepass, docker's file": (shorepass_login("docker"), None),
        "shorepass, podman's file": (shorepass_login("podman"), None),
        "shorepass, docker's file, docker login in a loop beside it": (shorepass_login("docker"), docker_login(docker)),
    }
    lost = False
    with (
        tempfile.TemporaryDirectory() as folder,
        programs.htpasswd_registry(Path(folder), {USER: PASSWORD}) as registry,
        names_of(registry, COUNT + 1) as names,
    ):
        for what, (client, beside) in ours.items():
            result = rounds(ROUNDS, client, names, beside)
            lost = lost or min(result) < COUNT
            print(f"{what}: {sum(result)} of {COUNT * ROUNDS} kept in {ROUNDS} rounds; the worst round {min(result)}")
        for program in programs.docker_programs():
            print(f"{program}: {rounds(1, docker_login(program), names)[0]} of {COUNT} kept")
        print(f"skopeo: {rounds(1, skopeo_login, names)[0]} of {COUNT} kept")
    sys.exit(lost)


if __name__ == "__main__":
    main()
