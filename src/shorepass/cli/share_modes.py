"""``shorepass share --explain-modes``: what a target can do in each mode, and in the ways without Shorepass."""

from __future__ import annotations

from shorepass.cli import console
from shorepass.grants.grant import ENGINE, EXPORT, FORWARD, MOUNT, TOKEN

__all__ = ["HEADINGS", "MODE_ROWS", "OTHER_ROWS", "explain"]

HEADINGS = ["MODE", "THE CONTAINER CAN", "STORED IN IT", "ENDS WITH", "SHOWN IN"]
MODE_ROWS = [
    [
        FORWARD,
        "ask for the lent logins and read them; push with them, if the login may",
        "nothing",
        "revoke, its time, lock",
        "the audit log, each use",
    ],
    [
        ENGINE,
        "pull with the lent logins, push with --push, and never read them; control the engine, and so this machine",
        "nothing",
        "revoke, its time, lock",
        "the audit log, each use",
    ],
    [
        f"{ENGINE} --deny",
        "the same, and start containers of its own, which get no rights on this machine",
        "nothing",
        "revoke, its time, lock",
        "the audit log, each use",
    ],
    [
        TOKEN,
        "pull the named repositories, push to them with --push, and read the token for that; nothing else",
        "a registry token",
        "revoke, its time, lock; a copy of the token is valid for minutes more",
        "the audit log, each new token",
    ],
    [
        EXPORT,
        "read the named logins, and use them for all repositories, also to push",
        "the named logins",
        "revoke, its time, lock; a copy ends with a new password",
        "the audit log, when they are written",
    ],
    [
        MOUNT,
        "run the helper, ask it for every login that it can get, and read its key files",
        "nothing; it sees your files",
        "the end of the container; a copy ends with new keys",
        "the cloud's log",
    ],
]
OTHER_ROWS = [
    [
        "your config.json mounted",
        "use and read every login in it",
        "the whole file",
        "a new password",
        "nothing",
    ],
    [
        "docker run --use-api-socket",
        "use and read every login of yours, and control the engine",
        "a copy of every login",
        "a new password",
        "nothing",
    ],
]


def explain() -> None:
    """Print the tables."""
    console.print_table(HEADINGS, MODE_ROWS)
    console.out("")
    console.out("Without Shorepass:")
    console.print_table(["WAY", *HEADINGS[1:]], OTHER_ROWS)
