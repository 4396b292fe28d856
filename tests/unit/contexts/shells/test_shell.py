"""Places behind a program: what comes in their answers' way, and what they lack. Their promises are in tests/contract."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from e2e import programs
from shorepass.contexts.local import LocalContext
from shorepass.contexts.shells import scripts
from shorepass.contexts.shells.shell import ShellContext
from shorepass.contexts.shells.transport import Transport
from shorepass.errors import ContextError, FileError, ShorepassError, WriteError
from shorepass.processes import ProcessNotStarted


def program(path: Path, script: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def way(*prefix: str, joins: bool = False, path: str = programs.SYSTEM_PATH, **env: str) -> Transport:
    here = LocalContext({"PATH": path, **env})
    return Transport("place", prefix, joins=joins, hint="knock there", here=here)


def through(tmp_path: Path, script: str, **env: str) -> ShellContext:
    """A place that a script leads to, which finds the command in ``$@``."""
    return ShellContext.open(way(program(tmp_path / "through", script), **env))


NOISE = [
    'echo Welcome; printf "\\000\\377\\r\\n binary"; "$@"',
    'printf "\\n0123456789abcdef0123456789abcdef end\\n"; "$@"',
    '"$@"; echo logout',
    'echo warning >&2; "$@"; echo bye >&2',
]


@pytest.mark.parametrize("script", NOISE)
def test_what_is_printed_around_an_answer(tmp_path: Path, home: Path, script: str) -> None:
    """Banners, profiles and farewells are not taken for an answer, nor for what a program printed."""
    (home / "file").write_bytes(b"\n0123 look\n/etc/passwd\n\x00")
    context = through(tmp_path, script, HOME=str(home))
    assert context.home() == str(home)
    found = context.read(f"{home}/file", 100)
    assert found is not None
    assert found.data == b"\n0123 look\n/etc/passwd\n\x00"
    tool = program(tmp_path / "tool", "cat; exit 3")
    done = context.run([tool], b"input", timeout=60, limit=100)
    assert (done.status, done.stdout) == (3, b"input")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("true", "it did not run a POSIX shell with dd, head and stat"),
        ("echo all is well", "it did not run a POSIX shell with dd, head and stat"),
        ("exit 9", "exit status 9"),
        ('printf "no such\\033[31m host\\nconnection refused\\n" >&2; exit 255', "connection refused"),
        ('"$@" | head -c 300', "it did not run a POSIX shell with dd, head and stat"),
        ("exec head -c 99999999 /dev/zero", "more than 9437184 bytes of output"),
    ],
)
def test_a_place_that_does_not_answer(tmp_path: Path, script: str, reason: str) -> None:
    """Nothing, half an answer, garbage without end: one line says so, in the program's own words where it has any."""
    with pytest.raises(ContextError) as caught:
        through(tmp_path, script)
    assert caught.value.reason.removeprefix(f"{tmp_path}/through: ") == reason
    assert caught.value.hint == "knock there"


def test_a_place_that_hangs(tmp_path: Path) -> None:
    """No answer in time is an error, and then at once."""
    started = time.monotonic()
    with pytest.raises(ContextError, match=r"place: no answer within 0\.3 s"):
        ShellContext.open(way(program(tmp_path / "through", "exec sleep 300")), timeout=0.3)
    assert time.monotonic() - started < 60


def test_a_place_that_goes_away(tmp_path: Path, home: Path) -> None:
    """Where a place was and is no more, each question is an error of its own kind, and none is "not there"."""
    context = through(tmp_path, f'[ -e {tmp_path}/gone ] && exit 1; "$@"', HOME=str(home))
    (tmp_path / "gone").touch()
    with pytest.raises(ContextError):
        context.read("/elsewhere", 10)
    with pytest.raises(ContextError):
        context.update(f"{home}/file", lambda _: b"x")
    with pytest.raises(WriteError):
        context.set_mode(f"{home}/file", 0o600)
    with pytest.raises(ProcessNotStarted):
        context.run(["/bin/true"], b"", timeout=60, limit=10)


LIES = [
    "",
    "look\\n/x\\nMARK stat zz 1 2",
    "look\\n/x\\nMARK stat 81a4 0 0 5 1:1 root",
    "look\\n/x\\nMARK stat 81a4 a b c d",
    "stat 81a4 0 0 5 1:1 root\\nMARK name\\nx\\nMARK data\\nx",
    "look\\n/x\\nMARK name\\nn\\nMARK names\\nMARK name\\nn\\nMARK closed",
    "uid 1 2 3\\nMARK system\\nMARK account\\n::::\\nMARK environ0\\n===\\nMARK program\\n",
    "output\\nMARK status",
    "output\\nMARK status x y",
    "status 1",
    "unstarted \\033[31mred",
    "failed\\n\\033[31mred",
    "done",
    "changed",
]


@pytest.mark.parametrize("lie", LIES)
def test_a_place_that_lies(tmp_path: Path, lie: str) -> None:
    """Whatever a place answers, with the mark that it was sent, an error of ours is the worst that comes of it."""
    answer = f"\\nMARK {lie}\\nMARK end\\n".replace("MARK", "'\"$mark\"'")
    script = f"mark=$(grep -o '[0-9a-f]\\{{32\\}}' | head -1); printf '{answer}'"
    said = []
    try:
        context = through(tmp_path, script)
    except ContextError as error:
        said.append(error.reason)
    if said:
        assert said == ["its answer is malformed"]
        return
    assert (context.platform, context.machine, context.home()) == ("", "", None)
    for ask in (
        lambda: context.read("/x", 10),
        lambda: context.names("/x"),
        lambda: context.status("/elsewhere"),
        lambda: context.which("tool"),
        lambda: context.run(["/bin/true"], b"", timeout=60, limit=10),
        lambda: context.update("/x", lambda current: b"new" if current is None else None),
        lambda: context.set_mode("/x", 0o600),
    ):
        try:
            ask()
        except (ShorepassError, ProcessNotStarted) as error:
            said.append(str(error))
    assert "\033" not in "".join(said)


@pytest.mark.parametrize("shell", ["sh", "bash", "tcsh", "fish", "dash"])
def test_every_login_shell(shell: str, tmp_path: Path, home: Path) -> None:
    """Ssh hands one line to the user's shell over there, whichever that is."""
    for name in (".cshrc", ".tcshrc", ".config/fish/config.fish"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("echo my own shell greets me\n")
    context = ShellContext.open(way(programs.require(shell), "-c", joins=True, HOME=str(home)))
    assert context.home() == str(home)
    tool = program(tmp_path / "tool", 'printf "%s|" "$@"; cat')
    words = ["quote's", 'double"', "$(id)", "!!", "new\nline"]
    done = context.run([tool, *words], b"input", timeout=60, limit=1000)
    assert done.stdout == "|".join([*words, "input"]).encode()


def tools(tmp_path: Path, **scripts: str) -> str:
    """Return a PATH on which some tools are others than this machine's."""
    for name, script in scripts.items():
        program(tmp_path / "tools" / name, script)
    return f"{tmp_path / 'tools'}:{programs.SYSTEM_PATH}"


def test_tools_of_macos(tmp_path: Path, home: Path) -> None:
    """BSD's ``stat`` has other words, ``env`` may lack ``-0``, and there is ``shasum`` instead of ``sha256sum``."""
    stat, sha, env = (programs.require(name) for name in ("stat", "sha256sum", "env"))
    bsd = f"""case "$*" in
    "-f %u /") exit 0;;
    "-L -f %Xp %u %g %z %d:%i %Su "*) exec {stat} -L -c '%f %u %g %s %d:%i %U' "$4";;
    *) echo "stat: illegal option" >&2; exit 1;;
esac"""
    path = tools(
        tmp_path,
        stat=bsd,
        env=f'[ "$1" = -0 ] && exit 1; exec {env} "$@"',
        sha256sum="exit 1",
        shasum=f'[ "$1 $2" = "-a 256" ] && exec {sha}',
        timeout="exit 127",
    )
    (home / "file").write_bytes(b"old")
    context = ShellContext.open(way(programs.require("env"), path=path, HOME=str(home), ODD="two=parts"))
    assert (context.getenv("ODD"), context.home()) == ("two=parts", str(home))
    status = context.status(f"{home}/file")
    assert status is not None
    assert (status.kind, status.size) == ("file", 3)
    assert context.update(f"{home}/file", lambda _: b"new")
    assert (home / "file").read_bytes() == b"new"
    assert context.run(["/bin/cat"], b"in", timeout=60, limit=10).stdout == b"in"


def test_without_a_digest_nothing_is_written(tmp_path: Path, home: Path) -> None:
    """Where it cannot be told whether a file has changed, it is not replaced."""
    path = str(tmp_path / "tools")
    kept = ("dd", "head", "stat", "id", "uname", "env", "grep", "sh", "cat", "od", "tr", "chmod", "mv", "rm", "dirname")
    (tmp_path / "tools").mkdir()
    for name in kept:
        (tmp_path / "tools" / name).symlink_to(programs.require(name))
    (home / "file").write_bytes(b"old")
    context = ShellContext.open(way(programs.require("env"), path=path, HOME=str(home)))
    with pytest.raises(WriteError, match="there is no sha256sum"):
        context.update(f"{home}/file", lambda _: b"new")
    assert (home / "file").read_bytes() == b"old"


def test_home_without_the_variable() -> None:
    """Where HOME is not set, the user database of the place knows it, and what lies there is brought all the same."""
    context = ShellContext.open(way(programs.require("env"), "-u", "HOME"))
    import pwd

    assert context.uid is not None
    assert context.home() == pwd.getpwuid(context.uid).pw_dir
    assert context.getenv("HOME") is None


def test_relative_paths_and_programs(home: Path) -> None:
    """A path that begins with a dash is no option, and a relative program is not run."""
    context = ShellContext.open(way(programs.require("env"), HOME=str(home)))
    assert context.status("-f") is None
    with pytest.raises(FileError):
        context.read("/etc", 10)
    with pytest.raises(ProcessNotStarted):
        context.run(["true"], b"", timeout=60, limit=10)


def test_new_owner_of_what_root_makes(tmp_path: Path, home: Path) -> None:
    """Root makes files in a home for the home's owner: the script is told so, and only for what is below that home."""
    script = scripts.swap(f"{home}/x", "", 0o600, (12345, 54321), "mark")
    assert "sp_owner=12345:54321\n" in script
    assert "sp_owner=\n" in scripts.swap(f"{tmp_path}/x", "", 0o600, None, "mark")
