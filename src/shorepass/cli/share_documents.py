"""The flags of ``shorepass share`` for a target that is a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["add_document_flags"]


def add_document_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of documents."""
    parser.add_argument("--show", action="store_true", help="a document: print its secrets also on a terminal")
    parser.add_argument(
        "--name",
        dest="object_name",
        metavar="NAME",
        default="shorepass",
        help="k8s: the name of the Secret (default: shorepass)",
    )
    parser.add_argument("--namespace", default="", help="k8s: the namespace of the Secret")
    parser.add_argument("--apply", action="store_true", help="k8s: pipe it to kubectl apply, and print no secret")
    parser.add_argument(
        "--refresh",
        action="store_true",
        help="k8s: apply it again before it ends, and delete it at the end of the time",
    )
