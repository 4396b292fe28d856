"""Why Linux does not start a program of Windows, from the files of WSL that show it."""

from __future__ import annotations

import pytest

from dict_context import DictContext
from shorepass.helper.windows_programs import off_switch

ENTRY = "/proc/sys/fs/binfmt_misc/WSLInterop"
VERSION = {"/proc/version": "Linux version 5.15.153.1-microsoft-standard-WSL2"}


@pytest.mark.parametrize(
    ("files", "fix"),
    [
        ({}, "use a helper for Linux"),
        ({**VERSION, "/etc/wsl.conf": "[Interop]\nenabled = False\n"}, "wsl.exe --shutdown"),
        ({**VERSION, "/etc/wsl.conf": "[boot]\nsystemd=true\n"}, "systemctl restart systemd-binfmt"),
        ({**VERSION, ENTRY: "disabled\ninterpreter /init\n"}, f"tee {ENTRY}"),
        ({**VERSION, ENTRY: "enabled\ninterpreter /init\n"}, "administrator of Windows"),
    ],
)
def test_the_switch_that_is_off(files: dict[str, str], fix: str) -> None:
    """Each of the causes has its own command."""
    assert fix in off_switch(DictContext("me", files)).fix
