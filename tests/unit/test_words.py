"""What users read is in plain English: no phrase that ``words.toml`` retires, no sentence over 25 words in the docs."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = tomllib.loads((ROOT / "tests/unit/words.toml").read_text())
RETIRED = {re.compile(phrase.replace(" ", r"\s+"), re.IGNORECASE): write for phrase, write in LIST["retired"].items()}
LONGEST = 25
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/README.md"]
PATHS = [
    *(ROOT / page for page in PAGES),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(path for path in (ROOT / "src").rglob("*.*") if path.suffix in {".py", ".html", ".js"}),
]
# Rooms whose docstrings all begin as they should: once on this list, always.
FIRST_LINES = ("api", "bounded_json", "contexts", "exit_statuses", "foreign_text", "version")
FIRST_LINE = 80  # characters at most
CODE = re.compile(r"(?<!`)(``?)(?!`)[^`]+\1(?!`)")
IDENTIFIER = re.compile(r"[\w.:/-]*")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
NOT_PROSE = re.compile(r"^(```.*?^```|    .*?$|\|.*?$|#.*?$|<.*?$)", re.DOTALL | re.MULTILINE)
ITEM = re.compile(r"^ *([-*]|\d+\.) ", re.MULTILINE)


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Yield each string of a Python file that is more than an identifier, with its first line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not IDENTIFIER.fullmatch(node.value):
            yield node.lineno, node.value


def without_code(text: str) -> str:
    """Return a text with its inline code blanked, and as many characters as before."""
    return CODE.sub(lambda code: re.sub(r"\S", "_", code[0]), text)


def retired(text: str) -> Iterator[tuple[int, str]]:
    """Yield each retired phrase in a text: its line, counted from 0, and what to write."""
    plain = without_code(text)
    for phrase, write in RETIRED.items():
        for found in phrase.finditer(plain):
            words = " ".join(found[0].split())
            yield plain.count("\n", 0, found.start()), f"not {words!r}: {write}"


def sentences(page: str) -> Iterator[str]:
    """Yield the sentences of a Markdown page: no code, no table, no heading, and each item of a list by itself."""
    prose = ITEM.sub("\n\n", NOT_PROSE.sub("", page))
    prose = LINK.sub(r"\1", CODE.sub("code", prose))
    for paragraph in re.split(r"\n\s*\n", prose):
        yield from re.split(r"""(?<=[.!?])[*"')]*\s+""", paragraph.strip())


def long_sentences(page: str) -> Iterator[str]:
    """Yield what to say of each sentence that has too many words."""
    for sentence in sentences(page):
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        if len(words) > LONGEST:
            yield f"{len(words)} words: {' '.join(words[:8])} ..."


def problems(path: Path) -> list[str]:
    """Return what is not plain English in a file, a line each."""
    text = path.read_text()
    if path.name == "CHANGELOG.md":
        text = text.partition("\n## Unreleased")[2].partition("\n## ")[0]  # a release stays as it was
    if path.suffix == ".md":
        return [*(f"{line + 1}: {what}" for line, what in retired(text)), *long_sentences(text)]
    parts = strings(text) if path.suffix == ".py" else [(1, text)]
    return [f"{first + line}: {what}" for first, part in parts for line, what in retired(part)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plain_english(path: Path) -> None:
    """A file has no problem."""
    assert "\n".join(problems(path)) == ""


def first_lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield what to say of each docstring of a Python file whose first line is not one short sentence."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        summary, *_ = (ast.get_docstring(node) or "").split("\n\n")
        plain = without_code(summary).replace("...", "")
        line = getattr(node.body[0], "lineno", 1) if node.body else 1
        if "\n" in summary or len(summary) > FIRST_LINE:
            yield line, f"its first line is longer than {FIRST_LINE} characters"
        elif ";" in plain or re.search(r"[.!?] +\S", plain):
            yield line, "its first line is more than one sentence"


@pytest.mark.parametrize("room", FIRST_LINES)
def test_a_docstring_begins_with_one_short_sentence(room: str) -> None:
    """The first line says what it is, and the rest is in the paragraphs below."""
    folder = ROOT / "src/shorepass"
    paths = [path for path in (folder / f"{room}.py", *sorted((folder / room).rglob("*.py"))) if path.exists()]
    assert paths
    found = [f"{path.name}:{line}: {what}" for path in paths for line, what in first_lines(path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    ("docstring", "problem"),
    [
        ("Return a name; None if there is none.", "more than one sentence"),
        ("Return a name. Raises KeyError.", "more than one sentence"),
        ("word " * 17, "longer than 80"),
        ("Return a name,\n    which is short.", "longer than 80"),
        ("Return a name.\n\n    Raises KeyError; never ValueError.", ""),
        ("The names ``a; b. C``, and more ...", ""),
    ],
)
def test_which_first_lines_are_found(docstring: str, problem: str) -> None:
    """Two sentences or a long line are found, and what is behind the first paragraph is not."""
    found = [what for _, what in first_lines(f'def f():\n    """{docstring}"""\n')]
    assert len(found) == bool(problem)
    assert problem in "".join(found)


def test_what_is_found(tmp_path: Path) -> None:
    """A phrase is found across lines, in messages and docstrings, and not in code; a long sentence not in a table."""
    page = tmp_path / "page.md"
    page.write_text("# Mend\n\nA `mend` of\nours.\n\n" + "word " * 25 + "word. Short.\n\n| " + "word " * 30 + "|\n")
    assert problems(page) == [
        "1: not 'Mend': fix",
        "4: not 'ours': Shorepass, Shorepass's",
        "26 words: " + "word " * 8 + "...",
    ]
    module = tmp_path / "module.py"
    module.write_text('"""Say ``anew``.\n\nSay it\nanew."""\nmend = {"mend": f"log in anew: {print}"}\n')
    assert problems(module) == ["4: not 'anew': again", "5: not 'anew': again"]
