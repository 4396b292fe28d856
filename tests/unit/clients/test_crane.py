"""crane: its rules as tables, beside what ``tests/vectors/crane-0.21.9.jsonl`` shows of the real program.

Sources: go-containerregistry 0.21.9 pkg/authn/keychain.go, pkg/v1/remote/transport, cmd/crane/cmd/auth.go; docker/cli 29.6
cli/config/ (configfile, credentials, memorystore).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from client_files import auth, helper, lay_out
from shorepass.clients import Target, find
from shorepass.clients.crane import CRANE
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, BearerToken, IdentityToken
from shorepass.errors import HelperFailed, MalformedFile, SourceError, UsageError
from shorepass.names import parse
from shorepass.resolution import Resolution
from shorepass.secret import Secret

HUB = "https://index.docker.io/v1/"
DOCKER = "home/.docker/config.json"
NAMED = "named.json"
RUNTIME = "run/containers/auth.json"
HOME = "home/.config/containers/auth.json"
IMAGE = "reg.io/team/app:1"


def logins(name: str) -> str:
    """Return a file with one login for reg.io, of that user."""
    return json.dumps({"auths": {"reg.io": auth(f"{name}:pw")}})


def resolve(context: LocalContext, image: str = IMAGE) -> Resolution:
    return CRANE.resolve(context, parse(image))


def user(resolution: Resolution) -> str:
    """Return whose login it is, "" for no login."""
    credential = resolution.credential
    return credential.username if isinstance(credential, Basic) else ""


@pytest.mark.parametrize(
    ("image", "taken"),
    [
        ("localhost/app", "hub"),  # no dot and no colon: it is a part of Docker Hub
        ("localhost:5000/app", "here"),
        ("[::1]:5000/app", "six"),
        ("REG/app", SourceError),
        ("localhost:5000/a", SourceError),  # two characters at least
        (f"localhost:5000/app@sha256:{'a' * 64}", "here"),
        (f"localhost:5000/app:1@sha256:{'a' * 64}", "here"),
        (f"localhost:5000/app@sha512:{'a' * 128}", SourceError),
    ],
)
def test_the_names_of_images(image: str, taken: str | type[SourceError], tmp_path: Path) -> None:
    """Its own grammar, which is not docker's (pkg/name repository.go, digest.go)."""
    users = {HUB: "hub", "localhost": "wrong", "localhost:5000": "here", "[::1]:5000": "six", "REG": "wrong"}
    auths = {key: auth(f"{name}:pw") for key, name in users.items()}
    found = resolve(lay_out(tmp_path, {DOCKER: json.dumps({"auths": auths})}), image)
    if isinstance(taken, str):
        assert user(found) == taken
    else:
        assert isinstance(found.answer, taken)


@pytest.mark.parametrize(
    ("files", "env", "taken"),
    [
        ((DOCKER, NAMED, RUNTIME, HOME), {"REGISTRY_AUTH_FILE": "{}/named.json"}, DOCKER),
        ((NAMED, RUNTIME, HOME), {"REGISTRY_AUTH_FILE": "{}/named.json"}, NAMED),
        ((RUNTIME, HOME), {"REGISTRY_AUTH_FILE": "{}/named.json"}, RUNTIME),
        ((RUNTIME, HOME), {}, RUNTIME),
        ((HOME,), {}, HOME),
        ((HOME,), {"XDG_RUNTIME_DIR": ""}, HOME),
        (("conf/containers/auth.json", HOME), {"XDG_CONFIG_HOME": "{}/conf"}, "conf/containers/auth.json"),
        ((HOME,), {"XDG_CONFIG_HOME": "{}/conf"}, ""),
        (("dc/config.json", RUNTIME), {"DOCKER_CONFIG": "{}/dc"}, "dc/config.json"),
        ((DOCKER, "dc/config.json"), {"DOCKER_CONFIG": "{}/dc"}, "dc/config.json"),
        ((DOCKER, RUNTIME), {"DOCKER_CONFIG": "{}/missing"}, ""),
        ((RUNTIME,), {"DOCKER_CONFIG": "{}/missing"}, RUNTIME),
        (("home/.dockercfg",), {}, ""),
    ],
)
def test_one_file_is_read(files: tuple[str, ...], env: dict[str, str], taken: str, tmp_path: Path) -> None:
    """Docker's file if either is there (then the one in DOCKER_CONFIG), else the named one, else podman's; never two."""
    context = lay_out(tmp_path, {name: logins(name.replace("/", "-")) for name in files}, **env)
    assert user(resolve(context)) == taken.replace("/", "-")


def test_a_folder_in_the_place_of_dockers_file_is_passed_over(tmp_path: Path) -> None:
    """FileExists takes no folder for a file."""
    context = lay_out(tmp_path, {RUNTIME: logins("podman"), f"{DOCKER}/x": ""})
    assert user(resolve(context)) == "podman"


@pytest.mark.parametrize(
    ("image", "keys", "taken"),
    [
        (IMAGE, ["reg.io", "reg.io/team/app"], "reg.io/team/app"),
        (IMAGE, ["reg.io", "reg.io/team"], "reg.io"),
        (IMAGE, ["reg.io/team"], "reg.io/team"),
        (IMAGE, ["https://reg.io/v1/"], "https://reg.io/v1/"),
        (IMAGE, ["https://reg.io:443", "REG.io"], ""),
        ("reg.io", ["reg.io/team/app", "reg.io"], "reg.io"),
        ("nginx", [HUB, "docker.io"], HUB),
        ("nginx", ["index.docker.io/library/nginx", HUB], "index.docker.io/library/nginx"),
        ("nginx", ["docker.io/library/nginx", "docker.io", "index.docker.io"], ""),
    ],
)
def test_keys(image: str, keys: list[str], taken: str, tmp_path: Path) -> None:
    """The repository's full name exactly, else the registry as docker looks for it."""
    auths = {key: auth(f"{key.replace(':', '=')}:pw") for key in keys}
    context = lay_out(tmp_path, {DOCKER: json.dumps({"auths": auths})})
    assert user(resolve(context, image)) == taken.replace(":", "=")
    assert CRANE.fitting(keys, parse(image)) == ([taken] if taken else [])


def test_several_keys_of_one_host_are_a_coin_toss(tmp_path: Path) -> None:
    """Go's map order decides, as in docker."""
    auths = {"https://reg.io": auth("one:pw"), "http://reg.io": auth("two:pw"), "reg.io/": {}}
    found = resolve(lay_out(tmp_path, {DOCKER: json.dumps({"auths": auths})}))
    assert {found.credential, *found.alternatives} == {
        Basic("one", Secret("pw")),
        Basic("two", Secret("pw")),
        ANONYMOUS,
    }


@pytest.mark.parametrize(
    ("entry", "sent"),
    [
        ({}, Basic("registry", Secret("pw"))),
        ({"auth": ""}, Basic("registry", Secret("pw"))),
        ({"email": "a@b"}, Basic("registry", Secret("pw"))),
        ({"username": "u"}, ANONYMOUS),
        ({"username": "u", "password": "p"}, Basic("u", Secret("p"))),
        ({"identitytoken": "t"}, IdentityToken(Secret("t"))),
        ({"registrytoken": "t", "identitytoken": "i"}, BearerToken(Secret("t"))),
    ],
)
def test_an_entry_for_the_repository_counts_if_anything_is_in_it(
    entry: dict[str, str], sent: object, tmp_path: Path
) -> None:
    """An empty one leads on to the registry; one of which nothing is sent does not."""
    document = {"auths": {"reg.io/team/app": entry, "reg.io": auth("registry:pw")}}
    assert resolve(lay_out(tmp_path, {DOCKER: json.dumps(document)})).credential == sent


ANSWERS = {
    "bin/docker-credential-held": helper('{"Username":"held","Secret":"pw"}'),
    "bin/docker-credential-absent": helper("credentials not found in native keychain", 1),
    "bin/docker-credential-broken": helper("boom", 1),
    "bin/docker-credential-token": helper('{"Username":"<token>","Secret":"tok"}'),
}


@pytest.mark.parametrize(
    ("document", "sent"),
    [
        ({"credsStore": "held"}, Basic("held", Secret("pw"))),
        ({"credsStore": "token"}, IdentityToken(Secret("tok"))),
        ({"credsStore": "absent", "auths": {"reg.io": auth("file:pw")}}, ANONYMOUS),
        ({"credsStore": "absent", "auths": {"reg.io": {"registrytoken": "t"}}}, BearerToken(Secret("t"))),
        ({"credsStore": "absent", "credHelpers": {"reg.io": "held"}}, Basic("held", Secret("pw"))),
        (
            {"credHelpers": {"reg.io/team/app": "held"}, "auths": {"reg.io": auth("file:pw")}},
            Basic("held", Secret("pw")),
        ),
        ({"credsStore": "held", "credHelpers": {"reg.io/team/app": "", "reg.io": ""}}, ANONYMOUS),
    ],
)
def test_helpers(document: dict[str, object], sent: object, tmp_path: Path) -> None:
    """A helper is asked for the repository, too; only a registry token of the file stays beside its answer."""
    found = resolve(lay_out(tmp_path, {DOCKER: json.dumps(document), **ANSWERS}))
    assert found.credential == sent


def test_no_helper_is_chosen_by_itself(tmp_path: Path) -> None:
    """Crane does not look for the platform's own store, as docker does."""
    files = {DOCKER: "{}", "bin/docker-credential-secretservice": helper('{"Username":"held","Secret":"pw"}')}
    assert resolve(lay_out(tmp_path, files)).credential == ANONYMOUS


def test_a_helper_that_fails_for_the_repository_ends_it(tmp_path: Path) -> None:
    """The registry's own helper is not asked after that."""
    document = {"credsStore": "broken", "credHelpers": {"reg.io": "held"}}
    found = resolve(lay_out(tmp_path, {DOCKER: json.dumps(document), **ANSWERS}))
    assert isinstance(found.answer, HelperFailed)
    assert "crane stops" in found.behaviour


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        (json.dumps({"auths": {"reg.io": auth("me:pw")}, "experimental": True}), True),
        (json.dumps({"auths": {"reg.io": auth("me:pw", email=1)}}), True),  # type: ignore[arg-type]
        ("", True),
        ('{"auths":{}} trailing', True),
        (json.dumps({"auths": {"other.io": {"auth": "bm9jb2xvbg=="}}}), False),
        (json.dumps({"auths": {"other.io": {"auth": "YTpi YWw"}}}), False),
        ('{"auths":', False),
        ('{"features": []}', False),
    ],
)
def test_what_breaks_a_file(text: str, is_read: bool, tmp_path: Path) -> None:
    """Docker 29's decoder, strict about every entry; crane does not go on with a broken file."""
    found = resolve(lay_out(tmp_path, {DOCKER: text}))
    assert isinstance(found.answer, MalformedFile) != is_read


def test_bytes_that_are_not_utf8_are_sent_as_they_are(tmp_path: Path) -> None:
    """Docker sends the text on as JSON; crane makes the header itself."""
    entry = {"auth": base64.b64encode(b"\xff:\xfe").decode()}
    found = resolve(lay_out(tmp_path, {DOCKER: json.dumps({"auths": {"reg.io": entry}})})).credential
    assert isinstance(found, Basic)
    pair = f"{found.username}:{found.password.reveal()}"
    assert pair.encode(errors="surrogateescape") == b"\xff:\xfe"


VARIABLE = {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"reg.io": auth("variable:pw")}})}


@pytest.mark.parametrize(
    ("document", "sent"),
    [
        ({"credsStore": "broken", "credHelpers": {"reg.io/team/app": ""}}, "variable"),
        ({"auths": {"reg.io": auth("file:pw")}}, "variable"),
        ({"auths": {"reg.io/team/app": auth("file:pw")}}, "file"),
    ],
)
def test_the_variable_overrides_file_and_helper_for_its_key(document: object, sent: str, tmp_path: Path) -> None:
    """DOCKER_AUTH_CONFIG stands before them key by key: the repository's entry is asked for first."""
    assert user(resolve(lay_out(tmp_path, {DOCKER: json.dumps(document), **ANSWERS}, **VARIABLE))) == sent


def test_the_variable_is_not_read_without_a_file(tmp_path: Path) -> None:
    """Where there is no file at all crane is anonymous before it looks at the variable."""
    assert resolve(lay_out(tmp_path, {}, **VARIABLE)).credential == ANONYMOUS
    assert CRANE.entries(lay_out(tmp_path, {}, **VARIABLE)) == []


def test_a_variable_that_is_malformed_is_passed_over(tmp_path: Path) -> None:
    """Crane prints that, and goes on."""
    context = lay_out(tmp_path, {DOCKER: logins("file")}, DOCKER_AUTH_CONFIG='{"auths":{"reg.io":{}}}')
    assert user(resolve(context)) == "file"


def test_login_and_logout_change_dockers_file(tmp_path: Path) -> None:
    """``crane auth login`` loads docker's file, whichever crane reads, and takes its helper; no other key is erased."""
    context = lay_out(tmp_path, {RUNTIME: logins("podman")})
    path = f"{tmp_path}/{DOCKER}"
    assert CRANE.target(context, "reg.io:5000") == Target(path, "reg.io:5000")
    assert CRANE.target(context, "docker.io") == CRANE.target(context, "index.docker.io") == Target(path, HUB)
    assert CRANE.erasures(context, "reg.io") == [Target(path, "reg.io")]
    context = lay_out(tmp_path, {DOCKER: json.dumps({"credsStore": "a", "credHelpers": {"reg.io": "b"}})})
    assert CRANE.target(context, "reg.io") == Target(path, "reg.io", "b", records=True)
    assert CRANE.target(context, "docker.io") == Target(path, HUB, "a", records=True)


@pytest.mark.parametrize("server", ["https://reg.io", "reg.io/team", "", "u@reg.io"])
def test_login_takes_a_registry_alone(server: str, tmp_path: Path) -> None:
    """name.NewRegistry refuses a scheme and a path."""
    with pytest.raises(UsageError):
        CRANE.target(lay_out(tmp_path, {}), server)


def test_entries_are_those_of_the_one_file(tmp_path: Path) -> None:
    """What another file has crane does not see."""
    files = {DOCKER: json.dumps({"auths": {"reg.io/team/app": auth("a:pw")}}), RUNTIME: logins("podman")}
    assert [(entry.key, entry.username) for entry in CRANE.entries(lay_out(tmp_path, files))] == [
        ("reg.io/team/app", "a")
    ]
    (tmp_path / DOCKER).unlink()
    assert [entry.username for entry in CRANE.entries(lay_out(tmp_path, {}))] == ["podman"]


def test_crane_has_its_row() -> None:
    """``--client crane`` finds it."""
    assert find("crane") is CRANE
