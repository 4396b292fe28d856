"""Keys and fields that no client looks up, and logins that a fix must not lose."""

from __future__ import annotations

from cases import acts
from cases.case import Case

__all__ = ["ROWS"]

ROWS = [
    Case(
        "docker-31",
        variant={"KEY": "0"},
        fails="pull access denied",
        asks="doctor",
        code="SP307",
        cause="docker looks under https://index.docker.io/v1/",
        offers="name it under https://index.docker.io/v1/",
        env={"SSL_CERT_FILE": "{bundle}"},
        engine={"SSL_CERT_FILE": "{bundle}"},
        ground="net",
    ),
    *(
        Case(
            "docker-31",
            variant={"KEY": key},
            fails="pull access denied",
            asks="doctor {ref}",
            code=code,
            cause=cause,
            offers=offers,
        )
        for key, code, cause, offers in (
            ("1", "SP307", "docker looks under {registry}", "rename https://{registry} in credHelpers to {registry}"),
            ("2", "SP307", "docker looks under {registry}", "rename {registry}/acme in credHelpers to {registry}"),
            ("3", "SP308", "no client reads credHelper; they read credHelpers", "rename credHelper to credHelpers"),
            ("4", "SP201", "the clients put docker-credential- before it", "write team instead"),
        )
    ),
    Case(
        "other-15",
        fails="invalid character",
        asks="doctor",
        code="SP103",
        cause="not valid JSON",
        offers="",
        act=acts.stored_user,
    ),
]
