"""What ``import shorepass`` offers is what it says, whatever else has been imported."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

import shorepass


@pytest.mark.parametrize("name", sorted(set(shorepass.__all__) - {"errors"}))
def test_no_module_takes_the_place_of_a_public_name(name: str) -> None:
    """Python sets a package's attribute when a module of that name is imported: the second use would find the module."""
    assert importlib.util.find_spec(f"shorepass.{name}") is None
    assert getattr(shorepass, name) is not None


def test_login_can_be_called_twice() -> None:
    """The first call imports what it needs, and the second still finds the function."""
    code = (
        "import shorepass\n"
        "for _ in range(2):\n"
        "    try: shorepass.login('reg.example')\n"
        "    except shorepass.errors.UsageError as error: print(error)\n"
        "    print(shorepass.logout('reg.example')[0].found)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("give a user name and a password, or a credential\nFalse\n" * 2, "")
