"""Every path of a context is opened by that context: it may be another user's, a container's or another machine's.

So nothing outside ``contexts`` and ``files`` opens, lists, changes or looks at a file by its path, but for the few named here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import shorepass

SOURCES = Path(shorepass.__file__).parent

OPENERS = {
    "builtins": {"open"},
    "codecs": {"open"},
    "io": {"open", "open_code", "FileIO"},
    "os": {
        *("open", "stat", "lstat", "listdir", "scandir", "readlink", "access", "walk", "fwalk", "statvfs", "getxattr"),
        *("unlink", "remove", "rename", "renames", "replace", "mkdir", "makedirs", "rmdir", "removedirs"),
        *("chmod", "lchmod", "chown", "lchown", "link", "symlink", "utime", "truncate", "mkfifo", "mknod"),
        *("chdir", "chroot"),
    },
    "os.path": {
        *("exists", "lexists", "isfile", "isdir", "islink", "ismount", "realpath", "samefile"),
        *("getsize", "getmtime", "getatime", "getctime"),
    },
    "ssl": {"create_default_context"},
}
# Every name of these modules opens files.
OPENING_MODULES = {
    *("dbm", "fileinput", "glob", "importlib.resources", "linecache", "pathlib", "shutil", "sqlite3", "tarfile"),
    *("tempfile", "zipfile"),
}
# Of any object: a path, a TLS context.
OPENING_METHODS = {
    *("load_cert_chain", "load_default_certs", "load_verify_locations", "set_default_verify_paths"),
    *("is_dir", "is_file", "is_symlink", "iterdir", "read_bytes", "read_text", "touch", "write_bytes", "write_text"),
}

NULL_DEVICE = "the null device, in the place of a stream that the caller has closed"
OUR_PROGRAM = "the program beside this one"
OWN_PAGES = "pages and scripts out of this package"
OWN_FILES = "files of the user who runs this process, and never of another context"
OWN_PROGRAMS = "programs out of this package"
MAY_OPEN = {
    "acceleration/front.py": (OWN_FILES, {"os.access", "os.path.islink", "os.readlink"}),
    "acceleration/plan.py": (
        "folders of PATH, where the user's own symlink goes",
        {"os.access", "os.lstat", "os.path.isdir", "os.path.lexists", "os.path.realpath", "os.stat"},
    ),
    "agent_client/systemd_units.py": (OWN_PAGES, {"pathlib.Path", "is_dir", "read_bytes"}),
    "agent_client/forwarder_file.py": (OWN_PROGRAMS, {"os.path.exists"}),
    "agent_client/layout.py": (OWN_FILES, {"os.readlink"}),
    "agent/listening.py": (OWN_FILES, {"os.chmod", "os.lstat", "os.unlink"}),
    "grants/folder.py": (OWN_FILES, {"shutil.rmtree"}),
    "agent_client/address.py": (OWN_FILES, {"os.lstat"}),
    "cli/__init__.py": (NULL_DEVICE, {"builtins.open", "os.open"}),
    "cli/completion.py": (OWN_PAGES, {"importlib.resources.files", "read_bytes"}),
    "cli/console.py": (NULL_DEVICE, {"os.open"}),
    "cli/helper.py": (OUR_PROGRAM, {"os.path.exists"}),
    "cli/migrate.py": (OWN_FILES, {"os.path.lexists"}),
    "cli/run.py": ("the program that could not be started", {"os.path.exists"}),
    "cli/who.py": ("no file: the map's path becomes a file: URL", {"pathlib.Path"}),
    "doctor/page.py": (OWN_PAGES, {"pathlib.Path", "is_dir", "read_text"}),
    "http/tls.py": (
        "certificates as bytes, memory that files.lent lends, and the places that OpenSSL was built with",
        {"load_cert_chain", "load_default_certs", "load_verify_locations"},
    ),
    "logins/placement.py": (OUR_PROGRAM, {"os.path.exists"}),
    "logins/private_config.py": ("the folder that it has made itself", {"os.path.islink"}),
    "migration/uninstall.py": (OWN_FILES, {"os.path.exists", "os.path.lexists", "os.walk"}),
    "migration/sources.py": (OWN_FILES, {"os.path.realpath"}),
    "processes.py": (
        "the program that could not be started, and the null device for a process in the background",
        {"os.path.exists", "os.open", "os.chdir"},
    ),
    "stores/vault/vault.py": (OWN_FILES, {"os.path.exists", "os.path.realpath", "os.readlink"}),
    "who/map.py": (OWN_PAGES, {"importlib.resources.files", "read_text"}),
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield each source file's path inside the package, and its syntax tree."""
    for path in sorted(SOURCES.rglob("*.py")):
        yield path.relative_to(SOURCES).as_posix(), ast.parse(path.read_text())


def origins(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name of a module stands for, with its dots."""
    found = {"open": "builtins.open"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def openers(tree: ast.Module) -> set[str]:
    """Return what opens files in a module, whether it is called there or handed on."""
    names = origins(tree)
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        first, dot, rest = ast.unparse(node).partition(".")
        dotted = names.get(first, "") + dot + rest
        owner, _, name = dotted.rpartition(".")
        if name in OPENERS.get(owner, ()) or owner in OPENING_MODULES:
            found.add(dotted)
        elif isinstance(node, ast.Attribute) and node.attr in OPENING_METHODS:
            found.add(node.attr)
    return found


def test_only_contexts_and_files_open_files() -> None:
    """Each file that opens anything by its path is named, with what it opens and by what."""
    found = {
        name: openers(tree) for name, tree in modules() if not name.startswith(("contexts/", "files/", "testing/"))
    }
    assert {name: used for name, used in found.items() if used} == {name: used for name, (_, used) in MAY_OPEN.items()}


@pytest.mark.parametrize(
    "code",
    [
        "open(path)",
        "import io; io.open(path)",
        "import os; os.stat(path)",
        "import os as system; system.listdir(path)",
        "from os import stat; stat(path)",
        "from os import stat as look; look(path)",
        "from os.path import exists; exists(path)",
        "import os.path as paths; paths.isfile(path)",
        "import os; any(map(os.path.exists, paths))",
        "from pathlib import Path; Path(path).exists()",
        "import pathlib; pathlib.Path(path)",
        "from shutil import which; which(name)",
        "import codecs; codecs.open(path)",
        "import ssl; ssl.create_default_context(cafile=path)",
        "tls.load_verify_locations(path)",
        "import tempfile; tempfile.mkdtemp()",
        "def look(path):\n    import os\n    return os.access(path, 4)",
    ],
)
def test_every_way_to_open_is_seen(code: str) -> None:
    """By another name, inside a function, or handed on uncalled."""
    assert openers(ast.parse(code))


@pytest.mark.parametrize("code", ["context.read(path)", "import os; os.path.join(a, b)", "vault.exists()"])
def test_what_opens_nothing_is_not_named(code: str) -> None:
    """A context reads its own paths, and joining names opens nothing."""
    assert openers(ast.parse(code)) == set()
