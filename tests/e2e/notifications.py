"""A stand-in for a desktop's notification server: it writes what it shows to a file, and presses the button it was told to.

Usage: ``python notifications.py BUS FOLDER BUTTON [CAPABILITY ...]``. ``shown`` in the folder has the text. It presses when
the file ``press`` exists.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from jeepney import DBusAddress, HeaderFields, message_bus, new_method_return, new_signal
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
NUMBER = 7


def main(address: str, folder: Path, button: str, *capabilities: str) -> None:
    """Serve until the process ends."""
    with open_dbus_connection(address) as connection:
        Proxy(message_bus, connection).RequestName(NAME)
        (folder / "ready").touch()
        while True:
            answer(connection, folder, button, capabilities)


def answer(connection: DBusConnection, folder: Path, button: str, capabilities: tuple[str, ...]) -> None:
    """Answer one call; after Notify, press the button."""
    message = connection.receive()
    member = message.header.fields.get(HeaderFields.member)
    if member == "GetCapabilities":
        connection.send(new_method_return(message, "as", (list(capabilities),)))
    elif member == "Notify":
        connection.send(new_method_return(message, "u", (NUMBER,)))
        (folder / "shown.new").write_text(message.body[4])
        os.replace(folder / "shown.new", folder / "shown")
        while not (folder / "press").exists():
            time.sleep(0.02)
        emitter = DBusAddress(PATH, interface=NAME)
        connection.send(new_signal(emitter, "ActionInvoked", "us", (NUMBER, button)))
    elif member == "CloseNotification":
        connection.send(new_method_return(message))
        (folder / "closed").touch()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
