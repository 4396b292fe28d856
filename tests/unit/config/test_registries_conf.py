"""registries.conf: which files count, what they say about helpers, and where an image comes from.

Source: containers/image pkg/sysregistriesv2, containers-registries.conf(5).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dict_context import DictContext
from shorepass.config import registries_conf
from shorepass.config.registries_conf import NEWEST, RegistriesConf, Ways
from shorepass.contexts.local import LocalContext
from shorepass.errors import FileError, MalformedFile
from shorepass.names import parse

USER = ".config/containers/registries.conf"
DROP_IN = ".config/containers/registries.conf.d/{}.conf"


OF_PODMAN_4 = Ways(
    reads_variables=True, is_rewritten=lambda: False, skips_mark=lambda: False, trims_mirrors=lambda: False
)
OF_SKOPEO_1_22 = Ways(
    reads_variables=False, is_rewritten=lambda: False, skips_mark=lambda: True, trims_mirrors=lambda: True
)


def load(home: Path, files: dict[str, str], ways: Ways = OF_PODMAN_4, **env: str) -> RegistriesConf:
    """Lay files out below the home and load them; ``{}`` in a variable is the home."""
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = {name: value.replace("{}", str(home)) for name, value in env.items()}
    return registries_conf.load(LocalContext({"HOME": str(home), **found}), ways)


def comes_from(conf: RegistriesConf, image: str) -> str:
    return str(conf.rewrite(parse(image)))


WHERE = {
    USER: 'credential-helpers = ["user"]',
    "named.conf": 'credential-helpers = ["named"]',
    "xdg/containers/registries.conf": 'credential-helpers = ["xdg"]',
}
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
    """Until 5.39: the file that podman's variable names, else the one in HOME; skopeo does not know the variables."""
    assert load(home, WHERE, **env).helpers == [helper]
    assert load(home, WHERE, OF_SKOPEO_1_22, **env).helpers == ["user"]


@pytest.mark.parametrize(
    ("env", "helper"),
    [
        ({}, "user"),
        ({"CONTAINERS_REGISTRIES_CONF": "{}/named.conf"}, "named"),
        ({"REGISTRIES_CONFIG_PATH": "{}/named.conf"}, "user"),
        ({"CONTAINERS_REGISTRIES_CONF": ""}, "user"),
        ({"XDG_CONFIG_HOME": "{}/xdg"}, "xdg"),
        ({"XDG_CONFIG_HOME": "{}/xdg", "CONTAINERS_REGISTRIES_CONF_OVERRIDE": "{}/named.conf"}, "named"),
    ],
)
def test_which_file_since_podman_6(home: Path, env: dict[str, str], helper: str) -> None:
    """Since 5.40: the file that the variable names, for skopeo, too; else the one in XDG_CONFIG_HOME; one more is read last."""
    assert load(home, WHERE, NEWEST, **env).helpers == [helper]


def test_drop_in_files_of_a_named_file(home: Path) -> None:
    """Until 5.39 the user's drop-in files come after a named file; since 5.40 none is read beside it."""
    files = {"named.conf": 'credential-helpers = ["named"]', DROP_IN.format("1"): 'credential-helpers = ["more"]'}
    assert load(home, files, CONTAINERS_REGISTRIES_CONF="{}/named.conf").helpers == ["more"]
    assert load(home, files, NEWEST, CONTAINERS_REGISTRIES_CONF="{}/named.conf").helpers == ["named"]


def test_drop_in_files_since_podman_6() -> None:
    """All folders' files are sorted by their names, whatever their folder; the user's folder overrides the others."""
    text = 'credential-helpers = ["{}"]\n[[registry]]\nprefix = "{}.io"\nlocation = "there.io"\n'
    order = [
        "/usr/share/containers/registries.conf.d/same.conf",
        "/usr/share/containers/registries.rootless.conf.d/same.conf",
        "/usr/share/containers/registries.rootless.conf.d/1000/same.conf",
        "/etc/containers/registries.conf.d/same.conf",
        "/etc/containers/registries.rootless.conf.d/same.conf",
        "/etc/containers/registries.rootless.conf.d/1000/same.conf",
        "/home/you/.config/containers/registries.conf.d/same.conf",
    ]
    files: dict[str, str | FileError] = {"/etc/containers/registries.rootful.conf.d/zzz.conf": text.format("root", "z")}
    for number, path in enumerate(order):
        files[path] = text.format(number, number)
        found = registries_conf.load(DictContext("user:you", files), NEWEST)
        assert (found.helpers, list(found.registries)) == ([str(number)], [f"{number}.io"])
    files["/usr/share/containers/registries.conf.d/zz.conf"] = text.format("last", "last")
    assert registries_conf.load(DictContext("user:you", files), NEWEST).helpers == ["last"]
    assert registries_conf.load(DictContext("user:you", files, uid=0), NEWEST).helpers == ["root"]


def test_the_user_s_own_file_and_the_system_s_drop_ins() -> None:
    """Since 5.40 the system's drop-in files are read beside the user's own file, and the first of three such files alone."""
    files = {
        "/home/you/.config/containers/registries.conf": 'credential-helpers = ["user"]',
        "/etc/containers/registries.conf": 'credential-helpers = ["system"]',
        "/usr/share/containers/registries.conf": 'credential-helpers = ["vendor"]',
    }
    for helper in ("user", "system", "vendor"):
        assert registries_conf.load(DictContext("user:you", files), NEWEST).helpers == [helper]
        files.pop(next(iter(files)))
    files["/home/you/.config/containers/registries.conf"] = 'credential-helpers = ["user"]'
    files["/etc/containers/registries.conf.d/1.conf"] = 'credential-helpers = ["drop-in"]'
    assert registries_conf.load(DictContext("user:you", files), NEWEST).helpers == ["drop-in"]


@pytest.mark.parametrize("ways", [OF_PODMAN_4, NEWEST], ids=["before", "since"])
def test_a_file_where_a_folder_should_be(home: Path, ways: Ways) -> None:
    """It is not the same as absent: the clients stop."""
    (home / ".config/containers").write_text("")
    with pytest.raises(FileError, match="not a directory"):
        load(home, {}, ways)


def test_symlinks_in_drop_in_folders(home: Path) -> None:
    """Until 5.39 a folder behind a symlink is not looked into; since 5.40 it is."""
    (home / "elsewhere").mkdir()
    (home / "elsewhere/1.conf").write_text('credential-helpers = ["linked"]')
    (home / ".config/containers").mkdir(parents=True)
    (home / ".config/containers/registries.conf.d").symlink_to(home / "elsewhere")
    assert load(home, {}).helpers == ["containers-auth.json"]
    assert load(home, {}, NEWEST).helpers == ["linked"]


def test_a_symlink_in_a_drop_in_folder(home: Path) -> None:
    """Until 5.39 what is behind it is read, and must be there; since 5.40 it is passed over."""
    folder = home / ".config/containers/registries.conf.d"
    folder.mkdir(parents=True)
    (home / "elsewhere.conf").write_text('credential-helpers = ["linked"]')
    (folder / "1.conf").symlink_to(home / "elsewhere.conf")
    assert load(home, {}).helpers == ["linked"]
    assert load(home, {}, NEWEST).helpers == ["containers-auth.json"]
    (home / "elsewhere.conf").unlink()
    with pytest.raises(FileError, match="not there"):
        load(home, {})
    assert load(home, {}, NEWEST).helpers == ["containers-auth.json"]


@pytest.mark.parametrize("ways", [OF_PODMAN_4, NEWEST], ids=["before", "since"])
def test_a_named_file_must_be_there(home: Path, ways: Ways) -> None:
    """Podman stops where a variable names no file."""
    with pytest.raises(MalformedFile, match="not there"):
        load(home, {}, ways, CONTAINERS_REGISTRIES_CONF="{}/none")
    with pytest.raises(MalformedFile, match="not there"):
        load(home, {}, NEWEST, CONTAINERS_REGISTRIES_CONF_OVERRIDE="{}/none")


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

    A slash at its end is such a thing until 5.34: the clients take it off a registry's location, and leave it on a mirror's.
    """
    conf = load(home, {USER: f'[[registry]]\nlocation = "reg.io/"\nmirror = [{{location = "{location}"}}]\n'})
    with pytest.raises(MalformedFile, match="not the name of an image"):
        comes_from(conf, "reg.io/app")
    conf = load(home, {USER: '[[registry]]\nlocation = "reg.io"\nmirror = [{location = "m.io/"}]\n'}, NEWEST)
    assert comes_from(conf, "reg.io/app") == "reg.io/app"


DIGEST = "@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("registry", "mirror", "by_tag", "by_digest"),
    [
        ("", "", True, True),
        ("", "pull-from-mirror = 'all'", True, True),
        ("", "pull-from-mirror = 'tag-only'", True, False),
        ("", "pull-from-mirror = 'digest-only'", False, True),
        ("mirror-by-digest-only = true", "", False, True),
        ("mirror-by-digest-only = false", "pull-from-mirror = 'tag-only'", True, False),
    ],
)
def test_which_mirrors_are_asked(home: Path, registry: str, mirror: str, by_tag: bool, by_digest: bool) -> None:
    """A mirror may be for images by digest, or by tag; what it makes of a name counts only where it is asked."""
    text = f"[[registry]]\nlocation = 'reg.io'\n{registry}\n[[registry.mirror]]\nlocation = 'm.io/x'\n{mirror}\n"
    conf = load(home, {USER: text})
    for image, asked in (("reg.io/app:1", by_tag), (f"reg.io/app{DIGEST}", by_digest)):
        expected = [image.replace("reg.io", "m.io/x"), image] if asked else [image]
        assert [str(place) for place in conf.sources(parse(image))] == expected


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
    "a table of before 2019 without its list": "credential-helpers = []\n[registries.search]",
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_sound(home: Path, text: str) -> None:
    """What says nothing about credentials or locations changes nothing."""
    found = load(home, {USER: text})
    assert (found.helpers, found.registries) == (["containers-auth.json"], {})


BEFORE_2019 = "[registries.block]\nregistries = ['bad.io/']\n[registries.insecure]\nregistries = ['plain.io']\n"


def test_the_format_of_before_2019(home: Path) -> None:
    """Until 5.39 its lists are as good as [[registry]], alone in the main file; since 5.40 it is an error."""
    found = load(home, {USER: BEFORE_2019 + "[registries.search]\nregistries = ['a.io', 'b.io/']\n"})
    assert [(entry.prefix, entry.blocked, entry.insecure) for entry in found.registries.values()] == [
        ("bad.io", True, False),
        ("plain.io", False, True),
    ]
    assert found.searches == ["a.io", "b.io"]
    for files in ({USER: "credential-helpers = ['a']\n" + BEFORE_2019}, {DROP_IN.format("1"): BEFORE_2019}):
        with pytest.raises(MalformedFile, match="before 2019"):
            load(home, files)
    with pytest.raises(MalformedFile, match="no longer read"):
        load(home, {USER: BEFORE_2019}, NEWEST)


def test_byte_order_mark(home: Path) -> None:
    """Debian's podman 4.3 does not read a file that begins with one; later releases pass over it."""
    text = "\ufeffcredential-helpers = ['a']"
    assert load(home, {USER: text}, OF_SKOPEO_1_22).helpers == ["a"]
    with pytest.raises(MalformedFile, match="not valid TOML"):
        load(home, {USER: text})


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
    "an unknown way to use a mirror": "[[registry]]\nlocation='a.io'\nmirror=[{location='m.io',pull-from-mirror='x'}]",
    "two ways to use mirrors": "[[registry]]\nlocation='a.io'\nmirror-by-digest-only=true\n"
    "mirror=[{location='m.io',pull-from-mirror='all'}]",
    "a mirror's setting for the registry": "[[registry]]\nlocation='a.io'\npull-from-mirror='all'",
    "a list of before 2019 that is none": "[registries.search]\nregistries = 'a.io'",
    "a wrong type in the first of two spellings": "[[registry]]\nlocation='a.io'\nblocked=0\n[[Registry]]\nlocation='a.io'",
    "an unknown mode": "short-name-mode = 'off'",
    "a search with a scheme": "unqualified-search-registries = ['https://a.io']",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken(home: Path, text: str) -> None:
    """What stops the clients is an error that names the file."""
    with pytest.raises(MalformedFile) as caught:
        load(home, {USER: text})
    assert caught.value.path == str(home / USER)
