"""The text of an error answer from a registry or a token server, made safe to show.

Only the fields for users are read, and short plain text; never a body that could hold a token. A text that repeats the
secret in any form is not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shorepass.bounded_json import loads
from shorepass.errors import NotARegistry, RateLimited, RegistryError, Unreachable, printable
from shorepass.secret import repeats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shorepass.http import Response

__all__ = ["DISTRIBUTION_HEADER", "codes", "is_html", "limit_reached", "missing_actions", "other_status", "said"]

TEXT_LIMIT = 160  # characters: two lines of a terminal
ERRORS_LIMIT = 3  # of the errors in one body
ACTIONS_LIMIT = 16  # of the missing actions in one body
DISTRIBUTION_HEADER = (
    "Docker-Distribution-Api-Version"  # with a Basic challenge: the plain registry and its htpasswd file
)
REPEATED = "(not shown: it repeats the secret)"


def said(response: Response, secrets: Iterable[str] = ()) -> str:
    """Return the server's text about its answer: ``": TEXT"``, or ``""``."""
    words = "; ".join(_words(response))
    words = _fit_to_show(words, secrets)
    return f": {words}" if words else ""


def _fit_to_show(text: str, secrets: Iterable[str]) -> str:
    """Return a server's text cut and cleaned, or REPEATED if it holds one of the secrets that were sent."""
    text = text[: TEXT_LIMIT * 4]
    return REPEATED if any(repeats(text, secret) for secret in secrets) else printable(text, TEXT_LIMIT)


def codes(response: Response) -> set[str]:
    """Return the error codes of the distribution specification in the body, upper case."""
    return {str(error.get("code", "")).upper() for error in _errors(response)}


def missing_actions(response: Response, secrets: Iterable[str] = ()) -> list[str]:
    """Return what the registry says is missing, ``push on acme/app``, from the details of its UNAUTHORIZED error."""
    missing: list[str] = []
    for error in _errors(response):
        detail = error.get("detail")
        items = detail if isinstance(detail, list) else []
        denied = [item for item in items if isinstance(item, dict) and item.get("Action")]
        missing += [f"{item['Action']} on {item.get('Name', '?')}" for item in denied]
    return [_fit_to_show(text, secrets) for text in missing[:ACTIONS_LIMIT]]


def _words(response: Response) -> list[str]:
    document = _document(response)
    errors = _errors(response)
    if errors:
        pairs = ((error.get("code"), error.get("message")) for error in errors[:ERRORS_LIMIT])
        return [" ".join(part for part in pair if isinstance(part, str)) for pair in pairs]
    if isinstance(document, dict):
        names = ("details", "message", "error", "error_description")
        return [value for name in names if isinstance(value := document.get(name), str) and value]
    kind = response.header("content-type").lower()
    if kind.startswith("text/plain") and response.status >= 400 and not response.truncated:
        return [response.body.decode("utf-8", "replace")]
    return []


def _errors(response: Response) -> list[dict[str, object]]:
    document = _document(response)
    errors = document.get("errors") if isinstance(document, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _document(response: Response) -> object:
    if response.truncated or response.body[:1].strip() not in (b"{", b""):
        return None
    try:
        return loads(response.body)
    except ValueError:
        return None


def limit_reached(registry: str, response: Response) -> RateLimited | None:
    """Return the error of the next pull, as Docker Hub announces it: ``ratelimit-remaining: 0;w=21600`` (w: seconds)."""
    left, _, rest = response.header("ratelimit-remaining").replace(" ", "").partition(";")
    if not left or left.strip("0"):
        return None
    window = rest.removeprefix("w=")
    span = f" in {int(window) / 3600:.0f} hours" if _is_number(window) and 5 <= len(window) < 8 else ""
    limit = response.header("ratelimit-limit").partition(";")[0]
    allowed = f": {limit} are allowed{span}" if _is_number(limit) and len(limit) < 10 else ""
    hint = "try again later; a login may have a higher limit than an address"
    return RateLimited(registry, f"no pull is left{allowed}", hint=hint)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()  # because isdigit() accepts digits that int() refuses


def other_status(registry: str, response: Response, secrets: Iterable[str] = (), *, who: str = "it") -> RegistryError:
    """Return the error for a status that says nothing about the login: rate limit, proxy, redirect, not a registry."""
    status, words = response.status, said(response, secrets)
    if status == 429:
        after = response.header("retry-after")
        hint = (
            f"try again in {after} seconds"
            if _is_number(after) and len(after) < 8
            else "try again later; the limit may be lower without a login"
        )
        return RateLimited(registry, f"too many requests{words}", hint=hint)
    if status == 407:
        return Unreachable(registry, "the proxy asks for a login", hint="put user and password into the proxy's URL")
    if is_html(response) and status in (403, 502, 503, 504):
        reason = f"status {status} with a web page: a proxy or firewall answered instead"
        return Unreachable(registry, reason, hint="check HTTPS_PROXY and NO_PROXY")
    if status in (502, 503, 504):
        return Unreachable(registry, f"{who} answered {status}{words}", hint="try again later")
    if 300 <= status < 400:
        place = _fit_to_show(response.header("location"), secrets)
        return NotARegistry(registry, f"{who} redirects to {place}")
    page = " with a web page" if is_html(response) else ""
    return NotARegistry(
        registry, f"{who} answered {status}{page}{words}", hint="is this the registry's own name and port?"
    )


def is_html(response: Response, *, only_if_declared: bool = False) -> bool:
    """Tell whether the body is a web page: no registry's answer is one."""
    declared = "html" in response.header("content-type").lower()
    return declared or (not only_if_declared and response.body[:64].lstrip()[:5].lower() in (b"<html", b"<!doc"))
