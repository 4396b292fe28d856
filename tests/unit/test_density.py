"""One thing per line: what must not be packed into a single expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import shorepass

SOURCES = Path(shorepass.__file__).parent
ARITHMETIC = ast.Add | ast.Sub | ast.Mult | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def dense(node: ast.AST, within: str = "") -> Iterator[tuple[int, str]]:
    """Yield the line and the reason of each expression that says too much at once.

    ``within`` names the expression around ``node`` that forbids a conditional expression, or is "" if none does.
    """
    if isinstance(node, ast.IfExp) and within:
        yield node.lineno, f"a conditional expression in {within}"
    elif (
        isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC) and (is_bool(node.left) or is_bool(node.right))
    ):
        yield node.lineno, "arithmetic with a boolean"
    elif isinstance(node, ast.Subscript) and is_bool(node.slice):
        yield node.lineno, "a boolean as an index"
    elif isinstance(node, COMPREHENSION) and len(node.generators) > 1:
        yield node.lineno, "a comprehension with two loops"
    elif isinstance(node, COMPREHENSION) and len(node.generators[0].ifs) > 1:
        yield node.lineno, "a comprehension with two conditions"

    if isinstance(node, ast.Call):
        yield from dense(node.func, within)
        for argument in (*node.args, *node.keywords):
            yield from dense(argument, "a call's argument")
        return
    if isinstance(node, ast.stmt):
        within = ""
    elif isinstance(node, ast.IfExp):
        within = "another one"
    for child in ast.iter_child_nodes(node):
        yield from dense(child, within)


def is_bool(node: ast.AST) -> bool:
    """Return whether the form of ``node`` shows that its value is True or False."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool)
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("bool", "isinstance")
    return isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def test_an_expression_says_one_thing() -> None:
    """No file has a dense expression."""
    found = {path.relative_to(SOURCES).as_posix(): dense_lines(path) for path in sorted(SOURCES.rglob("*.py"))}
    assert {name: lines for name, lines in found.items() if lines} == {}


def dense_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a file that have a dense expression, each with the reason."""
    return sorted(set(dense(ast.parse(path.read_text()))))


@pytest.mark.parametrize(
    "line",
    [
        "f(1 if a else 2)",
        "f(x=[1 if a else 2 for a in b])",
        "f(f'{1 if a else 2}')",
        "x = 1 if a else 2 if b else 3",
        "x = (1 if b else 2) if a else 3",
        "x = 's' * (n != 1)",
        "x = n + (not a)",
        "x = ('a', 'b')[n == 1]",
        "x = [a for b in c for a in b]",
        "x = {a for a in b if a if c}",
    ],
)
def test_a_dense_line_is_found(line: str) -> None:
    """Each kind is seen."""
    assert len(list(dense(ast.parse(line)))) == 1


@pytest.mark.parametrize(
    "line", ["x = 1 if a else 2", "f(a)[1 if b else 2]", "x = [a for a in b if a and c]", "x = f(a) + (b or 1)"]
)
def test_a_plain_line_is_not_found(line: str) -> None:
    """A single conditional expression, loop or condition is fine."""
    assert list(dense(ast.parse(line))) == []
