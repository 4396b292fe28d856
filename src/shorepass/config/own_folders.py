"""Where Shorepass's own files are: the folders of the XDG base directory specification, on Windows those below AppData."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.config.locations import join

if TYPE_CHECKING:
    from shorepass.contexts import Context

__all__ = ["data_folder", "settings_folder", "state_folder"]


def settings_folder(context: Context) -> str:
    """Return the folder for what the user sets."""
    return _folder(context, "XDG_CONFIG_HOME", (".config",), "APPDATA", "Roaming")


def data_folder(context: Context) -> str:
    """Return the folder for what is worth a backup."""
    return _folder(context, "XDG_DATA_HOME", (".local", "share"), "LOCALAPPDATA", "Local")


def state_folder(context: Context) -> str:
    """Return the folder for what belongs to this machine, and is not carried to another."""
    return _folder(context, "XDG_STATE_HOME", (".local", "state"), "LOCALAPPDATA", "Local")


def _folder(context: Context, variable: str, below_home: tuple[str, ...], windows: str, below_appdata: str) -> str:
    home = context.home() or ""
    if context.platform == "windows":
        chosen = context.getenv(windows) or join(context, home, "AppData", below_appdata)
    else:
        chosen = context.getenv(variable) or join(context, home, *below_home)
    return join(context, chosen, "shorepass")
