"""The run of all checks: safe for whatever it meets, on every platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from shorepass import doctor
from shorepass.contexts.local import LocalContext
from shorepass.doctor import examine, still_there
from shorepass.doctor.examination import Examination
from shorepass.doctor.finding import Finding
from shorepass.errors import ContextError, FileError


def findings(context: LocalContext) -> list[Finding]:
    return examine(Examination(context, context))


@pytest.mark.parametrize("platform", ["linux", "darwin", "windows"])
@pytest.mark.parametrize("home", ["", "/nowhere", "C:\\Users\\me"])
def test_an_empty_place(platform: str, home: str) -> None:
    """Where nothing is, there is nothing to find, whatever the home is called."""
    assert findings(LocalContext({"HOME": home, "USERPROFILE": home}, platform=platform)) == []


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"auths": []}',
        b'{"credsStore": 1}',
        b'{"credHelpers": {"a": {}}}',
        b"\0" * 4096,
    ],
)
def test_a_broken_file(home: Path, platform: str, content: bytes) -> None:
    """A file that is anything but a config file is a finding, and no exception."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(content)
    file.chmod(0o600)
    found = findings(LocalContext({"HOME": str(home)}, platform=platform))
    assert {(finding.code, finding.subject) for finding in found} == {("SP103", str(file))}


@pytest.mark.parametrize("name", ["../evil", "a b", "", "\n", "x" * 5000, "ä", "a/b"])
def test_a_helper_with_an_odd_name(home: Path, name: str) -> None:
    """Whatever a file calls a helper is looked for by that name, and nowhere else."""
    import json

    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    file.write_text(json.dumps({"credHelpers": {"reg.example": name}}))
    file.chmod(0o600)
    found = findings(LocalContext({"HOME": str(home), "PATH": "/usr/bin:relative:"}))
    assert {finding.code for finding in found} == ({"SP201"} if name else set())


def test_what_a_check_stumbles_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of a place in a check is a finding; only a place that cannot be looked into at all is an error."""
    from shorepass.doctor.checks import owners_and_modes

    here = LocalContext({"HOME": str(home)})

    def stumble(_: Examination) -> list[Finding]:
        raise FileError("/some/file", "some reason")

    monkeypatch.setattr(owners_and_modes, "check", stumble)
    (finding,) = findings(here)
    assert (finding.code, finding.subject, finding.cause) == ("SP100", "/some/file", "/some/file: some reason")

    def refuse(_: Examination) -> list[Finding]:
        raise ContextError("docker:web", "gone")

    monkeypatch.setattr(owners_and_modes, "check", refuse)
    with pytest.raises(ContextError):
        findings(here)


def test_the_worst_comes_first(home: Path) -> None:
    """Errors stand before warnings, these before notes."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    file.write_text('{"auths": {"a.example": {"auth": "YTpi"}}, "credsStore": "absent",')
    file.chmod(0o644)
    here = LocalContext({"HOME": str(home)})
    found = findings(here)
    assert [finding.code for finding in found] == ["SP103", "SP102"]
    assert all(still_there(finding, Examination(here, here)) for finding in found)
    file.write_text("{}")
    assert not any(still_there(finding, Examination(here, here)) for finding in found)


def test_every_code_is_in_its_room() -> None:
    """A code's first digit says what it is about; each has a title."""
    assert doctor.title("SP101") is not None
    assert doctor.title("SP999") is None
