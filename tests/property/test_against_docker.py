"""The differential test: Shorepass says of any config file what the real docker sends, case by case."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import Phase, event, given, note, settings

from e2e.programs import docker_programs, require, run
from property.configs import Case, cases, deep_configs
from property.docker_oracle import LOUD_CREATE_SINCE, Docker, Sent
from shorepass.clients import Client, find
from shorepass.clients.docker import VARIABLE
from shorepass.clients.docker import Docker as Rules
from shorepass.contexts.local import LocalContext
from shorepass.credential import Credential
from shorepass.errors import InvalidReference, SourceError
from shorepass.names import parse
from shorepass.resolution import Outcome, Resolution
from shorepass.secret import Secret

# Of docker's coin: the rarest of 8 slots is missed by all tosses once in half a billion cases. In a broken file there are two
# coins, one for the entries that are decoded and one for the key: 150 tosses miss the rarest side in one case of ten.
TOSSES = 150
SIDES = 2  # answers of one coin


@pytest.fixture(scope="module")
def dockers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Docker]]:
    """Every docker of this machine, Debian's and a newer one, each with an engine of its own."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("engines")
        yield [stack.enter_context(Docker(require(program), folder)) for program in docker_programs()]


@settings(
    max_examples=max(settings.default.max_examples // 2, 1), phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
@given(case=cases())
def test_shorepass_says_what_docker_sends(case: Case, dockers: list[Docker], tmp_path: Path) -> None:
    """Same credential, or both anonymous, or both an error; where docker tosses a coin, all its answers are known."""
    folder = tmp_path / "case"
    shutil.rmtree(folder, ignore_errors=True)
    env = case.lay_out(folder)
    able = [docker for docker in dockers if "[" not in case.reference or docker.release >= (25, 0)]  # older: no IPv6
    with ThreadPoolExecutor(len(able) or 1) as pool:
        sent = list(pool.map(lambda docker: docker.pull(case.reference, env), able))
    for docker, first in zip(able, sent, strict=True):
        ours = Rules(docker.release).resolve(LocalContext(env), parse(case.reference))
        note(
            f"docker {docker.release}: {first.header} {first.stderr}\nours: {ours.answer!r} {ours.alternatives} {ours.steps}"
        )
        compare(docker, case, env, first, ours)


DOCKERCFG = [
    '{"reg.io": {"auth": "dTpw", "email": "a@b"}}',
    '{"https://reg.io/v1/": {"auth": "dTpw"}}',
    '{"reg.io": {"username": "u", "password": "p"}}',
    '{"reg.io": {"auth": "", "identitytoken": "idt"}}',
    '{"reg.io": {"auth": "="}}',
    '{"reg.io": {"auth": "dTpw"}} more',
    '{"reg.io": {"auth": 1}}',
    '{"auths": {"reg.io": {"auth": "dTpw"}}}',
    "null",
    "",
    "auth = dTpw\nemail = a@b\n",
    "auth = dTpw",
    "auth=dTpw\nemail=a@b\n",
    "auth = =\nemail = a@b\n",
]


@pytest.mark.parametrize("image", ["reg.io/app", "nginx"])
@pytest.mark.parametrize("text", DOCKERCFG)
def test_the_file_of_before_2015(text: str, image: str, dockers: list[Docker], tmp_path: Path) -> None:
    """Docker 22 and earlier read it where there is no config.json, in both of its formats; newer ones do not."""
    case = Case(None, image, {}, {}, in_home=True)
    env = case.lay_out(tmp_path)
    (tmp_path / "home/.dockercfg").write_text(text)
    for docker in dockers:
        ours, sent = asked(docker, image, env)
        assert plain(sent.credential) in answers_of(ours)
        failed = [step for step in ours.steps if (step.kind, step.outcome) == ("file", Outcome.FAILED)]
        assert sent.file_is_broken == bool(failed)


NAMES = [
    "REG/app",
    "LOCALHOST/team/app",
    "My-Host/app",
    "Reg.io/app",
    "REG:5000/app",
    "[::1]:5000/app",
    "localhost/app",
]


@pytest.mark.parametrize("image", NAMES)
def test_the_names_of_registries(image: str, dockers: list[Docker], tmp_path: Path) -> None:
    """An older docker takes some names for no registry's, and stops."""
    env = Case(b'{"auths": {"reg.io": {"auth": "dTpw"}}}', image, {}, {}, in_home=True).lay_out(tmp_path)
    for docker in dockers:
        ours, sent = asked(docker, image, env)
        assert isinstance(ours.answer, SourceError) == (sent.header is None)


REFUSED = [
    "https://reg.io/app",
    "http://reg.io:5000/team/app:1",
    "docker://reg.io/app",
    "docker://nginx",
    "ftp://reg.io/app",
]


@pytest.mark.parametrize("image", REFUSED)
def test_an_image_with_a_scheme(image: str, dockers: list[Docker], tmp_path: Path) -> None:
    """Docker stops: it sends no login that the file has for that registry."""
    env = Case(b'{"auths": {"reg.io": {"auth": "dTpw"}}}', image, {}, {}, in_home=True).lay_out(tmp_path)
    for docker in dockers:
        sent = docker.pull(image, env)
        assert sent.header is None
        assert "invalid reference format" in sent.stderr
        assert_refused(image, Rules(docker.release), env)
    assert_refused(image, find("crane"), env)


def assert_refused(image: str, client: Client, env: dict[str, str]) -> None:
    """Fail unless Shorepass refuses the image: its name, or what a client makes of that."""
    try:
        answer: object = client.resolve(LocalContext(env), parse(image)).answer
    except InvalidReference as error:
        answer = error
    assert isinstance(answer, SourceError | InvalidReference)


ALIASES = [
    *('{"a": "b"}', '{"Builder": "buildx"}', '{"builder": ""}', '{"builder": "--x"}', '{"builder": null}', '{"a": 1}'),
    *(
        '{"builder": "buildx"}',
        '{"builder": "buildx --x"}',
        '{"builder": "pull x"}',
        '{"builder": "x"}',
        "{}",
        "null",
        "7",
    ),
    *('{"a": "b"}, "aliases": null', '{"builder": "pull"}, "Aliases": {"builder": "buildx"}'),
]


@pytest.mark.parametrize("aliases", ALIASES)
def test_the_aliases_at_which_docker_stops(aliases: str, dockers: list[Docker], tmp_path: Path) -> None:
    """It allows one, for another program, and runs no command at all where the file has any other."""
    config = f'{{"auths": {{"reg.io": {{"auth": "dTpw"}}}}, "aliases": {aliases}}}'
    case = Case(config.encode(), "reg.io/app", {}, {}, in_home=True)
    env = case.lay_out(tmp_path)
    for docker in dockers:
        ours, sent = asked(docker, "reg.io/app", env)
        assert answers_of(ours) == ([plain(sent.credential)] if sent.header is not None else [])


def test_no_command_of_docker_is_an_alias(dockers: list[Docker], tmp_path: Path) -> None:
    """Neither of those that its help names."""
    env = Case(b"{}", "reg.io/app", {}, {}, in_home=True).lay_out(tmp_path)
    shown = [(docker, run([docker.program, "help"], env=env).stdout) for docker in dockers]
    for docker, text in shown:
        commands = re.findall(r"^  ([a-z]+)\*? ", text, re.MULTILINE)
        assert len(commands) >= 50
        for command in commands:
            (tmp_path / "home/.docker/config.json").write_text(json.dumps({"aliases": {"builder": command}}))
            ours = Rules(docker.release).resolve(LocalContext(env), parse("reg.io/app"))
            assert isinstance(ours.answer, SourceError), command


def test_a_file_that_is_the_null_device(dockers: list[Docker], tmp_path: Path) -> None:
    """It is an empty one, with which docker asks without a login, and warns of nothing."""
    env = Case(None, "reg.io/app", {}, {}, in_home=True).lay_out(tmp_path)
    (tmp_path / "home/.docker/config.json").symlink_to("/dev/null")
    for docker in dockers:
        ours, sent = asked(docker, "reg.io/app", env)
        assert not sent.file_is_broken
        assert plain(sent.credential) == plain(ours.answer)


def test_deep_files(dockers: list[Docker], tmp_path: Path) -> None:
    """A member that is deep is read as any other, and only what is too deep for Go breaks a file."""
    for name, data in deep_configs().items():
        env = Case(data, "reg.io/app", {}, {}, in_home=True).lay_out(tmp_path)
        for docker in dockers:
            ours, sent = asked(docker, "reg.io/app", env)
            assert answers_of(ours) == [plain(sent.credential)], name
            assert sent.file_is_broken == any(
                step.kind == "file" for step in ours.steps if step.outcome is Outcome.FAILED
            )


def compare(docker: Docker, case: Case, env: dict[str, str], first: Sent, ours: Resolution) -> None:
    """Fail unless the two agree."""
    if first.engine_is_out_of_reach:
        event("no engine can be reached")
        return
    failed = {step.kind: step for step in ours.steps if step.outcome is Outcome.FAILED and step.subject != VARIABLE}
    if ours.source is None or ours.source.path != VARIABLE:  # which is answered before the file is looked at
        assert first.file_is_broken == ("file" in failed)
    if "file" in failed:
        warning = failed["file"].detail.partition('docker prints "')[2].partition('"')[0]
        assert warning
        assert warning in first.stderr
    if docker.release >= LOUD_CREATE_SINCE:
        assert docker.stops(case.reference, env) == ("helper" in failed)
    event(f"{type(ours.answer).__name__}{' of a broken file' if 'file' in failed else ''}")
    expected = {plain(answer) for answer in (ours.answer, *ours.alternatives) if not isinstance(answer, SourceError)}
    assert (first.header is None) == (not expected)
    if not expected:
        return
    seen = {plain(first.credential)}
    if len(expected) > 1:
        event("docker tosses a coin")
        for _ in itertools.takewhile(lambda _: seen < expected, range(TOSSES)):
            seen.add(plain(docker.pull(case.reference, env).credential))
    assert seen <= expected
    if len(expected) <= SIDES and "file" not in failed:
        assert seen == expected


def asked(docker: Docker, image: str, env: dict[str, str]) -> tuple[Resolution, Sent]:
    """Return what Shorepass says that this docker sends for an image, and what it sends."""
    return Rules(docker.release).resolve(LocalContext(env), parse(image)), docker.pull(image, env)


def answers_of(ours: Resolution) -> list[tuple[str, ...]]:
    """Return all credentials that docker may send, by what Shorepass says."""
    return [plain(answer) for answer in (ours.answer, *ours.alternatives) if not isinstance(answer, SourceError)]


def plain(answer: Credential | SourceError) -> tuple[str, ...]:
    """Return a credential so that a failing test shows all of it."""
    assert not isinstance(answer, SourceError)
    return type(answer).__name__, *(field.reveal() if isinstance(field, Secret) else field for field in answer)
