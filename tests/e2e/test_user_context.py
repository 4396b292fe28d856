"""``--in user:NAME``: what another user's clients would do, with that user's rights and no more."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import programs
from e2e.people import Person, new_person
from property.docker_oracle import Docker


@pytest.fixture
def person() -> Iterator[Person]:
    """A new user of this machine; gone after the test."""
    with new_person() as person:
        yield person


def shorepass(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run shorepass as root, with root's environment as sudo leaves it."""
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    command = ["env", *kept, sys.executable, "-m", "shorepass", *args]
    return programs.run(programs.as_root(command), env={"HOME": "/root"}, stdin=stdin)


def config(registry: str, pair: str) -> str:
    return json.dumps({"auths": {registry: {"auth": base64.b64encode(pair.encode()).decode()}}})


def test_explain_says_what_their_docker_sends(person: Person, tmp_path: Path) -> None:
    """``get`` and ``explain --in user:NAME`` tell what the real docker sends when that user runs it."""
    person.write(".docker/config.json", config("reg.example", "alice:theirs"))
    with Docker(programs.require("docker"), tmp_path) as docker:
        sent = docker.pull("reg.example/app", {"HOME": str(person.home), "PATH": programs.SYSTEM_PATH})
    got = shorepass("get", "--in", f"user:{person.name}", "reg.example/app")
    assert (got.returncode, got.stderr) == (0, "")
    said = json.loads(got.stdout)
    assert sent.header is not None
    assert (said["Username"], said["Secret"]) == (sent.header["username"], sent.header["password"])
    explained = shorepass("explain", "--offline", "--in", f"user:{person.name}", "reg.example/app")
    assert f"user:{person.name}: uid {person.uid}, home {person.home}\n" in explained.stdout
    assert explained.returncode == 0


def test_login_and_logout_leave_files_of_theirs(person: Person, registry: str, users: dict[str, str]) -> None:
    """A login in their place is stored as they would store it: their file, 0600, in their folder, 0700."""
    file = person.home / ".config/containers/auth.json"
    place = ("--in", f"user:{person.name}", "--authfile", str(file))
    done = shorepass("login", *place, "-u", "alice", "--password-stdin", registry, stdin=users["alice"])
    remark = f"shorepass: the login is stored in {file} in plain text\n"  # our own stores are not at hand there
    assert (done.returncode, done.stdout, done.stderr) == (0, "Login Succeeded!\n", remark)
    owner = f"{person.name}:{person.name}"
    folders = dict.fromkeys((".config", ".config/containers"), (owner, "700"))
    assert person.files() == {**folders, ".config/containers/auth.json": (owner, "600")}
    assert registry in shorepass("list", *place).stdout
    assert shorepass("logout", *place, registry).returncode == 0
    assert registry not in person.run("cat", str(file)).stdout


def test_what_they_may_not_read_is_not_read(person: Person) -> None:
    """A file of root's in their home is an error, as it is for their docker; so is a link to one elsewhere."""
    file = person.write(".docker/config.json", config("reg.example", "alice:roots"))
    person.as_root("chown", "root:root", str(file))
    done = shorepass("get", "--in", f"user:{person.name}", "reg.example/app")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{file} (owner root(0), mode 0600): permission denied" in done.stderr
    secret = person.folder / "roots"
    person.as_root("mkdir", "-m", "700", str(secret))
    person.as_root("cp", str(file), f"{secret}/config.json")
    person.as_root("rm", str(file))
    assert person.run("ln", "-s", f"{secret}/config.json", str(file)).returncode == 0
    done = shorepass("get", "--in", f"user:{person.name}", "reg.example/app")
    assert (done.returncode, done.stdout) == (3, "")


def test_a_link_that_they_planted_leads_nowhere(person: Person, registry: str, users: dict[str, str]) -> None:
    """A login follows their link as their docker would: into root's folder it cannot write, and says so."""
    secret = person.folder / "roots"
    person.as_root("mkdir", str(secret))
    assert person.run("ln", "-s", str(secret), str(person.home / ".config")).returncode == 0
    place = ("--in", f"user:{person.name}", "--authfile", str(person.home / ".config/auth.json"))
    done = shorepass("login", *place, "-u", "alice", "--password-stdin", registry, stdin=users["alice"])
    assert (done.returncode, done.stdout) == (125, "")
    assert "permission denied" in done.stderr
    assert person.as_root("ls", "-A", str(secret)) == ""


@pytest.mark.parametrize("session", [False, True], ids=["no session", "session"])
@pytest.mark.parametrize("client", ["podman", "buildah", "skopeo"])
def test_where_their_clients_keep_logins(
    person: Person, client: str, session: bool, registry: str, users: dict[str, str]
) -> None:
    """A login of the real program is found by us, and one of ours by the program, with and without XDG_RUNTIME_DIR."""
    runtime = f"/run/user/{person.uid}"
    env = {"XDG_RUNTIME_DIR": runtime} if session else {}
    if session:
        person.as_root("install", "-d", "-m", "700", "-o", person.name, runtime)
    place = ("--in", f"user:{person.name}", "--client", client)
    words = ("--tls-verify=false", "--username", "alice", "--password-stdin", registry)
    program = programs.require(client)
    real = person.run("sh", "-c", 'cd; exec "$@" 2>&1', "sh", program, "login", *words, stdin=users["alice"], **env)
    ours = shorepass("get", *place, registry)
    if real.returncode == 0:
        assert json.loads(ours.stdout)["Secret"] == users["alice"]
        assert shorepass("logout", *place, registry).returncode == 0
        done = shorepass("login", "--store", "file", *place, *words, stdin=users["alice"])
        assert (done.returncode, done.stderr) == (0, "")
        told = person.run(
            "sh", "-c", 'cd; exec "$@" 2>/dev/null', "sh", program, "login", "--get-login", registry, **env
        )
        assert told.stdout == "alice\n"
    else:  # skopeo, where root's podman has closed /run/containers to everybody
        assert "permission denied" in real.stdout
        assert (ours.returncode, "permission denied" in ours.stderr) == (3, True)


def test_helpers_run_as_them(person: Person) -> None:
    """A credential helper is asked as that user, with the environment of that user's login."""
    answer = 'printf \'{"ServerURL":"u","Username":"%s","Secret":"%s"}\' "$(id -un)" "$HOME $LOGNAME"'
    person.write("bin/docker-credential-mine", f"#!/bin/sh\n{answer}\n", mode="700")
    person.write(".docker/config.json", '{"credsStore": "mine"}')
    done = shorepass("explain", "--offline", "--in", f"user:{person.name}", "reg.example/app")
    assert "no executable file of that name on PATH" in done.stdout  # it is not on a login's PATH
    path = f"{person.home}/bin:/usr/bin:/bin"
    code = (
        "import sys; from shorepass.contexts.find import find; from shorepass.contexts.local import LocalContext;"
        "from shorepass.helper.client import HelperClient;"
        "context = find(sys.argv[1], LocalContext.current()).with_env(PATH=sys.argv[2]);"
        "answer = HelperClient(context, 'mine').get('u');"
        "print(answer.username, answer.password.reveal())"
    )
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    command = ["env", *kept, sys.executable, "-c", code, f"user:{person.name}", path]
    done = programs.run(programs.as_root(command))
    assert (done.stdout, done.stderr) == (f"{person.name} {person.home} {person.name}\n", "")


def test_environment_is_that_of_a_login(person: Person) -> None:
    """HOME, USER, LOGNAME, SHELL and PATH are those that the real ``su --login`` gives."""
    code = (
        "import sys; from shorepass.contexts.find import find; from shorepass.contexts.local import LocalContext;"
        "context = find(sys.argv[1], LocalContext.current());"
        "print(*(f'{name}={context.getenv(name)}' for name in sys.argv[2:]), sep='\\n')"
    )
    names = ("HOME", "USER", "LOGNAME", "SHELL", "PATH")
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    command = ["env", *kept, sys.executable, "-c", code, f"user:{person.name}", *names]
    ours = programs.run(programs.as_root(command)).stdout
    real = person.as_root("su", "--login", person.name, "--command", "env")
    assert ours.splitlines() == [next(line for line in real.splitlines() if line.startswith(f"{n}=")) for n in names]


def test_what_only_root_can_load(person: Person) -> None:
    """It works where Shorepass itself rests in a folder that is closed to the user."""
    import shorepass as package

    closed = person.folder / "closed"
    person.as_root("mkdir", "-m", "700", str(closed))
    person.as_root("cp", "-r", str(Path(package.__file__).parent), str(closed))
    words = ("logout", "--in", f"user:{person.name}", "reg.example")
    person.write(".docker/config.json", config("reg.example", "alice:theirs"))
    command = ["env", f"PYTHONPATH={closed}", sys.executable, "-m", "shorepass", *words]
    done = programs.run(programs.as_root(command))
    assert (done.returncode, done.stderr.count("not found in")) == (0, 1), done.stderr
    assert "reg.example" not in person.run("cat", str(person.home / ".docker/config.json")).stdout


def test_a_broken_file_of_theirs_hides_no_release(person: Person) -> None:
    """Their podman does not start, but it is the system's podman, whose release root can ask for."""
    person.write(".config/containers/containers.conf", "[engine\n")
    podman = programs.require("podman")
    assert person.run(podman, "--version").returncode != 0
    number = programs.run([podman, "--version"]).stdout.split()[-1]
    explained = shorepass(
        "explain", "--offline", "--in", f"user:{person.name}", "--client", "podman", "reg.example/app"
    )
    assert f"podman {number}" in explained.stdout


VERSION_OF = """
import pwd, sys
from shorepass.contexts.user import UserContext
name, path, program = sys.argv[1:]
context = UserContext(pwd.getpwnam(name), {"PATH": path})
print(context.version(program).stdout.decode().strip())
"""


@pytest.mark.parametrize("name", ["client", "other"])
def test_a_program_that_they_can_change_runs_as_them(person: Person, name: str) -> None:
    """Also by a symlink: root starts nothing that a user can change."""
    program = person.write("bin/client", "#!/bin/sh\nid -u\n", "755")
    person.as_root("mkdir", str(person.folder / "roots"))
    link = person.folder / "roots" / name
    person.as_root("ln", "-s", str(program), str(link))
    words = [sys.executable, "-c", VERSION_OF, person.name, programs.SYSTEM_PATH]
    kept = [f"PYTHONPATH={os.environ['PYTHONPATH']}"] if "PYTHONPATH" in os.environ else []
    for path in (program, link):
        assert person.as_root("env", *kept, *words, str(path)) == f"{person.uid}\n"
