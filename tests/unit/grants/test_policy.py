"""What the policy allows, and which line decides."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shorepass.contexts.local import LocalContext
from shorepass.errors import FileError, MalformedFile
from shorepass.files import FileContent
from shorepass.grants import policy_file
from shorepass.grants.globs import matches
from shorepass.grants.grant import ENGINE, FORWARD, MOUNT, Grant
from shorepass.grants.policy import Policy, Wish

HOUR = 3600.0
GRANT = Grant("0123abcd", "test", FORWARD, ("*.example.com",), "/run/0123abcd", "", 0.0, HOUR)
POLICY = """\
never = [
  "*.internal.example",
  "docker.io",
]
[defaults]
max = "1h"
[allowed]
registries = ["ghcr.io", "*.internal.example"]
repositories = ["quay.io/acme/*"]
modes = ["forward"]
push = false
[[automatic]]
image = "ghcr.io/acme/*"
registries = ["ghcr.io"]
[[automatic]]
project = "shop-*"
repositories = ["quay.io/other/app"]
mode = "engine"
"""


def policy(text: str) -> Policy:
    """Return what a text says."""
    return policy_file.decode(FileContent("policy.toml", text.encode()))


@pytest.mark.parametrize(
    ("wish", "refusal", "line"),
    [
        (Wish("ghcr.io"), "", 8),
        (Wish("quay.io", "quay.io/acme/app"), "", 9),
        (Wish("quay.io", "quay.io/acme/*"), "", 9),
        (Wish("ghcr.io", "ghcr.io/any/app"), "", 8),
        (Wish("quay.io", "quay.io/other"), "does not allow quay.io/other (line 8)", 8),
        (Wish("quay.io", "quay.io/*"), "does not allow quay.io/* (line 8)", 8),
        (Wish("quay.io"), "does not allow all of quay.io (line 8)", 8),
        (Wish("*.io"), "does not allow *.io (line 8)", 8),
        (Wish("hub.internal.example"), "never lends *.internal.example (line 1)", 1),
        (Wish("hub.internal.example:5000"), "never lends *.internal.example (line 1)", 1),
        (Wish("docker.io", "docker.io/library/alpine"), "never lends docker.io (line 1)", 1),
        (Wish("ghcr.io", mode=ENGINE), "does not allow the mode engine (line 10)", 10),
        (Wish("ghcr.io", mode=MOUNT), "does not allow the mode mount (line 10)", 10),
        (Wish("ghcr.io", push=True), "does not allow pushes (line 11)", 11),
        (Wish("ghcr.io", seconds=HOUR), "", 8),
        (Wish("ghcr.io", seconds=HOUR + 1), "allows a grant for at most 1h (line 6)", 6),
    ],
)
def test_verdicts(wish: Wish, refusal: str, line: int) -> None:
    """Each rule refuses with its line, and an allowed name has the line that allows it."""
    assert policy(POLICY).judge(wish) == (refusal, line)


@pytest.mark.parametrize(
    ("never", "names"),
    [
        ("registry.example:5000", ("registry.example:05000", "REGISTRY.example:5000", "registry.example:0005000/app")),
        ("registry.example:05000", ("registry.example:5000",)),
        ("registry.example", ("registry.example:443", "registry.example:0443/app", "registry.example:80")),
        ("*.example:0443", ("registry.example", "registry.example:443/app")),
        ("docker.io", ("registry-1.docker.io:443/acme/app", "index.docker.io:0443", "Docker.IO/acme/app")),
        ("[::1]:5000", ("[0:0:0:0:0:0:0:1]:5000", "[::0001]:05000/app")),
        ("10.0.0.*", ("10.0.0.1:05000", "[::ffff:0a00:0001]:5000/app")),
    ],
)
def test_other_spellings_of_a_registry(never: str, names: tuple[str, ...]) -> None:
    """What is never lent is not lent by another name for the same host and port."""
    found = policy(f'never = ["{never}"]')
    grant = GRANT._replace(registries=("*",))
    assert [name for name in names if not found.refusal_of_use(grant, name, 0.0)] == []


@pytest.mark.parametrize("never", ["registry.example.", "registry%2eexample", "https://registry.example"])
def test_a_name_that_no_client_connects_to(never: str) -> None:
    """A rule that could never be applied is an error, with its line."""
    with pytest.raises(MalformedFile, match=r"line 1: \"never\""):
        policy(f'never = ["{never}"]')


@pytest.mark.parametrize(
    "text", ['never = ["a.io"]', '[allowed]\nregistries = ["*.io"]', '[allowed]\nrepositories = ["a.io/x"]']
)
def test_a_mounted_helper_knows_no_limits(text: str) -> None:
    """The helper in the container answers for every registry, so a policy that limits them refuses that mode."""
    verdict = policy(text).judge(Wish("ghcr.io", mode=MOUNT))
    assert verdict.refusal.startswith("limits the registries")
    assert verdict.line == text.count("\n") + 1


def test_without_rules_all_is_allowed() -> None:
    """An empty file and no file refuse nothing, and nothing is automatic."""
    for empty in (policy(""), Policy()):
        assert empty.judge(Wish("*.example.com", "", ENGINE, push=True, seconds=9e9)) == ("", 0)
        assert empty.automatic_for(image="ghcr.io/acme/app", project="shop") is None


def test_a_pattern_is_lent_without_what_is_never_lent() -> None:
    """The grant can be made; at its use the registry counts, in each of its spellings."""
    found = policy('never = ["secret.example.com"]')
    assert found.refusal_of(GRANT) == ""
    assert found.refusal_of_use(GRANT, "other.example.com", 1.0) == ""
    for spelling in (
        "secret.example.com",
        "SECRET.example.com",
        "secret.example.com:443",
        "secret.example.com/acme/app",
    ):
        assert "never lends" in found.refusal_of_use(GRANT, spelling, 1.0)


def test_an_older_grant_has_ended() -> None:
    """A longest time that is written later counts for the age of grants that exist."""
    found = policy('[defaults]\nmax = "10m"')
    assert found.refusal_of(GRANT) == "allows a grant for at most 10m (line 2)"
    assert [bool(found.refusal_of_use(GRANT, "a.example.com", now)) for now in (600.0, 601.0)] == [False, True]
    assert found.seconds == 600.0


@pytest.mark.parametrize(
    ("image", "project", "line"),
    [
        ("ghcr.io/acme/app", "", 12),
        ("ghcr.io/acme/a/b", "", 12),
        ("ghcr.io/acmes/app", "", None),
        ("docker.io/library/ghcr.io/acme/app", "", None),
        ("", "shop-2", 15),
        ("", "shop", None),
        ("", "", None),
    ],
)
def test_automatic_rows(image: str, project: str, line: int | None) -> None:
    """The first row that matches counts; a row for images is not one for projects."""
    row = policy(POLICY).automatic_for(image=image, project=project)
    assert (row.line if row else None) == line


def test_a_row_obeys_the_other_rules() -> None:
    """What gets a grant by itself gets no more than the rules allow."""
    found = policy(POLICY)
    assert [found.refusal_of_row(row) for row in found.automatic] == ["", "does not allow the mode engine (line 10)"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("never =", 1, "not TOML"),
        ('a = 1\nnever = "x"', 1, "unknown key 'a'"),
        ('\n[defaults]\nfro = "2h"', 3, "unknown key 'fro'"),
        ('never = "x"', 1, "not a list of strings"),
        ('never = ["*"]', 1, "is not a pattern"),
        ('never = [\n"ghcr.io/acme"]', 1, "whole registry"),
        ("[defaults]\nfor = 5", 2, "not a time"),
        ('[defaults]\nfor = "2d"\nmax = "1d"', 2, "longer than"),
        ('[defaults]\nmode = "magic"', 2, "not one of forward, engine"),
        ('[defaults]\nconfirm = "yes"', 2, "neither true nor false"),
        ('[defaults]\nconfirm_within = "51s"', 2, "longer than 50s"),
        ('[allowed]\n\nmodes = ["forward", "x"]', 3, "not one of"),
        ('[allowed]\nrepositories = ["ghcr.io"]', 2, "is not a repository"),
        ("defaults = 3", 1, "not a table"),
        ("[automatic]", 1, "not a list of tables"),
        ('[[automatic]]\nimage = "ghcr.io/x"', 1, 'has "registries" or "repositories"'),
        ('x = ["a"]\n[[automatic]]', 1, "unknown key"),
        ('[[automatic]]\nimage = "a.io/x"\nproject = "x"\nregistries = ["a.io"]', 1, 'either "image" or "project"'),
        ('[[automatic]]\nproject = "A b"\nregistries = ["a.io"]', 2, "not a name of a compose project"),
        ('[[automatic]]\nimage = "a.io/x"\nrepositories = ["a.io/x"]', 3, "is not for mode forward"),
        ('[[automatic]]\nimage = "a.io/x"\nregistries = ["a.io"]\nmode = []', 4, "not one of"),
        (
            '[[automatic]]\nimage = "a.io/x"\nregistries = ["a.io"]\nmode = "export"\nconfirm = true',
            5,
            "not for mode export",
        ),
        ("never = []\nnever = []", 2, "not TOML"),
        ("a" + ".a" * 30000 + " = 1", 1, "a hundred parts"),
        ("never = " + "[" * 5000, 1, "too deep"),
        ("never = []\n# \udcff", 2, "not UTF-8"),
    ],
)
def test_a_broken_policy_names_the_line(text: str, line: int, reason: str) -> None:
    """An error has the line, and what is wrong there."""
    with pytest.raises(MalformedFile) as error:
        policy_file.decode(FileContent("policy.toml", text.encode("utf-8", "surrogateescape")))
    assert f"policy.toml: line {line}: " in error.value.message
    assert reason in error.value.message
    assert error.value.hint == "shorepass policy example"


@pytest.mark.parametrize(
    ("file", "folder", "refused"), [(0o600, 0o755, ""), (0o660, 0o700, "f"), (0o602, 0o700, "f"), (0o644, 0o775, "d")]
)
def test_others_must_not_write_it(home: Path, file: int, folder: int, refused: str) -> None:
    """Another user could lend what the user did not want to lend."""
    path = home / ".config/shorepass/policy.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("never = []")
    path.chmod(file)
    path.parent.chmod(folder)
    here = LocalContext(os.environ)
    if not refused:
        assert policy_file.load(here) == policy("never = []")
        return
    with pytest.raises(FileError, match="other users can write it") as error:
        policy_file.load(here)
    assert error.value.hint == f"chmod go-w {path if refused == 'f' else path.parent}"


def test_a_policy_of_another_user(home: Path) -> None:
    """A file that another user owns is refused, whatever its mode is."""
    path = home / ".config/shorepass/policy.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("never = []")
    here = LocalContext(os.environ, uid=os.getuid() + 4711)
    os.chown(path, 4712, -1)
    with pytest.raises(FileError, match="other users can write it"):
        policy_file.load(here)


NAMES = st.text("ab.", max_size=8)
PATTERNS = st.text("ab.*", max_size=8)


@given(PATTERNS, NAMES)
def test_patterns_match_as_a_shells(pattern: str, name: str) -> None:
    """``*`` is any characters and nothing else is special; Python's fnmatch is the reference."""
    assert matches(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@given(PATTERNS, PATTERNS, NAMES)
def test_a_pattern_that_contains_another(outer: str, inner: str, name: str) -> None:
    """If a pattern is allowed because another one matches it, all its names are allowed."""
    if matches(outer, inner) and matches(inner, name):
        assert matches(outer, name)


@given(st.lists(PATTERNS.filter(lambda text: text.strip("*.")), max_size=3), PATTERNS, NAMES)
def test_never_is_never(never: list[str], lent: str, registry: str) -> None:
    """No grant gives a login that ``never`` names, whatever pattern it lends and whatever else is allowed."""
    found = Policy(never=tuple(never), allowed_registries=("*",))
    refused = found.judge(Wish(registry)).refusal
    assert bool(refused) == any(fnmatch.fnmatchcase(registry, glob) for glob in never)
    if found.judge(Wish(lent)).refusal and matches(lent, registry):
        assert refused
