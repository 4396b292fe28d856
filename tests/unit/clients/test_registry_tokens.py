"""The table of clients that use a registry token, against their rules here and the guide."""

from __future__ import annotations

import json
import re
from pathlib import Path

from shorepass.client_table import NAMES
from shorepass.clients import find
from shorepass.clients.registry_tokens import TOKEN_CLIENTS
from shorepass.contexts.local import LocalContext
from shorepass.credential import BearerToken
from shorepass.names import HUB_REGISTRY, Reference, server_url

GUIDE = Path(__file__).parents[3] / "docs/guides/share-modes.md"


def test_the_table_agrees_with_the_rules_of_the_clients(tmp_path: Path) -> None:
    """Each client whose rules are known finds the token, under docker's key of Docker Hub too, or finds nothing of use."""
    rows = {row.name: row for row in TOKEN_CLIENTS}
    for registry in ("a.example", HUB_REGISTRY):
        config = {"auths": {server_url(registry): {"registrytoken": "the-token"}}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        variables = {"DOCKER_CONFIG": str(tmp_path), "REGISTRY_AUTH_FILE": str(tmp_path / "config.json")}
        here = LocalContext({"HOME": str(tmp_path), **variables})
        for name in set(NAMES) & set(rows):
            found = find(name).resolve(here, Reference(registry, "acme/app")).credential
            assert isinstance(found, BearerToken) == rows[name].sends, (name, registry)


def test_the_guide_has_each_row() -> None:
    """The guide's table says of each client whether it uses a token, and how that is known."""
    table = re.findall(r"^\| ([a-z, ]+) \| (yes|no) \| ([a-z ]+) \|$", GUIDE.read_text(), re.MULTILINE)
    shown = {name: (used == "yes", known) for names, used, known in table for name in names.split(", ")}
    words = {"run": "tests", "read": "their source"}
    assert shown == {row.name: (row.sends, words[row.known_by]) for row in TOKEN_CLIENTS}
