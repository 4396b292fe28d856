"""The door to the terminal: what it does with text of others, and with streams that take no text."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from shorepass.foreign_text import printable, quoted, visible, without_user_info

PROGRAM = "import sys; from shorepass.cli import console, program; sys.argv[1:] = ['list']\n"


def run(code: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", PROGRAM + code]
    return subprocess.run(command, capture_output=True, env={**os.environ, **env}, timeout=60, check=False)


@pytest.mark.parametrize(
    "character", ["\x1b", "\x9b", "\x7f", "\r", "\n", "\u202e", "\u2066", "\u200b", "\u2028", "\udc9b", "\ue000"]
)
def test_a_character_that_is_obeyed_is_an_escape(character: str) -> None:
    """It can be seen, and the text around it stays as it is."""
    assert visible(f"a{character}b") == f"a{character.encode('unicode_escape', 'surrogatepass').decode()}b"


@pytest.mark.parametrize("character", ["\u034f", "\u1160", "\u2800", "\u3164", "\ufe00", "\ufe0f", "\U000e01ef"])
def test_a_letter_that_shows_nothing_is_an_escape(character: str) -> None:
    """Otherwise two names that differ only by it look the same."""
    assert visible(f"alice{character}") == f"alice{character.encode('unicode_escape').decode()}"
    assert printable(f"a{character}b") == "a b"
    assert "\\x" in quoted(f"alice{character}")


@pytest.mark.parametrize("text", ["", "größer", "日本語", "שלום", "مرحبا", "e\u0301", "🐳", "a\u00a0b", "a\u3000b"])
def test_text_of_any_language_stays(text: str) -> None:
    """Letters, marks on letters, and spaces are no danger."""
    assert visible(text) == text


@pytest.mark.parametrize(
    "text", ["", "a b", "it's", "$(x)", "\x1b]0;x\x07", "a\\'\nb", "ö\u202e", "\udcff\udc80", "~", "-x", "{a,b}"]
)
def test_a_quoted_word_is_that_word_in_bash(text: str) -> None:
    """A pasted word means the bytes that it stands for, and is printed without escapes."""
    word = quoted(text)
    assert visible(word) == word
    done = subprocess.run(["/bin/bash", "-c", f"printf %s {word}"], capture_output=True, timeout=60, check=True)
    assert done.stdout == text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("https://u:p@h.example/v1/", "https://h.example/v1/"),
        ("u:p@h.example", "h.example"),
        ("u:p/q@h.example/x", "h.example/x"),
        ("u:p q@h.example", "h.example"),
        ("u:p@q@h.example", "h.example"),
        ("h.example/x@sha256:" + "a" * 64, "h.example/x@sha256:" + "a" * 64),
        ("h.example:5000/x", "h.example:5000/x"),
        ("", ""),
    ],
)
def test_a_key_is_shown_without_its_password(key: str, shown: str) -> None:
    """With a scheme or without, and whatever is in the password."""
    assert without_user_info(key) == shown


def test_a_fault_of_ours_is_printed_by_the_door_too() -> None:
    """What a traceback quotes may be foreign."""
    fail = "def fail(_): raise RuntimeError('\\x1b]0;x\\x07\\u202e')\n"
    code = f"import shorepass.cli.list as verb\n{fail}verb.run = fail\nprogram()"
    done = run(code)
    assert done.returncode == 1
    assert b"RuntimeError: \\x1b]0;x\\x07\\u202e" in done.stderr
    assert b"\x1b" not in done.stderr


def test_a_stream_without_such_letters() -> None:
    """What the encoding of a stream does not have is an escape, not an error."""
    done = run("console.out('gr\\u00f6\\u00dfer'); console.err('\\u65e5')", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"gr\\xf6\\xdfer\n", b"\\u65e5\n")


@pytest.mark.parametrize("words", ["--help", "--version", "login --help", "list --json"])
@pytest.mark.parametrize(
    ("stream", "reason"), [(">/dev/full", "no space left on device"), (">&-", "bad file descriptor")]
)
def test_standard_output_takes_nothing(words: str, stream: str, reason: str) -> None:
    """That is an error in one line, whatever was to be printed."""
    line = f"{sys.executable} -m shorepass {words} {stream}"
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, f"shorepass: standard output: {reason}\n")


def test_a_question_without_an_answer() -> None:
    """What is printed after it begins a line."""
    assert run("console.question('Name: '); console.err('next')").stderr == b"Name: \nnext\n"


def test_json_is_ascii() -> None:
    """Not even DEL, which JSON does not escape by itself."""
    done = run("console.print_json({'a': '\\x7f\\x9b\\u202e\\x1b'}, indent=None)")
    assert done.stdout == b'{"a":"\\u007f\\u009b\\u202e\\u001b"}\n'


def test_a_choice_that_is_none_shows_no_password() -> None:
    """Somebody may type a key where a word of ours belongs."""
    command = [sys.executable, "-m", "shorepass", "stores", "u:S3cret@h.example"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "S3cret" not in done.stderr
    assert "is not one of use" in done.stderr
