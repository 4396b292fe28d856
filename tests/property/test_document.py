"""Properties of lossless edits, over every layout of a JSON document and over files that somebody damaged."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shorepass.config.document import load, remove_member, set_member
from shorepass.contexts import FileContent
from shorepass.errors import MalformedFile

keys = st.text(max_size=8) | st.sampled_from(["a.example", "b.example:5000", "https://index.docker.io/v1/"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(keys, values, max_size=4)
unknown = st.dictionaries(
    keys.filter(lambda k: k.lower() not in ("auths", "credsstore", "credhelpers")), values, max_size=3
)


MARK = "the value that is to be replaced"


@st.composite
def documents(draw: st.DrawFn, *, marked: bool = False) -> tuple[dict[str, Any], bytes]:
    """A config file's value, and one of the many texts for it: random white space before and after every token.

    ``marked``: one of its logins has the value MARK.
    """
    auths = draw(objects)
    if marked:
        auths[draw(keys)] = MARK
    members = list({**draw(unknown), "auths": auths}.items())
    value = dict(draw(st.permutations(members)))
    blank = st.text(" \t\r\n", max_size=3)

    def render(item: Any) -> str:
        if isinstance(item, dict):
            inside = ",".join(
                draw(blank) + json.dumps(k, ensure_ascii=draw(st.booleans())) + draw(blank) + ":" + render(v)
                for k, v in item.items()
            )
            return draw(blank) + "{" + inside + draw(blank) + "}" + draw(blank)
        if isinstance(item, list):
            return draw(blank) + "[" + ",".join(map(render, item)) + "]" + draw(blank)
        return draw(blank) + json.dumps(item) + draw(blank)

    layout = draw(st.sampled_from(["random", "random", None, 2, "\t"]))
    text = render(value) if layout == "random" else json.dumps(value, indent=layout)  # type: ignore[arg-type]  # an int or a str
    return value, text.encode()


def read(data: bytes) -> dict[str, Any]:
    return load(FileContent("f", data))


@settings(max_examples=300)
@given(documents(), keys, values)
def test_set_then_load_is_what_was_set(document: tuple[dict[str, Any], bytes], key: str, value: Any) -> None:
    """One member changes, all others keep value and order."""
    before, text = document
    after = read(set_member(text, ("auths", key), value))
    expected = {**before, "auths": {**before["auths"], key: value}}
    assert after == expected
    assert [*after] == [*expected]
    assert [name for name in after["auths"] if name in before["auths"]] == [*before["auths"]]
    if [*before["auths"]] == sorted(before["auths"]):
        assert [*after["auths"]] == sorted(expected["auths"])


@settings(max_examples=300)
@given(documents(), keys, values)
def test_what_was_added_is_removed_without_a_trace(
    document: tuple[dict[str, Any], bytes], key: str, value: Any
) -> None:
    """Log in, log out: the file is byte for byte as it was, unless its object was empty but for white space."""
    before, text = document
    if key in before["auths"]:
        return
    again = remove_member(set_member(text, ("auths", key), value), ("auths", key))
    assert read(again) == read(text)
    if before["auths"]:
        assert again == text


@settings(max_examples=300)
@given(documents(marked=True), values)
def test_only_the_value_of_an_existing_member_changes(document: tuple[dict[str, Any], bytes], value: Any) -> None:
    """Every byte before and behind the value stays, whatever the layout."""
    before, text = document
    key = next(key for key, found in before["auths"].items() if found == MARK)
    head, tail = text.split(json.dumps(MARK).encode())
    edited = set_member(text, ("auths", key), value)
    assert edited.startswith(head)
    assert edited.endswith(tail)
    assert json.loads(edited[len(head) : len(edited) - len(tail)]) == value


@settings(max_examples=300)
@given(documents(), keys)
def test_remove_then_load_has_no_such_member(document: tuple[dict[str, Any], bytes], key: str) -> None:
    """All others keep value and order."""
    before, text = document
    key = next(iter(before["auths"]), key)
    after = read(remove_member(text, ("auths", key)))
    expected = {**before, "auths": {k: v for k, v in before["auths"].items() if k != key}}
    assert json.dumps(after) == json.dumps(expected)


@settings(max_examples=300)
@given(documents(), st.data())
def test_damaged_file_is_read_or_refused(document: tuple[dict[str, Any], bytes], data: st.DataObject) -> None:
    """After any damage a file is either still a config file, or MalformedFile: nothing else comes out."""
    text = bytearray(document[1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 3))
        text[at : at + cut] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"{", b"}", b",", b"\\ud8", b"9" * 20])
        )
    for act in (
        lambda t: load(FileContent("f", t), first_value_only=True),
        lambda t: load(FileContent("f", t)),
        lambda t: set_member(t, ("auths", "r"), {}),
        lambda t: remove_member(t, ("auths", "r")),
    ):
        try:
            act(bytes(text))
        except MalformedFile:
            continue
