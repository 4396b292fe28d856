"""certs.d of docker and of the containers tools."""

from __future__ import annotations

import pytest

from shorepass import clients
from shorepass.contexts import FileContent
from shorepass.contexts.local import LocalContext
from shorepass.errors import FileError, MalformedFile, UsageError
from shorepass.registry import certs_d
from shorepass.registry.certs_d import Certificates

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
READ = PEM.encode()


class Place(LocalContext):
    """A context whose files are given; a folder whose value is None cannot be read."""

    def __init__(
        self, files: dict[str, str | None], *, platform: str = "linux", uid: int = 1000, **environ: str
    ) -> None:
        super().__init__({"HOME": "/home/me", **environ}, platform=platform, uid=uid)
        self._files = files
        self._separator = "\\" if platform == "windows" else "/"

    def is_folder(self, path: str) -> bool:
        return any(name == path or name.startswith(path + self._separator) for name in self._files)

    def names(self, folder: str) -> list[str]:
        if folder in self._files:
            raise FileError(folder, "permission denied", owner="root(0)", mode="0700")
        start = folder + self._separator
        return sorted({n.removeprefix(start).partition(self._separator)[0] for n in self._files if n.startswith(start)})

    def read(self, path: str, limit: int) -> FileContent | None:
        text = self._files.get(path)
        assert text is None or len(text) <= limit
        return None if text is None else FileContent(path, text.encode())

    def head(self, path: str, size: int) -> bytes | None:
        text = self._files.get(path)
        return None if text is None else text.encode()[:size]


def find(context: Place, client: str, host: str, override: str | None = None) -> Certificates:
    return certs_d.find(context, clients.find(client), host, override)


def misplaced(context: Place, client: str, host: str) -> list[str]:
    return certs_d.misplaced(context, clients.find(client), host)


def folder(context: Place, client: str, host: str, override: str | None = None) -> str:
    return find(context, client, host, override).folder


def test_docker_of_a_user() -> None:
    """A user's own (rootless) folder comes before the system's; root has only the system's."""
    own, system = "/home/me/.config/docker/certs.d/r:5000/a.crt", "/etc/docker/certs.d/r:5000/b.crt"
    assert find(Place({own: PEM, system: PEM}), "docker", "r:5000").authorities == ((own, READ),)
    assert find(Place({system: PEM}), "docker", "r:5000").authorities == ((system, READ),)
    assert find(Place({own: PEM}, uid=0), "docker", "r:5000").authorities == ()
    moved = Place({"/cfg/docker/certs.d/r/a.crt": PEM}, XDG_CONFIG_HOME="/cfg")
    assert folder(moved, "docker", "r") == "/cfg/docker/certs.d/r"


def test_docker_on_windows() -> None:
    """Windows has the folder below ProgramData, and no colon in its name."""
    place = Place({r"D:\pd\docker\certs.d\r5000\a.crt": PEM}, platform="windows", PROGRAMDATA=r"D:\pd")
    assert folder(place, "docker", "r:5000") == r"D:\pd\docker\certs.d\r5000"
    assert find(place, "docker", "r:5000").authorities[0][0] == r"D:\pd\docker\certs.d\r5000\a.crt"


def test_containers_order() -> None:
    """~/.config, then /etc/containers, then docker's; the first that exists, even an empty answer, and no merging."""
    paths = [f"{base}/certs.d/r/ca.crt" for base in ("/home/me/.config/containers", "/etc/containers", "/etc/docker")]
    files: dict[str, str | None] = dict.fromkeys(paths, PEM)
    for path in paths:
        assert find(Place(files), "podman", "r").authorities == ((path, READ),)
        del files[path]
    unrelated: dict[str, str | None] = {"/home/me/.config/containers/certs.d/r/README": "", paths[2]: PEM}
    assert find(Place(unrelated), "skopeo", "r").authorities == ()


def test_folder_that_may_not_be_read() -> None:
    """It is passed over for podman; for docker it is an error that names it, its owner and mode."""
    files = {"/etc/containers/certs.d/r": None, "/etc/docker/certs.d/r/ca.crt": PEM}
    assert find(Place(files), "podman", "r").folder == "/etc/docker/certs.d/r"
    with pytest.raises(FileError, match=r"/etc/docker/certs\.d/r \(owner root\(0\), mode 0700\)"):
        find(Place({"/etc/docker/certs.d/r": None}), "docker", "r")


def test_docker_hub() -> None:
    """Docker reads no folder for Docker Hub; containers reads one called docker.io."""
    files: dict[str, str | None] = {"/etc/docker/certs.d/docker.io/ca.crt": PEM}
    assert find(Place(files), "docker", "docker.io") == Certificates()
    assert folder(Place(files), "podman", "docker.io") == "/etc/docker/certs.d/docker.io"


def test_nothing_there() -> None:
    """Without any folder the answer says where one would belong."""
    assert find(Place({}), "docker", "r:5000") == Certificates("/etc/docker/certs.d/r:5000")


def test_client_pair() -> None:
    """X.cert and X.key belong together; only their paths are kept, the key is not read."""
    files = {"/c/a.cert": PEM, "/c/a.key": None, "/c/ca.crt": PEM, "/c/notes.txt": ""}
    assert find(Place(files), "docker", "r", "/c") == Certificates(
        "/c", (("/c/ca.crt", READ),), ("/c/a.cert", "/c/a.key")
    )


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.cert"], r"a\.cert: its key a\.key is missing"),
        (["a.key"], r"a\.key: its certificate a\.cert is missing"),
        (["a.cert", "a.key", "b.cert", "b.key"], "2 client certificates"),
    ],
)
def test_broken_pairs(names: list[str], words: str) -> None:
    """Half a pair, or more than one, is an error that names the file and says what to do."""
    with pytest.raises(FileError, match=words) as caught:
        find(Place({f"/c/{name}": PEM for name in names}), "docker", "r", "/c")
    assert caught.value.hint or "certificate a.cert" in str(caught.value)


def test_authority_that_is_none() -> None:
    """A .crt without a PEM certificate is an error that names the file."""
    with pytest.raises(MalformedFile, match=r"/c/ca\.crt: no PEM certificate"):
        find(Place({"/c/ca.crt": "\x00\xff"}), "docker", "r", "/c")


def test_override() -> None:
    """--cert-dir stands in for all folders; one that does not exist is the user's mistake."""
    files: dict[str, str | None] = {"/c/ca.crt": PEM, "/etc/docker/certs.d/r/ca.crt": PEM}
    assert folder(Place(files), "docker", "r", "/c") == "/c"
    with pytest.raises(UsageError, match="/nowhere"):
        find(Place(files), "docker", "r", "/nowhere")


@pytest.mark.parametrize("client", ["docker", "podman"])
def test_misplaced(client: str) -> None:
    """A certificate in a folder without the port, or with another ending, seems to be meant; others do not."""
    root = "/etc/docker/certs.d"
    meant = [f"{root}/reg.example/ca.crt", f"{root}/reg.example:5000/ca.pem", f"{root}/REG.example:5000/ca.crt"]
    others = {f"{root}/reg.example:5000/ca.crt": PEM, f"{root}/other.example/ca.crt": PEM}
    others |= {f"{root}/reg.example:5000/notes.txt": "x", f"{root}/reg.example:5000/client.cert": PEM}
    place = Place({**dict.fromkeys(meant, PEM), **others})
    assert sorted(misplaced(place, client, "reg.example:5000")) == sorted(meant)


def test_misplaced_behind_another_folder() -> None:
    """Of several folders podman reads the first alone: what lies in the next is not read."""
    behind = "/etc/docker/certs.d/reg.example/ca.crt"
    place = Place({"/home/me/.config/containers/certs.d/reg.example/readme": "x", behind: PEM})
    assert misplaced(place, "podman", "reg.example") == [behind]
    assert misplaced(Place({behind: PEM}), "podman", "reg.example") == []
    assert misplaced(Place({"/etc/docker/certs.d": None}), "docker", "reg.example") == []


def test_crane_has_no_folder() -> None:
    """Crane trusts what the system trusts, whatever is in others' folders."""
    files: dict[str, str | None] = {"/etc/docker/certs.d/r/ca.crt": PEM, "/etc/containers/certs.d/r/ca.crt": PEM}
    assert find(Place(files), "crane", "r") == Certificates()
    assert misplaced(Place(files), "crane", "r") == []
