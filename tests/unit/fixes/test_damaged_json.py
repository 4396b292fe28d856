"""Mending a text that is nearly JSON: nothing that can be kept is lost, and what is good is left alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shorepass.fixes.damaged_json import salvage

hosts = st.from_regex(r"[a-z]{1,8}\.example(:[0-9]{1,4})?", fullmatch=True)
secrets = st.from_regex(r"[A-Za-z0-9+/]{4,12}", fullmatch=True)
documents = st.builds(
    lambda auths, store: {"auths": {host: {"auth": secret} for host, secret in auths.items()}, "credsStore": store},
    st.dictionaries(hosts, secrets, min_size=2, max_size=4),
    st.sampled_from(("pass", "secretservice")),
)
layouts = st.sampled_from(({"indent": "\t"}, {"indent": 2}, {}))


@given(documents, layouts)
def test_what_is_good_is_left_alone(document: dict[str, Any], layout: dict[str, Any]) -> None:
    """A text that is JSON comes back as it was, with nothing done to it."""
    text = json.dumps(document, **layout).encode()
    found = salvage(text)
    assert found is not None
    assert (found.data, found.done, found.lost) == (text, (), False)


@given(documents, st.data())
def test_one_mistake_costs_nothing(document: dict[str, Any], data: st.DataObject) -> None:
    """One comma taken out or put in, a comment, or a closing bracket left out: every entry is still there."""
    text = json.dumps(document, indent=2)
    places = {
        "comma out": [match.span() for match in re.finditer(r",", text)],
        "comma in": [(match.start(), match.start()) for match in re.finditer(r"\n *\}", text)],
        "comment": [(match.end(), match.end()) for match in re.finditer(r"[,{](?=\n)", text)],
        "end out": [(match.start(), len(text)) for match in re.finditer(r"\}\Z", text)],
        "quote out": [match.span() for match in re.finditer(r'"(?=,?\n)', text)],
    }
    kind = data.draw(st.sampled_from(sorted(places)))
    start, end = data.draw(st.sampled_from(places[kind]))
    put_in = {"comma in": ",", "comment": " // why, and what for"}.get(kind, "")
    found = salvage((text[:start] + put_in + text[end:]).encode())
    assert found is not None
    assert json.loads(found.data) == document
    assert found.done
    assert not found.lost


@given(documents, st.integers(min_value=0))
def test_a_text_cut_short_keeps_what_is_whole(document: dict[str, Any], at: int) -> None:
    """Wherever a text is cut off, each entry that stands before that as a whole is kept, and no other is made up."""
    text = json.dumps(document, indent=2)
    at %= len(text)
    found = salvage(text[:at].encode())
    whole = {host for host in document["auths"] if re.search(rf'"{re.escape(host)}": \{{[^}}]*\}}', text[:at])}
    kept = json.loads(found.data).get("auths", {}) if found else {}
    assert whole <= kept.keys() <= document["auths"].keys()
    assert all(kept[host] == document["auths"][host] for host in whole)


@given(st.binary(max_size=200))
def test_whatever_it_is_given(data: bytes) -> None:
    """Any bytes at all give a JSON object or nothing, and end."""
    found = salvage(data)
    assert found is None or isinstance(json.loads(found.data), dict)


@pytest.mark.parametrize("text", ["", "no JSON", "[1, 2]", '"text"', "null", '{"a" "b"}'])
def test_nothing_to_save(text: str) -> None:
    """What is no object, and never was, is not made one."""
    assert salvage(text.encode()) is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_another_encoding(encoding: str) -> None:
    """What PowerShell and Notepad write becomes UTF-8."""
    found = salvage('{"auths": {"ä.example": {}}}'.encode(encoding))
    assert found is not None
    assert json.loads(found.data.decode()) == {"auths": {"ä.example": {}}}


def test_many_mistakes_end() -> None:
    """A text of nothing but mistakes is given up, in time."""
    salvage(b'{"a": 1' + b' "a": 1' * 50_000)
    salvage(b"{" * 50_000)
    salvage(b'{"a":{},,' * 2_000)
