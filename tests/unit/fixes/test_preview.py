"""What a preview shows of a file: all that is harmless, and never a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shorepass.contexts.local import LocalContext
from shorepass.fixes.preview import masked, preview
from shorepass.fixes.repair import Edit, Mode, Owner

SECRET = "c2VjcmV0OnNlY3JldA"
DOCUMENT = {
    "auths": {"reg.example": {"auth": SECRET, "identitytoken": SECRET}, f"https://me:{SECRET}@b.example": {}},
    "HttpHeaders": {"Authorization": f"Bearer {SECRET}"},
    "proxies": {"default": {"httpProxy": f"http://me:{SECRET}@proxy.example"}},
    "credsStore": "pass",
    "credHelpers": {"gcr.io": "gcloud"},
    "auth": SECRET,
}


def test_what_is_harmless_can_be_read() -> None:
    """Keys, registries and helpers are shown; every value that may be a secret is three dots."""
    (text,) = masked(json.dumps(DOCUMENT).encode())
    for shown in (
        '"reg.example": {"auth": "..."',
        '"credsStore": "pass"',
        '"gcr.io": "gcloud"',
        '"HttpHeaders": {"..."',
    ):
        assert shown in text
    assert SECRET not in text
    assert "proxy.example" not in text


@given(st.data())
def test_a_broken_file_shows_no_secret(data: st.DataObject) -> None:
    """Wherever characters are missing from a file, or are too many, no secret can be read in what is shown."""
    text = json.dumps(DOCUMENT, indent=data.draw(st.sampled_from((None, 2))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.sampled_from(("", '"', ",", ":", "}", "{", "\n", "\\"))) + text[at + 1 :]
    for shown in masked(text.encode(), json.dumps(DOCUMENT).encode()):
        assert SECRET[:12] not in shown
        assert SECRET[-12:] not in shown


@pytest.mark.parametrize("password", ["pass", "auth", "reg.example", "credsStore", "true"])
def test_a_password_that_looks_harmless(password: str) -> None:
    """A password is hidden, also where it is spelt like a key or a helper of the same file."""
    document = {"auths": {"reg.example": {"username": "alice", "password": password}}, "credsStore": "pass"}
    (text,) = masked(json.dumps(document).encode())
    assert '"password": "..."' in text
    assert '"username": "..."' in text


def test_a_diff(home: Path) -> None:
    """An edit is shown as what it does and a diff; a change of nothing but secrets says so."""
    file = home / "config.json"
    file.write_text(json.dumps(DOCUMENT, indent=2))
    here = LocalContext({"HOME": str(home)})
    text = preview(Edit(here, str(file), lambda _: b'{"auths": {}}', "take it all out"))
    assert text.splitlines()[:3] == ["take it all out", f"--- {file}", f"+++ {file}"]
    assert '-  "credsStore": "pass",' in text
    assert SECRET not in text
    other = json.dumps(DOCUMENT, indent=2).replace(SECRET, "b3RoZXI6b3RoZXI").encode()
    assert "only hidden values change" in preview(Edit(here, str(file), lambda _: other, "change it"))


def test_commands(home: Path) -> None:
    """Modes and owners are shown as what one would type, with the path quoted."""
    here = LocalContext({"HOME": str(home)})
    assert preview(Mode(here, "/a b", 0o600)) == "chmod 0600 '/a b'"
    assert preview(Owner(here, "/a b", 1, 2)) == "chown -h 1:2 '/a b'"
