"""Credential helpers, stores, and the form of user names, secrets and image names."""

from __future__ import annotations

from cases.case import Case

__all__ = ["ROWS"]

ROWS: list[Case] = []
