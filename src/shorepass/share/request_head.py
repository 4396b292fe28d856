"""The head of one request to an engine: read strictly, and written again in one form. No I/O.

A container that may be hostile sends it. Two readers of the same bytes must not see two different requests, so what is unusual
is refused, and the engine gets only what was understood here. Source: RFC 9112, sections 3 and 5.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BadHead", "RequestHead", "parse_head"]

LINE = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS) (/[\x21-\x7e]*) HTTP/1\.1")
# What Go's and Python's readers of an address read differently: a fragment, two slashes, a semicolon in the query, % alone.
UNCLEAR = re.compile(r"#|^[^?]*//|\?.*;|%(?![0-9A-Fa-f]{2})")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t\x80-\xff]*?)[ \t]*")
DOTS = {".", ".."}
HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection")
ONCE = ("content-length", "content-type", "transfer-encoding", "host", "upgrade")
FORM = "form"  # of application/x-www-form-urlencoded and multipart/form-data


class BadHead(ValueError):
    """It is not one request in the form of HTTP/1.1."""


class RequestHead(NamedTuple):
    """A request without its body. ``fields``: names in lower case, in their order. ``version``: for the engine."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    version: str = "HTTP/1.1"

    @property
    def whole_path(self) -> str:
        """The decoded path: ``/v1.41/images/create``."""
        return unquote(urlsplit(self.target).path)

    @property
    def path(self) -> str:
        """The decoded path without the version of the API: ``/images/create``."""
        return re.sub(r"^/v\d+\.\d+(?=/)", "", self.whole_path)

    @property
    def queries(self) -> list[tuple[str, str]]:
        """The decoded names and values in the query, in their order."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True, errors="surrogateescape")

    def query(self, name: str) -> str:
        """Return the first such value in the query, "" without it."""
        return next((value for known, value in self.queries if known == name), "")  # as Go's Form.Get

    def field(self, name: str) -> str:
        """Return a field's value, "" without it."""
        return next((value for known, value in self.fields if known == name), "")

    def with_field(self, name: str, value: str) -> RequestHead:
        """Return the head with one such field, and no other of this name."""
        others = tuple(field for field in self.fields if field[0] != name)
        return self._replace(fields=(*others, (name, value)))

    def without(self, *names: str) -> RequestHead:
        """Return the head without fields of these names."""
        return self._replace(fields=tuple(field for field in self.fields if field[0] not in names))

    def with_target(self, path: str, queries: Iterable[tuple[str, str]]) -> RequestHead:
        """Return the head with another address. ``path`` and ``queries``: not encoded."""
        query = urlencode(list(queries), errors="surrogateescape")
        return self._replace(target=f"{quote(path)}?{query}".removesuffix("?"))

    def encode(self) -> bytes:
        """Return the bytes for the engine, which closes the connection after its answer, unless it upgrades it."""
        connection = "Upgrade, close" if self.field("upgrade") else "close"
        fields = [*self.fields, ("connection", connection)]
        lines = [f"{self.method} {self.target} {self.version}", *(f"{name}: {value}" for name, value in fields), "", ""]
        return "\r\n".join(lines).encode("latin-1")


def parse_head(data: bytes) -> RequestHead:
    """Return the head in bytes that end with an empty line. Raises BadHead."""
    first, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    line = LINE.fullmatch(first)
    if line is None:
        raise BadHead("the first line is not that of a request")
    fields: list[tuple[str, str]] = []
    for text in lines:
        field = FIELD.fullmatch(text)
        if field is None:
            raise BadHead("a field is not in the form of HTTP/1.1")
        name = field[1].decode().lower()
        if name in ONCE and any(known == name for known, _ in fields):
            raise BadHead(f"{name} is there twice")
        if name not in HOP_BY_HOP:
            fields.append((name, field[2].decode("latin-1")))
    names = {name for name, _ in fields}
    if {"content-length", "transfer-encoding"} <= names:
        raise BadHead("it has two lengths")
    target = line[2].decode()
    if UNCLEAR.search(target):
        raise BadHead("its address can be read in two ways")
    head = RequestHead(line[1].decode(), target, tuple(fields))
    if not DOTS.isdisjoint(head.whole_path.split("/")):
        raise BadHead("its address can be read in two ways")
    if FORM in head.field("content-type").lower():  # for an engine, the values in a form override those in the address
        raise BadHead("a web form is not passed to the engine")
    return head
