"""Config files as documents: what is read, what is refused, and that an edit touches one member only."""

from __future__ import annotations

import json
import sys

import pytest

from shorepass.config.document import SIZE_LIMIT, load, remove_member, remove_members, set_member
from shorepass.contexts import FileContent
from shorepass.errors import MalformedFile

ENTRY = {"auth": "YWxpY2U6c2VjcmV0"}
DOCKER_FILE = b'{\n\t"auths": {\n\t\t"reg.example": {\n\t\t\t"auth": "YWxpY2U6c2VjcmV0"\n\t\t}\n\t}\n}'


def content(data: bytes) -> FileContent:
    return FileContent("/home/alice/.docker/config.json", data, "alice(1000)", "0640")


# Reading


def test_values_are_read_as_they_stand() -> None:
    """Known and unknown members come out with JSON's own types."""
    data = b'{"auths": {"r": {"auth": "eDp5"}}, "psFormat": "x", "n": [1, 2.5, true, null]}'
    assert load(content(data)) == {"auths": {"r": {"auth": "eDp5"}}, "psFormat": "x", "n": [1, 2.5, True, None]}


@pytest.mark.parametrize("data", [b"", b" \n\t\r"])
def test_empty_file_is_an_empty_config_for_docker_only(data: bytes) -> None:
    """For docker an empty file is an empty config; podman refuses it."""
    assert load(content(data), first_value_only=True) == {}
    with pytest.raises(MalformedFile):
        load(content(data))


def test_null_is_an_empty_config() -> None:
    """``null`` leaves a Go struct as it was: empty."""
    assert load(content(b" null\n")) == {}


def test_what_follows_the_first_value_counts_for_podman_only() -> None:
    """Only docker stops reading behind the first value; podman refuses the file."""
    data = b'{"auths": {}} {"auths": {"r": {}}}'
    assert load(content(data), first_value_only=True) == {"auths": {}}
    with pytest.raises(MalformedFile, match="line 1, column 15"):
        load(content(data))


@pytest.mark.parametrize("name", ["auths", "Auths", "AUTHS", "auth\u017f"])
def test_top_level_names_are_matched_without_case(name: str) -> None:
    """Go matches a struct's fields without regard to case, the long s included."""
    assert load(content(json.dumps({name: {"r": ENTRY}}).encode())) == {"auths": {"r": ENTRY}}


def test_names_below_the_top_are_matched_exactly() -> None:
    """Registries are keys of a map, and those are told apart by case."""
    assert load(content(b'{"auths": {"R": {}, "r": {}}}')) == {"auths": {"R": {}, "r": {}}}


def test_repeated_auths_add_up() -> None:
    """Go decodes a repeated map into the one it has: seen with docker and podman."""
    data = b'{"AUTHS": {"a": {"auth": "1"}, "b": {}}, "auths": {"a": {"auth": "2"}, "c": {}}}'
    assert load(content(data)) == {"auths": {"a": {"auth": "2"}, "b": {}, "c": {}}}


def test_null_empties_a_map_and_leaves_a_string() -> None:
    """Go sets a map to nil for null, and leaves a string as it was."""
    data = b'{"auths": {"a": {}}, "auths": null, "credsStore": "pass", "credsStore": null}'
    assert load(content(data)) == {"auths": None, "credsStore": "pass"}


def test_lone_surrogates_become_the_replacement_character() -> None:
    """As in Go; a pair is one character, and nothing later meets text that cannot be encoded."""
    data = rb'{"auths": {"\ud800x": {"auth": "\uDC00"}}, "pair": ["\ud83d\ude00"]}'
    assert load(content(data)) == {"auths": {"\ufffdx": {"auth": "\ufffd"}}, "pair": ["\U0001f600"]}


def test_numbers_nobody_asks_for_do_no_harm() -> None:
    """Go never looks at the numbers of unknown members, however long."""
    assert load(content(b'{"auths": {}, "n": ' + b"9" * 5000 + b', "m": 1e999}'))["auths"] == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xef\xbb\xbf{}", "a byte order mark, at line 1, column 1"),
        (b'{"auths": {\n\t"SECRET": "\xff"}}', "not UTF-8, at line 2, column 13"),
        (b'{"auths": {}', "a comma or a closing brace, at line 1, column 13"),
        (b'{"auths": {},}', "a key in double quotes, at line 1, column 14"),
        (b'{"auths" {}}', "a colon, at line 1, column 10"),
        (b'{"auths": "SECRET\x01"}', "control character, at line 1, column 18"),
        (b'{"auths": "SECRET', "unterminated string, at line 1, column 11"),
        (b'{"auths": "\\SECRET"}', "invalid \\escape, at line 1, column 12"),
        (b'{"auths": SECRET}', "expecting value, at line 1, column 11"),
        (b'{"auths": NaN}', "NaN"),
        (b'{"auths": -Infinity}', "-Infinity"),
        (b"{'auths': {}}", "a key in double quotes, at line 1, column 2"),
        (b'["SECRET"]', "not an object"),
        (b'"SECRET"', "not an object"),
        (b'{"auths":' * 100_000, "nested deeper than 10,000"),
        (b"[" * 100_000, "nested deeper than 10,000"),
        (b" " * (SIZE_LIMIT + 1), "larger than 16 MiB"),
    ],
)
def test_what_is_no_config_file_is_refused(data: bytes, reason: str) -> None:
    """The error names path, owner, mode and place, and quotes nothing of the file: it may hold secrets."""
    for act in (load, lambda c: set_member(c, ("auths", "r"), ENTRY), lambda c: remove_member(c, ("auths", "r"))):
        with pytest.raises(MalformedFile) as caught:
            act(content(data))
        assert "/home/alice/.docker/config.json (owner alice(1000), mode 0640): " in caught.value.message
        assert reason in caught.value.message
        assert "SECRET" not in caught.value.message


# Setting


@pytest.mark.parametrize("data", [None, b"", b"\n", b"null", b"{}"])
def test_new_document_is_written_as_docker_writes_it(data: bytes | None) -> None:
    """Tabs, no newline at the end: byte for byte what docker and podman make of it."""
    assert set_member(data, ("auths", "reg.example"), ENTRY) == DOCKER_FILE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('{"auths":{}}', '{"auths":{"r":{"auth":"x"}}}', id="minified"),
        pytest.param('{"auths": {}}\n', '{"auths": {"r": {"auth": "x"}}}\n', id="one line"),
        pytest.param(
            '{\n  "auths": {\n    "a": {}\n  }\n}\n',
            '{\n  "auths": {\n    "a": {},\n    "r": {\n      "auth": "x"\n    }\n  }\n}\n',
            id="two spaces",
        ),
        pytest.param(
            '{\n    "x": 1\n}',
            '{\n    "x": 1,\n    "auths": {\n        "r": {\n            "auth": "x"\n        }\n    }\n}',
            id="four spaces, no auths",
        ),
        pytest.param(
            '{\r\n\t"auths": { }\r\n}\r\n',
            '{\r\n\t"auths": {\r\n\t\t"r": {\r\n\t\t\t"auth": "x"\r\n\t\t}\r\n\t}\r\n}\r\n',
            id="CRLF",
        ),
        pytest.param('{"auths" :{}, "n" :1.0E+2}', '{"auths" :{"r" :{"auth" :"x"}}, "n" :1.0E+2}', id="odd colons"),
        pytest.param('{"auths":null}', '{"auths":{"r":{"auth":"x"}}}', id="null"),
        pytest.param('{"Auths":{"a":{}}}', '{"Auths":{"a":{},"r":{"auth":"x"}}}', id="another case"),
        pytest.param('{"auths":{}} tail', '{"auths":{"r":{"auth":"x"}}} tail', id="something behind"),
        pytest.param(
            '{"auths":{"r":{"auth":"1"}},"auths":{"a":{}}}',
            '{"auths":{"r":{"auth":"x"}},"auths":{"a":{}}}',
            id="in the first of two",
        ),
        pytest.param(
            '{"auths":{"r":1},"auths":null,"auths":{}}',
            '{"auths":{"r":1},"auths":null,"auths":{"r":{"auth":"x"}}}',
            id="forgotten by null",
        ),
        pytest.param(
            '{"auths":{"r":1,"bad":2},"auths":null,"z":0}',
            '{"auths":{"r":1,"bad":2},"auths":null,"z":0,"auths":{"r":{"auth":"x"}}}',
            id="null stays in between, or what stands before it would come back",
        ),
        pytest.param('{"auths":{"r":1,"r":2}}', '{"auths":{"r":1,"r":{"auth":"x"}}}', id="repeated key"),
        pytest.param(
            '{\n\t"auths": {"a": {}, "b": {}}\n}',
            '{\n\t"auths": {"a": {}, "b": {}, "r": {"auth": "x"}}\n}',
            id="one line inside many",
        ),
        pytest.param(
            '{"auths": {"a": {}\n, "b": {}\n}}',
            '{"auths": {"a": {}\n, "b": {}, "r": {"auth": "x"}\n}}',
            id="commas first",
        ),
        pytest.param(
            '{\n  "auths": {\n    "r": {"auth": "old", "email": "e"},\n    "\\u0062": {}\n  }\n}',
            '{\n  "auths": {\n    "r": {\n      "auth": "x"\n    },\n    "\\u0062": {}\n  }\n}',
            id="replaced",
        ),
    ],
)
def test_setting_keeps_every_other_byte(before: str, after: str) -> None:
    """Order, indentation, line endings, number and escape spellings of all that is not set stay."""
    assert set_member(before.encode(), ("auths", "r"), {"auth": "x"}).decode() == after


def test_key_with_an_escape_is_found() -> None:
    """A key is compared by its text, not by its spelling."""
    assert set_member(rb'{"auths":{"\u0072":{}}}', ("auths", "r"), 1) == rb'{"auths":{"\u0072":1}}'


def test_top_level_member_is_set() -> None:
    """``credsStore`` is one step deep."""
    assert (
        set_member(b'{\n\t"auths": {}\n}', ("credsStore",), "pass") == b'{\n\t"auths": {},\n\t"credsStore": "pass"\n}'
    )


@pytest.mark.parametrize("data", [b'{"auths": 5}', b'{"auths": "x"}', b'{"auths": []}'])
def test_something_else_on_the_way_is_refused(data: bytes) -> None:
    """What is no object is never overwritten by one."""
    with pytest.raises(MalformedFile, match="an object is expected, at line 1, column 11"):
        set_member(content(data), ("auths", "r"), ENTRY)


# Removing


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('{"auths": {"r": {}}}', '{"auths": {}}', id="the last one"),
        pytest.param('{\n\t"auths": {\n\t\t"r": {}\n\t}\n}', '{\n\t"auths": {}\n}', id="the last one of many lines"),
        pytest.param('{"auths":{"r":1, "a":2}}', '{"auths":{"a":2}}', id="first"),
        pytest.param('{"auths":{"a":2, "r":1}}', '{"auths":{"a":2}}', id="at the end"),
        pytest.param(
            '{\n  "auths": {\n    "a": 1,\n    "r": {"x": [1, 2]},\n    "b": 3\n  }\n}\n',
            '{\n  "auths": {\n    "a": 1,\n    "b": 3\n  }\n}\n',
            id="in the middle",
        ),
        pytest.param('{"auths":{"r":1,"a":2,"r":3}}', '{"auths":{"a":2}}', id="repeated key"),
        pytest.param('{"AUTHS":{"r":1},"auths":{"r":2}}', '{"AUTHS":{},"auths":{}}', id="repeated auths"),
        pytest.param('{"auths":{"R":1}}', '{"auths":{"R":1}}', id="another registry"),
        pytest.param('{"auths":null}', '{"auths":null}', id="null"),
        pytest.param('{"auths":[]}', '{"auths":[]}', id="no object"),
        pytest.param("null", "null", id="no document"),
        pytest.param("", "", id="empty"),
        pytest.param('{"auths":{"r":1}} tail', '{"auths":{}} tail', id="something behind"),
    ],
)
def test_removing_takes_the_member_and_one_comma(before: str, after: str) -> None:
    """Neighbours stay as they are, an emptied object stays, and no repetition survives."""
    assert remove_member(before.encode(), ("auths", "r")).decode() == after


def test_large_file_is_edited_at_once() -> None:
    """10,000 logins are no reason to wait: ten calls for each at most, for their values are left to the C decoder."""
    data = json.dumps({"auths": {f"r{i}.example": ENTRY for i in range(10_000)}}, indent="\t").encode()
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        edited = set_member(data, ("auths", "r9999.example"), {})
    finally:
        sys.setprofile(None)
    assert calls < 100_000
    assert load(content(edited))["auths"]["r9999.example"] == {}
    assert remove_member(edited, ("auths", "r9999.example")).endswith(b'"YWxpY2U6c2VjcmV0"\n\t\t}\n\t}\n}')


@pytest.mark.parametrize(
    "text",
    [
        '{"auths":{"a":{"x":1,"y":2},"b":{"x":1},"c":{}},"z":1}',
        '{\n\t"auths": {\n\t\t"a": {\n\t\t\t"x": 1\n\t\t}\n\t}\n}',
    ],
)
@pytest.mark.parametrize("paths", [["a.x", "b.x"], ["a.x", "a.y"], ["b.x", "a.y", "c"], ["a.none", "d.x", "b"], []])
def test_removing_several_is_removing_one_after_the_other(text: str, paths: list[str]) -> None:
    """In whatever order and objects they stand, the text is read once and comes out the same."""
    found = [("auths", *path.split(".")) for path in paths]
    one_by_one = text.encode()
    for path in found:
        one_by_one = remove_member(one_by_one, path)
    assert remove_members(text.encode(), found) == one_by_one


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"auths": {"a": 1, "z": 2}}', '{"auths": {"a": 1, "m": {}, "z": 2}}'),
        ('{"auths": {"z": 2}}', '{"auths": {"m": {}, "z": 2}}'),
        ('{"auths": {"z": 2, "a": 1}}', '{"auths": {"z": 2, "a": 1, "m": {}}}'),
        ('{"auths": {"z": 2, "z": 1}}', '{"auths": {"z": 2, "z": 1, "m": {}}}'),
        ('{"auths": {\n\t"z": 2\n}}', '{"auths": {\n\t"m": {},\n\t"z": 2\n}}'),
        ('{"z": 2}', '{"z": 2, "auths": {"m": {}}}'),
    ],
)
def test_a_new_member_keeps_the_order(before: str, after: str) -> None:
    """Members in the order of their names stay so, as Go writes them; those of the top and all others get it at their end."""
    assert set_member(before.encode(), ("auths", "m"), {}).decode() == after
