"""The user's settings: ``$XDG_CONFIG_HOME/shorepass/config.toml``.

On Windows, they are below ``%APPDATA%``.

::

    store = "vault"

    [[account]]
    name = "work"
    repository = "ghcr.io/acme/*"    # this repository and all below; or: directory = "~/src/acme"

    [agent]
    start = true          # docker-credential-shorepass starts the agent
    idle = "8h"           # the agent ends after so long without a request
    unlocked = "8h"       # it holds a key that needs a passphrase
    keep = "5m"           # it remembers the answer of another helper, if the answer does not say how long it is valid
    failures = "5s"       # it remembers that a helper failed
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from shorepass.config.locations import join
from shorepass.config.own_folders import settings_folder
from shorepass.errors import MalformedFile, UsageError, printable
from shorepass.foreign_text import quoted
from shorepass.numbers import seconds

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

    from shorepass.contexts import Context, FileContent
    from shorepass.contexts.local import LocalContext

__all__ = [
    "ACCOUNT_VARIABLE",
    "BEHIND_VARIABLE",
    "DEEP",
    "AgentSettings",
    "Rule",
    "Settings",
    "change",
    "check_account",
    "check_repository",
    "load",
    "path_of",
]

SIZE_LIMIT = 1024 * 1024  # bytes of a file that the user writes
# A key of a hundred parts: see ``registries_conf``, which has the same.
DEEP = rb'(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|\'[^\'\n]*\')[ \t]*\.[ \t]*){100}'
ACCOUNT_VARIABLE = "SHOREPASS_ACCOUNT"  # overrides every rule
BEHIND_VARIABLE = "SHOREPASS_BEHIND"  # set by `shorepass run`: the sources that the client would have asked
ACCOUNT_LIMIT = 64  # characters
STORE_HINT = 'it may have: store = "vault"'
AGENT_HINT = (
    '[agent] may have: start = true, and times such as idle = "8h", unlocked = "1h", keep = "5m", failures = "5s"'
)
RULE_HINT = 'an [[account]] has a name, and either repository = "ghcr.io/acme/*" or directory = "~/src/acme"'


class Rule(NamedTuple):
    """Chooses an account for a repository or a directory.

    ``repository``: ``ghcr.io/acme/app``, or with ``/*`` at the end all below. ``directory``: an absolute path, with all folders
    in it. One of the two is empty.
    """

    account: str
    repository: str = ""
    directory: str = ""


class AgentSettings(NamedTuple):
    """What the table ``agent`` has; times in seconds."""

    start: bool = False
    idle: float = 8 * 3600.0
    unlocked: float = 8 * 3600.0
    keep: float = 300.0
    failures: float = 5.0


class Settings(NamedTuple):
    """The content of the file ``path``. ``store``: None if it is not set."""

    path: str
    store: str | None = None
    rules: tuple[Rule, ...] = ()
    agent: AgentSettings = AgentSettings()


def path_of(context: "Context") -> str:
    """Return the path of the settings."""
    return join(context, settings_folder(context), "config.toml")


def load(context: "Context") -> Settings:
    """Return the settings of a context's user. Raises MalformedFile, FileError."""
    path = path_of(context)
    content = context.read(path, SIZE_LIMIT)
    if content is None:
        return Settings(path)
    import tomllib  # late, because most users have no such file

    if re.search(DEEP, content.data):
        raise MalformedFile(path, "a key has a hundred parts", hint=STORE_HINT)
    try:
        found = tomllib.loads(content.data.decode())
    except (ValueError, RecursionError):  # both not TOML and not UTF-8 are ValueErrors
        raise MalformedFile(path, "not TOML", hint=STORE_HINT) from None
    store, accounts = found.get("store"), found.get("account", [])
    if not isinstance(store, str | None):
        raise MalformedFile(path, '"store" is not a string', hint=STORE_HINT)
    if not isinstance(accounts, list):
        raise MalformedFile(path, '"account" is not a list of tables', hint=RULE_HINT)
    rules = tuple(_rule(context, path, table) for table in accounts)
    return Settings(path, store, rules, _agent(path, found.get("agent", {})))


def _agent(path: str, table: object) -> AgentSettings:
    if not isinstance(table, dict):
        raise MalformedFile(path, '"agent" is not a table', hint=AGENT_HINT)
    known = AgentSettings._field_defaults
    if unknown := set(table) - set(known):
        raise MalformedFile(path, f"[agent] has other keys: {printable(min(unknown))}", hint=AGENT_HINT)
    if not isinstance(table.get("start", False), bool):
        raise MalformedFile(path, '"start" is neither true nor false', hint=AGENT_HINT)
    times: dict[str, Any] = {}
    for name, value in table.items():
        if name != "start":
            times[name] = seconds(str(value))
        if times.get(name, 0.0) is None:
            raise MalformedFile(path, f'"{name}" is not a time', hint=AGENT_HINT)
    return AgentSettings(table.get("start", False), **times)


def _rule(context: "Context", path: str, table: object) -> Rule:
    if not isinstance(table, dict) or not all(isinstance(value, str) and value for value in table.values()):
        raise MalformedFile(path, "an [[account]] has a value that is not a string", hint=RULE_HINT)
    if set(table) not in ({"name", "repository"}, {"name", "directory"}):
        raise MalformedFile(path, "an [[account]] has other keys", hint=RULE_HINT)
    try:
        check_account(table["name"])
        if "repository" in table:
            check_repository(table["repository"])
    except UsageError as error:
        raise MalformedFile(path, error.message, hint=RULE_HINT) from None
    repository, directory = table.get("repository", ""), table.get("directory", "")
    if directory == "~" or directory.startswith("~/"):
        directory = join(context, context.home() or "", *directory[2:].split("/")).rstrip("/")
    if directory and not directory.startswith(("/", "\\")) and directory[1:2] != ":":
        raise MalformedFile(path, "the directory of an [[account]] does not begin with / or ~/", hint=RULE_HINT)
    return Rule(table["name"], repository, directory)


def check_account(name: str) -> str:
    """Return an account's name.

    Raises UsageError: it has other characters than letters, digits and ``.-_``, or is too long.
    """
    if not name.isascii() or not name.replace(".", "a").replace("-", "a").replace("_", "a").isalnum():
        raise UsageError(
            f"{printable(name)!r} cannot be the name of an account", hint="use letters, digits, '.', '-', '_'"
        )
    if len(name) > ACCOUNT_LIMIT:
        raise UsageError(f"an account's name has at most {ACCOUNT_LIMIT} characters")
    return name


def check_repository(pattern: str) -> str:
    """Return a rule's repository, after checking it.

    It is ``ghcr.io/acme/app``, ``ghcr.io/acme/*`` or ``ghcr.io/*``. Raises UsageError.
    """
    from shorepass.names import parse, registry_meant

    host, _, path = pattern.removesuffix("/*").partition("/")
    image = parse(f"{host}/{path or 'any'}")
    if image.tag or image.digest:
        raise UsageError(f"{printable(pattern)!r}: a rule is for a repository, without tag or digest")
    if registry_meant(image.registry) != registry_meant(host):
        raise UsageError(
            f"{printable(pattern)!r} does not begin with a registry",
            hint=f"Docker Hub's is {quoted('docker.io/' + pattern)}",
        )
    return pattern


def change(here: "LocalContext", edit: "Callable[[TOMLDocument], None]") -> bool:
    """Change the settings, and keep the user's comments and order.

    False: there was nothing to change. Raises MalformedFile, FileError, WriteError.
    """
    import tomlkit
    from tomlkit.exceptions import ParseError

    path = path_of(here)

    def edited(content: "FileContent | None") -> bytes:
        try:
            document = tomlkit.parse(content.data.decode()) if content else tomlkit.document()
        except (ValueError, ParseError):
            raise MalformedFile(path, "not TOML", hint=STORE_HINT) from None
        edit(document)
        return tomlkit.dumps(document).encode()

    return here.update(path, edited)
