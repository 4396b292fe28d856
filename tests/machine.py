"""A whole machine of made-up places, for what shows many of them: users, sudo, containers, a virtual machine."""

from __future__ import annotations

import json
from collections.abc import Sequence

from client_files import auth, jwt
from dict_context import DictContainer, DictContext
from shorepass.contexts.containers.container import Mount
from shorepass.contexts.place import Place
from shorepass.errors import FileError
from shorepass.grants.grant import ENGINE, FORWARD, Grant
from shorepass.resolution import Outcome, Step
from shorepass.who.examine import look
from shorepass.who.lent import Lent
from shorepass.who.login import Login, Looked, State
from shorepass.who.sharing import with_shares

__all__ = ["HOSTILE", "NOW", "SECRET", "crowd", "grants", "machine"]

NOW = 1_767_225_600.0  # 2026-01-01
SECRET = "correct horse battery staple"
HUB = "https://index.docker.io/v1/"
HOSTILE = '</script><img src=x onerror="document.title=1"><b>&amp;'


def config(**fields: object) -> str:
    return json.dumps(fields)


def auths(*pairs: str) -> dict[str, dict[str, str]]:
    """Return ``auths`` for ``alice@ghcr.io`` ..."""
    return {pair.partition("@")[2]: auth(f"{pair.partition('@')[0]}:{SECRET}") for pair in pairs}


def machine() -> list[Looked]:
    """Return a machine with some of everything, its registries asked."""
    docker = "/home/alice/.docker/config.json"
    mine = {
        docker: config(auths=auths(f"alice@{HUB}", "alice@ghcr.io"), credHelpers={"eu.gcr.io": "gcloud"}),
        "/tmp/storage-run-1000/containers/auth.json": config(auths=auths("alice@quay.io/acme")),
    }
    same = {docker: "host:1", "/root/.docker/config.json": "host:1"}
    me = DictContext("me", mine, home="/home/alice", identities=same)
    sudo = DictContext("sudo", mine, uid=0, home="/home/alice", identities=same)
    login = DictContext("sudo-login", {}, uid=0, home="/root")
    token = {"identitytoken": jwt({"exp": NOW - 7200}), **auth("00000000-0000-0000-0000-000000000000:")}
    bob = DictContext(
        "user:bob",
        {
            "/home/bob/.docker/config.json": config(credsStore="pass", auths={"acme.azurecr.io": {}}),
            "/home/bob/.config/containers/auth.json": config(auths={"acme.azurecr.io": token}),
        },
        uid=1001,
        home="/home/bob",
        programs={
            "/bin/docker-credential-pass": json.dumps({"ghcr.io": "bob", "registry.acme.example:5000": "bob-ci"})
        },
    )
    carol_file = "/home/carol/.docker/config.json"
    carol = DictContext(
        "user:carol",
        {carol_file: FileError(carol_file, "permission denied", owner="root(0)", mode="0600")},
        uid=1002,
        home="/home/carol",
    )
    dave = DictContext("user:dave", {}, uid=1003, home="/home/dave")
    folder = Mount("/root/.docker", "/home/alice/.docker", "bind", read_only=False)
    socket = Mount("/var/run/docker.sock", "/run/docker.sock", "bind", read_only=False)
    inside = {"/root/.docker/config.json": mine[docker]}
    web = DictContainer("docker:web", inside, uid=0, home="/root", identities=same, mounts=(folder, socket))
    ci = DictContext(
        "docker:ci-runner",
        {"/home/ci/.docker/config.json": config(auths=auths("ci@registry.acme.example:5000"), credsStore="")},
        uid=998,
        home="/home/ci",
    )
    bad = DictContext("docker:build", {"/root/.docker/config.json": '{"auths": {'}, uid=0, home="/root")
    vm = DictContext(
        "lima:default",
        {"/home/alice.linux/.docker/config.json": config(auths=auths(f"alice@{HUB}"))},
        home="/home/alice.linux",
    )
    places = [
        me.place,
        sudo.place,
        login.place,
        bob.place,
        carol.place,
        dave.place,
        web.within("docker", "running"),
        ci.within("docker", "running"),
        bad.within("docker", "exited"),
        Place("docker:db", "docker", "running", open=lambda: DictContext("docker:db", {}, uid=0, home="/root")),
        vm.within("", "running"),
        Place("podman", trouble="no answer within 3 s"),
    ]
    return _judged(with_shares(look(places, now=NOW)))


def grants() -> list[Lent]:
    """Return what the user of that machine lends: to two containers, and by flags to one that does not exist yet."""
    until = NOW + 12 * 3600
    web = Grant("1a2b3c4d", "flags", FORWARD, ("ghcr.io",), "/run/user/1000/shorepass/grants/1a2b3c4d", "", NOW, until)
    db = web._replace(id="5e6f7a8b", target="docker:db", mode=ENGINE, repositories=("docker.io/acme/*",))
    new = web._replace(id="9c0d1e2f", registries=("*.example.com",))
    return [
        Lent(web, "me", ("docker:web",), NOW + 9 * 3600),
        Lent(db, "me", ("docker:db",), None),
        Lent(new, "me", (), None),
    ]


def crowd(number: int) -> list[Looked]:
    """Return ``number`` places, a third of them containers, a tenth of them without a login."""
    places = []
    for n in range(number):
        name, inside = (f"docker:job-{n:03}", "docker") if n % 3 == 0 else (f"user:u{n:03}", "")
        pairs = [f"u{n}@ghcr.io"] * (n % 10 != 0) + [f"ci@registry-{n % 7}.example"] * (n % 4 == 0)
        home = f"/home/u{n:03}"
        files = {f"{home}/.docker/config.json": config(auths=auths(*pairs))} if n % 10 else {}
        places.append(DictContext(name, files, uid=1000 + n, home=home).within(inside, "running" if inside else ""))
    return _judged(with_shares(look(places, now=NOW)))


def _judged(looked: Sequence[Looked]) -> list[Looked]:
    """Let the registries have answered: some well, some not."""
    return [found._replace(logins=tuple(_asked(login, n) for n, login in enumerate(found.logins))) for found in looked]


def _asked(login: Login, number: int) -> Login:
    if login.state is not State.NOT_CHECKED or login.credential is None:
        return login
    if login.registry.startswith("registry") or (number + len(login.context)) % 9 == 8:
        step = Step("registry", Outcome.FAILED, login.registry, "incorrect username or password")
        return login._replace(state=State.REFUSED, detail="incorrect username or password", asked=(step,))
    if login.registry == "quay.io":
        return login._replace(detail="no answer within 15 s")
    step = Step("registry", Outcome.OK, login.registry, f"https://{login.registry} accepts the login")
    return login._replace(state=State.WORKS, asked=(step,))
