"""What the challenge parser promises for every text."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from shorepass.registry.challenge import CHALLENGE_LIMIT, Challenge, choose, parse_challenges

tokens = st.text(string.ascii_lowercase + string.digits + "-_.!", min_size=1, max_size=12)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x17F), max_size=40)
challenges = st.builds(
    lambda scheme, params: Challenge(scheme, params),
    scheme=tokens,
    params=st.dictionaries(tokens, values, max_size=5),
)


def written(challenge: Challenge) -> str:
    """Write a challenge as RFC 9110 has it, every value quoted."""
    pairs = [
        f'{k}="{v}"' for k, v in ((k, v.replace("\\", "\\\\").replace('"', '\\"')) for k, v in challenge.params.items())
    ]
    return " ".join([challenge.scheme, ", ".join(pairs)]).strip()


@given(st.lists(challenges, max_size=4))
def test_what_is_written_is_read(wanted: list[Challenge]) -> None:
    """Challenges survive being written, on lines of their own and all on one line."""
    assert parse_challenges([written(c) for c in wanted]) == wanted
    assert parse_challenges([", ".join(written(c) for c in wanted)]) == wanted


noise = st.text(st.sampled_from('Bearer Basic realm="=,\\ \t\r\n\x00é'), max_size=60)


@given(st.lists(st.text(max_size=200) | noise, max_size=4))
def test_no_text_breaks_the_parser(lines: list[str]) -> None:
    """Any text gives a bounded list, and what may be answered has no problem."""
    parsed = parse_challenges(lines)
    assert len(parsed) <= CHALLENGE_LIMIT
    chosen = choose(parsed)
    assert chosen is None or (not chosen.problem and chosen.scheme in ("basic", "bearer"))
