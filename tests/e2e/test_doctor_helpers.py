"""``doctor`` finds helpers that fail (SP2xx): each is seen to fail a real client first, and to serve it when it is mended."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

from contract.keyring_service import bus
from e2e import programs
from e2e.people import Person, new_person

if TYPE_CHECKING:
    from conftest import Done, RunShorepass

KEY = "reg.example"
NOBODY_ASKED = "no findings; registries are asked with --check\n"
GOOD = f"""#!/bin/sh
case "$1" in
list) echo '{{"{KEY}":"alice"}}' ;;
get) echo '{{"ServerURL":"{KEY}","Username":"alice","Secret":"correct horse"}}' ;;
esac
"""
PATIENCE = "2"  # seconds that doctor gives a helper here


class Place:
    """A home whose docker config names a helper, and a folder that is the first on PATH."""

    def __init__(self, world: Path) -> None:
        self.home, self.bin = world / "home", world / "bin"
        self.env = {
            **os.environ,
            "PATH": f"{self.bin}:{programs.SYSTEM_PATH}",
            "SHOREPASS_HELPER_TIMEOUT": PATIENCE,
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.home}/no-bus",
        }

    @property
    def file(self) -> Path:
        return self.home / ".docker/config.json"

    def name(self, suffix: str) -> None:
        """Let the config name a helper for KEY, and one for all the rest."""
        self.file.parent.mkdir(mode=0o700, exist_ok=True)
        self.file.touch(0o600)
        self.file.write_text(json.dumps({"credHelpers": {KEY: suffix}, "credsStore": suffix}, indent="\t"))

    def put(self, suffix: str, content: str | bytes, mode: int = 0o755) -> Path:
        """Put a helper's program on PATH."""
        program = self.bin / f"docker-credential-{suffix}"
        program.write_bytes(content.encode() if isinstance(content, str) else content)
        program.chmod(mode)
        return program

    def podman(self, key: str = KEY, *, seconds: float = 60) -> CompletedProcess[str]:
        """Ask the real podman whose login it uses for a registry: it runs the helper, and asks no registry."""
        argv = [programs.require("podman"), "login", "--get-login", key]
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=seconds, check=False)

    def docker_login(self, daemon: str, registry: str, password: str) -> CompletedProcess[str]:
        """Log in with the real docker: it stores the login with the helper."""
        argv = [programs.require("docker"), "-H", daemon, "login", "-u", "alice", "--password-stdin", registry]
        return programs.run(argv, env=self.env, stdin=password)


@pytest.fixture
def place(world: Path) -> Place:
    return Place(world)


@pytest.fixture
def doctor(place: Place, run_shorepass: RunShorepass) -> Iterator[RunShorepass]:
    """Runs ``shorepass doctor`` in that place."""

    def run(*args: str) -> Done:
        return run_shorepass("doctor", *args, env=place.env)

    return run  # type: ignore[return-value]  # without the keywords


def found(done: Done) -> list[tuple[str, str]]:
    """Return code and subject of each finding of ``doctor --json``."""
    return [(finding["code"], finding["subject"]) for finding in json.loads(done.stdout)["findings"]]


def test_sp201_a_helper_that_is_missing(place: Place, doctor: RunShorepass, dockerd: str, registry: str) -> None:
    """What Docker Desktop leaves behind when it goes: its helper in credsStore. Without it, logins work again."""
    place.name("desktop")
    place.env["PATH"] = str(place.bin)  # without pass, which docker would choose next
    place.file.write_text(json.dumps({"credsStore": "desktop", "psFormat": "table"}))
    failed = place.docker_login(dockerd, registry, "alice's password")
    assert failed.returncode != 0
    assert "docker-credential-desktop" in failed.stderr
    assert found(doctor("--json")) == [("SP201", "docker-credential-desktop")]
    before = place.file.read_bytes()
    assert doctor("--fix", "--yes").status == 0
    assert place.file.read_text() == '{"psFormat": "table"}'
    assert doctor("--undo").status == 0
    assert place.file.read_bytes() == before
    doctor("--fix", "--yes")
    logged_in = place.docker_login(dockerd, registry, "alice's password")
    assert logged_in.returncode == 0, logged_in.stderr


def test_sp202_a_helper_that_is_not_executable(place: Place, doctor: RunShorepass) -> None:
    """A helper that was downloaded and not made executable is made so, and the mode comes back."""
    place.name("good")
    program = place.put("good", GOOD, mode=0o644)
    assert place.podman().returncode != 0
    assert found(doctor("--json")) == [("SP202", "docker-credential-good")]
    assert doctor("--fix", "--yes").status == 0
    assert place.podman().stdout == "alice\n"
    assert doctor("--undo").status == 0
    assert stat.S_IMODE(program.stat().st_mode) == 0o644


def for_another_machine() -> bytes:
    """Return a real static program whose header says that it is for another processor."""
    program = bytearray(Path(programs.require("busybox")).read_bytes())
    aarch64, x86_64 = 183, 62
    other = aarch64 if int.from_bytes(program[18:20], "little") == x86_64 else x86_64
    program[18:20] = other.to_bytes(2, "little")
    return bytes(program)


def without_a_loader(folder: Path) -> bytes:
    """Return a program linked against another C library than this machine has."""
    source = folder / "helper.c"
    source.write_text("int main(void) { return 0; }\n")
    program = folder / "helper"
    loader = "-Wl,--dynamic-linker=/lib/ld-musl-none.so.1"
    done = programs.run([programs.require("gcc"), "-o", str(program), str(source), loader], env={"TMPDIR": str(folder)})
    assert done.returncode == 0, done.stderr
    return program.read_bytes()


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("SP203", "machine", "built for"),
        ("SP204", "libc", "of musl"),
        ("SP204", "interpreter", "/usr/bin/no-such-python does not exist"),
        ("SP204", "env", "no-such-python does not exist"),
        ("SP204", "first line", "neither a program nor a script"),
        ("SP207", "windows", "a Windows program"),
    ],
)
def test_sp203_sp204_sp207_what_cannot_be_started(
    place: Place, doctor: RunShorepass, tmp_path: Path, code: str, kind: str, says: str
) -> None:
    """What the system cannot start is told from the file: another machine, C library, interpreter, or Windows."""
    suffix = "desktop.exe" if kind == "windows" else "good"
    place.name(suffix)
    content: dict[str, bytes | str] = {
        "interpreter": "#!/usr/bin/no-such-python\n",
        "env": "#!/usr/bin/env no-such-python\n",
        "first line": GOOD.partition("\n")[2],
        "windows": b"MZ" + bytes(510),
    }
    if kind == "machine":
        content[kind] = for_another_machine()
    elif kind == "libc":
        content[kind] = without_a_loader(tmp_path)
    place.put(suffix, content[kind])
    assert place.podman().returncode != 0
    assert found(doctor("--json")) == [(code, f"docker-credential-{suffix}")]
    assert says in doctor().stdout
    place.put(suffix, GOOD)
    assert place.podman().stdout == "alice\n"
    assert doctor("--json").status == 0


def test_sp207_out_of_reach(place: Place, doctor: RunShorepass) -> None:
    """A helper of Windows that PATH does not lead to, as under sudo in WSL, is told apart from one that is missing."""
    place.name("desktop.exe")
    assert place.podman().returncode != 0
    assert found(doctor("--json")) == [("SP207", "docker-credential-desktop.exe")]
    assert "wsl.conf" in doctor().stdout


def test_an_emulator_has_the_last_word(place: Place, doctor: RunShorepass) -> None:
    """What looks wrong and starts all the same is well."""
    place.name("good")
    place.put("good", GOOD.replace("#!/bin/sh", "#!/usr/bin/env -S sh"))
    assert place.podman().stdout == "alice\n"
    assert doctor().stderr == NOBODY_ASKED


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name: a socket's path has 107 characters at most."""
    with tempfile.TemporaryDirectory(prefix="sp-") as name:
        yield Path(name)


DEAF = """
import socket, sys
bus = socket.socket(socket.AF_UNIX)
bus.bind(sys.argv[1])
bus.listen()
print("listening", flush=True)
sys.stdin.read()
"""


def test_sp205_a_helper_that_hangs(place: Place, doctor: RunShorepass, short: Path) -> None:
    """A bus that takes the connection and says no word makes the real helper wait; doctor waits for seconds, not more."""
    place.name("secretservice")
    place.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={short}/bus"
    deaf = subprocess.Popen(
        [sys.executable, "-c", DEAF, f"{short}/bus"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == "listening\n"
        with pytest.raises(subprocess.TimeoutExpired):
            place.podman(seconds=3)
        assert found(doctor("--json")) == [("SP205", "docker-credential-secretservice")]
    finally:
        deaf.communicate("")


@pytest.mark.parametrize(
    "printed", ["Welcome!", "[]", "", "x" * 5_000_000], ids=["words", "another type", "nothing", "five megabytes"]
)
def test_sp206_a_helper_that_prints_garbage(place: Place, doctor: RunShorepass, printed: str) -> None:
    """A wrapper that prints a greeting breaks the protocol; what it printed is not repeated."""
    place.name("good")
    place.put("good", f"#!/bin/sh\nhead -c {len(printed)} <<'.'\n{printed}\n.\n" if printed else "#!/bin/sh\n")
    assert place.podman().returncode != 0
    done = doctor("--json")
    assert found(done) == [("SP206", "docker-credential-good")]
    assert not printed or printed not in done.stdout


def test_sp209_no_session_bus(place: Place, doctor: RunShorepass, dockerd: str, registry: str) -> None:
    """Where there is no session bus, as in a login by ssh, docker cannot store a login in the keyring."""
    place.name("secretservice")
    for address in ("", f"unix:path={place.home}/gone"):
        place.env["DBUS_SESSION_BUS_ADDRESS"] = address
        failed = place.docker_login(dockerd, registry, "alice's password")
        assert "error storing credentials" in failed.stderr
        done = doctor("--json")
        assert found(done) == [("SP209", "docker-credential-secretservice")]
        seen = "names a socket that does not exist" if address else "is not set"
        assert f"DBUS_SESSION_BUS_ADDRESS {seen}" in done.stdout


@contextlib.contextmanager
def keyring(place: Place, runtime: Path) -> Iterator[None]:
    """Run the real keyring, unlocked, on a session bus of its own."""
    with bus(runtime) as address:
        place.env |= {"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": str(runtime)}
        argv = [programs.require("gnome-keyring-daemon"), "--unlock", "--foreground", "--components=secrets"]
        with subprocess.Popen(
            argv, env=place.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as daemon:
            try:
                assert daemon.stdin is not None
                daemon.stdin.write(b"keyring password")
                daemon.stdin.close()
                programs.wait_until(lambda: is_unlocked(place) or None, "the keyring to be unlocked")
                yield
            finally:
                daemon.terminate()


def is_unlocked(place: Place) -> bool:
    """Tell whether the keyring in which logins are stored is there, and open."""
    words = ("org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked")
    return "boolean false" in programs.run([*SECRETS, LOGIN_KEYRING, *words], env=place.env).stdout


LOGIN_KEYRING = "/org/freedesktop/secrets/collection/login"
SECRETS = ("/usr/bin/dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets")


def test_sp210_a_locked_keyring(
    place: Place, doctor: RunShorepass, short: Path, dockerd: str, registry: str, users: dict[str, str]
) -> None:
    """A locked keyring lists its logins, and neither gives nor stores one; unlocked, all is well."""
    place.name("secretservice")
    with keyring(place, short):
        assert place.docker_login(dockerd, registry, users["alice"]).returncode == 0
        assert doctor().stderr == NOBODY_ASKED
        lock = ("org.freedesktop.Secret.Service.Lock", f"array:objpath:{LOGIN_KEYRING}")
        assert programs.run([*SECRETS, "/org/freedesktop/secrets", *lock], env=place.env).returncode == 0
        failed = place.docker_login(dockerd, registry, users["alice"])
        assert "locked collection" in failed.stderr
        done = doctor("--json")
        assert found(done) == [("SP210", "docker-credential-secretservice")]
    with keyring(place, short):  # a keyring that is locked by hand opens again when its user logs in anew
        assert place.docker_login(dockerd, registry, users["alice"]).returncode == 0
        assert doctor().stderr == NOBODY_ASKED


@contextlib.contextmanager
def gpg_home(place: Place, folder: Path) -> Iterator[None]:
    """Make a GPG key without a passphrase for this place, and end the agent that gpg starts."""
    place.env["GNUPGHOME"] = str(folder)
    folder.chmod(0o700)
    gpg = [programs.require("gpg"), "--batch", "--passphrase", "", "--quick-generate-key", "alice@test.example"]
    try:
        made = programs.run(gpg, env=place.env)
        assert made.returncode == 0, made.stderr
        yield
    finally:
        programs.run([programs.require("gpgconf"), "--kill", "all"], env=place.env)


@pytest.mark.parametrize("named", [True, False], ids=["named", "chosen by docker"])
def test_sp211_pass_was_never_initialised(
    place: Place, doctor: RunShorepass, short: Path, dockerd: str, registry: str, users: dict[str, str], *, named: bool
) -> None:
    """Where pass is installed docker wants to use it, and fails; `pass init`, as the hint says, mends that."""
    if named:
        place.name("pass")
    failed = place.docker_login(dockerd, registry, users["alice"])
    assert "pass not initialized" in failed.stderr
    done = doctor("--json")
    assert found(done) == [("SP211", "docker-credential-pass")]
    assert "pass init" in done.stdout
    with gpg_home(place, short):
        assert programs.run([programs.require("pass"), "init", "alice@test.example"], env=place.env).returncode == 0
        assert place.docker_login(dockerd, registry, users["alice"]).returncode == 0
        assert doctor().stderr == NOBODY_ASKED


@pytest.fixture
def person() -> Iterator[Person]:
    """A user of this machine who may do everything with sudo, whose HOME it keeps, and whose PATH it does not."""
    with new_person() as person:
        policy = f"/etc/sudoers.d/{person.name}"
        rule = (
            f'Defaults:{person.name} env_keep += "HOME", secure_path = "{programs.SYSTEM_PATH}"\n'
            f"{person.name} ALL=(ALL:ALL) NOPASSWD: ALL\n"
        )
        person.as_root("install", "-m", "0440", "/dev/stdin", policy, stdin=rule)
        person.as_root("usermod", "--append", "--groups", "sudo", person.name)
        try:
            yield person
        finally:
            person.as_root("rm", policy)
            programs.run(programs.as_root([programs.require("crontab"), "-r", "-u", person.name]))


def own_helper(person: Person) -> Path:
    """Give the person a helper in a folder of their own."""
    person.write(".docker/config.json", json.dumps({"credHelpers": {KEY: "good"}}))
    return person.write("bin/docker-credential-good", GOOD, mode="755")


EXAMINE = """
import json, sys
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
from shorepass.doctor import examine
from shorepass.doctor.examination import Examination

here = LocalContext.current()
context = find(f"user:{sys.argv[1]}", here).with_env(PATH=sys.argv[2])
print(json.dumps([(found.code, found.subject, found.repair.command) for found in examine(Examination(context, here))]))
"""


def examine(person: Person, path: str) -> list[list[str]]:
    """Return code, subject and advice of what doctor finds in the person's shell, whose PATH no login sets."""
    kept = [f"{name}={os.environ[name]}" for name in ("PYTHONPATH",) if name in os.environ]
    found: list[list[str]] = json.loads(person.as_root("env", *kept, sys.executable, "-c", EXAMINE, person.name, path))
    return found


def test_sp208_sudo_finds_no_helper(person: Person) -> None:
    """What a person's own PATH leads to sudo does not find, although it reads their file; a link mends it."""
    program = own_helper(person)
    path, run_folder = f"{program.parent}:{programs.SYSTEM_PATH}", {"XDG_RUNTIME_DIR": str(person.home)}
    get_login = ("skopeo", "login", "--get-login", KEY)
    assert person.run(*get_login, PATH=path, **run_folder).stdout == "alice\n"
    assert "docker-credential-good" in person.run("sudo", "-n", *get_login, PATH=path).stderr
    ((code, subject, command),) = examine(person, path)
    assert (code, subject) == ("SP208", "docker-credential-good under sudo")
    assert command.startswith(f"sudo ln -s {program} ")
    try:
        assert person.run("sh", "-c", command).returncode == 0
        assert person.run("sudo", "-n", *get_login, PATH=path).stdout == "alice\n"
        assert examine(person, path) == []
    finally:
        person.as_root("rm", "-f", f"{command.split()[-1]}{program.name}")


def test_sp208_cron_finds_no_helper(person: Person) -> None:
    """A job of the person's crontab runs with cron's PATH; the line that the hint names mends it."""
    person.as_root("gpasswd", "--delete", person.name, "sudo")
    path = f"{own_helper(person).parent}:{programs.SYSTEM_PATH}"
    assert examine(person, path) == []  # nothing of theirs runs a client
    command = f"skopeo login --get-login {KEY}"
    assert person.run("crontab", "-", stdin=f"0 3 * * * {command}\n").returncode == 0
    cron = {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(person.home)}  # crontab(5), and a run folder for skopeo
    assert "docker-credential-good" in person.run("/bin/sh", "-c", command, **cron).stderr
    ((code, subject, advice),) = examine(person, path)
    assert (code, subject) == ("SP208", "docker-credential-good under cron")
    line = advice.partition(": ")[2]
    assert person.run("crontab", "-", stdin=f"{line}\n0 3 * * * {command}\n").returncode == 0
    cron["PATH"] = line.removeprefix("PATH=")
    assert person.run("/bin/sh", "-c", command, **cron).stdout == "alice\n"
    assert examine(person, path) == []


def test_sp212_a_helper_that_fails(place: Place, doctor: RunShorepass) -> None:
    """A helper that ends with an error of its own is found with what it said, but for what may be a secret."""
    place.name("good")
    place.put("good", "#!/bin/sh\necho 'no network: token service unreachable' >&2\nexit 3\n")
    assert place.podman().returncode != 0
    done = doctor("--json")
    assert found(done) == [("SP212", "docker-credential-good")]
    assert "exit status 3: no network: token service unreachable" in done.stdout


def test_sp214_a_login_that_cannot_be_decrypted(
    place: Place, doctor: RunShorepass, short: Path, dockerd: str, registry: str, users: dict[str, str]
) -> None:
    """Pass lists what it has no key for any more; asked for the login, as for one registry, it fails, and says why."""
    place.name("pass")
    with gpg_home(place, short):
        assert programs.run([programs.require("pass"), "init", "alice@test.example"], env=place.env).returncode == 0
        assert place.docker_login(dockerd, registry, users["alice"]).returncode == 0
        place.file.write_text(json.dumps({"credHelpers": {registry: "pass"}}))
        assert place.podman(registry).stdout == "alice\n"
        for key in (short / "private-keys-v1.d").iterdir():
            key.unlink()
        programs.run([programs.require("gpgconf"), "--kill", "all"], env=place.env)
        assert "decryption failed" in place.podman(registry).stderr
        done = doctor("--json", "--offline", registry)
        assert found(done) == [("SP214", "docker-credential-pass")]
        assert "gpg has no private key of alice@test.example" in done.stdout


def test_sp214_a_key_that_has_expired(
    place: Place, doctor: RunShorepass, short: Path, dockerd: str, registry: str, users: dict[str, str]
) -> None:
    """Docker cannot store with an expired key; the line that the hint names makes it good again."""
    place.name("pass")
    place.file.write_text(json.dumps({"credsStore": "pass"}))
    with gpg_home(place, short):
        gpg = [programs.require("gpg"), "--batch", "--faked-system-time", "20190101T000000", "--passphrase", ""]
        old = [*gpg, "--quick-generate-key", "old@test.example", "default", "default", "1y"]
        assert programs.run(old, env=place.env).returncode == 0
        assert programs.run([programs.require("pass"), "init", "old@test.example"], env=place.env).returncode == 0
        assert place.docker_login(dockerd, registry, users["alice"]).returncode != 0
        (finding,) = json.loads(doctor("--json").stdout)["findings"]
        assert (finding["code"], finding["severity"]) == ("SP214", "error")
        assert "has expired" in finding["cause"]
        assert programs.run(["sh", "-c", finding["fix"]["text"]], env=place.env).returncode == 0
        assert place.docker_login(dockerd, registry, users["alice"]).returncode == 0
        assert found(doctor("--json")) == []


SAID = [
    (
        "desktop",
        "dial unix /Users/you/Library/Containers/com.docker.docker/Data/backend.sock",
        "SP213",
        "desktop start",
    ),
    ("desktop", "", "SP213", "docker desktop start"),
    ("dev-containers-8f", "Error: connect ECONNREFUSED /tmp/vscode-remote-containers-ipc.sock", "SP213", "remove"),
    (
        "osxkeychain",
        "keychain cannot be accessed because the current session does not allow user interaction.",
        "SP210",
        "unlock-keychain",
    ),
    ("osxkeychain", "The specified item already exists in the keychain. (-25299)", "SP212", "delete-internet-password"),
    ("wincred", "A specified logon session does not exist. It may already have been terminated.", "SP212", "desktop"),
    (
        "gcloud",
        "ERROR: (gcloud.auth.docker-helper) You do not currently have an active account selected.",
        "SP212",
        "gcloud auth login",
    ),
    ("secretservice", "Cannot create an item in a locked collection", "SP210", "unlock"),
]


@pytest.mark.parametrize(("suffix", "words", "code", "offers"), SAID)
def test_what_helpers_are_known_to_print(
    place: Place, doctor: RunShorepass, suffix: str, words: str, code: str, offers: str
) -> None:
    """What a helper prints is kept with all its lines, and its meaning and the fix are added."""
    place.name(suffix)
    place.put(
        suffix, f"#!/bin/sh\nprintf '%s\\nsecond line\\n' '{words}'\nexit 1\n" if words else "#!/bin/sh\nexit 1\n"
    )
    assert place.podman().returncode != 0
    findings = json.loads(doctor("--json").stdout)["findings"]
    (finding,) = [finding for finding in findings if finding["severity"] != "note"]
    assert finding["code"] == code
    assert offers in finding["fix"]["text"]
    if words:
        assert {f"it printed: {words}", "it printed: second line"} <= set(finding["evidence"])


def test_sp213_is_fixed(place: Place, doctor: RunShorepass, dockerd: str, registry: str, users: dict[str, str]) -> None:
    """A dead helper of VS Code is removed from the file, and docker can log in again."""
    place.put("dev-containers-8f", "#!/bin/sh\nexit 255\n")
    place.name("dev-containers-8f")
    assert place.docker_login(dockerd, registry, users["alice"]).returncode != 0
    assert found(doctor("--json")) == [("SP213", "docker-credential-dev-containers-8f")]
    assert "fixed" in doctor("--fix", "--yes").stdout
    assert "dev-containers" not in place.file.read_text()


READ_ONLY = """#!/bin/sh
case "$1" in
list) echo '{}' ;;
get) echo 'credentials not found in native keychain'; exit 1 ;;
*) echo 'read-only store'; exit 1 ;;
esac
"""


def test_sp219_a_store_that_cannot_be_written(
    place: Place, doctor: RunShorepass, dockerd: str, registry: str, users: dict[str, str]
) -> None:
    """Docker cannot store a login that the registry wants; the offered login is stored elsewhere."""
    place.put("good", READ_ONLY)
    place.name("good")
    assert place.docker_login(dockerd, registry, users["alice"]).returncode != 0
    done = doctor("--json", "--tls-verify=false", "--client", "docker", f"{registry}/team/app")
    findings = {finding["code"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert {"SP219", "SP510"} <= set(findings)
    assert findings["SP219"]["severity"] == "warning"
    assert "read-only store" in str(findings["SP219"]["evidence"])
    assert "shorepass login --store" in findings["SP219"]["fix"]["text"]


def test_sp221_a_relative_folder(place: Place, dockerd: str, registry: str, users: dict[str, str]) -> None:
    """Docker refuses to run what a relative folder of PATH leads to; with the line in the hint it runs it."""
    place.name("good")
    place.put("good", GOOD)
    place.env["PATH"] = f"bin:{programs.SYSTEM_PATH}"
    argv = [programs.require("docker"), "-H", dockerd, "login", "-u", "alice", "--password-stdin", registry]

    def log_in(line: str = ":") -> CompletedProcess[str]:
        script = f'cd "{place.bin.parent}"; {line}; exec "$@"'
        return programs.run(["sh", "-c", script, "sh", *argv], env=place.env, stdin=users["alice"])

    assert "relative to current directory" in log_in().stderr
    words = [sys.executable, "-m", "shorepass", "doctor", "--json"]
    done = subprocess.run(words, env=place.env, cwd=place.bin.parent, capture_output=True, text=True, check=False)
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["code"], finding["severity"]) == ("SP221", "error")
    assert log_in(finding["fix"]["text"]).returncode == 0


def test_helpers_that_nobody_names_are_left_alone(place: Place, doctor: RunShorepass) -> None:
    """Doctor runs no helper that no file names and no client would choose."""
    place.name("good")
    log = place.home / "ran"
    place.put("good", GOOD)
    place.put("other", f"#!/bin/sh\necho other >>{log}\n")
    assert doctor().stderr == NOBODY_ASKED
    assert not log.exists()


def test_a_healthy_place(
    place: Place, doctor: RunShorepass, short: Path, dockerd: str, registry: str, users: dict[str, str]
) -> None:
    """Logins that docker and podman keep in pass, as both stored them, are nothing to find fault with."""
    conf = place.home / "registries.conf"
    conf.write_text('credential-helpers = ["pass"]\n')
    place.env["CONTAINERS_REGISTRIES_CONF"] = str(conf)
    podman = [programs.require("podman"), "login", "--tls-verify=false", "-u", "alice", "--password-stdin", registry]
    with gpg_home(place, short):
        assert programs.run([programs.require("pass"), "init", "alice@test.example"], env=place.env).returncode == 0
        assert place.docker_login(dockerd, registry, users["alice"]).returncode == 0
        assert json.loads(place.file.read_text())["credsStore"] == "pass"
        assert programs.run(podman, env=place.env, stdin=users["alice"]).returncode == 0
        assert doctor().stderr == NOBODY_ASKED
        assert doctor("--check", "--tls-verify=false").stderr == "no findings\n"
        assert doctor("--tls-verify=false", registry) == (0, "", "no findings\n")
