"""The flags of a compose program count in front of its verb, and not in the command that runs in the container."""

from __future__ import annotations

import pytest

from shorepass.grants.start import Start

FILE = ("-f", "--file")


def compose(words: str, verb: str) -> Start:
    """Return a command of docker compose with a verb."""
    argv = tuple(words.split())
    return Start("/bin/docker", argv, argv.index(verb) + 1)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("docker compose -f a.yaml --file=b.yaml run", ["a.yaml", "b.yaml"]),
        ("docker compose -fa.yaml run", ["a.yaml"]),
        ("docker compose --file a.yaml run --rm web rm -f x --file y", ["a.yaml"]),
        ("docker compose run --rm web tar -f - --file=x", []),
    ],
)
def test_the_words_in_front_of_the_verb(words: str, values: list[str]) -> None:
    """The files are those of compose, in each form of the flag."""
    assert compose(words, "run").values_before(*FILE) == values
