"""What the architecture promises and the import contracts in pyproject.toml cannot say."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import shorepass
from shorepass.client_table import NAMES, ROWS
from shorepass.clients import Client, find
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

SOURCES = Path(shorepass.__file__).parent

pytestmark = pytest.mark.usefixtures("nothing_set")

# Each costs milliseconds that a person waits for at every login and every get, and none is needed there.
SLOW = {
    *("asyncio", "concurrent", "dataclasses", "datetime", "email", "hashlib", "http", "inspect", "logging"),
    *("pathlib", "shutil", "ssl", "subprocess", "tempfile", "urllib"),
    *("httpx", "requests", "rich", "publicsuffixlist", "urllib3"),
}


def loaded_by(code: str, *args: str, stdin: str = "") -> set[str]:
    """Return the top-level modules that running ``code`` in a fresh interpreter adds to a bare one's."""
    return {name.partition(".")[0] for name in all_loaded_by(code, *args, stdin=stdin)}


def all_loaded_by(code: str, *args: str, stdin: str = "") -> set[str]:
    """Return the modules that running ``code`` in a fresh interpreter adds to a bare one's."""
    report = "; import sys; sys.stderr.write('\\n' + ' '.join(sys.modules))"
    loaded = []
    for program in ("pass", code):
        done = subprocess.run(
            [sys.executable, "-c", program + report, *args],
            capture_output=True,
            text=True,
            check=True,
            input=stdin,
            timeout=60,
        )
        loaded.append(set(done.stderr.splitlines()[-1].split()))
    bare, full = loaded
    return full - bare


RUN = "import sys; from shorepass.cli import main; assert main(sys.argv[1:]) == 0"


def test_importing_the_package_loads_no_http_library() -> None:
    """``import shorepass`` is free: no HTTP library, no asyncio, no TLS."""
    added = loaded_by("import shorepass")
    assert "shorepass" in added
    assert added & {*SLOW, "socket"} == set()


@pytest.mark.parametrize("client", ["docker", "podman"])
def test_get_loads_neither_the_network_nor_what_is_slow(client: str) -> None:
    """``get`` from a file finishes in little more than the interpreter's own start."""
    folder = Path(os.environ["HOME"], ".docker")
    folder.mkdir()
    auth = base64.b64encode(b"alice:secret").decode()
    (folder / "config.json").write_text(json.dumps({"auths": {"registry.example": {"auth": auth}}}))
    added = loaded_by(RUN, "get", "--client", client, "registry.example/team/app:1")
    assert "shorepass" in added
    assert added & {*SLOW, "socket"} <= ({"datetime"} if "tomllib" in added else set())  # for registries.conf


HELPER = "import os; from shorepass.docker_credential import program; os._exit = lambda status: None; program()"


@pytest.mark.parametrize("verb", ["get", "store", "erase", "list", "version"])
def test_the_helper_loads_neither_the_network_nor_the_command_line(verb: str, run_shorepass: RunShorepass) -> None:
    """docker-credential-shorepass with its vault: no HTTP, no argument parser, nothing that is slow."""
    assert run_shorepass("vault", "init").status == 0
    login = json.dumps({"ServerURL": "registry.example", "Username": "alice", "Secret": "secret"})
    loaded_by(HELPER, "store", stdin=login)
    added = loaded_by(HELPER, verb, stdin=login if verb == "store" else "registry.example")
    assert "shorepass" in added
    assert ("pyrage" in added) == (verb != "version")
    needed = {"hashlib"} if "pyrage" in added else set()  # the vault's signature
    assert (
        added & {*SLOW, "importlib", "socket", "argparse", "getpass", "tomllib", "secretstorage", "threading"} == needed
    )


@pytest.mark.parametrize("verb", ["get", "store"])
def test_the_helper_compiles_no_types(verb: str, run_shorepass: RunShorepass) -> None:
    """Types of a named tuple that are text are compiled when they are read, and the first takes 2 ms."""
    assert run_shorepass("vault", "init").status == 0
    login = json.dumps({"ServerURL": "registry.example", "Username": "alice", "Secret": "secret"})
    added = all_loaded_by(HELPER, verb, stdin=login if verb == "store" else "registry.example")
    loaded = {module_name(name): tree for name, tree in modules() if module_name(name) in added}
    assert "shorepass.settings" in loaded
    assert [name for name, tree in loaded.items() if has_named_tuple(tree) and has_types_as_text(tree)] == []


def module_name(path: str) -> str:
    """Return the name by which a source file's module is imported."""
    return "shorepass." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def has_named_tuple(tree: ast.Module) -> bool:
    """Tell whether a file has a class of named tuples."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return any(ast.unparse(base) == "NamedTuple" for found in classes for base in found.bases)


def has_types_as_text(tree: ast.Module) -> bool:
    """Tell whether all types of a file are text: ``from __future__ import annotations``."""
    return any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)


# A login that the client's file holds starts no program, opens no store and asks about no repository.
NOT_FOR_A_LOGIN = {
    *("pyrage", "secretstorage", "stringprep", "subprocess"),
    *("shorepass.helper.client", "shorepass.logins.as_account", "shorepass.processes", "shorepass.registry.permission"),
    *("shorepass.stores.external", "shorepass.stores.vault.vault"),
}


@pytest.mark.parametrize("client", ["docker", "podman"])
def test_a_login_in_the_clients_file_loads_no_more_than_it_needs(client: str) -> None:
    """``login`` waits for a registry and for few modules."""
    with Registry(users={"alice": "secret"}) as registry:
        words = ("login", "--client", client, "--store", "file", "-u", "alice", "--password-stdin", registry.host)
        added = all_loaded_by(RUN, *words, stdin="secret")
    assert "urllib3" in added
    assert added & NOT_FOR_A_LOGIN == set()


@pytest.mark.parametrize("verb", ["run", "share_flags", "revoke"])
def test_a_grant_begins_and_ends_without_http(verb: str) -> None:
    """A container waits for its grant, and a grant that is revoked counts until the command has started."""
    added = all_loaded_by(f"import shorepass.cli, shorepass.cli.{verb}")
    assert added & {"http.client", "ssl", "email", "tempfile", "tomllib", "datetime", "hashlib", "concurrent"} == set()


# What `get`, the credential helper and `--help` must not load, because it costs milliseconds or is not on every system. Only
# these are imported inside a function; every other import is at the top of its file.
LATE = {
    *("difflib", "getpass", "hmac", "importlib", "importlib.util", "logging", "platform", "threading", "tomllib"),
    *("ipaddress", "traceback"),
    *("ctypes", "fcntl", "msvcrt", "pwd", "resource", "termios"),  # not on every system
    *("cryptography", "httpx", "jeepney", "keyring", "publicsuffixlist", "pyrage", "requests", "rich", "secretstorage"),
    *("tomlkit", "urllib3"),
    *("shorepass.agent_client.start", "shorepass.agent.process"),
    "shorepass.logins",  # asks registries, which `run --share` does not
    *("shorepass.accounts.choice", "shorepass.accounts.outside_run", "shorepass.chain", "shorepass.profile"),
    *("shorepass.cli.wait_line", "shorepass.contexts.command"),
    *("shorepass.clients", "shorepass.clients.certificates", "shorepass.clients.helper_lists"),
    *("shorepass.clients.buildx", "shorepass.clients.insecure", "shorepass.clients.private"),
    *("shorepass.engine", "shorepass.engine.swarm", "shorepass.contexts.containers.engines"),
    *("shorepass.contexts", "shorepass.contexts.local", "shorepass.contexts.lookpath", "shorepass.contexts.terminal"),
    "shorepass.contexts.versions",  # most logins depend on no release
    "shorepass.share.vscode_helper",  # brings HTTP, and the end of a grant does not wait for that
    *("shorepass.cli.mount_warning", "shorepass.grants.mounted_helper"),  # only mode mount needs them, in `run --share`
    "shorepass.share.found_logins",  # asks registries, which few agents do
    "shorepass.contexts.packages",  # only a hint names a package
    "shorepass.contexts.own_installation",  # brings shlex, and only an error of the vault names a library to install
    *(
        "shorepass.files",
        "shorepass.helper",
        "shorepass.helper.login_command",
        "shorepass.helper.client",
        "shorepass.http.pooled",
        "shorepass.names",
        "shorepass.processes",
        "shorepass.registry.client",
        "shorepass.registry.permission",  # about repositories, of which a login knows none
    ),
    *("shorepass.stores", "shorepass.stores.config_file", "shorepass.stores.external", "shorepass.stores.os_keychain"),
    *(
        "shorepass.stores.in_use",
        "shorepass.stores.secret_service",
        "shorepass.stores.vault.held",
        "shorepass.stores.vault.setup",
        "shorepass.stores.vault.vault",
    ),
}


def test_only_what_is_slow_is_imported_late() -> None:
    """An import is at the top of its file, where a reader looks for it, unless it is on the list."""
    late = {
        (name, module)
        for name, tree in modules()
        if not name.startswith("testing/")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    allowed = {module for _, module in late if module in LATE or module.partition(".")[0] in LATE}
    assert {(name, module) for name, module in late if module not in allowed} == set()
    assert {name for name in LATE if name.startswith("shorepass")} <= allowed


def test_the_table_of_rooms_is_the_one_that_is_checked() -> None:
    """CONTRIBUTING.md shows the rows that import-linter holds, in the same order and with the same rooms."""
    root = Path(__file__).parents[2]
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rows = [row.split(" : ") for contract in contracts if contract["type"] == "layers" for row in contract["layers"]]
    table = (root / "CONTRIBUTING.md").read_text().partition("| rooms |")[2].partition("\n\n")[0].splitlines()[2:]
    assert [re.findall("`(.*?)`", row.split("|")[1]) for row in table] == rows


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield each source file's path inside the package, and its syntax tree."""
    for path in sorted(SOURCES.rglob("*.py")):
        yield path.relative_to(SOURCES).as_posix(), ast.parse(path.read_text())


def test_only_contexts_know_the_process_they_run_in() -> None:
    """Nothing outside ``contexts`` reads the environment, ``~`` or PATH by itself: it may be the wrong place's."""
    banned = {"environ", "environb", "getenv", "expanduser", "expandvars", "home", "which", "get_exec_path"}
    owners = {"os", "os.path", "shutil", "Path", "pathlib"}
    found = [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for name, tree in modules()
        if not name.startswith(("contexts/", "testing/"))
        and name != "cli/console.py"  # NO_COLOR is about this process's own terminal, wherever the question goes
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in banned and ast.unparse(node.value) in owners
    ]
    assert found == []


# Where a client's name stands in a text of its own all the same, and why that is no client.
NAMED_FOR_A_REASON = {
    "client_table.py": "the table of clients: one row each",
    "contexts/engine_family.py": "engines, which any client talks with",
    "contexts/containers/engines.py": "engines, and the podman program that starts one",
    "contexts/foreign.py": "all programs that write these files, whether Shorepass knows their rules or not",
    "contexts/shells/remote.py": "`podman machine`, which leads to a virtual machine",
}


def client_names(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts that are a client's name: compared, listed, keys; not those that are the default of a parameter."""
    defaults: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            defaults += [*node.defaults, *node.kw_defaults]
        elif isinstance(node, ast.ClassDef):
            defaults += [field.value for field in node.body if isinstance(field, ast.AnnAssign)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in defaults:
            value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            if value in NAMES:
                yield node


def test_only_clients_know_the_clients_by_name() -> None:
    """What differs between clients is a fact or a method of theirs, so that a new one is a file and a row."""
    found = [
        f"{name}:{node.lineno}: {node.value!r}"
        for name, tree in modules()
        if not name.startswith(("clients/", "testing/")) and name not in NAMED_FOR_A_REASON
        for node in client_names(tree)
    ]
    assert found == []


def test_each_exception_is_one() -> None:
    """A reason for a name that is no longer there goes with it."""
    trees = dict(modules())
    assert [name for name in NAMED_FOR_A_REASON if not any(client_names(trees[name]))] == []


def test_no_other_room_asks_which_client_it_has() -> None:
    """A type is a name, too: no module outside tests a client's class, or imports one client's own module."""
    own = {f"shorepass.clients.{row.module}" for row in ROWS.values()}
    found = [
        f"{name}:{node.lineno}: {node.module}"
        for name, tree in modules()
        if not name.startswith(("clients/", "testing/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in own
    ]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_each_client_has_all_of_the_protocol(name: str) -> None:
    """``find`` loads a client by its row, so no type checker sees whether it is one."""
    client = find(name)
    wanted = {member for member in vars(Client) if not member.startswith("_")}
    assert {member for member in wanted if not hasattr(client, member)} == set()
    assert (client.name, client.row) == (name, ROWS[name])


def test_no_room_is_a_lumber_room() -> None:
    """A file says one thing; these names say nothing."""
    names = {part for name, _ in modules() for part in name.removesuffix(".py").split("/")}
    assert names & {"utils", "util", "common", "helpers", "manager", "misc", "base"} == set()


def test_every_name_that_the_package_offers_is_there() -> None:
    """Each name in ``__all__`` can be had, and ``dir()`` shows it."""
    for name in shorepass.__all__:
        assert getattr(shorepass, name) is not None
        assert name in dir(shorepass)


DOOR = "cli/console.py"
# The helper program writes the bytes of its protocol; stores ask for a passphrase where they are opened.
WRITERS = {
    DOOR: {"sys.stdout", "sys.stderr", "getpass", "print", "input"},
    "contexts/terminal.py": {"getpass"},
    "docker_credential.py": {"os.write"},
}


def test_one_module_writes_to_the_terminal() -> None:
    """What is printed goes through one door, which makes it safe for a terminal; no other module has the streams in hand."""
    found = [
        f"{name}:{node.lineno}: {words}"
        for name, tree in modules()
        if not name.startswith("testing/")
        for node in ast.walk(tree)
        for words in writes(node)
        if words not in WRITERS.get(name, ())
    ]
    assert found == []


def writes(node: ast.AST) -> Iterator[str]:
    """Yield what a node has of the ways to a terminal: its streams, functions that print, and writes to their numbers."""
    if isinstance(node, ast.Attribute) and ast.unparse(node).replace("__", "") in STREAMS:
        yield ast.unparse(node)
    elif isinstance(node, ast.ImportFrom) and node.module == "sys":
        yield from (f"sys.{alias.name}" for alias in node.names if f"sys.{alias.name}" in STREAMS)
    elif isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called.rpartition(".")[2] in ("print", "input", "getpass", "print_exc", "print_exception"):
            yield called.rpartition(".")[2]
        if called == "os.write" and isinstance(node.args[0], ast.Constant):
            yield called


STREAMS = {"sys.stdout", "sys.stderr"}
