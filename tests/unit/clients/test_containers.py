"""podman, skopeo, buildah: the rules of containers/image 5.23 as tables.

Each row is also a thing that ``tests/property/test_against_podman.py`` finds in the real programs.
Sources: containers/image pkg/docker/config/config.go; containers/common pkg/auth for ``login`` and ``logout``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client_files import auth, helper, lay_out
from shorepass import clients
from shorepass.clients import Target, containers
from shorepass.clients.release import Release
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, Credential, IdentityToken
from shorepass.errors import FileError, HelperMissing, MalformedFile, UsageError
from shorepass.logins.log_in import log_out
from shorepass.names import parse
from shorepass.resolution import Outcome, Resolution
from shorepass.secret import Secret

RUN, USER = "run/containers/auth.json", "home/.config/containers/auth.json"
DOCKER, LEGACY = "home/.docker/config.json", "home/.dockercfg"
CONF = "home/.config/containers/registries.conf"
IMAGE = "reg.io/team/app:1"


def logins(**users: str) -> str:
    """Return an auth file: a user, with the password ``pw``, for each key (``__`` stands for a slash, ``_`` for a dot)."""
    keys = {key.replace("__", "/").replace("_", "."): auth(f"{user}:pw") for key, user in users.items()}
    return json.dumps({"auths": keys})


def resolve(context: LocalContext, image: str = IMAGE, client: str = "podman") -> Resolution:
    return clients.find(client).resolve(context, parse(image))


def user(resolution: Resolution) -> str:
    """Return whose login it is, "" for nobody's."""
    credential = resolution.credential
    return credential.username if isinstance(credential, Basic) else ""


def test_the_order_of_the_files(world: Path) -> None:
    """Runtime folder, ~/.config, docker's file, .dockercfg: the first with a login counts."""
    files = {
        RUN: logins(reg_io="run"),
        USER: logins(reg_io="user"),
        DOCKER: logins(reg_io="docker"),
        LEGACY: json.dumps({"reg.io": auth("legacy:pw")}),
    }
    for path, expected in zip([RUN, USER, DOCKER, LEGACY], ["run", "user", "docker", "legacy"], strict=True):
        assert user(resolve(lay_out(world, files))) == expected
        files[path] = logins(other_io="someone") if path != LEGACY else "{}"  # a file without an answer hands on
    assert resolve(lay_out(world, files)).answer == ANONYMOUS


OLD, NEW = (
    {"podman": "4.3", "skopeo": "1.10", "buildah": "1.28"},
    {"podman": "5.8", "skopeo": "1.22", "buildah": "1.43"},
)
ONE_FILE = {"podman": "4.4", "skopeo": "1.11", "buildah": "1.29"}  # the first that read a named file alone


@pytest.mark.parametrize("releases", [OLD, ONE_FILE, NEW], ids=["old", "first", "new"])
@pytest.mark.parametrize(
    ("env", "expected", "of_skopeo"),
    [
        ({"REGISTRY_AUTH_FILE": "{}/named.json"}, "named", "named"),
        ({"REGISTRY_AUTH_FILE": ""}, "run", "run"),
        ({"DOCKER_CONFIG": "{}/docker"}, "docker", "run"),
        ({"DOCKER_CONFIG": "{}/docker", "REGISTRY_AUTH_FILE": "{}/named.json"}, "named", "named"),
        ({"XDG_RUNTIME_DIR": "{}/none"}, "user", "user"),
        ({"XDG_RUNTIME_DIR": "{}/none", "XDG_CONFIG_HOME": "{}/xdg"}, "xdg", "xdg"),
    ],
)
def test_variables(world: Path, env: dict[str, str], expected: str, of_skopeo: str, releases: dict[str, str]) -> None:
    """In every release a named file takes the place of the first."""
    for program, release in releases.items():
        wanted = of_skopeo if program == "skopeo" else expected
        assert user(resolve_named(world, program, release, **env)) == wanted


@pytest.mark.parametrize(
    ("env", "old", "new"),
    [
        ({"REGISTRY_AUTH_FILE": "{}/other.json"}, ["user"] * 3, [""] * 3),
        ({"REGISTRY_AUTH_FILE": "{}/none.json"}, [None, "user", None], ["", "", None]),
        ({"DOCKER_CONFIG": "{}/none"}, [None, "run", None], ["", "run", None]),
        ({"REGISTRY_AUTH_FILE": "{}/home/.dockercfg"}, ["legacy"] * 3, [""] * 3),
        ({"XDG_RUNTIME_DIR": "{}/other.json"}, [None] * 3, [None] * 3),
        ({"XDG_RUNTIME_DIR": "{}/none", "XDG_CONFIG_HOME": "{}/other.json"}, [None] * 3, [None] * 3),
    ],
    ids=[
        "no login in it",
        "not there",
        "no folder",
        "the old file",
        "a file for a folder",
        "a file for the second folder",
    ],
)
def test_named_files_by_release(world: Path, env: dict[str, str], old: list[str | None], new: list[str | None]) -> None:
    """A named file is read alone since containers/image 5.24; podman 4.7 and later do without it, and buildah does not.

    What should be a folder and is a file stops all of them. (None: the program stops.)
    """
    for releases, expected in ((OLD, old), (NEW, new)):
        for (program, release), wanted in zip(releases.items(), expected, strict=True):
            resolution = resolve_named(world, program, release, **env)
            if wanted is None:
                assert isinstance(resolution.answer, FileError)
                assert program in resolution.behaviour
            else:
                assert user(resolution) == wanted


def resolve_named(world: Path, program: str, release: str, **env: str) -> Resolution:
    """Resolve the image by the rules of a release, where each file has a login of its own and ``other.json`` another's."""
    files = {RUN: logins(reg_io="run"), USER: logins(reg_io="user"), "named.json": logins(reg_io="named")}
    files |= {"other.json": logins(other_io="x"), "docker/config.json": logins(reg_io="docker")}
    files |= {LEGACY: json.dumps({"reg.io": auth("legacy:pw")}), "xdg/containers/auth.json": logins(reg_io="xdg")}
    if env.get("REGISTRY_AUTH_FILE", "").endswith(".dockercfg"):
        files = {LEGACY: files[LEGACY]}
    client = containers.client(program, Release.parse(release))
    return client.resolve(lay_out(world, files, **env), parse(IMAGE))


def test_the_release_on_path_decides(world: Path) -> None:
    """The program on PATH says its release, once and only where a rule depends on it; a step says what it was."""
    script = "#!/bin/sh\necho asked >>{}/log; echo podman version {}\n"
    files = {"other.json": logins(other_io="x"), USER: logins(reg_io="user")}
    for release, expected in (("4.3.1", "user"), ("5.8.2", "")):
        program = {"bin/podman": script.format(world, release)}
        context = lay_out(world, files | program, REGISTRY_AUTH_FILE="{}/other.json")
        resolution = resolve(context)
        assert user(resolution) == expected
        step = containers.client("podman").followed(context).step()
        assert (step.subject, step.detail) == (f"podman {release}", "on PATH")
    assert (world / "log").read_text() == "asked\n" * 4
    assert user(resolve(lay_out(world, files))) == "user"
    assert (world / "log").read_text() == "asked\n" * 4


@pytest.mark.parametrize(
    ("image", "keys", "taken"),
    [
        (IMAGE, ["reg.io", "reg.io/team", "reg.io/team/app"], "reg.io/team/app"),
        (IMAGE, ["reg.io", "reg.io/team", "reg.io/team/application"], "reg.io/team"),
        (IMAGE, ["reg.io/team/other", "reg.io"], "reg.io"),
        (IMAGE, ["https://reg.io", "reg.io"], "reg.io"),
        (IMAGE, ["https://reg.io/v1/"], "https://reg.io/v1/"),
        (IMAGE, ["http://reg.io"], "http://reg.io"),
        (IMAGE, ["reg.io/"], None),
        (IMAGE, ["REG.IO", "reg.io:443", "HTTPS://reg.io", "team/app"], None),
        ("Reg.IO/app", ["reg.io"], None),
        ("reg.io:5000/app", ["reg.io"], None),
        ("docker.io/nginx", ["docker.io/library/nginx", "docker.io"], "docker.io/library/nginx"),
        ("docker.io/nginx", ["docker.io", "index.docker.io"], "docker.io"),
        ("docker.io/nginx", ["index.docker.io"], "index.docker.io"),
        ("docker.io/nginx", ["registry-1.docker.io"], "registry-1.docker.io"),
        ("docker.io/nginx", ["https://index.docker.io/v1/"], "https://index.docker.io/v1/"),
        ("reg.io", ["reg.io/team"], None),
    ],
)
def test_keys(world: Path, image: str, keys: list[str], taken: str | None) -> None:
    """The longest part of the name, down to the registry; then keys with a scheme and docker.io's other names."""
    context = lay_out(world, {RUN: json.dumps({"auths": {key: auth(f"{i}:pw") for i, key in enumerate(keys)}})})
    resolution = resolve(context, image)
    assert user(resolution) == ("" if taken is None else str(keys.index(taken)))
    assert (resolution.source.key if resolution.source else None) == taken


def test_old_file_has_no_namespaces(world: Path) -> None:
    """In .dockercfg a path in a key says nothing: only its host counts."""
    assert user(resolve(lay_out(world, {LEGACY: json.dumps({"reg.io/other": auth("a:pw")})}))) == "a"


def test_two_keys_of_one_host(world: Path) -> None:
    """The programs toss a coin: every side of it is named, the answer is always the same, and a step says so."""
    files = {RUN: json.dumps({"auths": {"https://reg.io": auth("b:pw"), "http://reg.io": auth("a:pw")}})}
    resolution = resolve(lay_out(world, files))
    assert resolution.answer == Basic("a", Secret("pw"))
    assert resolution.alternatives == (Basic("b", Secret("pw")),)
    assert any("at random" in step.detail for step in resolution.steps)


@pytest.mark.parametrize(
    ("entry", "credential"),
    [
        (auth("alice:a:b"), Basic("alice", Secret("a:b"))),
        (auth("alice:\0pw\0\0"), Basic("alice", Secret("pw"))),
        (auth(":pw"), Basic("", Secret("pw"))),
        (auth("alice:"), Basic("alice", Secret(""))),
        (auth("alice"), ANONYMOUS),
        (auth(":"), ANONYMOUS),
        (auth(""), ANONYMOUS),
        (auth("alice:pw", identitytoken="tok"), IdentityToken(Secret("tok"), "alice")),
        (auth("alice", identitytoken="tok"), ANONYMOUS),
        ({"identitytoken": "tok"}, ANONYMOUS),
        ({"username": "alice", "password": "pw"}, ANONYMOUS),
        ({"registrytoken": "tok"}, ANONYMOUS),
        ({"AUTH": auth("alice:pw")["auth"]}, Basic("alice", Secret("pw"))),
        (None, ANONYMOUS),
    ],
)
def test_entries(world: Path, entry: dict[str, str] | None, credential: Credential) -> None:
    """Only ``auth`` and ``identitytoken`` are read, and nothing counts without a colon in ``auth``."""
    assert resolve(lay_out(world, {RUN: json.dumps({"auths": {"reg.io": entry}})})).answer == credential


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n", "{} x", "{}{}", "[]", "7", "{", '{"auths": []}', '{"auths": {"other.io": {"auth": 1}}}'),
        *('{"credHelpers": {"other.io": 1}}', '{"auths": {"reg.io": {"auth": "="}}}'),
    ],
)
def test_broken_files(world: Path, text: str) -> None:
    """A file that Go cannot decode whole stops the programs, though another file has the login."""
    resolution = resolve(lay_out(world, {RUN: text, USER: logins(reg_io="user")}))
    assert isinstance(resolution.answer, MalformedFile)
    assert resolution.answer.path == str(world / RUN)
    assert resolution.behaviour == "podman stops with that error"


def test_repeated_keys(world: Path) -> None:
    """A second ``auths`` adds to the first; of an entry that repeats the last counts; null forgets what was before it."""
    a, b = json.dumps(auth("a:pw")), json.dumps(auth("b:pw"))
    for text, expected in (
        (f'{{"auths": {{"reg.io": {a}}}, "Auths": {{"other.io": {b}}}}}', "a"),
        (f'{{"auths": {{"reg.io": {a}, "reg.io": {b}}}}}', "b"),
        (f'{{"auths": {{"reg.io": {a}}}, "auths": null}}', ""),
    ):
        assert user(resolve(lay_out(world, {RUN: text}))) == expected


HELD = {"bin/docker-credential-held": helper('{"Username":"held","Secret":"pw"}')}
ABSENT = {"bin/docker-credential-absent": helper("credentials not found in native keychain", 1)}
TOKEN = {"bin/docker-credential-token": helper('{"Username":"<token>","Secret":"tok"}')}


def test_helper_of_a_file(world: Path) -> None:
    """``credHelpers`` names it for the registry alone, and its word is the file's last; ``credsStore`` is not read."""
    entries = {"reg.io": auth("entry:pw")}
    for helpers, expected in (
        ({"credHelpers": {"reg.io": "held"}}, "held"),
        ({"credHelpers": {"reg.io": "absent"}}, "next"),
        ({"credHelpers": {"reg.io/team": "held"}}, "entry"),
        ({"credsStore": "held"}, "entry"),
    ):
        files = {RUN: json.dumps({"auths": entries, **helpers}), USER: logins(reg_io="next"), **HELD, **ABSENT}
        assert user(resolve(lay_out(world, files))) == expected


def test_helper_that_is_missing(world: Path) -> None:
    """A helper that cannot be asked stops the programs, and is never the same as no login."""
    files = {RUN: '{"credHelpers": {"reg.io": "none"}}', USER: logins(reg_io="next")}
    assert isinstance(resolve(lay_out(world, files)).answer, HelperMissing)


def test_a_helper_s_name_is_used_as_it_stands(world: Path) -> None:
    """A blank at its end is a part of it: no such program is there, and all clients stop."""
    for files in ({RUN: '{"credHelpers": {"reg.io": "held "}}'}, {CONF: 'credential-helpers = ["held "]'}):
        resolution = resolve(lay_out(world, {RUN: "{}", **files, **HELD}))
        assert isinstance(resolution.answer, HelperMissing)
        (world / CONF).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("program", "uid", "is_told"),
    [("podman", 1000, True), ("buildah", 1000, True), ("skopeo", 1000, False), ("podman", 0, False)],
)
def test_a_helper_in_a_user_namespace(world: Path, program: str, uid: int, is_told: bool) -> None:
    """A step says that a user's podman or buildah runs the helper as uid 0; skopeo does not, and root has no namespace."""
    here = lay_out(world, {RUN: '{"credHelpers": {"reg.io": "held"}}', **HELD})
    resolution = resolve(LocalContext(here.environment(), platform="linux", uid=uid), client=program)
    assert user(resolution) == "held"
    assert any("as uid 0" in step.detail for step in resolution.steps) is is_told


@pytest.mark.parametrize(
    ("helpers", "expected"),
    [
        (["held", "containers-auth.json"], "held"),
        (["containers-auth.json", "held"], "file"),
        (["held"], "held"),
        (["absent", "containers-auth.json"], "file"),
        (["none", "containers-auth.json"], "file"),
        (["none", "absent"], HelperMissing),
        (["absent"], ""),
    ],
)
def test_helpers_of_registries_conf(world: Path, helpers: list[str], expected: str | type[HelperMissing]) -> None:
    """They are asked in their order, the auth files in their place; an error counts only where none has an answer."""
    files = {CONF: f"credential-helpers = {json.dumps(helpers)}", RUN: logins(reg_io="file"), **HELD, **ABSENT}
    resolution = resolve(lay_out(world, files))
    if isinstance(expected, str):
        assert user(resolution) == expected
    else:
        assert isinstance(resolution.answer, expected)


def test_token_of_a_helper(world: Path) -> None:
    """The user name ``<token>`` marks an identity token."""
    context = lay_out(world, {CONF: 'credential-helpers = ["token"]', **TOKEN})
    assert resolve(context).answer == IdentityToken(Secret("tok"))


def test_image_from_elsewhere(world: Path) -> None:
    """Where [[registry]] gives another location, the login is that of the location, and a step says so."""
    conf = (
        '[[registry]]\nprefix = "reg.io/team"\nlocation = "there.io/x"\n[[registry.mirror]]\nlocation = "mirror.io"\n'
    )
    resolution = resolve(lay_out(world, {CONF: conf, RUN: logins(reg_io="a", there_io__x="b")}))
    assert user(resolution) == "b"
    assert (str(resolution.reference), resolution.server_url) == ("there.io/x/app:1", "there.io")
    assert any("comes from there.io/x/app:1" in step.detail for step in resolution.steps)
    assert any("mirror.io/app:1" in step.subject for step in resolution.steps)


def test_the_login_of_each_mirror(world: Path) -> None:
    """A mirror is asked before the registry: a step has its login, or that it gets none."""
    conf = '[[registry]]\nlocation = "reg.io"\nmirror = [{location = "a.io/x"}, {location = "b.io"}, {location = "c.io"}]\n'
    conf += '[[registry]]\nlocation = "c.io"\nblocked = true\n'
    resolution = resolve(lay_out(world, {CONF: conf, RUN: logins(reg_io="own", a_io__x="mirror")}))
    assert user(resolution) == "own"
    assert [
        (step.subject, step.outcome.value, step.detail) for step in resolution.steps if step.kind == "registry"
    ] == [
        ("a.io/x/team/app:1", "ok", "a mirror, which is asked first; it gets user name 'mirror' and a password"),
        ("b.io/team/app:1", "ok", "a mirror, which is asked first; it gets nothing"),
        ("c.io/team/app:1", "failed", "a mirror, and registries.conf: that mirror is blocked"),
    ]


SEARCHES = 'unqualified-search-registries = ["reg.io", "docker.io"]\n'


@pytest.mark.parametrize(
    ("conf", "image", "comes_from"),
    [
        (SEARCHES, "app:1", "reg.io/app:1"),
        (SEARCHES, "team/app", "reg.io/team/app"),
        ('unqualified-search-registries = ["docker.io"]', "app", "docker.io/library/app"),
        (SEARCHES + "[aliases]\napp = 'there.io/x/y'", "app:1", "there.io/x/y:1"),
        (SEARCHES + "[aliases]\napp = ''", "app", "reg.io/app"),
        (SEARCHES + "[[registry]]\nprefix = 'reg.io'\nlocation = 'there.io/x'", "app", "there.io/x/app"),
        (SEARCHES + "short-name-mode = 'disabled'", "app", "reg.io/app"),
        (SEARCHES + "short-name-mode = 'enforcing'", "app", None),
        ("", "app-without-alias", None),
        (SEARCHES, "docker.io/app", "docker.io/library/app"),
        (SEARCHES, "localhost/app", "localhost/app"),
    ],
)
def test_short_names(world: Path, conf: str, image: str, comes_from: str | None) -> None:
    """Podman and buildah take the alias, else the first registry of the search list; skopeo takes Docker Hub."""
    context = lay_out(world, {CONF: conf})
    for program in ("podman", "buildah"):
        resolution = resolve(context, image, program)
        if comes_from is None:
            assert isinstance(resolution.answer, FileError)
        else:
            assert (resolution.answer, str(resolution.reference)) == (ANONYMOUS, comes_from)
    if "/" not in image:
        assert resolve(context, image, "skopeo").reference.name == parse(image).name


def test_the_registry_that_the_user_has_chosen(world: Path) -> None:
    """Podman keeps the choice in a file of its own, which overrides registries.conf."""
    files = {CONF: SEARCHES, "home/.cache/containers/short-name-aliases.conf": "[aliases]\napp = 'chosen.io/app'\n"}
    context = LocalContext(lay_out(world, files).environment(), platform="linux", uid=1000)
    assert str(resolve(context, "app:2").reference) == "chosen.io/app:2"


def test_blocked(world: Path) -> None:
    """A blocked registry is an error, whatever the login; what counts is where the image comes from."""
    conf = '[[registry]]\nlocation = "reg.io"\nblocked = true\n'
    resolution = resolve(lay_out(world, {CONF: conf, RUN: logins(reg_io="a")}))
    assert isinstance(resolution.answer, FileError)
    assert resolution.steps[-1].outcome is Outcome.FAILED
    moved = '[[registry]]\nprefix = "reg.io"\nlocation = "there.io"\nblocked = true\n'
    assert resolve(lay_out(world, {CONF: moved})).answer == ANONYMOUS


@pytest.mark.parametrize(
    ("server", "key"),
    [
        ("reg.io", "reg.io"),
        ("https://reg.io", "reg.io"),
        ("http://reg.io/v1/", "reg.io"),
        ("https://reg.io/team", "reg.io"),
        ("reg.io/team", "reg.io/team"),
        ("Reg.IO:5000", "Reg.IO:5000"),
        ("docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "index.docker.io"),
    ],
)
def test_key_of_a_login(world: Path, server: str, key: str) -> None:
    """A login is stored as it was typed, except that a scheme goes, and with it all behind the host."""
    client, path = clients.find("podman"), str(world / RUN)
    context = lay_out(world, {})
    assert client.target(context, server) == Target(path, key)
    assert client.erasures(context, server) == [Target(path, key)]


@pytest.mark.parametrize(
    "server", ["", "https://", "reg.io/", "reg.io/team/", "reg.io/team:1", "reg.io/Team", "me@reg.io"]
)
def test_no_key_of_a_login(world: Path, server: str) -> None:
    """Logins refuse tags, trailing slashes, upper case in a namespace, and user names in the server."""
    with pytest.raises(UsageError):
        clients.find("podman").target(lay_out(world, {}), server)


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({}, RUN),
        ({"REGISTRY_AUTH_FILE": "{}/new.json"}, "new.json"),
        ({"DOCKER_CONFIG": "{}/docker"}, "docker/config.json"),
    ],
)
@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
def test_file_of_a_login(world: Path, env: dict[str, str], path: str, client: str) -> None:
    """The file of a login need not be there; all programs log in where DOCKER_CONFIG says, though skopeo reads elsewhere."""
    assert clients.find(client).target(lay_out(world, {}, **env), "reg.io") == Target(str(world / path), "reg.io")


def test_no_login_without_the_runtime_folder(world: Path) -> None:
    """A folder that XDG_RUNTIME_DIR names is not made by a login."""
    with pytest.raises(FileError, match="XDG_RUNTIME_DIR"):
        clients.find("podman").target(lay_out(world, {}, XDG_RUNTIME_DIR="{}/none"), "reg.io")


@pytest.mark.parametrize(
    ("helpers", "server", "held_by"),
    [
        (["held", "containers-auth.json"], "reg.io", "held"),
        (["held", "containers-auth.json"], "reg.io/team", None),
        (["containers-auth.json", "held"], "reg.io", None),
        (["containers-auth.json"], "h.io", "inner"),
    ],
)
def test_helper_of_a_login(world: Path, helpers: list[str], server: str, held_by: str | None) -> None:
    """The first helper of all stores it, except what is a part of a registry; in the file ``credHelpers`` may name one."""
    files = {CONF: f"credential-helpers = {json.dumps(helpers)}", RUN: '{"credHelpers": {"h.io": "inner"}}'}
    target = clients.find("podman").target(lay_out(world, files), server)
    assert (target.key, target.helper) == (server, held_by)


def test_places_of_a_login_in_their_order(world: Path) -> None:
    """What one helper refuses goes to the next, a part of a registry into the file alone."""
    client = clients.find("podman")
    helpers = ["held", "containers-auth.json", "more"]
    context = lay_out(world, {CONF: f"credential-helpers = {json.dumps(helpers)}"})
    places = []
    place: Target | None = client.target(context, "reg.io")
    while place is not None:
        places.append(place.helper)
        place = place.otherwise
    assert places == ["held", None, "more"]
    assert client.target(context, "reg.io/team") == Target(str(world / RUN), "reg.io/team")


@pytest.mark.parametrize(
    ("server", "old", "new"),
    [
        ("reg.io", [("reg.io", "held")], [("reg.io", None)]),
        ("docker.io", [("docker.io", "held")], [("https://index.docker.io/v1/", None)]),
        ("h.io", [("h.io", "held")], [("h.io", "inner")]),
        ("reg.io/team", [("reg.io/team", None)], None),
    ],
)
def test_login_with_docker_config(
    world: Path, server: str, old: list[tuple[str, str]], new: list[tuple[str, str]] | None
) -> None:
    """Since podman 4.8, skopeo 1.14 and buildah 1.33 it goes into docker's file by docker's rules, past registries.conf."""
    files = {CONF: 'credential-helpers = ["held", "containers-auth.json"]'}
    files["docker/config.json"] = '{"credHelpers": {"h.io": "inner"}}'
    context = lay_out(world, files, DOCKER_CONFIG="{}/docker")
    for program, releases in {
        "podman": ("4.7", "4.8"),
        "skopeo": ("1.13", "1.14"),
        "buildah": ("1.32", "1.33"),
    }.items():
        before, since = (containers.client(program, Release.parse(release)) for release in releases)
        target = before.target(context, server)
        assert [(target.key, target.helper)] == old
        if new is None:
            with pytest.raises(UsageError, match="DOCKER_CONFIG"):
                since.target(context, server)
        else:
            target = since.target(context, server)
            assert [(target.key, target.helper)] == new
            assert since.erasures(context, server)[-1].key == target.key


def test_namespace_and_nothing_but_helpers(world: Path) -> None:
    """A login for a part of a registry needs a file."""
    with pytest.raises(UsageError, match="part of a registry"):
        clients.find("podman").target(lay_out(world, {CONF: 'credential-helpers = ["held"]'}), "reg.io/team")


def test_logout_erases_everywhere(world: Path) -> None:
    """A logout goes through all helpers, and through the one that the file names for the registry."""
    files = {CONF: 'credential-helpers = ["held", "containers-auth.json"]', RUN: '{"credHelpers": {"h.io": "inner"}}'}
    client, context = clients.find("podman"), lay_out(world, files)
    assert [target.helper for target in client.erasures(context, "h.io")] == ["held", "inner", None]
    assert [target.helper for target in client.erasures(context, "h.io/team")] == [None]


@pytest.mark.parametrize(
    ("name", "stops_at_variable", "stops_at_flag"),
    [
        ("podman@4.6", True, True),
        ("podman@4.7", False, True),
        ("buildah@1.43", True, True),
        ("skopeo@1.22", False, False),
    ],
)
def test_a_missing_file_that_a_flag_names(world: Path, name: str, stops_at_variable: bool, stops_at_flag: bool) -> None:
    """Podman 4.7 and later pull past a variable that names no file, and stop where ``--authfile`` does."""
    context = lay_out(world, {}, REGISTRY_AUTH_FILE="{}/none.json")
    client = clients.find(name)
    assert isinstance(client.resolve(context, parse(IMAGE)).answer, FileError) is stops_at_variable
    assert isinstance(client.named_by_flag().resolve(context, parse(IMAGE)).answer, FileError) is stops_at_flag


@pytest.mark.parametrize(("name", "stops"), [("podman@4.7", True), ("podman@4.8", False), ("skopeo@1.14", False)])
def test_logout_with_a_missing_file(world: Path, name: str, stops: bool) -> None:
    """A logout stops at a missing file that a flag names, and up to containers/image 5.28 also at a variable's."""
    context = lay_out(world, {}, REGISTRY_AUTH_FILE="{}/none.json")
    client = clients.find(name)
    with pytest.raises(UsageError, match="logout stops at that"):
        client.named_by_flag().erasures(context, "reg.io")
    if stops:
        with pytest.raises(UsageError, match="logout stops at that"):
            client.erasures(context, "reg.io")
    else:
        assert [target.key for target in client.erasures(context, "reg.io")] == ["reg.io"]


@pytest.mark.parametrize(
    ("name", "before", "kept"),
    [
        ("podman@5.0", ["bad", "containers-auth.json"], True),
        ("podman@5.1", ["bad", "containers-auth.json"], False),
        ("podman@5.1", ["containers-auth.json", "bad"], False),
    ],
)
def test_logout_where_a_helper_fails(world: Path, name: str, before: list[str], kept: bool) -> None:
    """Up to containers/image 5.30 the file keeps its entry where a helper before it fails."""
    files = {
        CONF: f"credential-helpers = {json.dumps(before)}",
        RUN: logins(reg_io="a"),
        "bin/docker-credential-bad": helper("boom", 1),
    }
    context = lay_out(world, files)
    done = log_out(context, clients.find(name), "reg.io")
    assert sum(each.error is not None for each in done) == (2 if kept else 1)
    assert ("reg.io" in (world / RUN).read_text()) is kept


def test_logout_where_the_helper_of_the_file_fails(world: Path) -> None:
    """Every release keeps the entry of the file then."""
    document = {"auths": {"reg.io": auth("a:pw")}, "credHelpers": {"reg.io": "bad"}}
    files = {RUN: json.dumps(document), "bin/docker-credential-bad": helper("boom", 1)}
    context = lay_out(world, files)
    done = log_out(context, clients.find("podman@5.8"), "reg.io")
    assert all(each.error is not None for each in done)
    assert json.loads((world / RUN).read_text()) == document


def test_entries_of_all_places(world: Path) -> None:
    """All logins of all files and helpers, each with its kind; a broken place is an entry with an error."""
    entries = {
        "reg.io": auth("a:pw"),
        "tok.io": auth("t:", identitytoken="tok"),
        "bad.io": {"auth": "="},
        "none.io": {},
    }
    files = {
        RUN: json.dumps({"auths": entries, "credHelpers": {"h.io": "held"}}),
        USER: "broken",
        LEGACY: json.dumps({"old.io": auth("o:pw")}),
        **HELD,
    }
    found = clients.find("podman").entries(lay_out(world, files))
    assert [(entry.key, entry.username, entry.kind) for entry in found if entry.error is None] == [
        ("h.io", "held", "password"),
        ("reg.io", "a", "password"),
        ("tok.io", "t", "identity token"),
        ("old.io", "o", "password"),
    ]
    assert [(entry.key, entry.path) for entry in found if entry.error] == [
        ("bad.io", str(world / RUN)),
        ("", str(world / USER)),
    ]
