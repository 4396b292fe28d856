"""Whatever docker's and podman's files are like, a migration and its undo change nothing of what any client sends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from memory_store import MemoryStore
from property import auth_files, configs
from shorepass.chain import chain_of
from shorepass.clients import FAMILIES, find
from shorepass.contexts.local import LocalContext
from shorepass.errors import SourceError
from shorepass.helper.server import serve
from shorepass.migration.journal import Journal
from shorepass.migration.move import move
from shorepass.migration.readers import on_the_wire, registries
from shorepass.migration.sources import plan
from shorepass.migration.undo import undo
from shorepass.names import parse
from shorepass.processes import Completed

HOSTS = ("reg.io", "reg.io:5000", "Reg.IO", "sub.reg.io", "docker.io", "localhost:5000")
# podman takes Docker Hub's login for an image that names this host outright; docker does not, and one helper answers both.
UNPROMISED = {"registry-1.docker.io"}
PATHS = ("any", "team", "team/app", "library/app", "team/sub/app")
ANSWERS = {  # of helpers that are there; "missing" is not
    "docker-credential-token": (0, b'{"Username":"<token>","Secret":"idtoken"}'),
    "docker-credential-absent": (1, b"credentials not found in native keychain\n"),
    "docker-credential-empty": (0, b'{"Username":"","Secret":""}'),
    "docker-credential-failing": (1, b"no such thing"),
}
# With a file of the user's own, podman reads nothing of the machine's, and neither do we ten thousand times.
OWN_CONF = {"home/.config/containers/registries.conf": b'unqualified-search-registries = ["docker.io"]\n'}


class Place(LocalContext):
    """Files in a folder, and helpers that are asked in this process: ours, and some that say who asked."""

    store: MemoryStore

    def which(self, program: str) -> str | None:
        known = program in ANSWERS or program in ("docker-credential-good", "docker-credential-shorepass")
        return f"/bin/{program}" if known else None

    def run(self, argv: Sequence[str], stdin: bytes, *, timeout: float, limit: int) -> Completed:  # noqa: ARG002
        program = argv[0].removeprefix("/bin/")
        if program == "docker-credential-shorepass":
            view = chain_of(self.store)
            status, answer = serve(program, argv[1:], lambda _: stdin, lambda: view, "")
        elif program == "docker-credential-good":
            status, answer = 0, json.dumps({"Username": "asked", "Secret": stdin.decode()}).encode()
        else:
            status, answer = ANSWERS[program]
        return Completed(status, answer, b"")


@st.composite
def files(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw docker's file and podman's, as far as they are there, mostly about one registry."""
    host = draw(st.sampled_from(HOSTS))
    podman = auth_files.auth_files(host).map(lambda data: data.replace(b"{self}", b"reg.io"))
    makers = {auth_files.DOCKER: configs.configs(host), auth_files.RUN: podman, auth_files.USER: podman}
    names = draw(st.lists(st.sampled_from(list(makers)), min_size=1, max_size=3, unique=True))
    return {name: draw(makers[name]) for name in names}


def sent(place: Place, hosts: set[str]) -> dict[Any, Any]:
    """Return all that each client may send for images of these registries."""
    found = {}
    for client in ("docker", "podman", "skopeo"):
        for host in hosts:
            for path in ("", *PATHS):
                resolution = find(client).resolve(place, parse(f"{host}/{path}"))
                answers = (resolution.answer, *resolution.alternatives)
                found[client, host, path] = {
                    type(answer) if isinstance(answer, SourceError) else on_the_wire(answer) for answer in answers
                }
    return found


@settings(max_examples=max(settings.default.max_examples // 4, 1), phases=[Phase.explicit, Phase.generate])
@given(laid=files(), docker_first=st.booleans())
def test_no_client_notices(laid: dict[str, bytes], docker_first: bool, tmp_path: Path) -> None:
    """Before, after, and taken back: for every image the same; and what was planned is what is gone from the files."""
    shutil.rmtree(tmp_path / "case", ignore_errors=True)
    folder = tmp_path / "case"
    for name, data in {**laid, **OWN_CONF}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    env = {"HOME": f"{folder}/home", "XDG_RUNTIME_DIR": f"{folder}/run"}
    if docker_first and auth_files.DOCKER in laid:
        env["DOCKER_CONFIG"] = f"{folder}/home/.docker"
    place = Place(env, platform="linux", uid=1000)
    place.store = MemoryStore()
    planned = plan(place, FAMILIES, place.store)
    keys = {login.key for source in planned.sources for group in source.plan.groups for login in group.logins}
    hosts = {*HOSTS, *(host for key in keys for host in registries(key))} - UNPROMISED
    before = sent(place, hosts)
    done = move(place, planned, lambda: place.store, lambda *_: None)
    event(f"{len(done.moved)} moved, {len(done.stays)} stay")
    assert sent(place, hosts) == before
    assert {(one.path, one.key) for one in done.moved} == {
        (s.path, login.key) for s in planned.sources for g in s.plan.groups for login in g.logins
    }
    again = plan(place, FAMILIES, place.store)
    assert again.sources == ()
    assert set(again.stays) == set(planned.stays)
    if done.name:
        back = undo(place, done.name, Journal(place).read(done.name), lambda: place.store)
        assert back.stays == ()
        assert place.store.logins == {}
        assert sent(place, hosts) == before
        anew = plan(place, FAMILIES, place.store)  # of odd files not every byte is as it was, and every login is
        assert [(one.path, one.plan.groups) for one in anew.sources] == [
            (one.path, one.plan.groups) for one in planned.sources
        ]
        assert set(anew.stays) == set(planned.stays)
