"""A secret that is easy to find again, however it was written down, and the places where it is laid out.

``leaks`` looks for every piece of it: raw and in any case (which is how it stands in JSON, in a URL, in a ``repr``), in
base64 at each of its three alignments, and in hex.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

__all__ = ["CANARY", "CORE", "ECHOES", "STATES", "USER", "State", "encoded", "leaks", "write_program"]

CORE = "c4n4ryQz7Tw9Kf3Xb8Lm2Vd6"  # no piece of it is in any other text
CANARY = f'{CORE}"<é\\&%+ /{CORE[::-1]}'  # every way to write text down changes something in the middle
USER = "alice"
PIECE = 8  # characters; a shorter one is no find

# The ways in which somebody may repeat it.
ECHOES: dict[str, Callable[[str], str]] = {
    "raw": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of the login": lambda text: base64.b64encode(f"{USER}:{text}".encode()).decode(),
    "URL": lambda text: quote(text, safe=""),
    "form": lambda text: quote(text, safe="").replace("%20", "+"),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "hex": lambda text: text.encode().hex(),
    "its beginning": lambda text: text[:20],
    "in a sentence": lambda text: f"the password '{text}' of {USER} is wrong",
}


def _pieces() -> Iterator[str]:
    for core in (CORE, CORE[::-1]):
        for start in range(len(core) - PIECE + 1):
            yield core[start : start + PIECE].lower()


def _base64_pieces() -> Iterator[str]:
    """Yield what is the same in the base64 of every text with the canary in it."""
    for core in (CORE, CORE[::-1]):
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + core.encode()).decode()
            inner = whole[-(-shift * 8 // 6) : (shift + len(core)) * 8 // 6]
            yield from (inner[start : start + PIECE] for start in range(len(inner) - PIECE + 1))


RAW = frozenset(_pieces())
BASE64 = frozenset(_base64_pieces())
HEX = frozenset(piece.encode().hex() for core in (CORE, CORE[::-1]) for piece in (core[:PIECE], core[-PIECE:]))


def leaks(text: str | bytes) -> set[str]:
    """Return every piece of the canary in a text."""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    lower = text.lower()
    return {p for p in RAW if p in lower} | {p for p in BASE64 if p in text} | {p for p in HEX if p in lower}


def encoded(pair: str) -> str:
    """Return base64, as it stands in ``auth``."""
    return base64.b64encode(pair.encode()).decode()


def write_program(path: Path, text: str) -> None:
    """Make an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


# Helpers that misbehave. ``$0.held`` beside the program is what it holds: the canary.

GET = '#!/bin/sh\n[ "$1" = get ] || { [ "$1" = list ] && echo "{}"; exit 0; }\n'
HELD = json.dumps({"ServerURL": "x", "Username": USER, "Secret": CANARY}, ensure_ascii=False)
HELPERS = {
    "echoes to stdout": "#!/bin/sh\ncat\n",
    "echoes to stdout, fails": "#!/bin/sh\ncat\nexit 1\n",
    "echoes to stderr, fails": "#!/bin/sh\ncat >&2\nexit 1\n",
    "echoes behind a line": "#!/bin/sh\necho sorry\ncat\nexit 1\n",
    "echoes in base64": "#!/bin/sh\nbase64 -w0\nexit 1\n",
    "says it": f"#!/bin/sh\necho 'no: {CORE}'\nexit 1\n",
    "says it to stderr in base64": f"#!/bin/sh\nprintf %s 'token {CORE}' | base64 -w0 >&2\nexit 1\n",
    "echoes in hex": "#!/bin/sh\nod -An -tx1 | tr -d ' \\n'\nexit 1\n",
    "traces": '#!/bin/sh\nset -x\nread -r line\nheld=$(cat "$0.held")\n: "$held" "$line"\nexit 1\n',
    "answers, fails": GET + 'cat "$0.held"\nexit 1\n',
    "answers half": GET + 'head -c 70 "$0.held"\n',
    "answers half, fails": GET + 'head -c 70 "$0.held"\nexit 1\n',
    "answers a list": GET + 'echo "[$(cat "$0.held")]"\n',
    "answers a text": GET + 'cut -c 40- "$0.held"\n',
    "answers a text, fails": GET + 'cut -c 40- "$0.held"\nexit 1\n',
    "answers too much": GET + 'exec yes "$(cat "$0.held")"\n',
    "answers and hangs": GET + 'cat "$0.held"\nexec 1>&-\nexec sleep 60\n',
    "answers and is killed": GET + 'cat "$0.held"\nkill -9 $$\n',
    "lists it": '#!/bin/sh\n[ "$1" = list ] || exit 1\necho "[$(cat "$0.held")]"\n',
    "lists it, fails": '#!/bin/sh\n[ "$1" = list ] || exit 1\ncat "$0.held"\nexit 1\n',
    "works": GET + 'cat "$0.held"\n',
}


# Config files that hold the canary


class State(NamedTuple):
    """A home: docker's and podman's file, a helper, and variables. ``{}`` in a text is the registry."""

    docker: str | bytes = ""
    podman: str | bytes = ""
    helper: str = ""
    registries_conf: str = ""
    variables: dict[str, str] = {}  # noqa: RUF012  # nobody changes it

    def lay_out(self, world: Path, registry: str) -> dict[str, str]:
        """Make the files; return the variables."""
        places = {
            "home/.docker/config.json": self.docker,
            "run/containers/auth.json": self.podman,
            "home/.config/containers/registries.conf": self.registries_conf,
        }
        for name, text in places.items():
            data = text.encode() if isinstance(text, str) else text
            if data:
                (world / name).parent.mkdir(parents=True, exist_ok=True)
                (world / name).write_bytes(data.replace(b"{}", registry.encode()))
        if self.helper:
            write_program(world / "bin/docker-credential-odd", HELPERS[self.helper])
            (world / "bin/docker-credential-odd.held").write_text(HELD)
        return {name: value.replace("{}", registry) for name, value in self.variables.items()}


def both(entry: object, key: str = "{}") -> State:
    """Return a state in which both clients' files hold one entry."""
    text = json.dumps({"auths": {key: entry}}, indent="\t")
    return State(text, text)


GOOD = json.dumps({"auths": {"{}": {"auth": encoded(f"{USER}:{CANARY}")}}}, indent="\t")
PLAIN = json.dumps({"auths": {"{}": {"username": USER, "password": CANARY}}}, ensure_ascii=False)

STATES = {
    "password": both({"auth": encoded(f"{USER}:{CANARY}")}),
    "plain password": State(PLAIN, PLAIN),
    "identity token": both({"auth": encoded(f"{USER}:"), "identitytoken": CANARY}),
    "nameless identity token": both({"identitytoken": CANARY}),
    "registry token": both({"registrytoken": CANARY}),
    "two keys": State(
        json.dumps({"auths": {f"{s}://{{}}/": {"auth": encoded(f"{s}:{CANARY}")} for s in ("http", "https")}})
    ),
    "auth is no base64": both({"auth": CANARY}),
    "auth has no colon": both({"auth": encoded(CANARY)}),
    "auth has no user": both({"auth": encoded(f":{CANARY}")}),
    "auth has NULs and no UTF-8": both({"auth": base64.b64encode(b"a\xff:\0" + CANARY.encode() + b"\xff").decode()}),
    "auth is a list": both({"auth": [CANARY]}),
    "password is an object": both({"password": {"is": CANARY}}),
    "entry is a text": both(CANARY),
    "auths is a text": State(json.dumps({"auths": CANARY}), json.dumps({"auths": CANARY})),
    "file is a text": State(json.dumps(CANARY), json.dumps(CANARY)),
    "file is not JSON": State(CANARY, CANARY),
    "file is cut in the secret": State(PLAIN[: PLAIN.index(CANARY[:9]) + 20], PLAIN[: PLAIN.index(CANARY[:9]) + 20]),
    "file is cut behind it": State(GOOD[:-3], GOOD[:-3]),
    "file goes on": State(GOOD + CANARY, GOOD + CANARY),
    "file is not UTF-8": State(b"\xff\xfe" + PLAIN.encode(), PLAIN.encode() + b"\xff"),
    "control character in it": State(PLAIN.replace("Qz7", "Qz7\n"), PLAIN.replace("Qz7", "Qz7\0")),
    "helper's name is a list": State(
        json.dumps({"credsStore": [CANARY], "credHelpers": {"{}": [CANARY]}}),
        json.dumps({"credHelpers": {"{}": [CANARY]}}),
    ),
    "user info in a key": both({"auth": encoded("a:b")}, f"https://u:{CORE}@{{}}/"),
    "user info in the key of a bad entry": both({"auth": [1]}, f"https://u:{CORE}@{{}}/"),
    "user info in a location": State(registries_conf=f'[[registry]]\nprefix = "{{}}"\nlocation = "u:{CORE}@{{}}"\n'),
    "registries.conf is not TOML": State(registries_conf=f'credential-helpers = ["{CORE}'),
    "DOCKER_AUTH_CONFIG": State(variables={"DOCKER_AUTH_CONFIG": GOOD}),
    "DOCKER_AUTH_CONFIG is broken": State(variables={"DOCKER_AUTH_CONFIG": GOOD[:-3]}),
    "DOCKER_AUTH_CONFIG is strange": State(variables={"DOCKER_AUTH_CONFIG": PLAIN}),
    "DOCKER_AUTH_CONFIG goes on": State(variables={"DOCKER_AUTH_CONFIG": GOOD + CANARY}),
    **{
        f"a helper that {how}": State(
            json.dumps({"credsStore": "odd"}),
            json.dumps({"credHelpers": {"{}": "odd"}}),
            helper=how,
            variables={"SHOREPASS_HELPER_TIMEOUT": "0.3" if "hangs" in how else "10"},
        )
        for how in HELPERS
    },
    "a helper of registries.conf": State(helper="traces", registries_conf='credential-helpers = ["odd"]\n'),
}
