"""One row of the table: a failure that somebody had, what doctor says about it, and what proves it fixed.

How to add a row:

- The script: ``scripts/NAME.sh`` lays the case out in an empty home and prints what it needs, as ``stage.py`` reads it.
- The row: a ``Case`` in the table file of its kind, ``rows_*.py``; ``table.py`` finds each such file. ``{ref}``,
  ``{registry}`` and ``{home}`` stand for the image, its registry and the case's home.
- Run it: ``pytest tests/cases -k NAME``. ``make cases`` runs all and prints the table. A script without a row is ``open``.

Each row goes through the same steps: the real client fails with the words of ``fails``; ``asks`` finds ``code`` with
the words of ``cause``, and offers ``offers``; that is applied; the real client succeeds; ``asks`` finds ``code`` no
more. No other error may be found: what follows from a cause is folded under it. Where a step is not the usual one, name
a function of your own in the row: ``act``, ``repair``. ``Stage`` has what such a function needs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from cases.acts import use
from cases.repairs import as_offered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cases.stage import Stage

__all__ = ["Case"]

NOTHING: Mapping[str, str] = MappingProxyType({})


class Case(NamedTuple):
    """A row.

    ``script``: the name of the script. ``fails``: words that the real client prints while it fails. ``asks``: what a
    puzzled user types behind ``shorepass``. ``code``, ``cause``, ``offers``: the finding, words of its cause and
    evidence, and of its fix. For another verb than doctor, ``code`` is "" and the words are in what it prints.

    ``variant``: variables that the script is run with, for a script of several cases. ``env``: more variables for all
    programs; ``{bundle}`` is the file of all authorities of a ``net``. ``{podman}`` is podman's socket. ``types``:
    the standard input of ``asks``.

    ``act``: what the real client does; by default it pulls, or pushes where the script says so, with the script's
    client. ``repair``: how the fix is applied; by default as offered: ``--fix``, a login, or a line for the shell,
    whose variables stay.

    ``ground``: where it happens. ``here``: this machine, with a dockerd, a podman and a registry that all rows share.
    ``net``: a network with names, certificates and an engine of its own (``net_servers.py``). ``user``: an ordinary
    user of this machine. ``sudo``: one who may use sudo, and the engine. ``engine``: variables of the engine of a ``net``.

    ``remains``: the finding is there after the repair, too. ``stand_in``: what stands in for a client that cannot run
    here; the finding's page says so, too.
    """

    script: str
    fails: str
    asks: str
    code: str
    cause: str
    offers: str
    variant: Mapping[str, str] = NOTHING
    env: Mapping[str, str] = NOTHING
    act: Callable[[Stage], subprocess.CompletedProcess[str]] = use
    repair: Callable[[Stage, str], None] = as_offered
    ground: str = "here"
    engine: Mapping[str, str] = NOTHING
    types: str = ""
    remains: bool = False
    stand_in: str = ""

    @property
    def name(self) -> str:
        """The script's name, and the variant's values."""
        return "-".join([self.script, *self.variant.values()])
