"""Why a Linux does not start a program of Windows (``.exe``), and the command that starts such programs again.

In WSL, the kernel passes these programs to Windows: its table of formats (``binfmt_misc``) has an entry for them.
Sources: https://learn.microsoft.com/windows/wsl/wsl-config, https://github.com/microsoft/WSL/issues/8843
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shorepass.contexts.executable import HEAD_SIZE, describe
from shorepass.errors import FileError

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["OFF", "OffSwitch", "is_of_windows", "is_wsl", "off_switch"]

FORMATS = "/proc/sys/fs/binfmt_misc"
ENTRIES = (f"{FORMATS}/WSLInterop", f"{FORMATS}/WSLInterop-late")
SETTINGS = "/etc/wsl.conf"
LIMIT = 65536  # bytes
SHUT_DOWN = "then in Windows: wsl.exe --shutdown"
REGISTER = (
    "sudo sh -c 'echo :WSLInterop:M::MZ::/init:PF > /usr/lib/binfmt.d/WSLInterop.conf' "
    "&& sudo systemctl restart systemd-binfmt"
)


class OffSwitch(NamedTuple):
    """Why programs of Windows do not start, and the command that changes it. ``seen``: the file that shows it."""

    cause: str
    fix: str
    seen: str = ""


OFF = {
    "elsewhere": OffSwitch("a Windows program, and this Linux is not in WSL", "use a helper for Linux"),
    "setting": OffSwitch(
        "a Windows program, and /etc/wsl.conf has interop switched off",
        f"set enabled = true below [interop] in {SETTINGS}, {SHUT_DOWN}",
        SETTINGS,
    ),
    "systemd": OffSwitch(
        "a Windows program, and this Linux no longer has WSL's entry that starts those", REGISTER, ENTRIES[0]
    ),
    "disabled": OffSwitch(
        "a Windows program, and WSL's entry that starts those is disabled",
        f"echo 1 | sudo tee {ENTRIES[0]}",
        ENTRIES[0],
    ),
    "refused": OffSwitch(
        "a Windows program that Windows does not start, perhaps by a rule of its administrator (AppLocker)",
        "ask the administrator of Windows to allow it",
    ),
}


def is_of_windows(context: Context, path: str) -> bool:
    """Return whether a program on Linux is one of Windows, by its first bytes."""
    if context.platform != "linux":
        return False
    try:
        program = describe(context.head(path, HEAD_SIZE) or b"")
    except FileError:
        return False
    return program is not None and program.kind == "pe"


def is_wsl(context: Context) -> bool:
    """Return whether a context is in WSL."""
    return bool(context.getenv("WSL_DISTRO_NAME")) or b"microsoft" in _text(context, "/proc/version").lower()


def off_switch(context: Context) -> OffSwitch:
    """Return why programs of Windows do not start in a context."""
    if not is_wsl(context):
        return OFF["elsewhere"]
    if _setting(context, "interop", "enabled") == "false":
        return OFF["setting"]
    entries = [_text(context, path) for path in ENTRIES]
    if not any(entries):
        return OFF["systemd"]
    return OFF["disabled" if all(entry.startswith(b"disabled") for entry in entries if entry) else "refused"]


def _setting(context: Context, wanted: str, name: str) -> str:
    """Return a setting of wsl.conf in lower case, "" if it is not set."""
    section = ""
    for line in _text(context, SETTINGS).decode("utf-8", "replace").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("["):
            section = text.strip("[] ").lower()
        key, _, value = text.partition("=")
        if section == wanted and key.strip().lower() == name:
            return value.strip().lower()
    return ""


def _text(context: Context, path: str) -> bytes:
    """Return the first bytes of a file, b"" if it cannot be read."""
    try:
        return context.head(path, LIMIT) or b""
    except FileError:
        return b""
