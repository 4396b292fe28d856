"""The same user in other surroundings: services, cron jobs and running programs read other files than a shell does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import programs
from e2e.people import Person, new_person
from e2e.systemd import Systemd, systemd
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
from shorepass.errors import ContextError, UsageError

if TYPE_CHECKING:
    from conftest import RunShorepass
    from e2e.containers import ContainerEngine

# Each is started by systemd itself, and prints the environment that it got.
UNITS = {
    "plain.service": "",
    "words.service": r"""Environment=A=1 "B=x y" 'C=%h/%n/%N/%%' D=\x41 "E=q\"t" F=$A bad
Environment=A=2 G=\q
Environment=H=1
Environment=
Environment=A=3 B='in'side
Environment=LONG=1 \
# a comment between
  MORE=2
UnsetEnvironment=LONG
""",
    "files.service": "EnvironmentFile=-/nonexistent\nEnvironmentFile=FOLDER/one.env\nEnvironmentFile=FOLDER/m*.env\n",
    "user.service": "User=PERSON\nEnvironment=XDG_CONFIG_HOME=%h/config\nWorkingDirectory=/tmp\n",
    "nobody.service": "User=nobody\n",
    "ci@.service": "Environment=NAME=%i PREFIX=%p\n",
    "dropped.service": "Environment=A=1\n",
}
DROPPED = {"10-b.conf": "[Service]\nEnvironment=A=2 B=1\n", "20-a.conf": "[Service]\nEnvironment=B=2\n"}
NAMES = ("plain", "words.service", "files", "user", "nobody", "ci@web", "dropped")
ENV_FILES = {
    "one.env": """# A=comment \\
A=still the comment
B=one two  \t
  C = 3
D="a b" c
E='x\\ny' "z"
F=a\\
b
;G=1
export G=1
H="two
lines \\" \\$ \\q"
I=a'b c'd
J=a\\"b
K=
no assignment
L=last""",
    "m1.env": "M=1\nN=1\n",
    "m2.env": "N=2\n",
}
OWN = {"INVOCATION_ID", "JOURNAL_STREAM", "LANG", "SYSTEMD_EXEC_PID"}  # of one start, of the whole machine
SHOW = """
import json, sys
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
import os
context = find("unit:" + sys.argv[1], LocalContext(os.environ))
print(json.dumps([context.uid, context.cwd(), context.environment()]))
"""


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    """An ordinary user."""
    with new_person() as found:
        yield found


@pytest.fixture(scope="module")
def init(person: Person, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Systemd, Path]]:
    """A systemd with UNITS, and the folder to which their output goes."""
    folder = tmp_path_factory.mktemp("systemd")
    (folder / "units").mkdir()
    for name, text in ENV_FILES.items():
        (folder / name).write_text(text)
    for name, text in UNITS.items():
        output = f"{folder}/{name.partition('.')[0]}%i.out"
        start = "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/usr/bin/env -0\n"
        start += f"StandardOutput=truncate:{output}\n"
        lines = text.replace("FOLDER", str(folder)).replace("PERSON", person.name)
        (folder / "units" / name).write_text(f"{start}{lines}")
    with systemd(folder / "units", folder / "log") as found:
        found.run(["mkdir", "/run/systemd/system/dropped.service.d"])
        for name, text in DROPPED.items():
            (folder / name).write_text(text)
            found.run(["cp", str(folder / name), f"/run/systemd/system/dropped.service.d/{name}"])
        found.run(["systemctl", "daemon-reload"])
        start_all(found, folder / "log")
        yield found, folder


def start_all(running: Systemd, log: Path) -> None:
    """Start each unit, once: while systemd removes the cgroup of a first start, a second one may fail."""
    started = running.run(["systemctl", "start", *map(file_of, NAMES)])
    if started.returncode:
        show = ["systemctl", "show", "--property=Id,Result,ExecMainCode,ExecMainStatus"]
        pytest.fail(f"{started.stderr}{running.run([*show, *map(file_of, NAMES)]).stdout}{log.read_text()}")


def file_of(name: str) -> str:
    return name if name.endswith(".service") else f"{name}.service"


@pytest.mark.parametrize("way", ["systemctl", "files"])
@pytest.mark.parametrize("name", NAMES)
def test_a_unit_has_the_environment_that_systemd_gives(init: tuple[Systemd, Path], name: str, way: str) -> None:
    """Word for word, by systemctl and, where it is not there, by the unit's files."""
    running, folder = init
    printed = (folder / f"{name.partition('.')[0]}.out").read_text()
    real = dict(line.split("=", 1) for line in printed.split("\0") if line)
    path = programs.SYSTEM_PATH if way == "systemctl" else ""
    env = {"PATH": path, **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {})}
    done = running.run(
        ["env", "-i", *(f"{key}={value}" for key, value in env.items()), sys.executable, "-c", SHOW, name]
    )
    assert done.returncode == 0, done.stderr
    _, cwd, found = json.loads(done.stdout)
    assert without(found, OWN) == without(real, OWN)
    assert cwd == ("/tmp" if name == "user" else "/")


def without(environ: Mapping[str, str], names: set[str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in names}


def test_quadlet_names_its_auth_file(person: Person) -> None:
    """AuthFile= in a user's .image file is what podman gets as --authfile: explain reads that file alone."""
    person.write(".config/containers/systemd/app.image", "[Image]\nImage=r.example/app\nAuthFile=%h/app.json\n")
    person.write("app.json", json.dumps({"auths": {"r.example": {"auth": "YWxpY2U6eA=="}}}))
    name = f"unit:user@{person.name}/app.image"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "shorepass",
            "get",
            "--client=podman",
            "--field=username",
            "--in",
            name,
            "r.example/app",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "alice\n", done.stderr


def test_an_environment_file_that_is_missing(person: Person) -> None:
    """Systemd does not start such a unit, so no login is made up for it."""
    person.write(".config/systemd/user/gone.service", "[Service]\nEnvironmentFile=/nonexistent/env\n")
    with pytest.raises(ContextError, match="/nonexistent/env is missing, so systemd does not start it"):
        find(f"unit:user@{person.name}/gone", LocalContext.current())


def test_a_process_has_its_own_environment(person: Person, world: Path, run_shorepass: RunShorepass) -> None:
    """DOCKER_CONFIG of a running program of another user decides which file is read, with that user's rights."""
    folder = person.write("ci/config.json", json.dumps({"auths": {"r.example": {"auth": "Y2k6eA=="}}})).parent
    argv = ["runuser", "-u", person.name, "--", "env", "-i", f"DOCKER_CONFIG={folder}", "/bin/sleep", "600"]
    log = world / "log"
    with programs.running(programs.as_root(argv), log, lambda: pid_of(person)) as pid:
        done = run_shorepass("get", "--field=username", "--in", f"process:{pid}", "r.example/x")
        assert (done.stdout, done.stderr) == ("ci\n", "")
        context = find(f"process:{pid}", LocalContext.current())
        assert (context.environment(), context.uid) == ({"DOCKER_CONFIG": str(folder)}, person.uid)


def pid_of(person: Person) -> int | None:
    found = programs.run(["pgrep", "-u", str(person.uid), "-x", "sleep"]).stdout.split()
    return int(found[0]) if found else None


def test_a_process_in_a_container_is_named_by_its_container(docker_containers: ContainerEngine) -> None:
    """Its paths are not this machine's, so nothing is read."""
    name = docker_containers.make()
    pid = docker_containers.run("inspect", "-f", "{{.State.Pid}}", name).strip()
    with pytest.raises(ContextError, match="it runs in a container") as refused:
        find(f"process:{pid}", LocalContext.current())
    assert "--in docker:NAME" in (refused.value.hint or "")


@pytest.mark.parametrize("name", ["process:", "process:0", "process:-1", "process:x", "process:99999999"])
def test_no_process(name: str) -> None:
    """What is no number of a process is a wrong command line."""
    with pytest.raises(UsageError):
        find(name, LocalContext.current())


def test_cron_has_what_its_jobs_get(person: Person) -> None:
    """The crontab's own variables above its jobs; a short PATH; no run folder. As env printed it in a job of Debian's cron."""
    lines = 'A=one\nDOCKER_CONFIG = "/srv/my docker" \n* * * * * env -0\nB=late\n'
    crontab = programs.require("crontab")
    assert programs.run(programs.as_root([crontab, "-u", person.name, "-"]), stdin=lines).returncode == 0
    try:
        environ = find(f"cron:{person.name}", LocalContext.current().with_env(PATH=programs.SYSTEM_PATH)).environment()
    finally:
        programs.run(programs.as_root([crontab, "-u", person.name, "-r"]))
    expected = {"HOME": str(person.home), "LOGNAME": person.name, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    assert environ.items() >= {**expected, "A": "one", "DOCKER_CONFIG": "/srv/my docker"}.items()
    assert not {"B", "XDG_RUNTIME_DIR", "USER"} & set(environ)


def test_clean_is_env_i(run_shorepass: RunShorepass, home: Path, world: Path) -> None:
    """A DOCKER_CONFIG of the shell is not in it: the login that works in the shell is not found there."""
    (world / "config.json").write_text(json.dumps({"auths": {"r.example": {"auth": "YWxpY2U6eA=="}}}))
    env = {"DOCKER_CONFIG": str(world)}
    assert run_shorepass("get", "--field=username", "r.example/x", env=env).stdout == "alice\n"
    done = run_shorepass("get", "--field=username", "--in", "clean", "r.example/x", env=env)
    assert (done.status, done.stdout) == (1, "")
    assert (
        f"{home}/.docker/config.json"
        in run_shorepass("explain", "--offline", "--in=clean", "r.example/x", env=env).stdout
    )
