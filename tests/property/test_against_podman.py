"""Shorepass says what the real podman, skopeo and buildah send, case by case."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, event, given, note, settings

from e2e.programs import require, run
from property.auth_files import Case, cases
from property.configs import deep_configs
from property.containers_oracle import Asked, Oracle
from shorepass import clients
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, Credential, IdentityToken
from shorepass.errors import InvalidReference, SourceError, UsageError
from shorepass.names import parse

DIGITS = "0123456789abcdef" * 4
TOSSES = 600  # of their coin, at the most: it is tossed until every side was seen, and one has missed 150 tosses


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """The registry that sees what they send."""
    with Oracle() as running:
        yield running


@settings(
    max_examples=max(settings.default.max_examples // 2, 1), phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
@given(case=cases())
def test_shorepass_says_what_containers_send(case: Case, oracle: Oracle, tmp_path: Path) -> None:
    """Same credential, or both anonymous, or both an error; where they toss a coin, all answers are known."""
    folder = tmp_path / "case"
    shutil.rmtree(folder, ignore_errors=True)
    env, reference = case.lay_out(folder, oracle.address)
    ours = clients.find(case.client).resolve(LocalContext(env), parse(reference))
    oracle.bearer = case.bearer
    answers = [ours.answer, *ours.alternatives]
    part = not case.bearer and any(isinstance(answer, IdentityToken) for answer in answers)
    has_mirrors = any(b"mirror" in data.lower() for data in case.files.values())

    def seen_of_registry(asked: Asked | None) -> Asked | None:
        """Leave out what a mirror was asked before the registry itself stopped with an error."""
        if asked and has_mirrors and asked.host != host_of(ours.server_url):
            return None
        return visible(asked, part)

    asked, stderr = oracle.ask(case.client, reference, env)
    note(f"{case.client}: {asked} {stderr}\nours: {ours.answer!r} {ours.alternatives} {ours.steps}")
    expected = {visible(sent(answer, ours.server_url, case), part) for answer in answers}
    seen = {seen_of_registry(asked)}
    if len(expected) > 1:
        event(f"{case.client} tosses a coin")
        for _ in itertools.takewhile(lambda _: seen < expected, range(TOSSES)):
            seen.add(seen_of_registry(oracle.ask(case.client, reference, env)[0]))
    assert seen == expected
    place = f" in {Path(ours.source.path).name}" if ours.source else ""
    by = " by a helper" if ours.source and ours.source.helper else ""
    event(f"{case.client}: {type(ours.answer).__name__}{place}{by}")
    if ours.reference != parse(reference):
        event("the image comes from elsewhere")


@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
def test_a_tag_beside_a_digest(client: str, oracle: Oracle, tmp_path: Path) -> None:
    """Skopeo stops at such a name, and asks no registry; podman and buildah leave out the tag."""
    auth = tmp_path / "run/containers/auth.json"
    auth.parent.mkdir(parents=True)
    auth.write_text('{"auths": {"reg.io/team": {"auth": "dTpw"}}}')
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    oracle.bearer = False
    for image in ("reg.io/team/app:1", f"reg.io/team/app@sha256:{DIGITS}", f"reg.io/team/app:1@sha256:{DIGITS}"):
        asked, stderr = oracle.ask(client, image, env)
        ours = clients.find(client).resolve(LocalContext(env), parse(image))
        assert (asked is None) == isinstance(ours.answer, SourceError), stderr
        if asked:
            assert asked.text.decode() == said(ours.answer) == "u:p"


@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
@pytest.mark.parametrize("image", ["REG/app", "LOCALHOST/team/app", "Reg.io/app", "REG:5000/app", "[::1]:5000/app"])
def test_the_names_of_registries(client: str, image: str, oracle: Oracle, tmp_path: Path) -> None:
    """They take no IPv6 address, and no word in upper case, for a registry's name, and stop."""
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)}
    oracle.bearer = False
    ours = clients.find(client).resolve(LocalContext(env), parse(image))
    asked, stderr = oracle.ask(client, image, env)
    assert (asked is None) == isinstance(ours.answer, SourceError), stderr


@pytest.mark.parametrize("client", ["podman", "buildah"])
def test_an_image_with_a_scheme(client: str, oracle: Oracle, tmp_path: Path) -> None:
    """They pull one with docker://, and no other; a name without a registry is Docker Hub's, whatever the files say."""
    conf, env = with_conf(tmp_path)
    conf.write_text('unqualified-search-registries = ["b.io"]')
    for image in (
        "docker://reg.io/app",
        "docker://app",
        "docker://b.io/team/app:1",
        "https://reg.io/app",
        "DOCKER://reg.io/app",
    ):
        asked, stderr = oracle.ask(client, image, env)
        try:
            ours = clients.find(client).resolve(LocalContext(env), parse(image))
        except InvalidReference:
            assert asked is None, image
            continue
        assert asked is not None, stderr
        assert asked.host == host_of(ours.server_url)
        assert asked.text == (b":" if ours.answer == ANONYMOUS else said(ours.answer).encode())


WORDS = [
    "containers-storage",
    "dir",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "ostree",
    "sha256",
    "sif",
]


@pytest.mark.parametrize(
    ("client", "words"), [("buildah", [*WORDS, "tarball", "atomic", "docker", "ocid"]), ("podman", WORDS[::3])]
)
def test_a_word_for_an_image_on_this_machine(client: str, words: list[str], oracle: Oracle, tmp_path: Path) -> None:
    """They ask no registry for WORD:NAME, if the word says where on this machine the image is; another word is a name."""
    conf, env = with_conf(tmp_path)
    conf.write_text('unqualified-search-registries = ["b.io"]')
    for image in (*(f"{word}:app" for word in words), "oci", "library/oci:app", "reg.io/oci:app"):
        asked, stderr = oracle.ask(client, image, env)
        ours = clients.find(client).resolve(LocalContext(env), parse(image))
        assert (asked is None) == isinstance(ours.answer, SourceError), f"{image}: {stderr}"


LINES = [
    'unqualified-search-registries = ["[::1]:5000"]',
    '[[registry]]\nprefix = "reg.io"\nlocation = "[::1]:5000"\ninsecure = true',
    '[[registry]]\nprefix = "reg.io"\nlocation = "THERE"\ninsecure = true',
    '[[registry]]\nprefix = "reg.io"\nlocation = "There.io"\ninsecure = true',
    '[[registry]]\nlocation = "[::1]:5000"\ninsecure = true',
]


@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
@pytest.mark.parametrize("line", LINES)
def test_the_names_of_registries_in_registries_conf(client: str, line: str, oracle: Oracle, tmp_path: Path) -> None:
    """The same names stop them there, if an image comes from them or may be looked for in them."""
    conf = tmp_path / ".config/containers/registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(line)
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)}
    oracle.bearer = False
    ours = clients.find(client).resolve(LocalContext(env), parse("reg.io/app"))
    asked, stderr = oracle.ask(client, "reg.io/app", env)
    assert (asked is None) == isinstance(ours.answer, SourceError), stderr


# Read by Go's decoders otherwise than by Python's: spellings of a name, numbers, and what makes no name of an image.
READ_BY_GO = [
    '[[Registry]]\nlocation = "reg.io"\nblocked = true',
    '[[registry]]\nlocation = "reg.io"\n"bloc\u212aed" = true',
    '"credential-helper\u017f" = ["missing"]',
    '[Aliases]\na = "b.io/x:1"',
    '[aliases]\nb = "b.io/x"\n[ALIASES]\n"reg.io/app" = "b.io/x"',
    '[aliases]\na = "[::1]:5000/x"',
    '[aliases]\na = "REG/x"',
    '[registries.block]\nregistries = []\n[[registry]]\nlocation = "reg.io"',
    '[registries.block]\nregistries = ["reg.io"]\n[[registry]]\nlocation = "b.io"',
    '[registries.block]\nregistries = ["b.io"]\n[aliases]\na = "b.io/x"',
    "x = 9223372036854775807",
    "x = 9223372036854775808",
    "x = -9223372036854775808",
    "x = [{y = -9223372036854775809}]",
    "x = 1e999",
    "x = [+inf, nan]",
]


def test_what_go_reads_in_registries_conf(oracle: Oracle, tmp_path: Path) -> None:
    """Skopeo reads the image's login or stops, as Shorepass says, with each of these files."""
    conf, env = with_conf(tmp_path)
    for text in READ_BY_GO:
        conf.write_text(text)
        asked, stderr = oracle.ask("skopeo", "reg.io/app", env)
        ours = clients.find("skopeo").resolve(LocalContext(env), parse("reg.io/app"))
        assert (asked is None) == isinstance(ours.answer, SourceError), f"{text}: {stderr}"


# Of each pair the decoder takes one at random; a list of tables is filled twice.
SPELLINGS = [
    '[[registry]]\nlocation = "reg.io"\nblocked = false\nBlocked = true',
    '[[registry]]\nlocation = "reg.io"\nblocked = true\n[[Registry]]\nlocation = "b.io"',
    'credential-helpers = ["missing"]\nCredential-Helpers = ["containers-auth.json"]',
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_two_spellings_in_registries_conf(text: str, oracle: Oracle, tmp_path: Path) -> None:
    """Skopeo takes one at random; Shorepass names both answers, and the file."""
    conf, env = with_conf(tmp_path)
    conf.write_text(text)
    ours = clients.find("skopeo").resolve(LocalContext(env), parse("reg.io/app"))
    expected = {
        None if isinstance(answer, SourceError) else said(answer) for answer in (ours.answer, *ours.alternatives)
    }
    assert any("two spellings" in step.detail and step.subject == str(conf) for step in ours.steps)
    seen = set()
    for _ in itertools.takewhile(lambda _: seen < expected, range(TOSSES)):
        asked, _stderr = oracle.ask("skopeo", "reg.io/app", env)
        seen.add(asked.text.decode() if asked else None)
    assert seen == expected


def test_a_mirror_of_a_blocked_registry(oracle: Oracle, tmp_path: Path) -> None:
    """It is asked with its own login, and only then does skopeo stop."""
    conf, env = with_conf(tmp_path)
    conf.write_text(
        '[[registry]]\nlocation = "reg.io"\nblocked = true\nmirror = [{location = "b.io", insecure = true}]'
    )
    asked, stderr = oracle.ask("skopeo", "reg.io/app", env)
    assert asked is not None
    assert "registry reg.io is blocked" in stderr
    ours = clients.find("skopeo").resolve(LocalContext(env), parse("reg.io/app"))
    assert isinstance(ours.answer, SourceError)
    assert [(place.registry, said(answer)) for place, answer in ours.mirrors] == [(asked.host, asked.text.decode())]


def test_a_word_in_upper_case_as_a_place_to_search(oracle: Oracle, tmp_path: Path) -> None:
    """Podman stops at a name that it could not pull, before it asks any registry."""
    conf, env = with_conf(tmp_path)
    for registry in ("REG", "Reg.io"):
        conf.write_text(f'unqualified-search-registries = ["{registry}"]')
        asked, stderr = oracle.ask("podman", "app", env)
        ours = clients.find("podman").resolve(LocalContext(env), parse("app"))
        assert (asked is None) == isinstance(ours.answer, SourceError), stderr


def with_conf(home: Path) -> tuple[Path, dict[str, str]]:
    """Return the path of a user's registries.conf, and the environment; two registries have a login."""
    auth, conf = home / "run/containers/auth.json", home / ".config/containers/registries.conf"
    for file in (auth, conf):
        file.parent.mkdir(parents=True)
    auth.write_text('{"auths": {"reg.io": {"auth": "dTpw"}, "b.io": {"auth": "YjpwYg=="}}}')
    return conf, {"HOME": str(home), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(home / "run")}


@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
@pytest.mark.parametrize("path", ["run/containers/auth.json", ".config/containers/registries.conf.d/1.conf"])
def test_a_file_that_is_the_null_device(client: str, path: str, oracle: Oracle, tmp_path: Path) -> None:
    """It is an empty one: no registries.conf needs more, and every auth file does."""
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).symlink_to("/dev/null")
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    oracle.bearer = False
    asked, stderr = oracle.ask(client, "reg.io/app", env)
    ours = clients.find(client).resolve(LocalContext(env), parse("reg.io/app"))
    assert (asked is None) == isinstance(ours.answer, SourceError), stderr


def test_deep_files(oracle: Oracle, tmp_path: Path) -> None:
    """A member that is deep is read as any other, and only what is too deep for Go breaks a file."""
    file = tmp_path / "run/containers/auth.json"
    file.parent.mkdir(parents=True)
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    oracle.bearer = False
    for name, data in deep_configs().items():
        file.write_bytes(data)
        asked, stderr = oracle.ask("skopeo", "reg.io/app", env)
        ours = clients.find("skopeo").resolve(LocalContext(env), parse("reg.io/app"))
        assert (asked is None) == isinstance(ours.answer, SourceError), f"{name}: {stderr}"


STORED = ["docker.io", "docker.io/library", "reg.io", "reg.io/team/app", "https://b.io/v1/", "localhost", "d.io:5000"]
SERVERS = [
    *("docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/", "http://docker.io/x"),
    *("DOCKER.IO", "docker.io/", "docker.io:443", "docker.io/library", "docker.io/library/app", "docker.io/team"),
    *("index.docker.io/library", "registry-1.docker.io/library", "registry.hub.docker.com", "hub.docker.com"),
    *("reg.io", "https://reg.io/team/app", "REG.IO", "reg.io/", "reg.io:443", " reg.io", "reg.io ", "u@reg.io"),
    *("reg.io/team", "reg.io/team/", "reg.io/team/app", "reg.io/team/app/x", "reg.io/team/application"),
    *("reg.io/team/app:1", "reg.io/Team", f"reg.io/team@sha256:{DIGITS}", "ftp://reg.io", "docker://reg.io"),
    *("b.io", "b.io/x", "https://b.io", "localhost", "localhost/x", "other/x", "d.io", "d.io:5000/x", "[::1]/x", ""),
]


@pytest.mark.parametrize(
    ("client", "servers"), [("skopeo", SERVERS), ("podman", SERVERS[::4]), ("buildah", SERVERS[1::8])]
)
def test_the_login_for_a_server(client: str, servers: list[str], tmp_path: Path) -> None:
    """``--get-login`` finds the login of the very name, or of a part of it: Docker Hub's has three names, and no more."""
    file = tmp_path / "run/containers/auth.json"
    file.parent.mkdir(parents=True)
    auths = {key: {"auth": base64.b64encode(f"of {key}:p".replace("https:", "").encode()).decode()} for key in STORED}
    file.write_text(json.dumps({"auths": auths}))
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    for server in servers:
        done = run([require(client), "login", "--get-login", server], env=env)
        assert done.stdout.strip() == user_name(client, server, env), f"{server!r}: {done.stderr}"
        assert done.returncode in (0, clients.find(client).facts.failure_code)


def user_name(client: str, server: str, env: dict[str, str]) -> str:
    """Return the user name that Shorepass finds for a server, empty for none."""
    try:
        found = clients.find(client).stored(LocalContext(env), server).answer
    except UsageError:
        return ""
    return found.username if isinstance(found, Basic) else ""


BROWSER = {  # what docker's login by browser leaves for Docker Hub
    "https://index.docker.io/v1/": "alice:pat",
    "https://index.docker.io/v1/access-token": "alice:access",
    "https://index.docker.io/v1/refresh-token": "alice:refresh",
}


@pytest.mark.parametrize("client", ["podman", "skopeo", "buildah"])
def test_the_entries_of_a_login_by_browser(client: str, oracle: Oracle, tmp_path: Path) -> None:
    """They are logins of Docker Hub to these programs, which toss a coin among them; docker uses the first alone."""
    auths = {key: {"auth": base64.b64encode(pair.encode()).decode()} for key, pair in BROWSER.items()}
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": auths}))
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)}
    image = "docker.io/library/nginx"
    ours = clients.find(client).resolve(LocalContext(env), parse(image))
    expected = {said(answer) for answer in (ours.answer, *ours.alternatives)}
    assert expected == set(BROWSER.values())
    oracle.bearer = False
    seen = set()
    for _ in itertools.takewhile(lambda _: seen < expected, range(TOSSES)):
        asked, stderr = oracle.ask(client, image, env)
        assert asked, stderr
        seen.add(asked.text.decode())
    assert seen == expected
    docker = clients.find("docker").resolve(LocalContext(env), parse(image))
    assert (said(docker.answer), docker.alternatives) == ("alice:pat", ())


def said(answer: Credential | SourceError) -> str:
    """Return a user name and a password as they are sent."""
    assert isinstance(answer, Basic)
    return f"{answer.username}:{answer.password.reveal()}"


def sent(answer: Credential | SourceError, server_url: str, case: Case) -> Asked | None:
    """Return what a registry sees of an answer: nothing of an error."""
    host = host_of(server_url)
    if isinstance(answer, IdentityToken):
        if case.bearer:
            return Asked(host, "refresh_token", answer.token.reveal().encode())
        return Asked(host, "Basic", f"{answer.username}:".encode(errors="surrogateescape"))
    if isinstance(answer, Basic):
        pair = f"{answer.username}:{answer.password.reveal()}".encode(errors="surrogateescape")
        whole = answer.username and answer.password
        return Asked(host, "Basic", pair if whole or not case.bearer else b":")  # halves are good for no token
    return Asked(host, "Basic", b":") if answer == ANONYMOUS else None


def host_of(server_url: str) -> str:
    """Return the host that is asked: Docker Hub's has another name."""
    return "registry-1.docker.io" if server_url == "docker.io" else server_url


def visible(asked: Asked | None, part: bool) -> Asked | None:
    """Return what can be compared: of identity tokens, where none is wanted, the user name alone is sent for sure."""
    return asked._replace(text=asked.text.partition(b":")[0] + b":") if asked and part else asked
