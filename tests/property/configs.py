"""Config files, helpers and references as people, programs and accidents make them: hypothesis strategies.

Files are bytes: keys that repeat, odd escapes, broken UTF-8 and text that is no JSON are among them. Most files are
sound and most keys have to do with the reference, or the rules would hardly ever be asked for more than an error.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

__all__ = [
    "HUB_KEY",
    "Case",
    "Program",
    "auth_texts",
    "cases",
    "configs",
    "deep_configs",
    "entries",
    "hosts",
    "keys",
    "references",
    "render",
]

HUB_KEY = "https://index.docker.io/v1/"


class Program(NamedTuple):
    """A file on PATH."""

    text: str
    mode: int = 0o755


class Case(NamedTuple):
    """What a client finds: a config file (None: there is none), programs on PATH, variables; and what it is asked for.

    ``in_home``: the file is where HOME leads to, otherwise in the folder that DOCKER_CONFIG names.
    """

    config: bytes | None
    reference: str
    programs: Mapping[str, Program]
    variables: Mapping[str, str]
    in_home: bool

    def lay_out(self, folder: Path) -> dict[str, str]:
        """Make the files below an empty folder and return the environment that leads to them."""
        env = {"HOME": str(folder / "home"), "PATH": str(folder / "bin"), **self.variables}
        place = folder / "home" / ".docker" if self.in_home else folder / "config"
        if not self.in_home:
            env["DOCKER_CONFIG"] = str(place)
        for made in (folder / "home", folder / "bin", place):
            made.mkdir(parents=True, exist_ok=True)
        if self.config is not None:
            (place / "config.json").write_bytes(self.config)
        for name, program in self.programs.items():
            path = folder / "bin" / name
            path.write_text(program.text)
            path.chmod(program.mode)
        return env


# JSON

Pairs = tuple[tuple[str, Any], ...]  # an object, with its order and its repetitions


class Layout(NamedTuple):
    """How a JSON text looks."""

    newline: str
    indent: str
    comma: str
    colon: str
    ascii_only: bool


LAYOUTS = [
    Layout("\n", "\t", ",", ": ", ascii_only=False),
    Layout("\r\n", "  ", ",", ": ", ascii_only=True),
    Layout("", "", ",", ":", ascii_only=False),
    Layout("", "", " , ", " :\t", ascii_only=True),
]


def render(value: Any, layout: Layout = LAYOUTS[0], depth: int = 0) -> str:
    """Return JSON text; a tuple of pairs is an object, a list an array."""
    if not isinstance(value, tuple | list):
        return json.dumps(value, ensure_ascii=layout.ascii_only)
    brackets = "{}" if isinstance(value, tuple) else "[]"
    outer = layout.newline + layout.indent * depth
    inner = layout.newline + layout.indent * (depth + 1)
    parts = []
    for item in value:
        name, member = item if isinstance(value, tuple) else (None, item)
        key = json.dumps(name, ensure_ascii=layout.ascii_only) + layout.colon if isinstance(value, tuple) else ""
        parts.append(inner + key + render(member, layout, depth + 1))
    return brackets[0] + layout.comma.join(parts) + (outer if parts else "") + brackets[1]


def rarely(often: st.SearchStrategy[Any], seldom: st.SearchStrategy[Any], one_in: int = 8) -> st.SearchStrategy[Any]:
    """Draw from ``seldom`` once in a while."""
    return st.integers(1, one_in).flatmap(lambda n: seldom if n == one_in else often)


texts = st.text(st.characters(codec="utf-8"), max_size=6)
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.lists(st.tuples(texts, inner), max_size=2).map(tuple),
    max_leaves=4,
)


def odd_case(name: str) -> st.SearchStrategy[str]:
    """Draw the name, now and then in a spelling that Go takes for it as well, or almost."""
    others = [
        name.upper(),
        name.lower(),
        name.capitalize(),
        name.replace("s", "\u017f"),
        name.replace("k", "\u212a"),
        name + " ",
    ]
    return rarely(st.just(name), st.sampled_from(others), 20)


# Names

hosts = st.sampled_from(
    [
        *("docker.io", "index.docker.io", "registry-1.docker.io"),
        *("reg.io", "Reg.IO", "reg.io:5000", "sub.reg.io", "localhost", "localhost:5000", "127.0.0.1:5000"),
    ]
)
hosts_of_28 = st.sampled_from(["[::1]", "[::1]:5000", "[fe80::A:1]:80"])

PLAIN_KEYS = [
    "{}",
    "{}",
    "{}",
    "https://{}",
    "http://{}",
    "https://{}/",
    "https://{}/v1/",
    "https://{}/v2/",
    "{}/",
    "{}/team/app",
]
ODD_KEYS = [
    *("{}/v2/", "{}/team", "https://{}/team/app", "ftp://{}/x", "HTTPS://{}/", "a+b.c-1://{}", "1a://{}", "://{}"),
    *("//{}/x", "//{}/://", "///{}/://", "https:{}", "https:/{}", "https:///{}", "https://u:p@{}/", "https://u p@{}/"),
    *("https://u%40@{}/", "https://u%4@{}/", "https://a@b@{}/", "https://{}?x=/y", "https://{}#f/g", "https://{}#%zz"),
    *(
        "https://{}/%zz",
        "https://{}/%41",
        "https://{}:/",
        "https://{}:1",
        "https://{}:443/",
        "https://{}:x/",
        "https:// {}",
    ),
    *(" {}", "{} ", "{}:", "{}?", "{}#", "\thttps://{}", "https://{}\n/", "https://%72eg.io/{}", "{}/https://reg.io"),
    *(
        "https://[{}]/",
        "https://[{}]:5000/",
        "https://{}.",
        "x:https://{}",
        "https://https://{}",
        "{}\0",
        "https://{}/\u00e9",
    ),
]


@st.composite
def keys(draw: st.DrawFn, near: str) -> str:
    """Draw a key of ``auths`` or ``credHelpers``: most of them have to do with the host ``near``."""
    host = draw(rarely(st.just(near), hosts | hosts_of_28, 6))
    if host in ("docker.io", "index.docker.io") and draw(rarely(st.just(True), st.just(False), 3)):
        return HUB_KEY
    key = draw(rarely(st.sampled_from(PLAIN_KEYS), st.sampled_from(ODD_KEYS), 3)).format(host)
    return draw(rarely(st.just(key), st.sampled_from([key.upper(), key.lower(), key.title()]) | texts, 20))


@st.composite
def references(draw: st.DrawFn, host: str) -> str:
    """Draw an image of a registry."""
    names = ["app", "library/app", "team/app", "team/sub/app", "a__b/c-d.e/f--g"]
    name = draw(st.sampled_from(names if host in ("docker.io", "index.docker.io") else names[:1] + names[2:]))
    tag = draw(st.sampled_from(["", ":1", ":V1.2_x-y", "@sha256:" + "0123456789abcdef" * 4]))
    if host == "docker.io" and draw(st.booleans()):
        return name + tag
    return f"{host}/{name}{tag}"


# Entries

usernames = st.sampled_from(["alice", "bob", "0000-0000", "<token>", "us er", "\u00fcser", "\0u", "AWS"]) | texts
passwords = st.sampled_from(["secret", "a:b:c", ":", "\0pass\0", "\u5bc6\u7801", "p" * 300, "", "<&>"]) | texts


@st.composite
def auth_texts(draw: st.DrawFn) -> str:
    """Draw an ``auth`` field: base64 of ``user:password``, and what else has been seen in its place."""
    pair = f"{draw(usernames)}:{draw(passwords)}".encode()
    if draw(rarely(st.just(False), st.just(True))):
        pair = draw(
            st.sampled_from([b"nocolon", b":nouser", b"", b"a:\xff\xfe", b"\xc3:\xe2\x82", b"\0:x", pair + b"\0\0"])
        )
    auth = base64.b64encode(pair).decode()
    if draw(rarely(st.just(False), st.just(True))):
        cut = draw(st.integers(0, len(auth)))
        spoil = draw(st.sampled_from(["\n", "\r\n", " ", "=", "-", "_", "\u00e9", "\t", "A", "===="]))
        auth = draw(
            st.sampled_from([auth[:cut] + spoil + auth[cut:], auth.rstrip("="), auth + "=", auth + "\n", auth[:cut]])
        )
    return auth


@st.composite
def entries(draw: st.DrawFn) -> Any:
    """Draw one entry of ``auths``, as Pairs or as what should not be there."""
    if draw(rarely(st.just(False), st.just(True), 40)):
        return draw(junk)
    members: list[tuple[str, Any]] = []
    if draw(rarely(st.just(True), st.just(False), 4)):
        members.append(("auth", draw(auth_texts())))
    fields = {
        "username": usernames,
        "password": passwords,
        "identitytoken": st.sampled_from(["idtoken", "", "\u00efd"]),
        "registrytoken": st.sampled_from(["regtoken", ""]),
        "email": st.just("a@b.c"),
        "serveraddress": st.sampled_from(["", "elsewhere.io"]),
        "auth": st.sampled_from(["", "dTpw"]),
        "extra": junk,
    }
    more = draw(st.lists(st.sampled_from(sorted(fields)), max_size=3))
    members += [(field, draw(rarely(fields[field], st.none() | junk, 30))) for field in more]
    return tuple((draw(odd_case(name)), value) for name, value in draw(st.permutations(members)))


# Files

HELPERS = ["good", "good", "token", "absent", "failing", "missing", ""]
TEXT_FIELDS = ["psFormat", "imagesFormat", "detachKeys", "tasksFormat", "currentContext", "experimental"]
OTHER_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.just("") for name in TEXT_FIELDS},
    "HttpHeaders": st.sampled_from([(), (("X-Test", "1"),), None]),
    "aliases": st.sampled_from([(), (("builder", "buildx"),), None]),
    "plugins": st.sampled_from([(), (("a", (("hooks", "b"),)),), (("a", ()),), (("a", None),)]),
    "proxies": st.sampled_from([(), (("default", (("httpProxy", ""), ("x", 1))),), (("default", None),)]),
    "pruneFilters": st.sampled_from([[], ["label=x"], [None]]),
    "cliPluginsExtraDirs": st.sampled_from([[], None]),
    "unknown": junk,
}


@st.composite
def configs(draw: st.DrawFn, host: str) -> bytes:
    """Draw the bytes of a config file for somebody who uses ``host``."""
    helper = st.sampled_from(HELPERS)
    key = keys(host)
    makers = {
        "auths": st.lists(st.tuples(key, entries()), min_size=1, max_size=4).map(tuple),
        "credHelpers": st.lists(st.tuples(key | st.just(host), helper), max_size=2).map(tuple),
        "credsStore": helper,
        **OTHER_FIELDS,
    }
    names = ["auths", *draw(st.lists(st.sampled_from(["auths", "credHelpers", "credsStore"]), max_size=2))]
    if draw(st.booleans()):
        names.append(draw(st.sampled_from(sorted(OTHER_FIELDS))))
    if draw(rarely(st.just(False), st.just(True), 12)):
        names.remove("auths")
    members = [(draw(odd_case(name)), draw(rarely(makers[name], st.none() | junk, 40))) for name in names]
    text = render(tuple(draw(st.permutations(members))), draw(st.sampled_from(LAYOUTS)))
    return draw(rarely(st.just(text.encode(errors="surrogatepass")), accidents(text), 12))


def deep_configs() -> dict[str, bytes]:
    """Return files in which an unknown member is deep; Go reads 10,000 objects and lists in each other, and no more."""
    entry = '"auths": {"reg.io": {"auth": "dTpw"}}'
    lists = {depth: "[" * depth + "]" * depth for depth in (900, 5000, 9999, 10_000)}
    texts = {f"{depth} lists": f'{{"x": {value}, {entry}}}' for depth, value in lists.items()}
    texts["objects"] = '{"a":' * 5000 + "1" + "}" * 5000
    texts["objects"] = f'{{{entry}, "x": {texts["objects"]}}}'
    texts["beside a lone surrogate"] = f'{{"\\ud800": {lists[900]}, {entry}}}'
    texts["a mistake inside"] = f'{{"x": {lists[5000].replace("[]", "[}")}, {entry}}}'
    texts["brackets in a text inside"] = f'{{"x": {lists[5000].replace("[]", """["]}"]""")}, {entry}}}'
    texts["no end"] = f'{{{entry}, "x": {"[" * 5000}'
    texts["in an entry"] = f'{{"auths": {{"reg.io": {{"auth": "dTpw", "x": {lists[5000]}}}}}}}'
    return {name: text.encode() for name, text in texts.items()}


@st.composite
def accidents(draw: st.DrawFn, text: str) -> bytes:
    """Draw what may become of a file: cut off, added to, not UTF-8, or something else altogether."""
    data = text.encode(errors="surrogatepass")
    at = draw(st.integers(0, len(data)))
    return draw(
        st.sampled_from(
            [
                *(
                    b"",
                    b" \n",
                    b"null",
                    b"[]",
                    b'"text"',
                    b"7",
                    b"true",
                    b"{",
                    b"{} x",
                    b"{}{}",
                    b"\xef\xbb\xbf{}",
                    b"{,}",
                ),
                *(b"{'auths': {}}", b'{"auths": {},}', b'{"a": NaN}', b'{"a": 01}', b'{"a": "\t"}', b'{"a": "\\x"}'),
                *(
                    b'{"a": "\\ud800"}',
                    b'{"a": 1e999, "b": -0}',
                    b"\x00",
                    data + b"\n",
                    data + b"trailing",
                    data + b"}",
                ),
                *(data[:at], data[:at] + b"\xff" + data[at:], data[:at] + b"\xe2\x82" + data[at:], data + b"\0"),
                *(
                    data.replace(b"a", b"\\u0061"),
                    data.replace(b"u", b"\xc3", 1),
                    data.replace(b"e", b"\xed\xa0\x80", 1),
                ),
                *(data.replace(b"s", b"\\ud800", 1), data.replace(b"s", b"\\uD83D\\uDE00", 1), b"\n\t " + data),
            ]
        )
    )


# Helpers

ANSWERS = [
    '{"ServerURL":"x","Username":"helped","Secret":"by-helper"}',
    '{"serverurl":"x","USERNAME":"h","secret":"s","More":[1]} trailing',
    '{"Username":"<token>","Secret":"idtoken"}',
    '{"Username":"","Secret":"s"}',
    '{"Username":"u","Secret":""}',
    '{"Username":null,"Secret":null}',
    '{"Username":"a","Username":"b","Secret":"\\u00fc\\ud800"}',
    '{"Username":"u","\u017fecret":"long s"}',
    "{}",
    "null",
    "\\n\\t {}",
]
NONSENSE = [
    "",
    "[]",
    "garbage",
    '"text"',
    '{"Username":1,"Secret":"s"}',
    '{"Username":"u","Secret":"s"',
    '{"ServerURL":[]}',
    "7",
]
REFUSALS = [
    "credentials not found in native keychain",
    "pass not initialized",
    "",
    "no credentials server URL",
    "No such thing",
]


def _script(line: str, status: int = 0) -> str:
    """Return a helper that prints a line to whoever says ``get``, and answers other verbs as if it knew nobody."""
    quoted = line.replace("'", "'\\''")
    return f"#!/bin/sh\nread -r url\ncase $1 in get) printf '%s' '{quoted}'; exit {status};; list) echo '{{}}';; esac\n"


ECHO = """#!/bin/sh
read -r url
case $1 in get) printf '{"Username":"asked","Secret":"%s"}' "$url";; list) echo '{}';; esac
"""

working = st.sampled_from(
    [Program(ECHO), Program(ECHO), *(Program(_script(answer.replace("\\n\\t", "\n\t"))) for answer in ANSWERS)]
)
absent = st.sampled_from(["", "\n", " \n\n"]).map(lambda end: Program(_script(REFUSALS[0] + end, 1)))
broken = (
    st.builds(
        lambda text, status: Program(_script(text, status)), st.sampled_from(REFUSALS[1:]), st.sampled_from([1, 2, 127])
    )
    | st.sampled_from(NONSENSE).map(lambda text: Program(_script(text)))
    | st.sampled_from(
        [
            Program("#!/bin/sh\nkill -SEGV $$\n"),
            Program("#!/no/such/interpreter\n"),
            Program("no shebang\n"),
            Program(ECHO, 0o644),
            Program("#!/bin/sh\necho 'credentials not found in native keychain' >&2\nexit 1\n"),
            Program(_script(ANSWERS[0], 1)),
            Program(_script("credentials not found in native keychain", 0)),
            Program('#!/bin/sh\nprintf \'{"Username":"u\\377","Secret":"s"}\'\n'),
        ]
    )
)


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Program]:
    """Draw what is on PATH. ``docker-credential-missing`` never is."""
    found = {
        "docker-credential-good": draw(working),
        "docker-credential-token": Program(_script(ANSWERS[2])),
        "docker-credential-absent": draw(absent),
        "docker-credential-failing": draw(broken),
    }
    for name in draw(st.sets(st.sampled_from(["pass", "docker-credential-pass", "docker-credential-secretservice"]))):
        found[name] = Program("#!/bin/sh\n") if name == "pass" else draw(working | absent | broken)
    return found


VARIABLES = [{}, {}, {}, {"DOCKER_AUTH_CONFIG": '{"auths":{"reg.io":{"auth":"dTpw"}}}'}, {"DOCKER_AUTH_CONFIG": ""}]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a whole case."""
    host = draw(rarely(hosts, hosts_of_28, 12))
    config = draw(rarely(configs(host), st.none(), 20))
    return Case(
        config=config,
        reference=draw(references(host)),
        programs=draw(programs()),
        variables=draw(st.sampled_from(VARIABLES)),
        in_home=draw(st.booleans()),
    )
