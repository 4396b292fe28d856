"""A session bus of the test's own, and a real gnome-keyring on it, unlocked or not."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from e2e import programs

__all__ = ["bus", "keyring_daemon", "lock"]

CONFIG = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@contextlib.contextmanager
def bus(folder: Path, *, starts: str = "") -> Iterator[str]:
    """Run a bus with nothing on it; yield its address.

    ``starts``: the program that the bus starts when somebody asks for a keyring.
    """
    services, socket, config = folder / "services", folder / "bus", folder / "bus.conf"
    services.mkdir(parents=True, exist_ok=True)
    config.write_text(CONFIG.format(socket=socket, services=services))
    if starts:
        text = f"[D-BUS Service]\nName=org.freedesktop.secrets\nExec={starts}\n"
        (services / "org.freedesktop.secrets.service").write_text(text)
    argv = [programs.require("dbus-daemon"), f"--config-file={config}", "--nofork", "--nopidfile"]
    address = f"unix:path={socket}"
    with programs.running(argv, folder / "bus.log", lambda: _answers(address)):
        yield address


def _answers(address: str) -> bool | None:
    from jeepney.io.blocking import open_dbus_connection

    try:
        open_dbus_connection(address).close()
    except OSError:
        return None
    return True


@contextlib.contextmanager
def keyring_daemon(folder: Path, address: str) -> Iterator[None]:
    """Run gnome-keyring on a bus, with a new and unlocked keyring."""
    env = {
        "PATH": programs.SYSTEM_PATH,
        "DBUS_SESSION_BUS_ADDRESS": address,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_RUNTIME_DIR": str(folder),
    }
    argv = [programs.require("gnome-keyring-daemon"), "--unlock", "--foreground", "--components=secrets"]
    with (folder / "keyring.log").open("wb") as log:
        process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        assert process.stdin
        process.stdin.write(b"the keyring's password")
        process.stdin.close()

        def answers() -> bool | None:
            return True if is_unlocked(address) else None

        programs.wait_until(answers, "gnome-keyring-daemon")
        yield
    finally:
        process.terminate()
        process.wait(programs.STOP_SECONDS)


def is_unlocked(address: str) -> bool:
    import secretstorage
    from jeepney.io.blocking import open_dbus_connection

    with contextlib.closing(open_dbus_connection(address)) as connection:
        if not secretstorage.check_service_availability(connection):
            return False
        return not secretstorage.get_default_collection(connection).is_locked()


def lock(address: str) -> None:
    """Lock the keyring."""
    import secretstorage
    from jeepney.io.blocking import open_dbus_connection

    with contextlib.closing(open_dbus_connection(address)) as connection:
        secretstorage.get_default_collection(connection).lock()
