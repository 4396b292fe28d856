"""What ``who`` finds in many places: which client uses a login, in what state it is, and what places share."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from client_files import auth, helper, jwt, lay_out
from dict_context import DictContainer, DictContext
from shorepass.clients import find
from shorepass.contexts import Context, FileStatus
from shorepass.contexts.containers.container import Mount
from shorepass.contexts.local import LocalContext
from shorepass.contexts.place import Place
from shorepass.errors import ContextError, FileError
from shorepass.who import examine
from shorepass.who.examine import look
from shorepass.who.login import Login, Looked, Share, State
from shorepass.who.sharing import with_shares

NOW = 1_767_225_600.0
DOCKER = "home/.docker/config.json"
RUN = "run/containers/auth.json"


def place(name: str, context: Context) -> Place:
    return Place(name, open=lambda: context)


def logins_of(context: Context, name: str = "me") -> list[Login]:
    (found,) = look([place(name, context)], now=NOW)
    assert found.trouble is None
    return list(found.logins)


def config(**fields: object) -> str:
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("docker", "podman", "expected"),
    [
        (["reg.io"], [], {"reg.io": ("docker", "podman")}),
        (["https://index.docker.io/v1/"], [], {"https://index.docker.io/v1/": ("docker", "podman")}),
        (["docker.io"], [], {"docker.io": ("podman",)}),
        (["https://reg.io/v2/"], [], {"https://reg.io/v2/": ("docker", "podman")}),
        (["reg.io"], ["reg.io"], {"reg.io": ("docker",), "run:reg.io": ("podman",)}),
        (
            ["reg.io", "other.io"],
            ["reg.io"],
            {"reg.io": ("docker",), "run:reg.io": ("podman",), "other.io": ("docker", "podman")},
        ),
        ([], ["reg.io/team"], {"run:reg.io/team": ("podman",)}),
        (["reg.io/team"], ["reg.io"], {"reg.io/team": ("docker",), "run:reg.io": ("podman",)}),
        (["https://index.docker.io/v1/access-token"], [], {"https://index.docker.io/v1/access-token": ()}),
    ],
)
def test_which_client_takes_a_login(
    world: Path, docker: list[str], podman: list[str], expected: dict[str, tuple[str, ...]]
) -> None:
    """A login is a client's when that client would send it: another file or key may stand before it."""
    files = {DOCKER: config(auths={key: auth("alice:pw") for key in docker})}
    files[RUN] = config(auths={key: auth("bob:pw") for key in podman})
    context = lay_out(world, files)
    found = {("run:" if login.path.endswith(RUN) else "") + login.key: login.clients for login in logins_of(context)}
    assert found == expected


def test_a_helper_of_docker_s_file_behind_a_login_of_podman_s_own(world: Path) -> None:
    """Podman asks the helper that docker's file names only where no file before it has a login."""
    files = {DOCKER: config(credHelpers={"h.io": "good"}), "bin/docker-credential-good": helper("{}")}
    (login,) = logins_of(lay_out(world, files))
    assert (login.user, login.clients) == ("held", ("docker", "podman"))
    context = lay_out(world, {**files, RUN: config(auths={"h.io": auth("bob:pw")})})
    assert {login.user: login.clients for login in logins_of(context)} == {"held": ("docker",), "bob": ("podman",)}


def test_the_variable_of_docker(world: Path) -> None:
    """DOCKER_AUTH_CONFIG holds logins too, for docker alone, in plain text."""
    context = lay_out(world, {}, DOCKER_AUTH_CONFIG=config(auths={"reg.io": auth("ci:pw")}))
    (login,) = logins_of(context)
    assert (login.path, login.clients, login.user, login.plain_text) == (
        "DOCKER_AUTH_CONFIG",
        ("docker",),
        "ci",
        True,
    )


def test_a_token_that_is_over(world: Path) -> None:
    """A JWT says itself when it ends."""
    entry = {**auth("alice:"), "identitytoken": jwt({"exp": NOW - 1})}
    (login,) = logins_of(lay_out(world, {DOCKER: config(auths={"reg.io": entry})}))
    assert (login.state, login.kind, login.expires) == (State.EXPIRED, "identity token", NOW - 1)


def test_helpers_are_asked_side_by_side_and_not_for_long(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five that hang cost the time of one, and the one that answers is shown."""
    monkeypatch.setattr(examine, "HELPER_SECONDS", 0.5)
    hanging = {f"bin/docker-credential-h{number}": "#!/bin/sh\nexec /bin/sleep 300\n" for number in range(5)}
    cred_helpers = {f"h{number}.io": f"h{number}" for number in range(5)} | {"h.io": "good"}
    files = {DOCKER: config(credHelpers=cred_helpers), "bin/docker-credential-good": helper("{}"), **hanging}
    start = time.monotonic()
    found = {login.key: login for login in logins_of(lay_out(world, files))}
    assert time.monotonic() - start < 60
    assert (found["h.io"].user, found["h.io"].state) == ("held", State.NOT_CHECKED)
    assert {found[f"h{number}.io"].state for number in range(5)} == {State.HELPER_FAILED}
    assert "within 0.5 s" in found["h0.io"].detail


LISTS_NOTHING = "#!/bin/sh\nread -r url\ncase $1 in list) {};; get) {};; esac\n"
GIVES = """echo '{"ServerURL":"g.io","Username":"alice","Secret":"pw"}'"""
HAS_NONE = "echo credentials not found in native keychain; exit 1"


@pytest.mark.parametrize("named_in", [DOCKER, RUN])
@pytest.mark.parametrize("lists", ["echo '{}'", "echo not implemented; exit 1"])
@pytest.mark.parametrize("gives", [GIVES, HAS_NONE])
def test_a_helper_that_does_not_list_the_key(world: Path, named_in: str, lists: str, gives: str) -> None:
    """Whether it has the login is what it gives, for ``who`` and ``list`` alike: helpers of clouds list nothing."""
    files = {
        named_in: config(credHelpers={"g.io": "cloud"}),
        "bin/docker-credential-cloud": LISTS_NOTHING.format(lists, gives),
    }
    context = lay_out(world, files)
    clients = ("docker", "podman") if named_in == DOCKER else ("podman",)
    expected = [("alice", "password", "cloud")] if gives == GIVES else []
    (looked,) = look([place("me", context)], now=NOW)
    assert [(login.user, login.kind, login.helper) for login in looked.logins] == expected
    assert [login.clients for login in looked.logins] == [clients] * len(expected)
    assert len(looked.notes) == (gives == HAS_NONE)
    for client in clients:
        entries = find(client).entries(context)
        assert [(entry.username, entry.kind, entry.helper) for entry in entries] == expected


@pytest.mark.parametrize("lists", ["exec /bin/sleep 300", "echo pass not initialized; exit 1"])
def test_a_helper_that_is_broken_is_trouble(world: Path, monkeypatch: pytest.MonkeyPatch, lists: str) -> None:
    """One that hangs, or has no store, is not asked a second time, and is not "no login"."""
    monkeypatch.setattr(examine, "HELPER_SECONDS", 0.5)
    asked = world / "asked"
    program = LISTS_NOTHING.format(lists, f": >{asked}")
    files = {DOCKER: config(credHelpers={"g.io": "pass", "h.io": "gone"}), "bin/docker-credential-pass": program}
    states = {login.key: login.state for login in logins_of(lay_out(world, files))}
    assert states == {"g.io": State.HELPER_FAILED, "h.io": State.HELPER_MISSING}
    assert not asked.exists()


@pytest.mark.parametrize("status", [0, 1])
def test_a_helper_that_docker_chose_by_itself(world: Path, status: int) -> None:
    """What it lists is shown; that it fails is no broken login: docker names a helper in its file when it stores one."""
    context = lay_out(world, {"bin/docker-credential-secretservice": helper("{}", status)})
    found = [(login.key, login.helper, login.path, login.state) for login in logins_of(context)]
    assert found == ([] if status else [("h.io", "secretservice", "", State.NOT_CHECKED)])


def test_no_helper_is_run_in_a_container(world: Path) -> None:
    """To look at a container changes nothing in it: its helper is named, and not asked; nor is its docker."""
    mark = world / "ran"
    program = f"#!/bin/sh\n: > {mark}\n"
    files = {
        DOCKER: config(credsStore="held", credHelpers={"g.io": "gone"}),
        "bin/docker-credential-held": program,
        "bin/docker": program,  # whose release decides about the variable
    }
    context = lay_out(world, files, DOCKER_AUTH_CONFIG=config(auths={"v.io": auth("ci:pw")}))
    found = {login.key: login for login in logins_of(context, "docker:web")}
    assert not mark.exists()
    assert (found[""].state, found[""].detail) == (State.NOT_CHECKED, examine.NOT_ASKED)
    assert found["g.io"].state is State.HELPER_MISSING


class Fake(LocalContext):
    """A home where root owns some files, and nobody may read them."""

    def __init__(self, environ: Any, owned: Sequence[str]) -> None:
        super().__init__(environ, platform="linux", uid=1000)
        self._owned = owned

    def read(self, path: str, limit: int) -> Any:
        if any(f"{path}/".startswith(f"{owned}/") for owned in self._owned):
            raise FileError(path, "permission denied", owner="root(0)")
        return super().read(path, limit)

    def status(self, path: str) -> FileStatus | None:
        if path in self._owned:
            return FileStatus(path, "file", 0o600, 0, 0, 1, "root(0)")
        return None


@pytest.mark.parametrize("owned", ["/home/you/.docker", "/home/you/.docker/config.json"])
def test_what_root_owns_in_a_home(owned: str) -> None:
    """After ``sudo docker login`` a file, or its folder, is root's: that is a state of its own."""
    context = Fake({"HOME": "/home/you", "PATH": "", "XDG_RUNTIME_DIR": "/nowhere"}, [owned])
    states = {login.state for login in logins_of(context)}
    assert states == {State.ROOT_OWNED}


def test_one_place_out_of_reach_hides_no_other(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that hangs, one that is gone and one that was never there are shown as such, beside those that answer."""
    monkeypatch.setattr(examine, "REACH_SECONDS", 0.3)
    context = lay_out(world, {DOCKER: config(auths={"reg.io": auth("alice:pw")})})

    def gone() -> Context:
        raise ContextError("docker:gone", "no such container")

    def hangs() -> Context:
        time.sleep(1)
        return context

    places = [
        Place("lima:slow", open=hangs),
        Place("docker:gone", open=gone),
        Place("podman", trouble="no answer within 3 s"),
        place("me", context),
    ]
    found = look(places, now=NOW)
    assert [looked.trouble for looked in found] == [
        "no answer within 0.3 s",
        "no such container",
        "no answer within 3 s",
        None,
    ]
    assert [login.user for login in found[3].logins] == ["alice"]


def shared(places: Sequence[Place]) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    found: Sequence[Looked] = with_shares(look(places, now=NOW))
    return {
        looked.place.name: [(share.what, share.contexts) for login in looked.logins for share in login.shared]
        for looked in found
    }


def test_one_file_in_two_places(world: Path) -> None:
    """Whoever keeps HOME under sudo uses the same file."""
    context = lay_out(world, {DOCKER: config(auths={"reg.io": auth("alice:pw")})})
    other = lay_out(world / "other", {DOCKER: config(auths={"reg.io": auth("bob:pw")})})
    both = [("file", ("me", "sudo"))]
    places = [place("me", context), place("sudo", context), place("user:bob", other)]
    assert shared(places) == {"me": both, "sudo": both, "user:bob": []}


def test_a_file_of_this_machine_in_a_container() -> None:
    """A mounted config file is told by its path outside, also where the container has an older one; so is a socket."""
    path, text = "/home/you/.docker/config.json", config(auths={"reg.io": auth("alice:pw")})
    folder = Mount("/root/.docker", "/home/you/.docker", "bind", read_only=True)
    socket = Mount("/run/docker.sock", "/var/run/docker.sock", "bind", read_only=False)
    inside = {"/root/.docker/config.json": config(auths={"reg.io": auth("old:old")})}
    web = DictContainer("docker:web", inside, uid=0, home="/root", mounts=(folder, socket))
    other = DictContainer("docker:other", {"/root/.docker/config.json": text}, uid=0, home="/root", mounts=())
    places = [DictContext("me", {path: text}).place, web.within("docker"), other.within("docker")]
    me, web_found, other_found = with_shares(look(places, now=NOW))
    mounted = Share("mount", path, ("me", "docker:web"))
    copied = Share("credential", "alice at reg.io", ("me", "docker:other"))
    assert [login.shared for login in me.logins] == [(mounted, copied)]
    assert [login.shared for login in web_found.logins] == [(mounted,)]
    assert [login.shared for login in other_found.logins] == [(copied,)]
    assert web_found.shared == (Share("socket", "/var/run/docker.sock", ("docker:web",)),)
    assert other_found.shared == ()


def test_one_credential_in_two_files(world: Path) -> None:
    """A copy of a login is seen by its secret, and only for the same registry."""
    one = lay_out(world / "one", {DOCKER: config(auths={"reg.io": auth("ci:pw"), "a.io": auth("x:y")})})
    two = lay_out(world / "two", {DOCKER: config(auths={"https://reg.io": auth("ci:pw"), "b.io": auth("x:y")})})
    both = [("credential", ("me", "user:bob"))]
    assert shared([place("me", one), place("user:bob", two)]) == {"me": both, "user:bob": both}


def test_one_helper_in_two_places(world: Path) -> None:
    """The same program that answers with the same account is shared."""
    files = {DOCKER: config(credsStore="held"), "bin/docker-credential-held": helper("{}")}
    one = lay_out(world, files)
    two = lay_out(world, {"other/.docker/config.json": config(credsStore="held")}, HOME="{}/other")
    both = [("helper", ("me", "user:bob"))]
    assert shared([place("me", one), place("user:bob", two)]) == {"me": both, "user:bob": both}
