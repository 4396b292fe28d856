"""The map: what ``who`` found as one page of HTML that needs nothing but itself.

The page's policy allows exactly its own style and script, by their hashes, and no connection at all. What was found goes in
as JSON, and the script puts it into the page as text: a name with markup in it is only a strange name.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from shorepass.clients import find
from shorepass.contexts.command import command
from shorepass.errors import HelperError
from shorepass.foreign_text import visible
from shorepass.resolution import Outcome, Step
from shorepass.who.document import date, described, document, lent_in_words, sentence, shares_of
from shorepass.who.login import BROKEN
from shorepass.who.sharing import is_container
from shorepass.who.use import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from shorepass.contexts import Context
    from shorepass.who.lent import Lent
    from shorepass.who.login import Login, Looked, Share

__all__ = ["page"]

TRACES = 50  # logins of one place whose traces are in the page; nobody reads more, and each is resolved again
CROWD = 6  # places that share one thing: more arrows than that are only drawn when somebody points at them
POLICY = (
    "default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; base-uri 'none'; form-action 'none'"
)
# Inside a script element only these can end it, or begin a comment.
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def page(looked: Sequence[Looked], grants: Sequence[Lent] = (), *, now: float, host: str, user: str) -> str:
    """Return the map as HTML.

    ``now``: seconds since 1970. ``host``: the name of this machine. ``user``: the user who draws the map.
    """
    style, script = _text("map.css"), _text("map.js")
    parts = {
        "TITLE": html.escape(visible(f"Registry logins on {host}")),
        "POLICY": POLICY.format(style=_hash(style), script=_hash(script)),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": json.dumps(_visible(_data(looked, grants, now, user))).translate(ESCAPES),
    }
    return re.sub("@@([A-Z]+)@@", lambda found: parts[found[1]], _text("map.html"))


def _visible(data: Any) -> Any:
    """Return data with each text in it as it may be shown: a page obeys marks of direction, too."""
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {name: _visible(value) for name, value in data.items()}
    return [_visible(value) for value in data] if isinstance(data, list | tuple) else data


def _text(name: str) -> str:
    return files("shorepass.who").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(looked: Sequence[Looked], grants: Sequence[Lent], now: float, user: str) -> dict[str, Any]:
    data = document(looked, grants)
    logins: list[tuple[Context | None, int, Login]] = []
    for found in looked:
        logins += [(found.context, number, login) for number, login in enumerate(found.logins)]
    for (context, number, login), shown in zip(logins, data["logins"], strict=True):
        shown["traces"] = list(_traces(context, login)) if context is not None and number < TRACES else []
        shown["doctor"] = command(context or login.context, "doctor")
    for found, shown in zip(looked, data["contexts"], strict=True):
        shown["uid"] = None if found.context is None else found.context.uid
        shown["home"] = None if found.context is None else found.context.home()
    links = [*_links(looked), *_lent(looked, grants)]
    seen = {"sentence": sentence(looked), "drawn": date(now), "drawn_by": user, "links": links}
    return {**data, **seen}


def _traces(context: Context, login: Login) -> Iterator[dict[str, Any]]:
    """Yield the steps of each client that uses the login, and the registry's answer."""
    for client in login.clients if login.registry else ():
        resolution = resolve(context, client, login)
        steps = resolution.steps
        if isinstance(resolution.answer, HelperError) and login.helper:  # no program was run for the page
            steps = (*steps[:-1], Step("helper", *_helper_said(login), login.hint))
        yield {
            "client": find(client).facts.label,
            "steps": [_step(step) for step in (*steps, *login.asked)],
        }


def _step(step: Step) -> dict[str, str | None]:
    return {
        "kind": step.kind,
        "outcome": step.outcome.value,
        "subject": step.subject,
        "detail": step.detail,
        "hint": step.hint,
    }


def _helper_said(login: Login) -> tuple[Outcome, str, str]:

    program = f"docker-credential-{login.helper}"
    if login.state in BROKEN:
        return Outcome.FAILED, program, login.detail
    if login.credential is not None:
        return Outcome.OK, program, f"has the login of {login.user!r}" if login.user else "has a token"
    if login.kind:
        return Outcome.OK, program, "lists it; its secret was not asked for"
    return Outcome.SKIPPED, program, "was not asked"


def _links(looked: Sequence[Looked]) -> Iterator[dict[str, Any]]:
    """Yield the arrows between contexts, each once: sudo, and what contexts share."""
    names = [found.place.name for found in looked]
    if "me" in names:
        for name in ("sudo", "sudo-login"):
            if name in names:
                yield {"what": "sudo", "from": "me", "to": name, "text": f"{name}: your commands under sudo"}
    containers = {found.place.name: found.place.inside for found in looked if is_container(found.context)}
    drawn = set()
    for share in shares_of(looked):
        text = described(share)
        arrows = list(_arrows(share, containers))
        for arrow in arrows or [(share.what, "", "")]:
            if arrow not in drawn or text:
                what, first, other = arrow
                crowded = len(arrows) > CROWD or arrow in drawn
                yield {"what": what, "from": first, "to": other, "text": text, "crowded": crowded}
            drawn.add(arrow)
            text = ""


def _lent(looked: Sequence[Looked], grants: Sequence[Lent]) -> Iterator[dict[str, Any]]:
    """Yield an arrow from the lender to each context that has a grant, and the text of a grant that no context has."""
    names = {found.place.name for found in looked}
    for one in grants:
        text = lent_in_words(one)
        arrows = [(one.lender, name) for name in one.contexts if one.lender in names]
        for first, other in arrows or [("", "")]:
            yield {"what": "grant", "from": first, "to": other, "text": text, "crowded": len(arrows) > CROWD}
            text = ""


def _arrows(share: Share, containers: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield what leads from where to where: a socket to the engine, all else from the first place to the others.

    What is mounted into a container is simply the same file for another place of this machine.
    """
    first, *others = share.contexts
    if share.what == "socket":
        yield from ((share.what, name, containers[name]) for name in share.contexts)
        return
    for name in others:
        mounted = share.what == "mount" and name in containers and first not in containers
        yield "file" if share.what == "mount" and not mounted else share.what, first, name
