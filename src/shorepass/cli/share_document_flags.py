"""The flags of ``shorepass share`` for a target that is a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["DOCUMENT_GROUPS", "add_document_flags"]

DOCUMENT_GROUPS = {
    "Targets with a copy of the login": ("--show",),
    "Target k8s": ("--name", "--namespace", "--apply", "--refresh"),
}


def add_document_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of documents."""
    parser.add_argument("--show", action="store_true", help="print the secrets also on a terminal")
    parser.add_argument(
        "--name",
        dest="object_name",
        metavar="NAME",
        default="",
        help="the name of the Secret (default: shorepass)",
    )
    parser.add_argument("--namespace", default="", help="the namespace of the Secret")
    parser.add_argument(
        "--apply", action="store_true", help="pipe the Secret to kubectl apply, and print nothing secret"
    )
    parser.add_argument(
        "--refresh",
        action="store_true",
        help="with --apply: stay, apply each newer login, and delete the Secret at the end of --for",
    )
