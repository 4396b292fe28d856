"""docker: its rules as tables.

Each row is also a thing that ``tests/property/test_against_docker.py`` finds in the real program.
Sources: docker/cli 28.2.2 cli/config/ and cli/command/registry/; moby registry/.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client_files import auth, helper, lay_out
from shorepass.clients import Target
from shorepass.clients.docker import Docker
from shorepass.clients.release import Release
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import HelperFailed, HelperMissing, MalformedFile, SourceError, UsageError
from shorepass.names import parse
from shorepass.resolution import Outcome, Resolution
from shorepass.secret import Secret

HUB = "https://index.docker.io/v1/"
CONFIG = "home/.docker/config.json"
IMAGE = "reg.io/team/app:1"
NEWEST = Release(29)

HELD = {"bin/docker-credential-held": helper('{"Username":"held","Secret":"pw"}')}
ABSENT = {"bin/docker-credential-absent": helper("credentials not found in native keychain", 1)}
BROKEN = {"bin/docker-credential-broken": helper("pass not initialized", 1)}
TOKEN = {"bin/docker-credential-token": helper('{"Username":"<token>","Secret":"tok"}')}


def resolve(context: LocalContext, image: str = IMAGE, release: Release | None = None) -> Resolution:
    return Docker(release).resolve(context, parse(image))


def user(resolution: Resolution) -> str:
    """Return whose login it is, "" for nobody's."""
    credential = resolution.credential
    return credential.username if isinstance(credential, Basic) else ""


@pytest.mark.parametrize(
    ("image", "keys", "taken"),
    [
        (IMAGE, ["reg.io", "https://reg.io"], "reg.io"),
        (IMAGE, ["https://reg.io"], "https://reg.io"),
        (IMAGE, ["http://reg.io/v1/"], "http://reg.io/v1/"),
        (IMAGE, ["https://reg.io:443/"], None),
        (IMAGE, ["reg.io/team/app"], "reg.io/team/app"),
        (IMAGE, ["REG.IO", "reg.io:5000", "xreg.io", "https://REG.io/"], None),
        ("Reg.IO/app", ["reg.io"], None),
        ("reg.io:5000/app", ["reg.io"], None),
        ("reg.io:5000/app", ["https://reg.io:5000/v2/"], "https://reg.io:5000/v2/"),
        ("[::1]:5000/app", ["https://[::1]:5000"], "https://[::1]:5000"),
        ("nginx", [HUB, "docker.io"], HUB),
        ("nginx", ["docker.io", "index.docker.io", "https://index.docker.io/v2/", "registry-1.docker.io"], None),
        ("docker.io/team/app", [HUB], HUB),
        ("index.docker.io/team/app", [HUB], HUB),
        ("registry-1.docker.io/team/app", [HUB], None),
    ],
)
def test_keys(world: Path, image: str, keys: list[str], taken: str | None) -> None:
    """The exact name, else a key of just that host, port and case included; Docker Hub has the one key, in full."""
    context = lay_out(world, {CONFIG: json.dumps({"auths": {key: auth(f"{i}:pw") for i, key in enumerate(keys)}})})
    resolution = resolve(context, image)
    assert user(resolution) == ("" if taken is None else str(keys.index(taken)))
    assert (resolution.source.key if resolution.source else None) == taken


def test_old_docker_knows_two_schemes(world: Path) -> None:
    """From docker 27 on a key may have any scheme; before, only http and https were cut off."""
    context = lay_out(world, {CONFIG: json.dumps({"auths": {"ftp://reg.io/": auth("a:pw")}})})
    assert user(resolve(context)) == "a"
    assert user(resolve(context, release=Release(26, 1))) == ""


def test_two_keys_of_one_host(world: Path) -> None:
    """Docker tosses a coin: every side of it is named, the answer is always the same, and a step says so."""
    keys = {"https://reg.io/v2/": auth("b:pw"), "http://reg.io": auth("a:pw"), "https://reg.io/v1/": auth("b:pw")}
    resolution = resolve(lay_out(world, {CONFIG: json.dumps({"auths": keys})}))
    assert resolution.answer == Basic("a", Secret("pw"))
    assert resolution.alternatives == (Basic("b", Secret("pw")),)
    assert any("at random" in step.detail for step in resolution.steps)


@pytest.mark.parametrize(
    ("entry", "credential"),
    [
        (auth("alice:a:b"), Basic("alice", Secret("a:b"))),
        (auth("alice:\0pw\0\0"), Basic("alice", Secret("pw"))),
        (auth("alice:pw", username="bob", password="other"), Basic("alice", Secret("pw"))),
        ({"username": "bob", "password": "other"}, Basic("bob", Secret("other"))),
        ({"auth": "", "username": "bob", "password": "other"}, Basic("bob", Secret("other"))),
        (auth("alice:"), ANONYMOUS),
        ({"username": "bob"}, ANONYMOUS),
        (auth("alice:pw", identitytoken="tok"), IdentityToken(Secret("tok"), "alice")),
        ({"identitytoken": "tok"}, IdentityToken(Secret("tok"))),
        (auth("alice:pw", identitytoken="tok", registrytoken="reg"), BearerToken(Secret("reg"))),
        ({"AUTH": auth("alice:pw")["auth"]}, Basic("alice", Secret("pw"))),
        ({}, ANONYMOUS),
        (None, ANONYMOUS),
    ],
)
def test_entries(world: Path, entry: dict[str, str] | None, credential: Credential) -> None:
    """``auth`` before ``username`` and ``password``; a registry token before an identity token before both."""
    assert resolve(lay_out(world, {CONFIG: json.dumps({"auths": {"reg.io": entry}})})).answer == credential


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "7", '{"auths": []}', '{"credsStore": 1}', '{"auths": {"reg.io": 1}}'),
        '{"auths": {"reg.io": {"auth": 1}}}',
        '{"auths": {"reg.io": {"auth": "="}}}',
        json.dumps({"auths": {"reg.io": auth("nocolon")}}),
        json.dumps({"auths": {"reg.io": auth(":pw")}}),
        json.dumps({"auths": {"reg.io": auth("a:pw")}, "psFormat": 1}),
    ],
)
def test_broken_files(world: Path, text: str) -> None:
    """Where docker sends nothing because of what it cannot read, that is the error, and docker's warning is told."""
    resolution = resolve(lay_out(world, {CONFIG: text}))
    assert isinstance(resolution.answer, MalformedFile)
    assert resolution.answer.path == str(world / CONFIG)
    assert "prints a warning" in resolution.behaviour
    assert resolution.alternatives == (ANONYMOUS,)


NOBODY, BAD_BASE64, WRONG = auth(":"), {"auth": "="}, {"auth": 1}
TOKEN_ENTRY = {"identitytoken": "tok"}
PAIR = {"username": "plain", "password": "pw"}


@pytest.mark.parametrize("bad", [NOBODY, BAD_BASE64, WRONG])
@pytest.mark.parametrize(
    ("entry", "answer"),
    [
        ({}, ANONYMOUS),
        (PAIR, Basic("plain", Secret("pw"))),
        (TOKEN_ENTRY, IdentityToken(Secret("tok"))),
        ({"registrytoken": "reg"}, BearerToken(Secret("reg"))),
    ],
)
def test_a_bad_entry_beside_what_needs_no_decoding(
    world: Path, bad: dict[str, object], entry: dict[str, str], answer: Credential
) -> None:
    """Docker warns and goes on: tokens, and a user name with a password, count whatever another entry is."""
    resolution = resolve(lay_out(world, {CONFIG: json.dumps({"auths": {"bad.io": bad, "reg.io": entry}})}))
    assert (resolution.answer, resolution.alternatives) == (answer, ())
    (failed,) = (step for step in resolution.steps if step.outcome is Outcome.FAILED)
    assert "'bad.io'" in failed.detail
    assert "WARNING" in failed.detail


@pytest.mark.parametrize("bad", [NOBODY, BAD_BASE64])
def test_a_bad_entry_beside_one_with_auth(world: Path, bad: dict[str, object]) -> None:
    """Docker decodes the entries in random order until it meets the bad one: both answers are possible."""
    plain = json.dumps({"auths": {"bad.io": bad, "reg.io": auth("alice:pw")}})
    resolution = resolve(lay_out(world, {CONFIG: plain}))
    assert (resolution.answer, resolution.alternatives) == (Basic("alice", Secret("pw")), (ANONYMOUS,))
    both = json.dumps({"auths": {"bad.io": bad, "reg.io": auth("alice:pw", **PAIR)}})
    resolution = resolve(lay_out(world, {CONFIG: both}))
    assert (resolution.answer, *resolution.alternatives) == (Basic("alice", Secret("pw")), Basic("plain", Secret("pw")))


def test_a_bad_auth_beside_other_members(world: Path) -> None:
    """Of an entry whose auth cannot be decoded, the other members count."""
    entry = {**auth(":pw"), **PAIR}
    assert user(resolve(lay_out(world, {CONFIG: json.dumps({"auths": {"reg.io": entry}})}))) == "plain"


def test_no_auth_counts_beside_a_wrong_type(world: Path) -> None:
    """A field of a wrong type anywhere: Go decodes the rest, docker decodes no auth any more."""
    entries = {"reg.io": auth("alice:pw", **PAIR), "tok.io": auth("t:", **TOKEN_ENTRY)}
    context = lay_out(
        world, {CONFIG: json.dumps({"psFormat": 1, "auths": entries, "credHelpers": {"h.io": "held"}}), **HELD}
    )
    assert user(resolve(context)) == "plain"
    assert resolve(context, "tok.io/app").answer == IdentityToken(Secret("tok"))
    assert user(resolve(context, "h.io/app")) == "held"


def test_helpers_beside_a_bad_entry(world: Path) -> None:
    """A helper that the file names is asked, whatever else is in the file."""
    text = json.dumps({"auths": {"bad.io": NOBODY}, "credHelpers": {"reg.io": "held", "n.io": 5}})
    assert user(resolve(lay_out(world, {CONFIG: text, **HELD}))) == "held"


@pytest.mark.parametrize(
    ("text", "release", "expected"),
    [
        ({"experimental": True}, Release(28, 5), None),
        ({"experimental": True}, Release(29), "a"),
        ({"auths": {"x.io": {"email": 1}}}, Release(28, 5), None),
        ({"auths": {"x.io": {"email": 1}}}, Release(29), "a"),
        ({"kubernetes": 1}, Release(20, 10), None),
        ({"kubernetes": 1}, Release(23), "a"),
        ({"stackOrchestrator": 1}, Release(23), None),
        ({"stackOrchestrator": 1}, Release(24), "a"),
        ({"features": []}, Release(26), "a"),
        ({"features": []}, Release(26, 1), None),
    ],
)
def test_fields_of_a_release(
    world: Path, text: dict[str, dict[str, object]], release: Release, expected: str | None
) -> None:
    """A release that does not know a field takes any value in it."""
    auths = {**text.get("auths", {}), "reg.io": auth("a:pw")}
    resolution = resolve(lay_out(world, {CONFIG: json.dumps({**text, "auths": auths})}), release=release)
    assert isinstance(resolution.answer, MalformedFile) if expected is None else user(resolution) == expected


@pytest.mark.parametrize(
    ("key", "image", "releases"),
    [
        ("https://reg.io/%zz", IMAGE, (False, True)),
        ("-://reg.io", IMAGE, (False, True)),
        ("[::1]:443/https://reg.io", "[::1]:443/app", (True, False)),
        ("http://::1:5000/", "[::1]:5000/app", (True, True)),
    ],
)
def test_keys_that_are_no_url(world: Path, key: str, image: str, releases: tuple[bool, bool]) -> None:
    """Docker 29.7 takes what stands behind :// of a key that Go refuses; those before it cut such a key at its slash."""
    context = lay_out(world, {CONFIG: json.dumps({"auths": {key: auth("a:pw")}})})
    assert [user(resolve(context, image, Release(29, minor))) == "a" for minor in (6, 7)] == [*releases]


def test_a_registry_by_its_ipv6_address(world: Path) -> None:
    """Docker 22 and earlier know no such registry, and stop; 23 and later send its login."""
    context = lay_out(world, {CONFIG: json.dumps({"auths": {"[::1]:5000": auth("a:pw")}})})
    assert isinstance(resolve(context, "[::1]:5000/app", Release(20, 10)).answer, SourceError)
    assert user(resolve(context, "[::1]:5000/app", Release(25))) == "a"


def test_the_docker_there_is_asked_only_where_releases_differ(world: Path) -> None:
    """Nothing is started for a sound file; its release decides about one that only some find sound."""
    sound = json.dumps({"auths": {"reg.io": auth("a:pw")}, "experimental": "enabled"})
    says = f"#!/bin/sh\ntouch {world}/started\necho 'Docker version 28.2.2, build 1'\n"
    context = lay_out(world, {CONFIG: sound, "bin/docker": says})
    assert user(resolve(context)) == "a"
    assert not (world / "started").exists()
    lay_out(world, {CONFIG: sound.replace('"enabled"', "true")})
    assert isinstance(resolve(context).answer, MalformedFile)
    lay_out(world, {"bin/docker": says.replace("28.2.2", "29.8.0")})
    assert user(resolve(context)) == "a"


@pytest.mark.parametrize("text", ["", " \n", "null", "{}", "{} x"])
def test_files_without_a_login(world: Path, text: str) -> None:
    """An empty file, and whatever stands behind the first value, is nothing to docker."""
    assert resolve(lay_out(world, {CONFIG: text})).answer == ANONYMOUS


def test_nobody_in_old_docker(world: Path) -> None:
    """Docker 22 and earlier let an empty user name pass."""
    text = json.dumps({"auths": {"reg.io": auth("a:pw"), "other.io": auth(":pw")}})
    assert user(resolve(lay_out(world, {CONFIG: text}), release=Release(20, 10))) == "a"


@pytest.mark.parametrize(
    ("helpers", "expected"),
    [
        ({"credsStore": "held"}, "held"),
        ({"credHelpers": {"reg.io": "held"}}, "held"),
        ({"credHelpers": {"reg.io": "held"}, "credsStore": "absent"}, "held"),
        ({"credHelpers": {"reg.io": ""}, "credsStore": "held"}, "entry"),
        ({"credHelpers": {"https://reg.io": "held"}}, "entry"),
        ({"credHelpers": {"other.io": "held"}}, "entry"),
        ({"credHelpers": {"reg.io": "absent"}}, ""),
        ({"credsStore": "absent"}, ""),
    ],
)
def test_helpers(world: Path, helpers: dict[str, object], expected: str) -> None:
    """``credHelpers`` of exactly this registry, then ``credsStore``; what a helper says takes the file's place."""
    text = json.dumps({"auths": {"reg.io": auth("entry:pw")}, **helpers})
    assert user(resolve(lay_out(world, {CONFIG: text, **HELD, **ABSENT}))) == expected


def test_token_of_a_helper(world: Path) -> None:
    """The user name ``<token>`` marks an identity token."""
    context = lay_out(world, {CONFIG: '{"credsStore": "token"}', **TOKEN})
    assert resolve(context).answer == IdentityToken(Secret("tok"))


def test_registry_token_beside_a_helper(world: Path) -> None:
    """Of a file's entry the registry token still counts where a helper has the login."""
    text = json.dumps({"auths": {"reg.io": {"registrytoken": "reg"}}, "credsStore": "held"})
    assert resolve(lay_out(world, {CONFIG: text, **HELD})).answer == BearerToken(Secret("reg"))


@pytest.mark.parametrize(("name", "error"), [("none", HelperMissing), ("broken", HelperFailed)])
def test_helper_fails(world: Path, name: str, error: type[Exception]) -> None:
    """A helper that cannot be asked is an error: docker 29 stops, and 28 has no login because of it."""
    context = lay_out(world, {CONFIG: json.dumps({"credsStore": name}), **BROKEN})
    resolution = resolve(context)
    assert isinstance(resolution.answer, error)
    assert (resolution.behaviour, resolution.alternatives) == ("docker pull stops with that error", ())
    resolution = resolve(context, release=Release(28, 2))
    assert isinstance(resolution.answer, error)
    assert "silently" in resolution.behaviour
    assert resolution.alternatives == (ANONYMOUS,)


def test_helper_fails_over_a_login_of_the_file(world: Path) -> None:
    """Docker 28 and earlier then send what is left in the file; docker 29 stops."""
    context = lay_out(world, {CONFIG: json.dumps({"credsStore": "gone", "auths": {"reg.io": auth("u:p")}})})
    assert user(resolve(context, release=Release(28, 2))) == "u"
    assert isinstance(resolve(context, release=Release(29)).answer, HelperMissing)


PASS = {"bin/pass": "#!/bin/sh\n", "bin/docker-credential-pass": HELD["bin/docker-credential-held"]}
SECRET_SERVICE = {"bin/docker-credential-secretservice": helper('{"Username":"service","Secret":"pw"}')}


@pytest.mark.parametrize(
    ("programs", "config", "expected"),
    [
        (PASS | SECRET_SERVICE, None, "held"),
        (PASS | SECRET_SERVICE, "{}", "held"),
        (SECRET_SERVICE, "{}", "service"),
        ({"bin/pass": "#!/bin/sh\n", **SECRET_SERVICE}, "{}", ""),
        (PASS, json.dumps({"auths": {"other.io": {}}}), ""),
        (PASS, json.dumps({"credHelpers": {"other.io": "absent"}}), ""),
    ],
)
def test_store_that_docker_finds(world: Path, programs: dict[str, str], config: str | None, expected: str) -> None:
    """Where a file knows of no login at all: pass if that is there, else the secret service; never the other one."""
    context = lay_out(world, programs | ({CONFIG: config} if config else {}))
    assert user(resolve(context)) == expected


VARIABLE = json.dumps({"auths": {"reg.io": auth("variable:pw"), HUB: auth("hub:pw")}})


@pytest.mark.parametrize(
    ("text", "image", "expected"),
    [
        (VARIABLE, IMAGE, "variable"),
        (VARIABLE, "nginx", "hub"),
        (VARIABLE, "other.io/app", "file"),
        (json.dumps({"auths": {"https://reg.io": auth("variable:pw")}}), IMAGE, "file"),
        ("", IMAGE, "file"),
        ("not JSON", IMAGE, "file"),
        (json.dumps({"auths": {"reg.io": {"username": "variable", "password": "pw"}}}), IMAGE, "file"),
        (json.dumps({"auths": {"reg.io": auth("variable:pw")}, "credsStore": "x"}), IMAGE, "file"),
    ],
)
def test_variable(world: Path, text: str, image: str, expected: str) -> None:
    """DOCKER_AUTH_CONFIG stands before the file, by the exact name; from docker 28.3 on; malformed, it is passed over."""
    entries = {name: auth("file:pw") for name in ("reg.io", "other.io", HUB)}
    context = lay_out(world, {CONFIG: json.dumps({"auths": entries})}, DOCKER_AUTH_CONFIG=text)
    assert user(resolve(context, image, Release(28, 3))) == expected
    assert user(resolve(context, image, Release(28, 2))) == "file"


@pytest.mark.parametrize(("says", "expected"), [("20.10.24+dfsg1, build 1", "file"), ("28.3.0, build 1", "variable")])
def test_release_of_the_docker_there(world: Path, says: str, expected: str) -> None:
    """Whether the variable counts is up to the docker on PATH; where there is none it does."""
    files = {CONFIG: json.dumps({"auths": {"reg.io": auth("file:pw")}})}
    context = lay_out(world, files, DOCKER_AUTH_CONFIG=VARIABLE)
    assert user(resolve(context)) == "variable"
    lay_out(world, {"bin/docker": f"#!/bin/sh\necho 'Docker version {says}'\n"})
    assert user(resolve(context)) == expected


@pytest.mark.parametrize(
    ("server", "key"),
    [
        ("", HUB),
        ("docker.io", HUB),
        (HUB, HUB),
        ("reg.io", "reg.io"),
        ("https://reg.io", "reg.io"),
        ("http://reg.io/v1/", "reg.io"),
        ("reg.io/team", "reg.io"),
        ("Reg.IO:5000", "Reg.IO:5000"),
        ("[::1]:5000", "[::1]:5000"),
    ],
)
def test_key_of_a_login(world: Path, server: str, key: str) -> None:
    """A login is stored under the host alone; Docker Hub's under its address in full."""
    assert Docker().target(lay_out(world, {}), server) == Target(str(world / CONFIG), key)


@pytest.mark.parametrize(
    ("server", "key"),
    [
        ("index.docker.io", "index.docker.io"),
        ("https://index.docker.io/v1", "index.docker.io"),
        ("https://docker.io", "docker.io"),
        ("docker.io/library", "docker.io"),
    ],
)
def test_login_that_docker_does_not_find(world: Path, server: str, key: str) -> None:
    """Docker takes other names of Docker Hub for registries of their own, and never looks there."""
    context = lay_out(world, {})
    assert Docker().target(context, server) == Target(str(world / CONFIG), key, found_as="docker.io")
    assert {HUB, key} <= {target.key for target in Docker().erasures(context, server)}


@pytest.mark.parametrize(("release", "helper"), [(Release(29, 4), "all"), (Release(29, 5), "hub")])
def test_helper_of_a_login_by_the_host_of_docker_hub(world: Path, release: Release, helper: str) -> None:
    """Docker 29.5 stores such a login with the helper of Docker Hub; those before with that of the name."""
    context = lay_out(world, {CONFIG: json.dumps({"credHelpers": {HUB: "hub"}, "credsStore": "all"})})
    assert Docker(release).target(context, "index.docker.io").helper == helper


@pytest.mark.parametrize(("release", "helper"), [(Release(27, 1), "all"), (Release(27, 2), "one")])
def test_helper_of_a_login_to_a_url(world: Path, release: Release, helper: str) -> None:
    """Docker 27.1 and earlier store with the helper of the server as it was typed, where no pull asks."""
    context = lay_out(world, {CONFIG: json.dumps({"credHelpers": {"reg.io": "one"}, "credsStore": "all"})})
    target = Docker(release).target(context, "https://reg.io")
    assert (target.key, target.helper, target.found_as) == ("reg.io", helper, "" if helper == "one" else "reg.io")


@pytest.mark.parametrize("server", ["https://", "me@reg.io", "reg io", "://"])
def test_no_key_of_a_login(world: Path, server: str) -> None:
    """What is no registry is refused before anything is asked or written."""
    with pytest.raises(UsageError):
        Docker().target(lay_out(world, {}), server)


@pytest.mark.parametrize(
    ("config", "target"),
    [
        ({"credHelpers": {"reg.io": "one"}, "credsStore": "all"}, ("one", False)),
        ({"credHelpers": {"other.io": "one"}, "credsStore": "all"}, ("all", False)),
        ({"credHelpers": {"other.io": "one"}}, (None, False)),
        ({}, ("pass", True)),
    ],
)
def test_helper_of_a_login(world: Path, config: dict[str, object], target: tuple[str | None, bool]) -> None:
    """``credHelpers``, then ``credsStore``, then the store that docker finds by itself and then names in its file."""
    found = Docker().target(lay_out(world, {CONFIG: json.dumps(config), **PASS}), "reg.io")
    assert (found.helper, found.detected) == target


@pytest.mark.parametrize(
    ("release", "kept"), [("20.10", True), ("27.3", True), ("27.4", False), ("29.2", False), ("29.3", True)]
)
def test_whitespace_around_a_password(world: Path, release: str, kept: bool) -> None:
    """Docker 27.4 to 29.2 take it off."""
    password = Docker(Release.parse(release)).login_password(lay_out(world, {}), " pw ", from_stdin=False)
    assert password == (" pw " if kept else "pw")


def test_no_login_beside_the_file_of_before_2015(world: Path) -> None:
    """A login would make a config.json, and docker 22 would see no login of ~/.dockercfg any more."""
    context = lay_out(world, {"home/.dockercfg": json.dumps({"reg.io": auth("a:pw")})})
    old = Docker(Release(20, 10))
    assert [(entry.key, entry.username, entry.path) for entry in old.entries(context)] == [
        ("reg.io", "a", str(world / "home/.dockercfg"))
    ]
    with pytest.raises(UsageError, match="only as long as there is no"):
        old.target(context, "reg.io")
    assert Docker(Release(23)).target(context, "reg.io").key == "reg.io"


def test_no_target_in_a_broken_file(world: Path) -> None:
    """A login does not go on with half a file, as docker's does, which then saves just that half."""
    with pytest.raises(MalformedFile):
        Docker().target(lay_out(world, {CONFIG: "{"}), "reg.io")


def test_logout_erases_every_spelling(world: Path) -> None:
    """The server as typed, its host, and the host with both schemes; for Hub the tokens of a browser's login too."""
    context = lay_out(world, {CONFIG: json.dumps({"credHelpers": {"https://reg.io": "one"}})})
    erased = [(target.key, target.helper) for target in Docker().erasures(context, "https://reg.io/v2/")]
    assert erased == [
        ("https://reg.io/v2/", None),
        ("reg.io", None),
        ("http://reg.io", None),
        ("https://reg.io", "one"),
    ]
    hub = [HUB, f"{HUB}access-token", f"{HUB}refresh-token"]
    assert [target.key for target in Docker().erasures(context, "")] == hub
    named = [target.key for target in Docker().erasures(context, "docker.io")]
    assert named == [*hub, "docker.io", "http://docker.io", "https://docker.io"]


@pytest.mark.parametrize(("release", "helper"), [(Release(29, 4), "own"), (Release(29, 5), "all")])
def test_logout_from_docker_hub_by_its_host(world: Path, release: Release, helper: str) -> None:
    """Docker 29.5 looks for the helper of docker.io by the key of Docker Hub; those before by that very name."""
    context = lay_out(world, {CONFIG: json.dumps({"credHelpers": {"docker.io": "own"}, "credsStore": "all"})})
    erased = {target.key: target.helper for target in Docker(release).erasures(context, "docker.io")}
    assert erased["docker.io"] == helper


def test_the_name_of_a_helper_is_taken_as_it_is(world: Path) -> None:
    """A blank in it is a part of the program's name, which is then another one."""
    context = lay_out(world, {CONFIG: json.dumps({"credHelpers": {"reg.io": "held "}}), **HELD})
    assert isinstance(resolve(context).answer, HelperMissing)
    lay_out(world, {"bin/docker-credential-held ": HELD["bin/docker-credential-held"]})
    assert user(resolve(context)) == "held"


def test_a_file_on_the_way_to_the_config(world: Path) -> None:
    """Docker warns that it cannot read its file, and continues without a login."""
    resolution = resolve(lay_out(world, {"home/.docker": "x"}))
    assert resolution.answer == ANONYMOUS
    (failed,) = (step for step in resolution.steps if step.outcome is Outcome.FAILED)
    assert "is not a folder" in failed.detail


def test_entries_of_all_places(world: Path) -> None:
    """The file's logins that can count, all of the default store, and one for each registry with its own helper."""
    entries = {
        "reg.io": auth("a:pw"),
        "tok.io": auth("t:", identitytoken="tok"),
        "bearer.io": {"registrytoken": "reg"},
        "none.io": {},
        "shadowed.io": auth("b:pw"),
    }
    own = {"shadowed.io": "token", "gone.io": "none", "empty.io": "absent"}
    context = lay_out(world, {CONFIG: json.dumps({"auths": entries, "credHelpers": own}), **TOKEN, **ABSENT})
    found = Docker().entries(context)
    assert [(entry.key, entry.username, entry.kind) for entry in found if entry.error is None] == [
        ("reg.io", "a", "password"),
        ("tok.io", "t", "identity token"),
        ("bearer.io", "", "bearer token"),
        ("shadowed.io", "", "identity token"),
    ]
    assert [(entry.key, type(entry.error)) for entry in found if entry.error] == [("gone.io", HelperMissing)]


def test_entries_of_a_store(world: Path) -> None:
    """What a store lists is there, without the registries that have their own helper."""
    context = lay_out(world, {CONFIG: '{"credsStore": "held"}', **HELD})
    assert [(entry.key, entry.username) for entry in Docker().entries(context)] == [("h.io", "held")]
    lay_out(world, {CONFIG: '{"credsStore": "held", "credHelpers": {"h.io": "absent"}}', **ABSENT})
    assert Docker().entries(context) == []


def test_entries_of_a_broken_file(world: Path) -> None:
    """A broken file is an entry with its error, never an empty list."""
    (entry,) = Docker().entries(lay_out(world, {CONFIG: "{"}))
    assert isinstance(entry.error, MalformedFile)
