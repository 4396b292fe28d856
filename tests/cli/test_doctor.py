"""``doctor``: what it prints and returns, how it asks before it mends, and how a repair is taken back."""

from __future__ import annotations

import base64
import importlib
import json
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client_files import lay_out
from e2e import programs
from shorepass import doctor
from shorepass.doctor.page import page_of

if TYPE_CHECKING:
    from conftest import RunShorepass

PAGES = Path(__file__).parents[2] / "docs/findings"
PASSWORD = "correct horse"


@pytest.fixture
def open_file(home: Path) -> Path:
    """A login that every user of the machine can read."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    auth = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    file.write_text(json.dumps({"auths": {"reg.example": {"auth": auth}}}))
    file.chmod(0o644)
    return file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def journal(home: Path) -> list[Path]:
    return sorted((home / ".local/state/shorepass/doctor").glob("*"))


def test_nobody_logged_in_is_healthy(run_shorepass: RunShorepass) -> None:
    """In an empty home there is nothing to find: no output, a word on standard error, exit code 0."""
    done = run_shorepass("doctor")
    assert (done.status, done.stdout, done.stderr) == (0, "", "no findings\n")


def test_what_was_not_asked_is_said(run_shorepass: RunShorepass, open_file: Path) -> None:
    """A login that no registry was asked about is not called good."""
    open_file.chmod(0o600)
    assert run_shorepass("doctor").stderr == "no findings; registries are asked with --check\n"


def test_a_finding_is_printed(run_shorepass: RunShorepass, open_file: Path) -> None:
    """A finding names its context, severity, code, subject, evidence and repair; a line sums up; the exit code is 1."""
    done = run_shorepass("doctor")
    assert (done.status, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "me"
    assert re.match(rf"warning +SP102 +{re.escape(str(open_file))}: other users can read it", lines[1])
    assert "mode 0644" in lines[2]
    assert lines[3].strip() == f"--fix: chmod 0600 {open_file}"
    assert lines[-1] == "1 warning"
    assert mode(open_file) == 0o644


def test_a_finding_is_data(run_shorepass: RunShorepass, open_file: Path) -> None:
    """--json says the same as data, and that the place could be looked into."""
    document = json.loads(run_shorepass("doctor", "--json").stdout)
    assert document["contexts"] == [{"context": "me", "error": None}]
    (finding,) = document["findings"]
    assert (finding["code"], finding["severity"], finding["context"]) == ("SP102", "warning", "me")
    assert (finding["subject"], finding["title"]) == (str(open_file), doctor.title("SP102"))
    assert finding["fix"] == {"kind": "mode", "path": str(open_file), "text": f"chmod 0600 {open_file}"}


def test_fix_and_undo(run_shorepass: RunShorepass, home: Path, open_file: Path) -> None:
    """--fix mends and says so, --undo brings back what was there, and both leave the content alone."""
    before = open_file.read_bytes()
    done = run_shorepass("doctor", "--fix", "--yes")
    assert done.status == 0, done.stderr
    assert "fixed" in done.stdout
    assert (mode(open_file), open_file.read_bytes()) == (0o600, before)
    (entry,) = journal(home)
    assert (mode(entry), mode(entry.parent)) == (0o600, 0o700)
    assert run_shorepass("doctor").status == 0
    undone = run_shorepass("doctor", "--undo", entry.stem)
    assert undone.status == 0, undone.stderr
    assert mode(open_file) == 0o644
    assert journal(home) == []
    assert run_shorepass("doctor", "--undo").status == 2


def test_undo_spares_what_was_changed_since(run_shorepass: RunShorepass, home: Path, open_file: Path) -> None:
    """What somebody has changed after the repair is left alone, with an error."""
    run_shorepass("doctor", "--fix", "--yes")
    open_file.chmod(0o640)
    done = run_shorepass("doctor", "--undo")
    assert (done.status, done.stdout) == (1, "")
    assert str(open_file) in done.stderr
    assert mode(open_file) == 0o640
    assert len(journal(home)) == 1


def test_fix_asks_on_a_terminal_only(run_shorepass: RunShorepass, open_file: Path) -> None:
    """Without a terminal --fix refuses and names --yes; nothing changes."""
    done = run_shorepass("doctor", "--fix")
    assert (done.status, done.stdout) == (2, "")
    assert "--yes" in done.stderr
    assert mode(open_file) == 0o644


@pytest.mark.parametrize(
    ("answer", "status", "left"), [("y", 0, 0o600), ("n", 1, 0o644), ("a", 0, 0o600), ("q", 1, 0o644)]
)
def test_an_answer_decides(open_file: Path, answer: str, status: int, left: int) -> None:
    """On a terminal the change is shown first, and the answer decides."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "shorepass", "doctor", "--fix"],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.write(master, f"{answer}\n".encode())
        stdout, stderr = process.communicate(timeout=60)
    finally:
        os.close(master)
        os.close(slave)
    assert (process.returncode, mode(open_file)) == (status, left), stderr
    assert f"chmod 0600 {open_file}" in stdout.decode()
    assert b"fix it?" in stderr


@pytest.mark.usefixtures("open_file")
def test_a_place_that_is_not_there(run_shorepass: RunShorepass) -> None:
    """A place that cannot be looked into is exit code 3, and the others are examined all the same."""
    done = run_shorepass("doctor", "--in", "user:nobody-of-that-name", "--in", "me")
    assert done.status == 3
    assert "SP102" in done.stdout
    assert "nobody-of-that-name" in done.stderr


def test_no_name_in_a_file_reaches_the_terminal_as_it_is(run_shorepass: RunShorepass, home: Path) -> None:
    """Control characters in a key or in the name of a helper are shown as blanks, in findings and in previews."""
    file = home / ".docker/config.json"
    file.parent.mkdir(mode=0o700)
    file.write_text(json.dumps({"credHelpers": {"reg\x1b[2J.example": "x\x1b]0;title\x07\nme"}}))
    file.chmod(0o600)
    for words in ((), ("--fix", "--yes")):
        done = run_shorepass("doctor", *words)
        assert "SP201" in done.stdout
        assert all(character.isprintable() for character in done.stdout.replace("\n", ""))
        assert done.stdout.splitlines().count("me") == 1  # the context, and no line made up by a name


def test_every_code_has_a_page() -> None:
    """Each code has a page whose heading is its title, each page a code, and the index names them all in order."""
    titles = dict(doctor.CODES)
    for name in doctor.MODULES:
        codes: dict[str, str] = importlib.import_module(f"shorepass.doctor.checks.{name}").CODES
        assert not codes.keys() & titles.keys()
        titles |= codes
    pages = {page.stem: page.read_text().splitlines()[0] for page in PAGES.glob("SP*.md")}
    assert pages == {code: f"# {code}: {title}" for code, title in titles.items()}
    index = re.findall(r"^\| \[(SP\d+)\]\((SP\d+)\.md\) \| (.+?) \|$", (PAGES / "README.md").read_text(), re.MULTILINE)
    assert index == [(code, code, titles[code]) for code in sorted(titles)]


def test_explain_a_code(run_shorepass: RunShorepass) -> None:
    """--explain prints the page itself; an unknown code is a wrong command line, and the hint has the nearest code."""
    done = run_shorepass("doctor", "--explain", "sp102")
    lines = done.stdout.splitlines()
    assert lines[0] == f"SP102: {doctor.title('SP102')}"
    assert (
        "    warning  SP102  /home/you/.docker/config.json: other users can read it, and it contains a login" in lines
    )
    unknown = run_shorepass("doctor", "--explain", "SP399")
    assert (unknown.status, unknown.stdout) == (2, "")
    assert "'SP399'" in unknown.stderr.splitlines()[0]
    assert run_shorepass(*unknown.stderr.splitlines()[1].removeprefix("hint: shorepass ").split()).status == 0
    assert "the codes are SP100 to SP8" in run_shorepass("doctor", "--explain", "helper").stderr


@pytest.mark.parametrize("page", sorted(PAGES.glob("SP*.md")), ids=lambda page: page.stem)
def test_a_page_as_text(page: Path) -> None:
    """No mark of Markdown is left, an item begins a line, no word is lost, no line is too wide, and a link names a file."""
    text = page_of(page.stem, 80)
    outside = [line for line in text.splitlines() if not line.startswith("    ")]
    assert not [line for line in outside if re.search(r"\*\*|`|\]\(|^#", line)]
    assert all(len(line) <= 80 or " " not in line for line in outside[1:])
    assert all(Path(path).is_file() for path in re.findall(r"\((/[^)\s]+\.md)\)", text))
    words = re.findall(
        r"\w+", re.sub(r"\]\([^)]*\)", "]", page.read_text()).replace("```console", "").replace("```text", "")
    )
    assert [word for word in words if word not in re.findall(r"\w+", text)] == []
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(re.findall("^- ", text, re.MULTILINE)) == len(re.findall("^- ", prose, re.MULTILINE))


@pytest.mark.parametrize(
    ("content", "variable", "codes"),
    [
        ("require github.com/testcontainers/testcontainers-go v0.40.0", "other.io", ["SP609"]),
        ("require github.com/testcontainers/testcontainers-go v0.40.0", "reg.io", []),
        ("require github.com/spf13/cobra v1.10.0", "other.io", []),
    ],
    ids=["missing", "there", "another project"],
)
def test_a_project_that_reads_a_variable(
    run_shorepass: RunShorepass,
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    variable: str,
    codes: list[str],
) -> None:
    """SP609: Testcontainers reads DOCKER_AUTH_CONFIG instead of docker's file; a project without it is no matter."""
    login = {"auth": base64.b64encode(b"alice:pw").decode()}
    lay_out(world, {"home/.docker/config.json": json.dumps({"auths": {"reg.io": login}}), "go.mod": content})
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {variable: login}}))
    done = run_shorepass("doctor", "--offline", "--json", "reg.io/acme/app")
    assert [one["code"] for one in json.loads(done.stdout)["findings"] if one["code"] == "SP609"] == codes


@pytest.mark.parametrize(
    ("programs_there", "first"),
    [
        ((), "install pass, or add its folder to PATH; then "),
        (("apk", "sudo"), "sudo apk add pass; then "),
        (("pass",), ""),
    ],
)
def test_pass_itself_is_missing(
    run_shorepass: RunShorepass, world: Path, programs_there: tuple[str, ...], first: str
) -> None:
    """Its helper is there, and the hint installs pass before it uses it."""
    (world / "bin/docker-credential-pass").symlink_to(programs.require("docker-credential-pass"))
    files = {"home/.docker/config.json": '{"credsStore": "pass"}'}
    lay_out(world, {**files, **{f"bin/{name}": "#!/bin/sh\nexit 1\n" for name in programs_there}})
    (finding,) = json.loads(run_shorepass("doctor", "--json", "--offline").stdout)["findings"]
    fix = f"{first}make a GPG key with gpg --full-generate-key, then: pass init KEYID"
    assert (finding["code"], finding["fix"]["text"]) == ("SP211", fix)
