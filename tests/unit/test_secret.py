"""A fingerprint compares the secrets of one report, and tests no guess: whoever has the report knows nothing of the secret."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from shorepass import Fingerprints
from shorepass.secret import Secret

if TYPE_CHECKING:
    from conftest import RunShorepass

WORD = "wonderland"  # in every dictionary


def log_in(home: Path) -> None:
    """Store two logins with one password, and one with another."""
    auths = {
        f"{name}.example": {"auth": base64.b64encode(f"alice:{password}".encode()).decode()}
        for name, password in (("a", WORD), ("b", WORD), ("c", "other"))
    }
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(json.dumps({"auths": auths}))


def test_equal_secrets_have_equal_fingerprints_in_one_report_alone() -> None:
    """Each report has a key of its own, which is not stored."""
    one, two = Fingerprints(), Fingerprints()
    assert one.of(Secret(WORD)) == one.of(Secret(WORD))
    assert one.of(Secret(WORD)) != one.of(Secret("other"))
    assert one.of(Secret(WORD)) != two.of(Secret(WORD))
    assert re.fullmatch("[0-9a-f]{8}", one.of(Secret("\udcff")))


def test_who_has_fingerprints_of_its_own_each_time(run_shorepass: RunShorepass, home: Path) -> None:
    """The document compares its own logins; the same logins have others in the next document, and in the map."""
    log_in(home)
    seen = []
    for _ in range(2):
        logins = json.loads(run_shorepass("who", "--in", "me", "--json").stdout)["logins"]
        fingerprints = {login["key"]: login["fingerprint"] for login in logins}
        assert fingerprints["a.example"] == fingerprints["b.example"] != fingerprints["c.example"]
        seen.append(fingerprints["a.example"])
    page = run_shorepass("who", "--in", "me", "--html", "-").stdout
    seen += {*re.findall(r'"fingerprint": ?"([0-9a-f]{8})"', page)}
    assert len(seen) == len({*seen}) == 4
    assert hashlib.sha256(WORD.encode()).hexdigest()[:8] not in seen


def test_explain_and_doctor_have_fingerprints_of_their_own(run_shorepass: RunShorepass, home: Path) -> None:
    """Two runs of one command print two fingerprints of one secret."""
    log_in(home)
    podman = home / ".config/containers/auth.json"
    podman.parent.mkdir(parents=True)
    auth = base64.b64encode(b"alice:other").decode()
    podman.write_text(json.dumps({"auths": {"a.example": {"auth": auth}}}))
    seen = []
    for words in (("explain", "--offline", "a.example"), ("doctor", "--offline", "a.example")):
        for _ in range(2):
            seen += re.findall(r"fingerprint ([0-9a-f]{8})", run_shorepass(*words).stdout)
    assert len(seen) == 6
    assert len({*seen}) == 6
    assert hashlib.sha256(WORD.encode()).hexdigest()[:8] not in seen
