"""``shorepass vault``: create the encrypted file with the logins, change its key, or export it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shorepass import files
from shorepass.cli import console
from shorepass.cli.flags import check_action
from shorepass.contexts.command import command
from shorepass.contexts.local import LocalContext
from shorepass.contexts.terminal import ask
from shorepass.errors import UsageError, WriteError, printable, without_user_info
from shorepass.foreign_text import visible
from shorepass.profile import current
from shorepass.stores.vault import setup
from shorepass.stores.vault.document import encode
from shorepass.stores.vault.setup import init
from shorepass.stores.vault.setup import rekey as give_new_key
from shorepass.stores.vault.vault import Vault

if TYPE_CHECKING:
    import argparse

    from shorepass.stores.vault.setup import Lock

EXAMPLES = """\
shorepass vault init                          # a machine key: you never type anything
shorepass vault init --ssh-key ~/.ssh/id_ed25519
shorepass vault init --passphrase             # each command asks for it on the terminal
shorepass vault rekey --passphrase            # the old key no longer opens the vault
shorepass vault trust                         # use a vault that another machine or another key wrote
shorepass vault export -o logins.json         # in plain text, as a config.json that docker reads
"""
NOTES = """\
--also RECIPIENT (age1..., ssh-ed25519 ...) allows a second key to open the vault: of a backup, or of a colleague. rekey removes
the recipients that it does not name.
The vault is signed with your key. Shorepass does not use a vault with another signature or with new recipients. trust shows
what is in it, asks, and signs it.
To open the vault without Shorepass: age --decrypt -i KEY vault.age, with a key file that `shorepass vault` names.
"""

MACHINE_KEY = """\
The key is stored unencrypted in {key} (mode 0600).
It protects the logins if only the vault is visible: in synced dotfiles, or in a backup of {data}.
It does not protect them from a user who can read your files, or in a backup that has both.
For that: {rekey}
"""
SSH_KEY = """\
The vault opens with {key}. A user who can read that file can read the logins.
Keep a backup of it: without it, the logins are lost.
"""
TYPED_KEY = """\
The vault opens with the passphrase, which you type on the terminal. {key} has the key that it protects.
Keep a backup of both: without them, the logins are lost.
"""


ACTIONS = ("init", "rekey", "trust", "export")
NEW_KEY = ("init", "rekey")
# The actions of each flag.
FLAGS = {
    **dict.fromkeys(("machine_key", "ssh_key", "identity", "passphrase", "also"), NEW_KEY),
    "output": ("export",),
    "yes": ("trust", "export"),
}
SHOWN = 20  # logins that ``trust`` names; of more it says how many


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    action = (
        "init: create the vault; rekey: change its key; trust: accept what another key wrote; "
        "export: print the logins; without: print its state"
    )
    parser.add_argument("action", nargs="?", choices=ACTIONS, metavar="ACTION", help=action)
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--machine-key", action="store_true", help="an unencrypted key on this machine (default)")
    key.add_argument("--ssh-key", metavar="FILE", help="an SSH key (ed25519 or RSA)")
    key.add_argument("--identity", metavar="FILE", help="an age identity file")
    key.add_argument("--passphrase", action="store_true", help="a passphrase, which you type on the terminal")
    also = "another key that can open the vault; may be repeated"
    parser.add_argument("--also", metavar="RECIPIENT", action="append", default=[], help=also)
    parser.add_argument("-o", "--output", metavar="FILE", help="export: write a new file (mode 0600)")
    parser.add_argument("-y", "--yes", action="store_true", help="export, trust: do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    here = current()
    vault = Vault(here, ask=ask, tell=console.note)
    check_action(arguments, FLAGS)
    match arguments.action:
        case "init":
            init(vault, here, lock := _lock(arguments, here))
            console.out(f"created {vault.path}")
            _explain(vault, lock)
        case "rekey":
            vault.read()  # before anything is asked for
            give_new_key(vault, here, lock := _lock(arguments, here))
            console.out(f"{vault.path}: changed the key")
            _explain(vault, lock)
        case "trust":
            _trust(arguments, vault)
        case "export":
            _export(arguments, vault, here)
        case _:
            _show(vault, here)
    return 0


def _lock(arguments: argparse.Namespace, here: LocalContext) -> Lock:

    if arguments.passphrase:
        return setup.passphrase(ask, arguments.also)
    file = arguments.ssh_key or arguments.identity
    if file:
        return setup.from_file(here, file, ask, arguments.also)
    return setup.machine_key(arguments.also)


def _explain(vault: Vault, lock: Lock) -> None:

    if lock.machine:
        rekey = command(None, "vault", "rekey", "--passphrase")
        text = MACHINE_KEY.format(
            key=visible(vault.machine_path), data=visible(os.path.dirname(vault.path)), rekey=rekey
        )
    elif lock.to:
        text = SSH_KEY.format(key=visible(lock.to))
    else:
        text = TYPED_KEY.format(key=visible(vault.protected_path))
    console.out("encrypted to: " + ", ".join(lock.recipients))
    console.out_lines(text.rstrip("\n"))


def _show(vault: Vault, here: LocalContext) -> None:
    document = vault.read()
    keys = [path for path in vault.places if here.status(path) is not None]
    count = len(document.logins)
    logins = "1 login" if count == 1 else f"{count} logins"
    console.out(f"{vault.path}: {logins}")
    console.out("opens with: " + ", ".join(keys))
    console.out("encrypted to: " + ", ".join(document.recipients))


def _trust(arguments: argparse.Namespace, vault: Vault) -> None:
    """Show who wrote a vault and for whom, ask, and sign it. Raises StoreError, FileError, WriteError, UsageError."""
    document, reason = vault.unchecked()
    own = vault.own_recipients()
    console.out(reason or f"{vault.path}: signed with your key, and this machine knows every recipient")
    console.out("can be read by:")
    for name in dict.fromkeys((*own, *document.recipients)):
        owner = " (your key)" if name in own else ""
        console.out(f"  {printable(name)}{owner}")
    names = sorted(document.names().items())
    heading = "logins:" if names else "logins: none"
    console.out(heading)
    for key, username in names[:SHOWN]:
        console.out(f"  {printable(without_user_info(key))} as {printable(username)}")
    if len(names) > SHOWN:
        console.out(f"  and {len(names) - SHOWN} more")
    if not arguments.yes:
        _confirm("trust these readers and logins?", "nothing was changed")
    vault.accept(document.recipients)
    console.out(f"{vault.path}: trusted, and signed with your key")


def _confirm(question: str, otherwise: str) -> None:
    """Ask. Raises UsageError: the answer was not yes, or there is no terminal."""
    if not sys.stdin.isatty():
        raise UsageError(f"not a terminal: {otherwise}", hint="--yes skips the question")
    if not console.agrees(f"{question} [y/N]: "):
        raise UsageError(otherwise)


def _export(arguments: argparse.Namespace, vault: Vault, here: LocalContext) -> None:
    """Write the vault's logins to a terminal or to a new file, and nowhere else."""
    if not arguments.output and not console.is_terminal():
        raise UsageError(
            "export prints every secret in plain text, and standard output is not a terminal",
            hint=command(None, "vault", "export", "-o", "FILE"),
        )
    text = encode(vault.read())
    where = arguments.output or "this terminal"
    if not arguments.yes:
        _confirm(f"write every secret in plain text to {where}?", "nothing was written")
    if not arguments.output:
        console.data(text)
        return

    def edit(content: files.FileContent | None) -> bytes | None:
        if content is not None:
            raise WriteError(arguments.output, "the file already exists")
        return text

    files.update(arguments.output, edit, owner=here.home_owner(arguments.output), own=True)
    console.out(f"wrote {arguments.output}")
