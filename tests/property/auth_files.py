"""What podman, skopeo and buildah may find on a machine, and what they are asked for: hypothesis strategies.

Most files are sound and most keys have to do with the reference, or the rules would hardly ever be asked for more than an
error. ``{self}`` in names stands for the oracle's own address, which is known only when a case is laid out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

__all__ = ["Case", "cases"]

SELF = "{self}"
RUN, USER, DOCKER, LEGACY = (
    *("run/containers/auth.json", "home/.config/containers/auth.json"),
    *("home/.docker/config.json", "home/.dockercfg"),
)
CONF, DROP_IN = "home/.config/containers/registries.conf", "home/.config/containers/registries.conf.d"


class Case(NamedTuple):
    """Files below one folder, by path (those in ``bin`` are programs), variables with ``{}`` for it, and an image.

    ``bearer``: the registry wants a token and not the password itself.
    """

    client: str
    files: Mapping[str, bytes]
    variables: Mapping[str, str]
    reference: str
    bearer: bool

    def lay_out(self, folder: Path, address: str) -> tuple[dict[str, str], str]:
        """Make the files; return the environment that leads to them, and the reference. ``address`` is ``{self}``."""
        for made in ("home", "run", "bin"):
            (folder / made).mkdir(parents=True)
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.replace(SELF.encode(), address.encode()))
            path.chmod(0o755 if name.startswith("bin/") else 0o600)
        env = {"HOME": "{}/home", "PATH": "{}/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR": "{}/run", **self.variables}
        paths = {name: value.replace("{}", str(folder)) for name, value in env.items()}
        return paths, self.reference.replace(SELF, address)


def rarely(often: st.SearchStrategy[Any], seldom: st.SearchStrategy[Any], one_in: int = 8) -> st.SearchStrategy[Any]:
    """Draw from ``seldom`` once in a while."""
    return st.integers(1, one_in).flatmap(lambda n: seldom if n == one_in else often)


# JSON: a tuple of pairs is an object, so that keys can repeat.


def render(value: Any, colon: str) -> str:
    """Return JSON text."""
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{json.dumps(name)}{colon}{render(item, colon)}" for name, item in value) + "}"
    return json.dumps(value, ensure_ascii=colon == ": ")


junk = st.sampled_from([None, True, 7, 1.5, "", "text", [], [1], (), (("a", None),)])
SPELLINGS = {"auths": ["AUTHS", "Auths", "auth\u017f", "auths "], "auth": ["Auth", "AUTH", " auth"]}


def spelt(name: str) -> st.SearchStrategy[str]:
    """Draw a field's name, now and then in a spelling that Go takes for it as well, or almost."""
    return rarely(st.just(name), st.sampled_from(SPELLINGS.get(name, [name.upper(), name.lower(), name.title()])), 20)


# Names

HOSTS = [SELF, SELF, "reg.io", "reg.io:5000", "Reg.IO", "sub.reg.io", "docker.io", "docker.io", "index.docker.io"]
HUB = ["docker.io", "index.docker.io", "registry-1.docker.io"]
PATHS = ["app", "team/app", "team/sub/app", "a__b/c-d.e/f--g"]
DIGEST = "@sha256:" + "0123456789abcdef" * 4
TAGS = ["", "", ":1", ":V1.2_x-y", DIGEST, DIGEST, f":1{DIGEST}"]


@st.composite
def keys(draw: st.DrawFn, host: str) -> str:
    """Draw a key of ``auths`` or ``credHelpers``: most of them have to do with the host."""
    host = draw(rarely(st.just(host), st.sampled_from(HOSTS), 8))
    if host in HUB:
        host = draw(st.sampled_from(HUB))
    exact = st.sampled_from(["{}", "{}", "{}/team", "{}/team/app", "{}/team/sub", "{}/app", "{}/library/app"])
    other = st.sampled_from(
        [
            *("https://{}", "http://{}", "https://{}/", "https://{}/v1/", "http://{}/v2/", "{}/", "{}/v1/", "//{}"),
            *("http://https://{}", "https://http://{}", "HTTPS://{}", "https://u:p@{}", "ftp://{}", " {}", "{}:443"),
            *("https://{}/team/app", "{}/team/app/", "{}/team/app:1", "https://{}:443/", "{}.", "", "team/app"),
        ]
    )
    return draw(rarely(exact, other, 3)).replace("{}", host)


# Entries

usernames = st.sampled_from(["alice", "bob", "<token>", "us er", "\u00fcser", "", "\0u"]) | st.text(max_size=4)
passwords = st.sampled_from(["secret", "a:b:c", ":", "\0pass\0", "\u5bc6\u7801", "", "<&>"]) | st.text(max_size=4)


@st.composite
def auth_texts(draw: st.DrawFn) -> str:
    """Draw an ``auth`` field: base64 of ``user:password``, and what else has been seen in its place."""
    pair = f"{draw(usernames)}:{draw(passwords)}".encode(errors="surrogatepass")
    odd = st.sampled_from([b"nocolon", b":nouser", b"", b":", b":\0", b"a:\xff\xfe", b"\xc3:\xe2\x82", pair + b"\0\0"])
    auth = base64.b64encode(draw(rarely(st.just(pair), odd, 5))).decode()
    cut = draw(st.integers(0, len(auth)))
    spoilt = [auth[:cut] + extra + auth[cut:] for extra in ("\n", "\r\n", " ", "=", "-", "\u00e9", "A")]
    return draw(rarely(st.just(auth), st.sampled_from([*spoilt, auth.rstrip("="), auth[:cut]]), 20))


@st.composite
def entries(draw: st.DrawFn) -> Any:
    """Draw one entry of ``auths``."""
    members: list[tuple[str, Any]] = []
    if draw(rarely(st.just(True), st.just(False), 6)):
        members.append(("auth", draw(auth_texts())))
    fields = {
        "identitytoken": st.sampled_from(["idtoken", "idtoken", "", "\u00efd+/="]),
        "auth": auth_texts(),
        "username": usernames,
        "password": passwords,
        "registrytoken": st.just("regtoken"),
    }
    more = draw(rarely(st.just([]), st.lists(st.sampled_from(sorted(fields)), max_size=2), 2))
    members += [(field, draw(rarely(fields[field], junk, 15))) for field in more]
    made = tuple((draw(spelt(name)), value) for name, value in draw(st.permutations(members)))
    return draw(rarely(st.just(made), junk, 40))


# Auth files

HELPERS = ["good", "good", "token", "absent", "empty", "failing", "missing", "", "good "]


@st.composite
def auth_files(draw: st.DrawFn, host: str, *, legacy: bool = False) -> bytes:
    """Draw the bytes of an auth file for somebody who uses ``host``."""
    key = keys(host)
    auths = st.lists(st.tuples(key, entries()), min_size=1, max_size=4).map(tuple)
    if legacy:
        value = draw(rarely(auths, junk, 20))
    else:
        helpers = st.lists(st.tuples(rarely(st.just(host), key, 2), st.sampled_from(HELPERS)), max_size=2).map(tuple)
        makers = {"auths": auths, "credHelpers": helpers, "credsStore": st.sampled_from(HELPERS), "x": junk}
        names = ["auths", *draw(rarely(st.just([]), st.lists(st.sampled_from(sorted(makers)), max_size=2), 2))]
        value = tuple(
            (draw(spelt(name)), draw(rarely(makers[name], junk, 40))) for name in draw(st.permutations(names))
        )
    data = render(value, draw(st.sampled_from([":", ": ", " :\t"]))).encode(errors="surrogatepass")
    at = draw(st.integers(0, len(data)))
    accidents = [
        *(b"", b" \n", b"null", b"[]", b'"text"', b"{", b"{} x", b"{}{}", b"\xef\xbb\xbf{}", data + b"\n", data + b"}"),
        *(data + b"trailing", data[:at], data[:at] + b"\xff" + data[at:], data.replace(b"a", b"\\u0061"), data + b"\0"),
        *(b'{"auths": {},}', b'{"a": NaN}', b'{"a": 01}', b'{"a": "\\ud800"}', b'{"a": 1e999}', b"\n\t " + data),
    ]
    return draw(rarely(st.just(data), st.sampled_from(accidents), 25))


# registries.conf


@st.composite
def registries(draw: st.DrawFn, host: str) -> str:
    """Draw one ``[[registry]]`` about the host, or about a part of it."""
    places = st.sampled_from([host, host, f"{host}/team", f"{host}/team/app", f"{host}/app", "reg.io", f"{host}/te"])
    wild = rarely(
        st.sampled_from(["*.reg.io", "*.docker.io", "*.io"]), st.sampled_from(["*.io/te", "https://reg.io"]), 8
    )
    prefixes = rarely(places, wild, 4)
    targets = st.sampled_from([SELF, f"{SELF}/team", "there.io", "there.io/a/b", "there.io/", "docker.io/library"])
    wrong = st.sampled_from(["", "http://there.io", "There.IO/B", "there", "a b", "there.io:5"])
    fields = {}
    if draw(rarely(st.just(True), st.just(False), 4)):
        fields["prefix"] = json.dumps(draw(prefixes))
    if draw(rarely(st.just(True), st.just(False), 15)):
        fields["location"] = json.dumps(draw(rarely(targets, st.just(host) | wrong, 8)))
    if draw(rarely(st.just(False), st.just(True), 6)):
        fields["blocked"] = draw(rarely(st.sampled_from(["true", "true", "false"]), st.just('"true"'), 8))
    fields["insecure"] = draw(rarely(st.just("true"), st.sampled_from(["false", "1"]), 20))
    if draw(rarely(st.just(False), st.just(True), 6)):
        location = json.dumps(draw(rarely(targets, wrong, 5)))
        pull = draw(rarely(st.just(""), st.sampled_from(["all", "tag-only", "digest-only", "never"]), 3))
        fields["mirror"] = f'[{{location = {location}, insecure = true, pull-from-mirror = "{pull}"}}]'
        fields["mirror-by-digest-only"] = draw(rarely(st.just("false"), st.just("true"), 4))
    lines = ["[[registry]]"]
    for name, value in draw(st.permutations(sorted(fields.items()))):
        lines.append(f"{draw(rarely(st.just(name), st.just(name.title()), 20))} = {value}")
    return "\n".join(lines)


BEFORE_2019 = b"[registries.search]\nregistries = ['docker.io']\n[registries.block]\nregistries = ['reg.io']\n"


@st.composite
def registries_confs(draw: st.DrawFn, host: str) -> bytes:
    """Draw the bytes of a ``registries.conf``."""
    parts = []
    if draw(st.booleans()):
        helpers = draw(
            st.lists(st.sampled_from([*HELPERS, "containers-auth.json", "containers-auth.json"]), max_size=3)
        )
        parts.append(f"{draw(spelt('credential-helpers'))} = {json.dumps(helpers)}")
    if draw(rarely(st.just(False), st.just(True), 12)):
        odd = st.sampled_from(
            [
                *("credential-helpers = 1", 'credential-helpers = [""]', "short-name-mode = 'off'", "x = [", "y = 1"),
                *('unqualified-search-registries = ["docker.io"]', 'unqualified-search-registries = "docker.io"'),
                *('short-name-mode = "enforcing"', "aliases = 3", "registry = 3", "[registry]\nlocation = 'reg.io'"),
                *(
                    "[aliases]\n'app' = 'reg.io/team/app'",
                    "[aliases]\n'app' = 3",
                    "[aliases]\n'app' = 'app'",
                    "\0",
                    "a = 1\na = 2",
                    "# \u00fc",
                ),
                *('unqualified-search-registries = ["https://docker.io"]', 'unqualified-search-registries = ["a b"]'),
            ]
        )
        one = draw(odd)
        # A list set twice is no TOML, and the clients' decoder takes it all the same: see config/registries_conf.
        parts = [*(part for part in parts if not one.startswith("credential-helpers")), one]
    parts += draw(st.lists(registries(host), max_size=draw(st.sampled_from([1, 1, 1, 3]))))
    text = "\n".join([*parts, ""]).encode()
    return draw(rarely(st.just(text), st.sampled_from([b"\xef\xbb\xbf" + text, BEFORE_2019, BEFORE_2019 + text]), 12))


# Helpers


def program(line: str, status: int = 0) -> bytes:
    """Return a helper that prints a line, whatever it is asked."""
    quoted = line.replace("'", "'\\''")
    return f"#!/bin/sh\nread -r url\nprintf '%s' '{quoted}'\nexit {status}\n".encode()


ECHO = b"""#!/bin/sh
read -r url
printf '{"Username":"asked","Secret":"%s"}' "$url"
"""
WORKING = [
    *(ECHO, ECHO, program('{"ServerURL":"x","Username":"helped","Secret":"by-helper"}')),
    *(program('{"USERNAME":"h","secret":"s"} more'), program('{"Username":"","Secret":"s"}')),
    *(program('{"Username":"u","Secret":""}'), program('{"Username":"u","Secret":"\\u00fc\\ud800"}')),
]
BROKEN = [
    *(program("pass not initialized", 1), program("", 1), program("no credentials server URL", 1), program("")),
    *(program("garbage"), program("[]"), program('{"Username":1,"Secret":"s"}'), b"#!/bin/sh\nkill -SEGV $$\n"),
    *(b"#!/no/such/interpreter\n", program("credentials not found in native keychain", 0)),
]


@st.composite
def programs(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw what is on PATH. ``docker-credential-missing`` never is."""
    return {
        "bin/docker-credential-good": draw(st.sampled_from(WORKING)),
        "bin/docker-credential-token": program('{"Username":"<token>","Secret":"idtoken"}'),
        "bin/docker-credential-absent": program("credentials not found in native keychain\n", 1),
        "bin/docker-credential-empty": program('{"Username":"","Secret":""}'),
        "bin/docker-credential-failing": draw(st.sampled_from(BROKEN)),
    }


VARIABLES = [
    {"XDG_RUNTIME_DIR": "{}/none"},
    {"REGISTRY_AUTH_FILE": "{}/named.json"},
    {"REGISTRY_AUTH_FILE": ""},
    {"REGISTRY_AUTH_FILE": "{}/home/.dockercfg"},
    {"REGISTRY_AUTH_FILE": "{}/home/.docker/config.json"},
    {"REGISTRY_AUTH_FILE": "{}/named.json", "DOCKER_CONFIG": "{}/docker"},
    {"REGISTRY_AUTH_FILE": "{}/file/named.json"},
    {"XDG_RUNTIME_DIR": "{}/file"},
    {"XDG_CONFIG_HOME": "{}/file"},
    {"DOCKER_CONFIG": "{}/file"},
    {"XDG_CONFIG_HOME": "{}/xdg"},
    {"XDG_CONFIG_HOME": "{}/xdg", "DOCKER_CONFIG": "{}/docker"},
    {"DOCKER_CONFIG": "{}/docker"},
    {"CONTAINERS_REGISTRIES_CONF": "{}/named.conf"},
    {"REGISTRIES_CONFIG_PATH": "{}/named.conf"},
    {"CONTAINERS_REGISTRIES_CONF": "", "REGISTRIES_CONFIG_PATH": "{}/named.conf"},
    {"DOCKER_AUTH_CONFIG": '{"auths":{"reg.io":{"auth":"dTpw"}}}'},
]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a whole case."""
    host = draw(st.sampled_from(HOSTS))
    files: dict[str, bytes] = {"file": b""}  # for where a folder should be
    for path in draw(st.lists(st.sampled_from([RUN, RUN, RUN, USER, DOCKER, LEGACY]), min_size=1, max_size=4)):
        files[path] = draw(auth_files(host, legacy=path == LEGACY))
    for path in draw(
        rarely(st.just([]), st.lists(st.sampled_from([CONF, f"{DROP_IN}/1.conf", f"{DROP_IN}/2.conf"])), 2)
    ):
        files[path] = draw(registries_confs(host))
    variables = draw(rarely(st.just({}), st.sampled_from(VARIABLES), 3))
    for path, maker in (
        *(("named.json", auth_files(host)), ("xdg/containers/auth.json", auth_files(host))),
        *(("docker/config.json", auth_files(host)), ("named.conf", registries_confs(host))),
    ):
        named = any(value.endswith(path.partition("/")[0]) for value in variables.values())
        if named and draw(rarely(st.just(True), st.just(False), 4)):
            files[path] = draw(maker)
    path = draw(st.sampled_from(PATHS))
    return Case(
        client=draw(st.sampled_from(["skopeo"] * 8 + ["podman", "buildah"])),
        files=files | (draw(programs()) if any(b"elper" in data for data in files.values()) else {}),
        variables=variables,
        reference=f"{host}/{path}{draw(st.sampled_from(TAGS))}",
        bearer=draw(st.booleans()),
    )
