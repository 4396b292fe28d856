"""What pinentry answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from shorepass.contexts.local import LocalContext
from shorepass.contexts.pinentry import ask_by


@pytest.mark.parametrize(
    ("line", "passphrase"),
    [("plain", "plain"), ("100%25%0A", "100%\n"), ("h%C3%B6fe", "höfe"), ("höfe", "höfe"), ("a+b %zz%", "a+b %zz%")],
)
def test_any_byte_may_be_encoded(tmp_path: Path, line: str, passphrase: str) -> None:
    """Assuan percent-encodes bytes, and pinentry writes UTF-8."""
    program = tmp_path / "pinentry"
    program.write_text(f"#!/bin/sh\n/bin/cat >/dev/null\necho OK hello\necho 'D {line}'\necho OK\n", encoding="utf-8")
    program.chmod(0o755)
    assert ask_by(LocalContext.current(), str(program), "Passphrase") == passphrase
