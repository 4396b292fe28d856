"""Hears from the desktop that the machine goes to sleep, or that the screen is locked.

With the D-Bus library of the extra ``keychain``, the signals of logind and of the screen saver are heard before the machine
sleeps. Without it, a sleep is seen afterwards, by the clock that runs on while the machine sleeps. Sources: the
org.freedesktop.login1 interface, the freedesktop and GNOME screen saver interfaces, clock_gettime(2).
"""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from shorepass.agent.lifetimes import since_boot

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SleepWatch", "hear_signals"]

SLEPT_SECONDS = 2.0  # a shorter difference between the clocks is not a sleep


class _Signal(NamedTuple):
    """``value``: the first argument of the signal; None: it has none."""

    bus: str
    interface: str
    member: str
    value: bool | None


SIGNALS = (
    _Signal("SYSTEM", "org.freedesktop.login1.Manager", "PrepareForSleep", value=True),
    _Signal("SYSTEM", "org.freedesktop.login1.Session", "Lock", value=None),
    _Signal("SESSION", "org.freedesktop.ScreenSaver", "ActiveChanged", value=True),
    _Signal("SESSION", "org.gnome.ScreenSaver", "ActiveChanged", value=True),
)


class SleepWatch:
    """Compares a clock that counts the time asleep with one that does not."""

    def __init__(self) -> None:
        self._asleep = _seconds_asleep()

    def has_slept(self) -> bool:
        """Tell whether the machine has slept since the last call."""
        before, self._asleep = self._asleep, _seconds_asleep()
        return self._asleep - before > SLEPT_SECONDS


def _seconds_asleep() -> float:
    return since_boot() - time.monotonic()


def hear_signals(act: Callable[[], None]) -> None:
    """Call ``act`` at each signal, from threads that run as long as this process."""
    for bus in ("SYSTEM", "SESSION"):
        signals = [signal for signal in SIGNALS if signal.bus == bus]
        Thread(target=_hear, args=(bus, signals, act), daemon=True).start()


def _hear(bus: str, signals: list[_Signal], act: Callable[[], None]) -> None:
    try:
        from jeepney import MatchRule, MessageType, message_bus
        from jeepney.io.blocking import Proxy, open_dbus_connection
    except ImportError:
        return  # SleepWatch remains
    try:
        with open_dbus_connection(bus=bus) as connection:
            manager = Proxy(message_bus, connection)
            for signal in signals:
                manager.AddMatch(MatchRule(type="signal", interface=signal.interface, member=signal.member))
            while True:
                message = connection.receive()
                if message.header.message_type is MessageType.signal and _is_one_of(message, signals):
                    act()
    except (OSError, ValueError, KeyError, EOFError):
        return  # there is no such bus, or it has ended


def _is_one_of(message: object, signals: list[_Signal]) -> bool:
    from jeepney import HeaderFields

    fields = message.header.fields  # type: ignore[attr-defined]  # a jeepney Message, which has no types
    for signal in signals:
        same = (fields.get(HeaderFields.interface), fields.get(HeaderFields.member)) == (
            signal.interface,
            signal.member,
        )
        if same and signal.value in (None, *message.body[:1]):  # type: ignore[attr-defined]
            return True
    return False
