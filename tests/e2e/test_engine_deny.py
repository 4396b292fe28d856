"""With ``--deny``, a hostile container gets no rights on the machine from the engine, and docker's usual commands work."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from e2e import programs
from shorepass.contexts.caller import Caller
from shorepass.credential import Basic, Credential
from shorepass.secret import Secret
from shorepass.share.engine_guard import Guard
from shorepass.share.engine_logins import Lent
from shorepass.share.engine_socket import EngineSocket

GRANT = "0123abcd"
API = "/v1.41"


class Place:
    """A socket with ``--deny`` in the place of the engine's, and the client behind it."""

    def __init__(self, folder: Path, engine: str, registry: str, password: str) -> None:
        self.folder = folder
        self.path = str(folder / "guarded.sock")
        self.engine = engine
        self.registry = registry
        self.password = password
        self.version = ""

    def lend(self, repository: str, *, push: bool, caller: Caller) -> Credential | None:
        assert caller.pid
        return Basic("alice", Secret(self.password)) if self.may_push(repository) or not push else None

    def may_push(self, repository: str) -> bool:
        return repository.startswith(f"{self.registry}/team/")

    def tell(self, _: Lent, __: Caller) -> None:
        pass

    def docker(
        self, *words: str, stdin: bytes = b"", client: int = 0, **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        docker = programs.require(programs.docker_programs()[client])
        environ = {"HOME": str(self.folder), "PATH": programs.SYSTEM_PATH, "DOCKER_BUILDKIT": "0", **env}
        argv = [docker, "-H", f"unix://{self.path}", *words]
        return subprocess.run(argv, input=stdin, capture_output=True, env=environ, check=False, timeout=300)

    def on_host(self, *words: str) -> str:
        """Run docker as the user of the machine does; return what it prints."""
        docker = programs.require(programs.docker_programs()[0])
        done = programs.run([docker, "-H", f"unix://{self.engine}", *words], env={"HOME": str(self.folder)})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ask(self, method: str, path: str, body: bytes | object = b"", *fields: str) -> tuple[int, bytes]:
        """Send a request; return its status, and what follows the head."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: a", *fields]
        if data:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(self.path)
            wire.settimeout(60)
            wire.sendall("\r\n".join([*lines, "", ""]).encode() + data)
            answer = b""
            while chunk := wire.recv(65536):
                answer += chunk
        head, _, rest = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), rest

    def create(self, image: str, **members: Any) -> tuple[int, bytes]:
        """Create a container; members are those of its configuration."""
        return self.ask(
            "POST", f"{API}/containers/create", {"Image": image, "Cmd": ["/bin/busybox", "true"], **members}
        )


@pytest.fixture
def place(dockerd: str, registry: str, users: dict[str, str], tmp_path: Path) -> Iterator[Place]:
    """The socket."""
    found = Place(tmp_path, dockerd.removeprefix("unix://"), registry, users["alice"])
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(found.path)
    listening.listen(64)
    guard = Guard(GRANT, found.engine, found.may_push)
    server = EngineSocket(listening, found.engine, found.lend, lambda: [registry], found.tell, guard)
    server.start()
    yield found
    own = found.on_host("ps", "-aq", "--filter", f"label=shorepass.grant={GRANT}").split()
    if own:
        found.on_host("rm", "-fv", *own)
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.fixture
def foreign(place: Place, busybox_image: str) -> Iterator[str]:
    """A container of the machine's user."""
    name = f"foreign-{os.getpid()}"
    place.on_host("run", "-d", "--name", name, "--network=none", busybox_image, "/bin/busybox", "sleep", "600")
    yield name
    place.on_host("rm", "-f", name)


@pytest.mark.parametrize("client", range(len(programs.docker_programs())))
def test_the_usual_commands_work(place: Place, private_image: str, client: int) -> None:
    """Pull, run, exec, cp, logs, ps, build, push, stop and rm work with each docker client."""

    def run(*words: str, stdin: bytes = b"") -> bytes:
        done = place.docker(*words, stdin=stdin, client=client)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    box, name = "/bin/busybox", f"usual-{os.getpid()}-{client}"
    run("pull", private_image)
    assert run("run", "--rm", "-i", "--network=none", private_image, box, "cat", stdin=b"in and out") == b"in and out"
    limits = [
        "--memory=64m",
        "--cap-drop=NET_RAW",
        "--security-opt=no-new-privileges",
        "--read-only",
        "--tmpfs=/tmp",
        "-v/data",
    ]
    run("run", "-d", "--name", name, "--network=none", *limits, private_image, box, "sh", "-c", "echo up; sleep 600")
    assert run("exec", "-i", name, box, "cat", stdin=b"again") == b"again"
    assert run("ps", "--format", "{{.Names}}").decode().split() == [name]
    assert run("logs", name) == b"up\n"
    (place.folder / "file").write_bytes(b"copied")
    run("cp", str(place.folder / "file"), f"{name}:/data/file")
    assert run("exec", name, box, "cat", "/data/file") == b"copied"
    assert b"copied" in run("cp", f"{name}:/data/file", "-")
    assert json.loads(run("inspect", name))[0]["Config"]["Labels"] == {"shorepass.grant": GRANT}
    run("stop", "-t", "0", name)
    run("rm", name)
    target = f"{place.registry}/team/pushed:guarded"
    run("build", "-t", target, "-", stdin=f'FROM {private_image}\nRUN ["{box}", "true"]\n'.encode())
    run("push", target)


@pytest.mark.parametrize(
    "host",
    [
        {"Privileged": True},
        {"privileged": True},
        {"PRIVILEGED": True},
        {"Privileged": "true"},
        {"Binds": ["/:/host"]},
        {"binds": ["/:/host"]},
        {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]},
        {"Mounts": [{"type": "bind", "source": "/", "target": "/host"}]},
        {"Mounts": [{"Source": "/", "Target": "/host"}]},
        {"Mounts": [{"Type": "volume", "Source": "of-others", "Target": "/v"}]},
        {
            "Mounts": [
                {
                    "Type": "volume",
                    "Target": "/v",
                    "VolumeOptions": {
                        "DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}
                    },
                }
            ]
        },
        {"VolumeDriver": "other"},
        {"VolumesFrom": ["other"]},
        {"Devices": [{"PathOnHost": "/dev/mem", "PathInContainer": "/dev/mem", "CgroupPermissions": "rwm"}]},
        {"DeviceCgroupRules": ["b *:* rwm"]},
        {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]},
        {"PidMode": "host"},
        {"PidMode": "container:other"},
        {"NetworkMode": "host"},
        {"NetworkMode": "container:other"},
        {"NetworkMode": "a-network-of-others"},
        {"IpcMode": "host"},
        {"UTSMode": "host"},
        {"UsernsMode": "host"},
        {"CgroupnsMode": "host"},
        {"CapAdd": ["SYS_ADMIN"]},
        {"SecurityOpt": ["seccomp=unconfined"]},
        {"SecurityOpt": ["no-new-privileges", "apparmor=unconfined"]},
        {"Runtime": "other"},
        {"Cgroup": "other"},
        {"CgroupParent": "/"},
        {"Links": ["other:alias"]},
        {"Sysctls": {"net.ipv4.ip_forward": "1"}},
        {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}},
        {"PublishAllPorts": True},
        {"OomScoreAdj": -1000},
        {"LogConfig": {"Type": "syslog", "Config": {"syslog-address": "unix:///run/x"}}},
        {"LogConfig": {"Type": "", "Config": {"a": "b"}}},
        {"RestartPolicy": {"Name": "always"}},
        {"Annotations": {"a": "b"}},
        {"MaskedPaths": ["/none"]},
        {"AMemberOfAFutureEngine": True},
    ],
    ids=str,
)
def test_a_container_with_rights_on_the_machine_is_refused(
    place: Place, busybox_image: str, host: dict[str, Any]
) -> None:
    """Each is refused, inside of HostConfig and, as old clients send it, outside."""
    for members in ({"HostConfig": host}, {"hostCONFIG": host}, host):
        status, answer = place.create(busybox_image, **members)
        assert (status, b"the grant does not pass" in answer) == (403, True), answer


@pytest.mark.parametrize(
    "body",
    [
        b'{"Image": "x", "HostConfig": {}, "HostConfig": {"Privileged": true}}',
        b'{"Image": "x", "HostConfig": {}, "hostconfig": {"Privileged": true}}',
        '{"Image": "x", "HostConfig": {}, "Ho\u017ftConfig": {"Privileged": true}}'.encode(),
        b'{"Image": "x", "HostConfig": {"Privileged": true}} {"HostConfig": {}}',
        b'{"Image": "x", "HostConfig": [{"Privileged": true}]}',
        b'[{"Image": "x"}]',
        b'{"Image": "x", "HostConfig": {"ShmSize": NaN}}',
        b"[" * 100_000,
        b'{"Image": "x"',
    ],
)
def test_json_that_two_readers_read_differently_is_refused(place: Place, body: bytes) -> None:
    """Members twice, also in other letters, and what is not one JSON object do not reach the engine."""
    status, answer = place.ask("POST", f"{API}/containers/create", body)
    assert status in (400, 403), answer


def test_what_passes_is_written_again(place: Place, busybox_image: str) -> None:
    """A list that is empty would remove the engine's own masks. The caller's label does not replace the grant's."""
    host = {"maskedPaths": [], "ReadonlyPaths": [], "privileged": False, "memory": 64 * 1024 * 1024}
    status, answer = place.create(busybox_image, labels={"shorepass.grant": "other"}, hostconfig=host)
    assert status == 201, answer
    made = json.loads(place.on_host("inspect", json.loads(answer)["Id"]))[0]
    usual = place.on_host("create", busybox_image, "/bin/busybox", "true")
    expected = json.loads(place.on_host("inspect", usual))[0]
    place.on_host("rm", usual)
    masked = [made["HostConfig"][name] == expected["HostConfig"][name] for name in ("MaskedPaths", "ReadonlyPaths")]
    assert (masked, made["HostConfig"]["Memory"]) == ([True, True], 64 * 1024 * 1024)
    assert made["Config"]["Labels"] == {"shorepass.grant": GRANT}


CALLS = [
    *("POST {api}/containers/{id}/update", "POST {api}/containers/{id}/rename?name=x", "POST {api}/containers/prune"),
    *("POST {api}/commit?container={id}&repo=ubuntu", "POST {api}/images/load", "POST {api}/images/prune"),
    *("POST {api}/images/create?fromSrc=-&repo=ubuntu", "POST {api}/images/create?fromImage=a&repo=ubuntu"),
    *("DELETE {api}/images/ubuntu", "POST {api}/images/busybox/tag?repo=ubuntu&tag=latest"),
    *("POST {api}/build?remote=http://127.0.0.1/", "POST {api}/build?networkmode=host", "POST {api}/build?version=2"),
    *("POST {api}/build?networkmode=container:{id}", "POST {api}/build?cgroupparent=/", "POST {api}/build?t=ubuntu"),
    *("POST {api}/build?t={registry}/team/a&t=ubuntu", "POST {api}/build?securityopt=seccomp=unconfined"),
    *("POST {api}/build?session=1", "POST {api}/build?outputs=[]", "POST {api}/build/prune", "POST {api}/session"),
    *(
        "POST {api}/grpc",
        "GET {api}/plugins",
        "POST {api}/plugins/pull?remote=a",
        "GET {api}/volumes",
        "GET {api}/networks",
    ),
    *("POST {api}/volumes/create", "POST {api}/networks/create", "POST {api}/networks/host/connect", "GET {api}/swarm"),
    *(
        "POST {api}/swarm/init",
        "POST {api}/services/create",
        "GET {api}/secrets",
        "GET {api}/configs",
        "GET {api}/nodes",
    ),
    *(
        "GET {api}/system/df",
        "GET /debug/pprof/",
        "GET /metrics",
        "GET {api}/containers/{id}/checkpoints",
        "GET {api}/tasks",
    ),
    *("POST {api}/containers/{id}/start?checkpoint=a&checkpoint-dir=/tmp", "POST {api}/containers/{id}/checkpoints"),
    *("GET {api}/containers/{id}/attach/ws", "POST {api}/containers/{id}/copy", "OPTIONS {api}/containers/json"),
    *("POST /v1.23/containers/{id}/start", "POST /v1.9/containers/create", "POST /v1.041/containers/create"),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_not_in_the_list_is_refused(place: Place, busybox_image: str, call: str) -> None:
    """Each is refused by Shorepass, also for a container of the grant."""
    made = json.loads(place.create(busybox_image)[1])["Id"]
    method, path = call.format(api=API, id=made, registry=place.registry).split(" ")
    status, answer = place.ask(method, path)
    assert (status, b"shorepass: the grant does not pass" in answer) == (403, True), answer


def test_containers_of_others_are_not_found(place: Place, foreign: str, busybox_image: str) -> None:
    """They are not listed, and no call reaches one, by its name or by its id."""
    id_ = place.on_host("inspect", "--format", "{{.Id}}", foreign)
    assert json.loads(place.ask("GET", f"{API}/containers/json?all=1")[1]) == []
    filters = '{"label":{"shorepass.grant":true},"name":["foreign"]}'.replace('"', "%22")
    assert json.loads(place.ask("GET", f"{API}/containers/json?all=1&filters={filters}")[1]) == []
    for word in (foreign, id_, id_[:12]):
        for method, path in (
            ("GET", "/json"),
            ("GET", "/logs?stdout=1"),
            ("POST", "/stop"),
            ("POST", "/exec"),
            ("POST", "/attach?stream=1&stdout=1"),
            ("GET", "/archive?path=/"),
            ("DELETE", "?force=1"),
        ):
            body = {"Cmd": ["/bin/busybox", "id"]} if path == "/exec" else b""
            status, answer = place.ask(method, f"{API}/containers/{word}{path}", body)
            assert (status, b"No such container" in answer) == (404, True), (method, path, answer)
    assert place.on_host("inspect", "--format", "{{.State.Running}}", foreign) == "true"
    guarded, place.path = place.path, place.engine
    made = place.ask("POST", f"{API}/containers/{foreign}/exec", {"Cmd": ["/bin/busybox", "id"]}, "Connection: close")
    place.path = guarded
    exec_ = json.loads(made[1])["Id"]
    assert place.ask("POST", f"{API}/exec/{exec_}/start", {"Detach": False})[0] == 404
    assert place.ask("GET", f"{API}/exec/{exec_}/json")[0] == 404
    status, _ = place.create(busybox_image, HostConfig={"NetworkMode": f"container:{id_}"})
    assert status == 403


@pytest.fixture
def own(place: Place, busybox_image: str) -> str:
    """A container of the grant that runs."""
    network = {"NetworkMode": "none"}
    made = place.create(busybox_image, Cmd=["/bin/busybox", "sleep", "600"], HostConfig=network)
    id_ = str(json.loads(made[1])["Id"])
    assert place.ask("POST", f"{API}/containers/{id_}/start")[0] == 204
    return id_


def test_ps_shows_no_process_of_this_machine(place: Place, own: str) -> None:
    """The engine runs ps here, as root, with the caller's words: only usual ones pass."""
    secret = f"word-of-{os.getpid()}"
    with subprocess.Popen(["/bin/sh", "-c", "read wait", secret], stdin=subprocess.PIPE) as process:
        for words in (
            f"-oargs=PID --forest -p {process.pid}",
            f"-o args,pid --forest -p {process.pid}",
            f"-o user,comm,args,args,pid --forest -p {process.pid}",
            f"-ocomm=PID\t--forest\t-p\t{process.pid}",
            f"-o args -p {process.pid}",
            "-ouid=PID -e",
            "-o pid,args=PID",
        ):
            status, answer = place.ask("GET", f"{API}/containers/{own}/top?ps_args={quote(words)}")
            assert (status, b"the grant does not pass" in answer) == (403, True), (words, answer)
        status, answer = place.ask("GET", f"{API}/containers/{own}/top?ps_args=-ef&ps_args=-oargs%3DPID")
        assert status == 403, answer
        process.communicate(b"\n")
    for usual in ("", "aux", "-ef", "-o pid,cmd", "-eo pid,ppid,args"):
        status, answer = place.ask("GET", f"{API}/containers/{own}/top?ps_args={quote(usual)}")
        assert (status, b"sleep 600" in answer) == (200, True), (usual, answer)


@pytest.mark.parametrize("name", ["before", "since"])
def test_a_filter_does_not_show_that_a_container_exists(
    place: Place, foreign: str, own: str, busybox_image: str, name: str
) -> None:
    """A container of others and one that does not exist get the same answer; those of the grant are found."""
    answers = []
    for word in (foreign, "no-such-container"):
        filters = quote(json.dumps({name: [word]}))
        status, answer = place.ask("GET", f"{API}/containers/json?all=1&filters={filters}")
        answers.append((status, answer.replace(word.encode(), b"NAME")))
        assert place.ask("GET", f"{API}/containers/json?all=1&{name}={word}")[0] == 403
    assert answers == [(404, b'{"message": "shorepass: No such container: NAME"}\n')] * 2
    newer = json.loads(place.create(busybox_image)[1])["Id"]
    of, shown = {"before": (newer, own), "since": (own, newer)}[name]
    filters = quote(json.dumps({name: [of[:12]]}))
    assert ids(place.ask("GET", f"{API}/containers/json?all=1&filters={filters}")[1]) == [shown]


def test_a_beginning_of_an_id_is_compared_with_the_grants_containers_alone(
    place: Place, own: str, busybox_image: str
) -> None:
    """Otherwise the answer about an own container would tell how the ids of others begin."""
    theirs: list[str] = []
    while not any(id_[0] == own[0] for id_ in theirs):
        theirs.append(place.on_host("create", busybox_image, "/bin/busybox", "true"))
    try:
        for word in (own[0], own[:12], own):
            status, answer = place.ask("HEAD", f"{API}/containers/{word}/archive?path=/")
            assert status == 200, (word, answer)
        twice = next(word for word in "0123456789abcdef" if word != own[0])
        while sum(id_[0] == twice for id_ in theirs) < 2:
            theirs.append(place.on_host("create", busybox_image, "/bin/busybox", "true"))
        status, answer = place.ask("GET", f"{API}/containers/{twice}/json")
        assert (status, b"No such container" in answer) == (404, True), answer
    finally:
        place.on_host("rm", *theirs)


def test_a_name_does_not_take_the_place_of_an_id(place: Place, foreign: str, busybox_image: str) -> None:
    """For docker, a name comes before the beginning of an id: the user's commands would go to another container."""
    body = {"Image": busybox_image, "Cmd": ["/bin/busybox", "true"]}
    id_ = place.on_host("inspect", "--format", "{{.Id}}", foreign)
    for name in (id_[:12], id_[:3], id_, f"/{id_[:12]}", f"%2f{id_[:12]}"):
        status, answer = place.ask("POST", f"{API}/containers/create?name={name}", body)
        assert (status, b"the grant does not pass" in answer) == (403, True), (name, answer)
    status, answer = place.ask("POST", f"{API}/containers/create?name=db&name={id_[:12]}", body)
    assert status == 403, answer
    assert place.on_host("inspect", "--format", "{{.Name}}", id_[:12]) == f"/{foreign}"
    for name in ("db", f"cafe-{os.getpid()}"):
        assert place.ask("POST", f"{API}/containers/create?name={name}", body)[0] == 201


def test_an_image_cannot_label_containers_of_others(place: Place, busybox_image: str) -> None:
    """The container builds an image with the grant's label; what the machine's user starts of it remains the user's."""
    name, image = f"theirs-{os.getpid()}", f"{place.registry}/team/labelled:1"
    dockerfile = f"FROM {busybox_image}\nLABEL shorepass.grant={GRANT}\n".encode()
    built = place.docker("build", "-t", image, "-", stdin=dockerfile)
    assert built.returncode == 0, built.stderr
    place.on_host("run", "-d", "--name", name, "--network=none", image, "/bin/busybox", "sleep", "600")
    try:
        status, answer = place.ask(
            "POST", f"{API}/containers/{name}/exec", {"Cmd": ["/bin/busybox", "id"], "User": "0"}
        )
        assert (status, b"No such container" in answer) == (404, True)
    finally:
        place.on_host("rm", "-f", name)


@pytest.fixture
def labelled(place: Place, busybox_image: str) -> Iterator[str]:
    """An image that the container has built, with the grant's label."""
    image = f"{place.registry}/team/labelled:{os.getpid()}"
    dockerfile = f"FROM {busybox_image}\nLABEL shorepass.grant={GRANT}\n".encode()
    built = place.docker("build", "-t", image, "-", stdin=dockerfile)
    assert built.returncode == 0, built.stderr
    yield image
    place.on_host("rmi", "-f", image)


def ids(answer: bytes) -> list[str]:
    return [row["Id"] for row in json.loads(answer)]


def test_a_label_of_an_image_lists_nothing(place: Place, busybox_image: str, labelled: str) -> None:
    """The list has the containers of the grant, by each filter of the caller, and none of the machine's user."""
    listing = f"{API}/containers/json?all=1"
    theirs = place.on_host("create", labelled, "/bin/busybox", "true")
    try:
        assert ids(place.ask("GET", listing)[1]) == []
        own = json.loads(place.create(busybox_image)[1])["Id"]
        other = json.loads(place.create(busybox_image)[1])["Id"]
        assert ids(place.ask("GET", listing)[1]) == [other, own]
        for asked, shown in (
            ([theirs], []),
            ([theirs[:12], own[:12]], [own]),
            ([own, other], [other, own]),
            ([], [other, own]),
        ):
            filters = quote(json.dumps({"id": dict.fromkeys(asked, True)}))
            assert ids(place.ask("GET", f"{listing}&filters={filters}")[1]) == shown
        name = place.on_host("inspect", "--format", "{{.Name}}", theirs).strip("/")
        filters = quote(json.dumps({"name": [name], "label": ["a"], "id": [own]}))
        assert ids(place.ask("GET", f"{listing}&filters={filters}")[1]) == []
    finally:
        place.on_host("rm", "-f", theirs)


def test_a_label_of_an_image_shows_no_events(place: Place, busybox_image: str, labelled: str) -> None:
    """A stream has the events of the grant's containers, those before it and those made in the meantime, and no others."""
    before = json.loads(place.create(busybox_image)[1])["Id"]
    with socket.socket(socket.AF_UNIX) as wire, wire.makefile("rb") as stream:
        wire.connect(place.path)
        wire.settimeout(60)
        wire.sendall(f"GET {API}/events HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert b" 200 " in stream.readline()
        while stream.readline() != b"\r\n":
            pass
        theirs = place.on_host("create", labelled, "/bin/busybox", "true")
        place.on_host("rm", theirs)
        made = json.loads(place.create(busybox_image)[1])["Id"]
        place.on_host("rm", before)
        seen = [json.loads(stream.readline()) for _ in range(2)]
    assert [(event["Action"], event["Actor"]["ID"]) for event in seen] == [("create", made), ("destroy", before)]


def test_an_error_about_events(place: Place) -> None:
    """The engine's reason reaches the client whole."""
    done = place.docker("events", "--since", "no time")
    assert (done.returncode, b"no time" in done.stderr) == (1, True), done.stderr


def test_an_exec_or_a_start_with_rights_is_refused(place: Place, busybox_image: str) -> None:
    """A privileged exec, and an old start with a body, are refused; a stream begins only where the engine has one."""
    made = json.loads(place.create(busybox_image)[1])["Id"]
    exec_path, start = f"{API}/containers/{made}/exec", f"{API}/containers/{made}/start"
    for name in ("Privileged", "privileged"):
        assert place.ask("POST", exec_path, {"Cmd": ["/bin/busybox"], name: True})[0] == 403
    assert place.ask("POST", start, {"Privileged": True})[0] == 403
    assert place.ask("POST", f"/v1.23/containers/{made}/start", {"Privileged": True})[0] == 403
    chunked = "Transfer-Encoding: chunked"
    assert place.ask("POST", start, b"", chunked)[0] == 403
    for upgrade in ("tcp", "h2c", "websocket"):
        assert place.ask("GET", "/_ping", b"", "Connection: Upgrade", f"Upgrade: {upgrade}")[0] == 403
        assert place.ask("POST", f"{API}/grpc", b"", "Connection: Upgrade", f"Upgrade: {upgrade}")[0] == 403
    attach = f"{API}/containers/{made}/attach?stream=1&stdout=1"
    assert place.ask("POST", attach, b"", "Connection: Upgrade", "Upgrade: h2c")[0] == 403


def test_a_body_without_an_end_is_refused(place: Place) -> None:
    """A new container needs a length, which has a limit."""
    path = f"{API}/containers/create"
    assert place.ask("POST", path, b"", "Transfer-Encoding: chunked")[0] == 411
    assert place.ask("POST", path)[0] == 411
    assert place.ask("POST", path, b"", "Content-Length: 1048577")[0] == 413
    assert place.ask("POST", path, b"", f"Content-Length: {'9' * 100}")[0] == 411
