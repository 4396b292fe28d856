"""The page of a finding as plain text. The wheel holds the pages, so no network is needed."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["docs_folder", "page_of", "plain"]

INDENT = "    "
LINK = re.compile(r"\[([^\]]+)\]\(([^)#]*)(#[^)]*)?\)")
MARKS = re.compile(r"\*\*|(?<!`)`(?!`)")


def docs_folder() -> Path:
    """Return the folder of the documentation: in the package, or beside ``src/`` in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "docs"
    return installed if installed.is_dir() else package.parents[1] / "docs"


def page_of(code: str, width: int) -> str:
    """Return the page of a finding's code as text for a terminal. ``width``: columns of a paragraph."""
    path = docs_folder() / "findings" / f"{code}.md"
    return plain(path.read_text(encoding="utf-8"), path.parent, width)


def plain(markdown: str, folder: Path, width: int) -> str:
    """Return a page without Markdown's marks: paragraphs and items wrapped, code indented, links as paths.

    ``folder``: what the links are relative to. A link to a finding is its code alone.
    """
    return "\n".join(_lines(markdown, folder, width)).strip("\n")


def _lines(markdown: str, folder: Path, width: int) -> Iterator[str]:
    paragraph: list[str] = []
    is_code = False
    for line in (*markdown.splitlines(), ""):
        is_fence = line.startswith("```")
        is_item = line.startswith("- ")
        if not is_code and (is_fence or is_item or not line or line[0] in "#|"):
            yield from _wrapped(paragraph, folder, width)
            paragraph = []
        if is_fence:
            is_code = not is_code
        elif is_code:
            yield (INDENT + line).rstrip()
        elif not line or line[0] in "#|":
            yield _words(line.lstrip("# "), folder)
        else:
            paragraph.append(line)


def _wrapped(paragraph: list[str], folder: Path, width: int) -> list[str]:
    text = _words(" ".join(map(str.strip, paragraph)), folder)
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _words(text: str, folder: Path) -> str:
    return MARKS.sub("", LINK.sub(lambda link: _target(link, folder), text))


def _target(link: re.Match[str], folder: Path) -> str:
    """Return a link as words: the code of a finding, or the text with the page's path or address."""
    text, target = link[1], link[2]
    if not target or re.fullmatch(r"SP\d+\.md", target):
        return text
    if "://" in target:
        return f"{text} ({target})"
    return f"{text} ({(folder / target).resolve()})"
