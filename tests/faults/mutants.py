"""Random bytes and damaged files for every parser of ours, and what each of them may raise: nothing but errors of ours.

The same numbers give the same inputs, so a parser that fails on one fails again: ``run(name, seed, count)``.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from random import Random
from typing import NamedTuple, NoReturn

from faults.parsers import OURS, PARSERS

__all__ = ["Report", "repeated", "run", "try_all"]

SECONDS = (
    20.0  # of the processor, for one input; what grows with the square of its input needs minutes for the large ones
)
LARGE = 100_000  # bytes
ONE_IN = 1000  # of the inputs is large


class Report(NamedTuple):
    """What a run saw: inputs, how many were refused, and the longest time for one in seconds."""

    inputs: int
    refused: int
    slowest: float


class TooSlowError(BaseException):
    """An input took more than SECONDS."""


# Inputs

# Blanks part them: those that are blank themselves stand behind.
PIECES = (
    b"\" ' { } [ ] , : ; = % %zz %00 @ :// / # ? & \\ \\u \\ud800 \\udc00 \\u0000 \0 \x7f \x1b[ \xff \xc3 \xb2 \xef\xbb\xbf "
    b'null true - + . 0 1e999 -0 NaN Infinity 0x [[ ]] """ {} [] "" ":" ":{ "," *. <token> "a":{}, "auths":{"a":{}},'
).split(b" ")
PIECES += [b" ", b"\t", b"\n", b"\r\n", b"\r\n\r\n", b"9" * 20, b"9" * 5000]
PIECES += [character.encode() for character in "\u202e\u017f\u212a\u0130\u0660\U0001f511"]


def mutant(chance: Random, seeds: tuple[bytes, ...]) -> bytes:
    """Return a random text, or one of the seeds after some accidents."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(64))
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.randrange(1, 24))
        match chance.randrange(7):
            case 0 if data:
                data[min(start, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = chance.choice(PIECES)
            case 3:
                data[start:end] = chance.choice(PIECES)
            case 4:
                data[start:start] = data[start:end] * chance.randrange(1, 6)
            case 5:
                other = chance.choice(seeds)
                data[start:] = other[chance.randrange(len(other) + 1) :]
            case _:
                del data[start:]
    if chance.randrange(ONE_IN) == 0:
        start = chance.randrange(len(data) + 1)
        piece = chance.choice((bytes(data[start : start + chance.randrange(1, 40)]), chance.choice(PIECES))) or b"a"
        data[start:start] = piece * (LARGE // len(piece))
    return bytes(data)


# What repeats, by the parsers that it might slow down: what stands before, what repeats, what stands behind.

REPETITIONS = {
    "json": (
        *((b'{"auths":{', b'"a":{},', b'"b":{}}}'), (b"{", b'"auths":{"a":{}},', b'"x":1}'), (b'{"a":', b"[", b"1}")),
        *(
            (b"", b'{"auths":', b""),
            (b'{"auths":{"a":"', b"\\ud800", b'"}}'),
            (b"{}", b" ", b"x"),
            (b'{"auths":{', b" ", b"x"),
        ),
        *(
            (b'{"auths":{"a":{"auth":"', b"=", b'"}}}'),
            (b'{"n":', b"9", b"}"),
            (b'"', b"\xff", b'"'),
            (b"", b"{}\n", b""),
        ),
        *((b"{", b'"credHelpers":{"a":"b"},', b'"x":1}'), (b'{"auths":{"a":{', b'"auth":"YTpi",', b'"x":1}}}')),
    ),
    "registries.conf": (
        *((b"", b" ", b"x"), (b"", b"[a]\n", b"["), (b"a = ", b"[", b""), (b"", b"#\n", b"x"), (b"", b"a.", b"b=1")),
        *((b"", b"[[registry]]\nlocation='a'\n", b""), (b"[aliases]\n", b'"a"="b.c/d"\n', b"x"), (b"n = ", b"9", b"")),
        *((b"", b"\t \t", b"[aliases] "), (b"x = '''", b"\n", b"'"), (b"x = ", b"{a=", b""), (b"#", b" ", b"\0")),
    ),
    "text": tuple(
        (before, piece, b"!")
        for before in (b"", b"https://")
        for piece in (b" ", b"\n", *b'a - . a. a- / a/ : [ % %41 @ a@ ? a=b, , a=" \\ = 1'.split(b" "))
    ),
    "HTTP": (
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", b"0\r\n\r\n"),
        *((b"", b"HTTP/1.1 100 C\r\n\r\n", b""), (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", b"\r\n")),
        *((b"HTTP/1.1 200 OK\r\n\r\n", b"x", b""), (b"HTTP/1.1 200 ", b"\r", b"\n")),
    ),
    "certificate": ((b"0\x84\0\1\x86\xa0", b"0\0", b""), (b"", b"0\x80", b"")),
}
_JSON = ("json", "member", "AUTH", "cfg", "answer", "list", "error body")


def repeated(name: str) -> Iterator[bytes]:
    """Yield what repeats for a hundred thousand bytes, and is of the kind that the parser reads."""
    kind = "json" if any(word in name for word in _JSON) else name
    for before, piece, behind in REPETITIONS.get(kind, REPETITIONS["text"]):
        yield before + piece * (LARGE // len(piece)) + behind


# Runs


@contextmanager
def _at_most(seconds: float) -> Iterator[Callable[[], None]]:
    """Yield what starts the clock anew; raise TooSlowError in the block when it has run out."""

    def ring(*_: object) -> NoReturn:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, ring)
    try:
        yield lambda: signal.setitimer(signal.ITIMER_VIRTUAL, seconds) and None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(name: str, seed: int, count: int) -> Report:
    """Give a parser ``count`` inputs. Raises AssertionError, with the input, for any error but ours and for a slow one."""
    chance = Random(f"{name} {seed}")
    return try_all(name, (mutant(chance, PARSERS[name].seeds) for _ in range(count)))


def try_all(name: str, inputs: Iterable[bytes]) -> Report:
    """Give a parser these inputs. Raises AssertionError as ``run`` does."""
    parser = PARSERS[name]
    count, refused, slowest = 0, 0, 0.0
    with _at_most(SECONDS) as start_clock:
        for data in inputs:
            count += 1
            start_clock()
            begun = time.process_time()
            try:
                parser.parse(data)
            except OURS:
                refused += 1
            except Exception as error:
                raise AssertionError(f"{name}: {type(error).__name__}: {error}: {_shown(data)}") from error
            except TooSlowError:
                raise AssertionError(f"{name}: more than {SECONDS} s: {_shown(data)}") from None
            slowest = max(slowest, time.process_time() - begun)
    return Report(count, refused, slowest)


def _shown(data: bytes) -> str:
    return f"{data[:1000]!r} ({len(data)} bytes)"
