"""A host behind a real sshd: in a network namespace of its own, with busybox's root file system and a user of its own."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from e2e import programs
from e2e.people import add_user, remove_user

__all__ = ["SshHost", "ssh_host"]

UNREACHABLE = "192.0.2.1"  # RFC 5737, a documentation address: the namespace drops what goes there


class SshHost(NamedTuple):
    """``bin``: the folder with an ``ssh`` that uses the test's own config, keys and namespace.

    In that config the host is called ``virtual``; ``unreachable`` never answers, ``closed`` has no sshd, ``refusing`` takes
    no key of ours, and the key of ``unknown`` is not known. ``root``: the host's root folder, ``home``: its user's home in it,
    as the host names it; ``user`` and ``uid`` of that user.
    """

    bin: Path
    root: Path
    user: str
    uid: int
    home: str
    namespace: str

    @property
    def words(self) -> str:
        """All that was on the command line of ``ssh`` so far."""
        said = self.bin.parent / "words"
        return said.read_text() if said.exists() else ""

    def sh(self, script: str, stdin: bytes = b"") -> bytes:
        """Run a script on the host as its user, not by way of ssh."""
        return programs.shell(programs.as_root(self._command()), script, stdin)

    @property
    def chroot(self) -> str:
        """The command, for a shell, that runs another as the host's user, with a PATH in front of it."""
        return f"{' '.join(programs.as_root(self._command()))} env PATH="

    def install(self, path: str, script: str) -> None:
        """Make a program of root's on the host."""
        _as_root("tee", f"{self.root}{path}", stdin=script)
        _as_root("chmod", "755", f"{self.root}{path}")

    def _command(self) -> list[str]:
        chroot = programs.require("chroot")
        ids = f"{self.uid}:{self.uid}"
        return [chroot, f"--userspec={ids}", "--groups=", str(self.root), "/bin/env", "-i", f"HOME={self.home}"]


def _as_root(*argv: str, stdin: str = "") -> str:
    done = programs.run(programs.as_root(argv), stdin=stdin)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def ssh_host() -> Iterator[SshHost]:
    """Start the host; gone after ``with``, with its user and its namespace."""
    programs.require("sshd")
    name = f"shorepass-{secrets.token_hex(4)}"
    folder = Path(tempfile.mkdtemp(prefix="shorepass-ssh-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as undo:
        undo.callback(_as_root, "rm", "-rf", str(folder))
        uid = add_user(name, "--home-dir", f"/home/{name}", "--password", "*")
        undo.callback(remove_user, name, uid)
        _as_root("ip", "netns", "add", name)
        undo.callback(_as_root, "ip", "netns", "delete", name)
        # a device that leads to another in the same namespace, where nobody answers: connecting waits
        for words in (
            *("link set lo up", "link add nowhere type veth peer name neither", "link set nowhere up"),
            *("link set neither up", f"route add {UNREACHABLE}/32 dev nowhere"),
            f"neighbour add {UNREACHABLE} lladdr 02:00:00:00:00:01 dev nowhere",
        ):
            _as_root("ip", "-n", name, *words.split())
        root = Path("/run", name)  # every folder above a ChrootDirectory must be root's alone
        undo.callback(_as_root, "rm", "-rf", str(root))
        _root_folder(folder / "root", root, name, uid)
        host = SshHost(folder / "bin", root, name, uid, f"/home/{name}", name)
        config = _keys_and_configs(folder, host)
        log = folder / "sshd.log"

        def listens() -> bool | None:
            return True if re.search("Server listening on 127.0.0.1", log.read_text(errors="replace")) else None

        argv = ["ip", "netns", "exec", name, programs.require("sshd"), "-D", "-e", "-f", str(config)]
        undo.enter_context(programs.running(programs.as_root(argv), log, listens))
        yield host


def _root_folder(draft: Path, final: Path, user: str, uid: int) -> None:
    """Make a root file system with busybox as every program, and the user's home in it."""
    for name in ("bin", "etc", "tmp", "dev", f"home/{user}"):
        (draft / name).mkdir(parents=True)
    shutil.copy(programs.require("busybox"), draft / "bin" / "busybox")
    listed = programs.run([programs.require("busybox"), "--list"]).stdout.split()
    for applet in listed:
        if applet != "busybox":
            (draft / "bin" / applet).symlink_to("busybox")
    (draft / "etc/passwd").write_text(f"root:x:0:0::/:/bin/sh\n{user}:x:{uid}:{uid}::/home/{user}:/bin/sh\n")
    (draft / "etc/group").write_text(f"root:x:0:\n{user}:x:{uid}:\n")
    (draft / "etc/profile").write_text("echo a banner that scripts must not trip over\n")
    (draft / "tmp").chmod(0o1777)
    _as_root("cp", "-a", str(draft), str(final))
    _as_root("mknod", "-m", "666", str(final / "dev/null"), "c", "1", "3")
    _as_root("chown", "-R", "root:root", str(final))
    _as_root("chown", f"{uid}:{uid}", str(final / f"home/{user}"))


def _keys_and_configs(folder: Path, host: SshHost) -> Path:
    """Make both keys, the client's and the server's config, and the ``ssh`` that uses them; return the server's config."""
    for key in ("host_key", "client_key"):
        made = programs.run([programs.require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)])
        assert made.returncode == 0, made.stderr
    public = (folder / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"virtual {public[0]} {public[1]}\n")
    (folder / "ssh_config").write_text(
        f"Host virtual\n  HostName 127.0.0.1\n  HostKeyAlias virtual\n"
        f"Host unreachable\n  HostName {UNREACHABLE}\n"
        f"Host refusing\n  HostName 127.0.0.1\n  HostKeyAlias virtual\n  User nobody\n"
        f"Host unknown\n  HostName 127.0.0.1\n  HostKeyAlias unknown\n"
        f"Host closed\n  HostName 127.0.0.1\n  Port 1\n"
        f"Host *\n  User {host.user}\n  Port 2222\n  IdentityFile {folder}/client_key\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
    )
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1:2222\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/client_key.pub\nPasswordAuthentication no\nPrintMotd no\n"
        f"Banner {folder}/banner\nChrootDirectory {host.root}\nAllowUsers {host.user}\nLogLevel VERBOSE\n"
    )
    (folder / "banner").write_text("Authorised use only\n")
    host.bin.mkdir()
    prefix = " ".join(programs.as_root([programs.require("ip"), "netns", "exec", host.namespace]))
    ssh = host.bin / "ssh"
    ssh.write_text(
        f'#!/bin/sh\necho "$@" >>{folder}/words\nexec {prefix} {programs.require("ssh")} -F {folder}/ssh_config "$@"\n'
    )
    ssh.chmod(0o755)
    if not Path("/run/sshd").is_dir():  # sshd's own empty folder, which Debian's service makes
        _as_root("mkdir", "-p", "-m", "755", "/run/sshd")
    return config
