"""Each hint holds where it is printed: its command parses, and is for that context and that client."""

from __future__ import annotations

import functools
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from client_files import auth
from e2e import programs
from e2e.people import new_person
from e2e.sudo_machine import DEBIAN, machine
from faults import hostile
from shorepass.cli import VERBS, parser_of_everything

if TYPE_CHECKING:
    import argparse

    from e2e.containers import ContainerEngine

COMMAND = re.compile(rf"(?:(?:[\w/.\-']*/)?shorepass|-m shorepass) ({'|'.join(VERBS)})\b")
END = re.compile(r"; |, | \(|\)|\n|$")
BOOM = "#!/bin/sh\ncat >/dev/null\necho boom\nexit 1\n"
MINTS = "#!/bin/sh\ncat >/dev/null\necho credentials not found in native keychain\nexit 1\n"

understood = functools.cache(parser_of_everything)  # to make it takes longer than to use it


class Where(NamedTuple):
    """A context that the verbs look into: its name, how a file is put below its home, and what a verb prints there."""

    name: str
    put: Callable[[str, str, int], None]
    run: Callable[..., str]


def into(home: Path) -> Callable[[str, str, int], None]:
    def put(name: str, text: str, mode: int) -> None:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    return put


@pytest.fixture
def where(
    request: pytest.FixtureRequest, world: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Where]:
    """The context of that kind."""
    kind: str = request.param

    def ours(*words: str) -> str:
        return hostile.run([*words], capfd, monkeypatch)  # a third of what a process of its own takes

    if kind != "sudo":
        monkeypatch.setenv("PATH", f"{world / 'home/bin'}:{programs.SYSTEM_PATH}")
    if kind == "me":
        yield Where("me", into(world / "home"), ours)
    elif kind == "ssh":
        home = world / "there"
        into(world / "home")(
            "bin/ssh",
            f'#!/bin/sh\nfor last; do :; done\nexport HOME={home} PATH={home}/bin:$PATH\nexec sh -c "$last"\n',
            0o755,
        )
        yield Where("ssh:there", into(home), lambda *words: ours(*words, "--in", "ssh:there"))
    elif kind in ("docker", "podman"):
        engine: ContainerEngine = request.getfixturevalue(f"{kind}_containers")
        name = engine.make()

        def put(file: str, text: str, mode: int) -> None:
            script = f'mkdir -p "$(dirname "/root/{file}")" && cat >/root/{file} && chmod {mode:o} /root/{file}'
            done = engine.execute(name, "/bin/busybox", "sh", "-c", script, stdin=text)
            assert done.returncode == 0, done.stderr

        place = f"{kind}:{name}"
        for variable, value in engine.leads.items():
            monkeypatch.setenv(variable, value)
        yield Where(place, put, lambda *words: ours(*words, "--in", place))
    else:
        with new_person() as person:
            if kind == "user":

                def write(file: str, text: str, mode: int) -> None:
                    person.write(file, text, f"{mode:o}")

                place = f"user:{person.name}"
                yield Where(place, write, lambda *words: ours(*words, "--in", place))
            else:
                there = machine(person, DEBIAN)
                there.root_home.chmod(0o700)

                def printed(*words: str) -> str:
                    done = there.shorepass(*words, "--in", "sudo")
                    return done.stdout + done.stderr

                yield Where("sudo", into(there.root_home), printed)


def commands(text: str) -> Iterator[tuple[str, argparse.Namespace]]:
    """Yield each command of Shorepass's in a text as words, and as the real parser understands them."""
    for found in COMMAND.finditer(text):
        end = END.search(text, found.start())
        line = text[found.start(1) : end.start() if end else len(text)].rstrip(".:'\"")
        try:
            yield line, understood().parse_args(shlex.split(line))
        except SystemExit:
            pytest.fail(f"no command line: {line!r} in {text!r}")


def hints(printed: str) -> str:
    """Return what a verb has printed, with the texts of its JSON document as lines."""
    if not printed.startswith(("{", "[")):
        return printed

    def lines(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                yield from lines(one)
        elif isinstance(value, str):
            yield value

    document, end = json.JSONDecoder().raw_decode(printed)
    return "\n".join([*lines(document), printed[end:]])


CLIENTS = ("docker", "podman")
REFERENCE = "reg.example"
CONFIGS = {
    "missing": {"credHelpers": {REFERENCE: "nowhere"}},
    "fails": {"credHelpers": {REFERENCE: "boom"}},
    "mints": {"credHelpers": {REFERENCE: "ecr-login"}},
    "nothing": {"auths": {REFERENCE: {}}},
    "twice": {"auths": {f"https://{REFERENCE}/v1/": auth("a:1"), f"http://{REFERENCE}/v2/": auth("b:2")}},
    "wrong key": {"auths": {"https://Reg.Example:443/": auth("a:1")}},
}


@pytest.mark.parametrize("where", ["me", "sudo", "user", "docker", "podman", "ssh"], indirect=True)
def test_each_hint_is_for_its_context_and_client(where: Where, registry: str) -> None:
    """In broken contexts of each kind; here for docker and for podman, elsewhere for one of the two by turns."""
    where.put("bin/docker-credential-boom", BOOM, 0o755)
    where.put("bin/docker-credential-ecr-login", MINTS, 0o755)
    seen = 0
    texts = {name: json.dumps(config) for name, config in CONFIGS.items()}
    texts["malformed"] = '{"auths": {'
    texts["refused"] = json.dumps({"auths": {registry: auth("alice:wrong")}})
    for number, (name, text) in enumerate(texts.items()):
        where.put(".docker/config.json", text, 0o600)
        asked = registry if name == "refused" else REFERENCE
        offline = () if name == "refused" else ("--offline",)
        for client in CLIENTS if where.name == "me" else CLIENTS[number % 2 :][:1]:
            for words in (("explain", *offline, asked), ("get", asked), ("login", "--get-login", asked)):
                for line, parsed in commands(hints(where.run(*words, "--client", client))):
                    seen += 1
                    assert getattr(parsed, "place", (getattr(parsed, "places", None) or ["me"])[0]) == where.name, (
                        name,
                        line,
                    )
                    if parsed.verb in ("login", "logout"):
                        assert (parsed.client or "docker") == client, (name, words, line)
                        assert (parsed.verb, name) != ("login", "mints"), line
        check = ("--check",) if name == "refused" else ()
        for words in (("doctor", "--json", *check), ("who", "--json", *check), ("list",)):
            for line, parsed in commands(hints(where.run(*words))):
                seen += 1
                place = getattr(parsed, "place", None) or (getattr(parsed, "places", None) or ["me"])[0]
                assert place == where.name, (name, words, line)
    assert seen > 10
