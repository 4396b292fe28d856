"""Clocks that must agree: this machine's, the registry's and its token server's.

A token names the times from and until which it is valid. docker-registry tolerates a minute (distribution
registry/auth/token/token.go ``Leeway``), and so do most. Pure functions; times are Unix times, in seconds.
"""

from __future__ import annotations

import binascii
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from shorepass.bounded_json import loads
from shorepass.errors import ClockDiffers

if TYPE_CHECKING:
    from shorepass.http import Response

__all__ = ["LEEWAY", "claims", "here", "token_times"]

LEEWAY = 60  # seconds
CLAIMS_LIMIT = 64 * 1024  # characters of a token's payload; Docker Hub's have 2,000
SET_CLOCK = "set the clock that is wrong: timedatectl set-ntp true"


def claims(token: str) -> dict[str, object]:
    """Return the claims of a token (RFC 7519), {} if it cannot be read. A hint: nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3 or len(parts[1]) > CLAIMS_LIMIT:
        return {}
    text = parts[1].replace("-", "+").replace("_", "/")
    try:
        found = loads(binascii.a2b_base64(text + "=" * (-len(text) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def here(registry: str, response: Response, now: float) -> ClockDiffers | None:
    """Return how far this machine's clock is from that of an answer; None if they agree or the answer has no date."""
    there = _date(response)
    if there is None or abs(now - there) <= LEEWAY:
        return None
    seconds = now - there
    return ClockDiffers(
        registry, f"this machine's clock is {_apart(seconds)} the registry's", seconds=seconds, hint=SET_CLOCK
    )


def token_times(registry: str, token: str, response: Response, now: float) -> ClockDiffers | None:
    """Return why a registry refuses the token that its token server gave, if their clocks are the cause.

    ``response`` is the registry's refusal: the registry used the clock of that answer.
    """
    there = _date(response)
    clock = now if there is None else there
    said = claims(token)
    issued, starts, ends = (_time(said.get(name)) for name in ("iat", "nbf", "exp"))
    is_early = any(time is not None and time > clock + LEEWAY for time in (issued, starts))
    is_late = ends is not None and ends < clock - LEEWAY
    at = issued or starts or ends
    if not (is_early or is_late) or at is None:
        return None
    seconds = at - clock
    reason = f"it refuses the token of its token server, whose clock is {_apart(seconds)} its own"
    return ClockDiffers(registry, reason, seconds=seconds, hint=SET_CLOCK)


def _date(response: Response) -> float | None:
    """Return the time of an answer, None if it has none or comes from a cache."""
    if response.header("age") not in ("", "0"):
        return None
    try:
        return parsedate_to_datetime(response.header("date")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _time(value: object) -> float | None:
    is_time = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11
    return float(value) if is_time else None  # type: ignore[arg-type]  # a number: is_time says so


def _apart(seconds: float) -> str:
    size = f"{abs(seconds) / 60:.0f} minutes" if abs(seconds) < 5400 else f"{abs(seconds) / 3600:.0f} hours"
    return f"{size} {'ahead of' if seconds > 0 else 'behind'}"
