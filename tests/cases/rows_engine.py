"""Who really asks, and which server failed: engines, proxies, mirrors, certificates, token servers."""

from __future__ import annotations

from cases.case import Case

__all__ = ["ROWS"]

ROWS: list[Case] = []
