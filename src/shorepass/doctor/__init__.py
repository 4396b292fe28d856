"""Findings and their repairs: what is wrong with the logins of a context.

Each module of checks has ``CODES`` (code to title) and ``check(examination)``, which yields findings. A check never raises
for what it examines: broken is what it looks for. Checks that need a registry are quiet when ``examination.access`` is None.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.doctor.examination import Examination
    from shorepass.doctor.finding import Finding

__all__ = ["MODULES", "examine"]

# files SP1xx, helpers SP2xx, entries SP3xx, environment SP4xx, registries SP5xx, containers SP6xx
MODULES: tuple[str, ...] = ()


def examine(examination: Examination) -> list[Finding]:
    """Run every check on one context; the worst findings first, else in the order of their codes."""
    from importlib import import_module

    found = [finding for name in MODULES for finding in import_module(f"shorepass.doctor.{name}").check(examination)]
    order = ("error", "warning", "note")
    return sorted(found, key=lambda finding: (order.index(finding.severity.value), finding.code, finding.subject))
