"""registries.conf: which files count, what they say about helpers, and where an image comes from.

Source: containers/image pkg/sysregistriesv2, containers-registries.conf(5).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from shorepass.config import registries_conf
from shorepass.config.registries_conf import RegistriesConf
from shorepass.contexts.local import LocalContext
from shorepass.errors import MalformedFile
from shorepass.names import parse

USER = ".config/containers/registries.conf"
DROP_IN = ".config/containers/registries.conf.d/{}.conf"


def load(home: Path, files: dict[str, str], *, variables: bool = True, **env: str) -> RegistriesConf:
    """Lay files out below the home and load them; ``{}`` in a variable is the home."""
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = {name: value.replace("{}", str(home)) for name, value in env.items()}
    return registries_conf.load(LocalContext({"HOME": str(home), **found}), variables=variables)


def comes_from(conf: RegistriesConf, image: str) -> str:
    return str(conf.rewrite(parse(image)))


HELPERS = 'credential-helpers = ["a", "containers-auth.json"]\n'


@pytest.mark.parametrize(
    ("files", "helpers"),
    [
        ({}, ["containers-auth.json"]),
        ({USER: HELPERS}, ["a", "containers-auth.json"]),
        ({USER: HELPERS, DROP_IN.format("1"): 'credential-helpers = ["b"]'}, ["b"]),
        (
            {DROP_IN.format("1"): HELPERS, DROP_IN.format("0"): 'credential-helpers = ["b"]'},
            ["a", "containers-auth.json"],
        ),
        ({USER: HELPERS, DROP_IN.format("1"): "credential-helpers = []"}, ["containers-auth.json"]),
        ({USER: HELPERS, DROP_IN.format("1"): "[aliases]"}, ["a", "containers-auth.json"]),
        ({USER: HELPERS, DROP_IN.format("1").removesuffix(".conf"): "not TOML ["}, ["a", "containers-auth.json"]),
        ({USER: 'Credential-Helpers = ["a"]'}, ["a"]),
    ],
    ids=["none", "user", "drop-in wins", "last drop-in wins", "empty is the default", "silent", "other suffix", "case"],
)
def test_helpers(home: Path, files: dict[str, str], helpers: list[str]) -> None:
    """The last file that names helpers counts, drop-ins in the order of their names; none means the auth files."""
    assert load(home, files).helpers == helpers


@pytest.mark.parametrize(
    ("env", "helper"),
    [
        ({}, "user"),
        ({"CONTAINERS_REGISTRIES_CONF": "{}/named.conf"}, "named"),
        ({"REGISTRIES_CONFIG_PATH": "{}/named.conf"}, "named"),
        ({"CONTAINERS_REGISTRIES_CONF": "", "REGISTRIES_CONFIG_PATH": "{}/named.conf"}, "user"),
        ({"XDG_CONFIG_HOME": "{}/xdg"}, "user"),
    ],
    ids=["home", "variable", "old variable", "empty hides the old one", "not XDG_CONFIG_HOME"],
)
def test_which_file(home: Path, env: dict[str, str], helper: str) -> None:
    """The file that podman's variable names, else the one in HOME; skopeo does not know the variables."""
    files = {USER: 'credential-helpers = ["user"]', "named.conf": 'credential-helpers = ["named"]'}
    files["xdg/containers/registries.conf"] = 'credential-helpers = ["xdg"]'
    assert load(home, files, **env).helpers == [helper]
    assert load(home, files, variables=False, **env).helpers == ["user"]


def test_a_named_file_must_be_there(home: Path) -> None:
    """Podman stops where CONTAINERS_REGISTRIES_CONF names no file."""
    with pytest.raises(MalformedFile, match="not there"):
        load(home, {}, CONTAINERS_REGISTRIES_CONF="{}/none")


@pytest.mark.parametrize(
    ("prefix", "location", "image", "there"),
    [
        ("reg.io", "there.io", "reg.io/team/app:1", "there.io/team/app:1"),
        ("reg.io", "there.io/a", "reg.io/app@sha256:" + "0" * 64, "there.io/a/app@sha256:" + "0" * 64),
        ("reg.io/team/", "there.io/", "reg.io/team/app", "there.io/app"),
        ("reg.io/team", "there.io", "reg.io/teams/app", "reg.io/teams/app"),
        ("reg.io/team/app", "there.io/x", "reg.io/team/app:1", "there.io/x:1"),
        ("*.reg.io", "there.io", "a.b.reg.io/app", "there.io/app"),
        ("*.reg.io", "there.io", "reg.io/app", "reg.io/app"),
        ("*.reg.io", "", "a.reg.io/app", "a.reg.io/app"),
        ("docker.io", "there.io", "nginx", "there.io/library/nginx"),
        ("reg.io", "there.io:5", "reg.io:80/app", "reg.io:80/app"),
        ("reg.io", "there.io", "reg.io", "reg.io"),
    ],
)
def test_location(home: Path, prefix: str, location: str, image: str, there: str) -> None:
    """An image whose name begins with the prefix comes from the location; a registry alone goes nowhere else."""
    conf = load(home, {USER: f'[[registry]]\nprefix = "{prefix}"\nlocation = "{location}"\n'})
    if there.startswith(
        "reg.io:80"
    ):  # containers matches a port as if it were a part of the path; then no name is left
        with pytest.raises(MalformedFile, match="not the name of an image"):
            comes_from(conf, image)
    else:
        assert comes_from(conf, image) == there


@pytest.mark.parametrize("location", ["a b", "mirror.io/"])
def test_a_mirror_must_be_a_place(home: Path, location: str) -> None:
    """A mirror whose location makes no name of an image stops the pull, though another one would do.

    A slash at its end is such a thing: the clients take it off a registry's location, and leave it on a mirror's.
    """
    conf = load(home, {USER: f'[[registry]]\nlocation = "reg.io/"\nmirror = [{{location = "{location}"}}]\n'})
    with pytest.raises(MalformedFile, match="not the name of an image"):
        comes_from(conf, "reg.io/app")


def test_the_longest_prefix_counts(home: Path) -> None:
    """Of several prefixes the longest counts, of two entries with one prefix the first, of two files the later."""
    entry = '[[registry]]\nprefix = "{}"\nlocation = "{}"\n'
    first = entry.format("reg.io", "a.io") + entry.format("reg.io/team", "b.io") + entry.format("reg.io", "c.io")
    conf = load(home, {USER: first})
    assert comes_from(conf, "reg.io/app") == "a.io/app"
    assert comes_from(conf, "reg.io/team/app") == "b.io/app"
    conf = load(home, {DROP_IN.format("1"): entry.format("reg.io", "d.io")})
    assert comes_from(conf, "reg.io/app") == "d.io/app"


SOUND = {
    "aliases": "[aliases]\na = 'reg.io/a'\n'team/a' = 'docker.io/a'\n'a.b' = 'localhost/a'\nnone = ''",
    "aliases that are no table": "aliases = 3",
    "names nobody knows": "x = 1\n[y]\nregistry = 3",
    "searches": "unqualified-search-registries = ['reg.io:5000', 'docker.io/']",
    "before 2019": "[registries.search]\nregistries = ['docker.io']",
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_sound(home: Path, text: str) -> None:
    """What says nothing about credentials or locations changes nothing."""
    assert load(home, {USER: text}) == (["containers-auth.json"], {})


BROKEN = {
    "no TOML": "x = [",
    "a key twice": "a = 1\na = 2",
    "helpers are no list": "credential-helpers = 1",
    "helpers are no names": "credential-helpers = [1]",
    "an alias is no name": "[aliases]\na = 3",
    "an alias without a registry": "[aliases]\na = 'team/a'",
    "an alias with a tag": "[aliases]\na = 'reg.io/a:1'",
    "an alias of a full name": "[aliases]\n'reg.io/a' = 'reg.io/b'",
    "an alias of a tag": "[aliases]\n'a:1' = 'reg.io/b'",
    "not an array of tables": "[registry]\nlocation = 'a.io'",
    "a scheme": "[[registry]]\nlocation = 'https://a.io'",
    "no location": "[[registry]]\nprefix = 'a.io'",
    "a wrong wildcard": "[[registry]]\nprefix = '*.a.io/b'",
    "blocked is a text": "[[registry]]\nlocation = 'a.io'\nblocked = 'true'",
    "a mirror without a location": "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\ninsecure = true",
    "entries differ": "[[registry]]\nlocation='a.io'\ninsecure=true\n[[registry]]\nprefix='b.io'\nlocation='a.io'",
    "an unknown mode": "short-name-mode = 'off'",
    "a search with a scheme": "unqualified-search-registries = ['https://a.io']",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken(home: Path, text: str) -> None:
    """What stops the clients is an error that names the file."""
    with pytest.raises(MalformedFile) as caught:
        load(home, {USER: text})
    assert caught.value.path == str(home / USER)
