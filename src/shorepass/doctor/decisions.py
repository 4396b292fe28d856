"""What the clients send to each registry that a login is stored for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shorepass.doctor import stored
from shorepass.registry.expiry import expires_at

if TYPE_CHECKING:
    from shorepass.clients import Client, Entry
    from shorepass.credential import Credential
    from shorepass.doctor.examination import Examination
    from shorepass.names import Reference
    from shorepass.resolution import Resolution

__all__ = ["end_of", "of_stored_logins"]

LOGINS_LIMIT = 100  # of one client: each reads its files again, and may start a helper


def of_stored_logins(examination: Examination) -> list[Resolution]:
    """Return what each client does about the registries, and the parts of registries, that it has logins for.

    If no registry may be asked, only registries with several logins or an expired one are of interest. Logins of a helper that
    did not list them are left out, and so are those above ``LOGINS_LIMIT``.
    """
    by_client = {client.name: _meanings(client, examination.entries[client.name]) for client in examination.clients}
    all_of: dict[Reference, list[Entry]] = {}
    for meanings in by_client.values():
        for reference, entries in meanings.items():
            all_of.setdefault(reference, []).extend(entries)
    asks = examination.access is not None
    wanted = {reference for reference, entries in all_of.items() if asks or _is_open(entries)}
    found: list[Resolution] = []
    for client in examination.clients:
        references = [reference for reference in by_client[client.name] if reference in wanted]
        found += [client.resolve(examination.context, reference) for reference in references[:LOGINS_LIMIT]]
    return found


def _meanings(client: Client, entries: list[Entry]) -> dict[Reference, list[Entry]]:
    found: dict[Reference, list[Entry]] = {}
    for entry in entries:
        reference = stored.meaning_to(client, entry.key) if entry.kind and entry.error is None else None
        if reference is not None:
            found.setdefault(reference, []).append(entry)
    return found


def _is_open(entries: list[Entry]) -> bool:
    places = {(entry.path, entry.key, entry.helper) for entry in entries}
    return len(places) > 1 or end_of(entries[0].credential) is not None


def end_of(credential: Credential | None) -> float | None:
    """Return when a credential expired (Unix time), None if it did not or has no expiry."""
    ends = expires_at(credential)
    return ends if ends is not None and ends <= time.time() else None
