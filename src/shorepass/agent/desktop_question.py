"""Asks the user on the desktop: by a notification with two buttons, or else by pinentry.

Source: the Desktop Notifications Specification 1.2. A server that shows no buttons cannot ask.
"""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING, NamedTuple

from shorepass.contexts.pinentry import confirm_by, pinentry_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shorepass.contexts.local import LocalContext

__all__ = ["DesktopAnswer", "ask_desktop"]

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
CALL_SECONDS = 5.0  # for the server's answer to a call
LOOK_SECONDS = 0.25  # between two looks whether the question was answered elsewhere
CRITICAL = 2  # the urgency that does not vanish by itself


class DesktopAnswer(NamedTuple):
    """``by``: what asked."""

    yes: bool
    by: str


def ask_desktop(here: LocalContext, text: str, deadline: float, is_over: Callable[[], bool]) -> DesktopAnswer | None:
    """Ask until a deadline of ``time.monotonic``, or until ``is_over``; None: no answer, or the desktop cannot ask."""
    asked, yes = _by_notification(text, deadline, is_over)
    if asked:
        return None if yes is None else DesktopAnswer(yes, "notification")
    program = pinentry_of(here)
    if program is None:
        return None
    yes = confirm_by(here, program, text, deadline - time.monotonic())
    return None if yes is None else DesktopAnswer(yes, "pinentry")


def _by_notification(text: str, deadline: float, is_over: Callable[[], bool]) -> tuple[bool, bool | None]:
    """Return whether a notification with buttons was shown, and the answer; None without one."""
    try:
        from jeepney import DBusAddress, DBusErrorResponse, MatchRule, message_bus, new_method_call
        from jeepney.io.blocking import Proxy, open_dbus_connection
    except ImportError:
        return False, None
    server = DBusAddress(PATH, bus_name=NAME, interface=NAME)
    try:
        with open_dbus_connection(bus="SESSION") as connection:

            def call(member: str, signature: str = "", body: tuple[Any, ...] = ()) -> Any:
                message = new_method_call(server, member, signature or None, body)
                answer = connection.send_and_get_reply(message, timeout=CALL_SECONDS)
                if answer.header.message_type.name == "error":
                    raise DBusErrorResponse(answer)
                return answer.body

            (abilities,) = call("GetCapabilities")
            if "actions" not in abilities:
                return False, None
            # only signals of the server itself: the bus compares the sender
            Proxy(message_bus, connection).AddMatch(MatchRule(type="signal", sender=NAME, interface=NAME, path=PATH))
            shown = html.escape(text) if "body-markup" in abilities else text
            milliseconds = max(0, round((deadline - time.monotonic()) * 1000))
            buttons = ["yes", "Allow", "no", "Refuse"]
            hints = {"urgency": ("y", CRITICAL)}
            body = ("shorepass", 0, "dialog-password", "Shorepass", shown, buttons, hints, milliseconds)
            (number,) = call("Notify", "susssasa{sv}i", body)
            answer = _pressed(connection, number, deadline, is_over)
            call("CloseNotification", "u", (number,))
            return True, answer
    except (OSError, ValueError, KeyError, EOFError, DBusErrorResponse):
        return False, None


def _pressed(connection: Any, number: int, deadline: float, is_over: Callable[[], bool]) -> bool | None:
    """Return the button of a notification; None if it was not pressed in time."""
    from jeepney import HeaderFields, MessageType

    while time.monotonic() < deadline and not is_over():
        try:
            message = connection.receive(timeout=LOOK_SECONDS)
        except TimeoutError:
            continue
        fields = message.header.fields
        is_signal = message.header.message_type is MessageType.signal
        if is_signal and fields.get(HeaderFields.member) == "ActionInvoked" and message.body[0] == number:
            return bool(message.body[1] == "yes")
    return None
