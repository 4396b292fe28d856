"""The hint for a missing program: the command of a package manager that is on PATH there, and otherwise none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from e2e import programs
from shorepass.contexts.find import find
from shorepass.contexts.local import LocalContext
from shorepass.credential import Basic
from shorepass.errors import ContextError, HelperError
from shorepass.helper.client import HelperClient
from shorepass.secret import Secret

ALL = "apt-get dnf apk pacman zypper brew sudo"


def context(world: Path, programs: str, *, platform: str = "linux", uid: int = 1000) -> LocalContext:
    """Return a context with these programs on PATH."""
    for name in programs.split():
        path = world / "bin" / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return LocalContext(os.environ, platform=platform, uid=uid)


def hint(here: LocalContext, name: str) -> str | None:
    with pytest.raises(ContextError, match=" on PATH") as error:
        find(name, here)
    return error.value.hint


@pytest.mark.parametrize(
    ("programs", "name", "expected"),
    [
        ("apt-get sudo", "ssh:x", "sudo apt-get install openssh-client"),
        ("dnf sudo", "ssh:x", "sudo dnf install openssh-clients"),
        ("apk sudo", "ssh:x", "sudo apk add openssh-client"),
        ("pacman sudo", "ssh:x", "sudo pacman -S openssh"),
        ("zypper sudo", "ssh:x", "sudo zypper install openssh-clients"),
        ("brew sudo", "ssh:x", "brew install openssh"),
        ("apt-get brew sudo", "podman-machine", "sudo apt-get install podman"),
        ("apt-get brew sudo", "lima:x", "brew install lima"),
        ("apt-get sudo", "lima:x", "install limactl, or add its folder to PATH"),
        ("apt-get sudo", "kube:shop/pod", "install kubectl, or add its folder to PATH"),
        ("pacman sudo", "kube:shop/pod", "sudo pacman -S kubectl"),
        ("apt-get", "ssh:x", "as root: apt-get install openssh-client"),
        (ALL, "wsl:x", "install wsl.exe, or add its folder to PATH"),
        ("", "ssh:x", "install ssh, or add its folder to PATH"),
    ],
)
def test_the_package_manager_that_is_there(world: Path, programs: str, name: str, expected: str) -> None:
    """A command is shown only if its program is on PATH and has the package; the system's own manager is first."""
    assert hint(context(world, programs), name) == expected


def test_root_without_sudo(world: Path) -> None:
    """In a container root needs no sudo, and seldom has it."""
    assert hint(context(world, "apk", uid=0), "ssh:x") == "apk add openssh-client"


@pytest.mark.parametrize(
    ("platform", "name", "expected"),
    [
        ("darwin", "lima:x", "brew install lima"),
        ("darwin", "colima", "brew install colima"),
        ("darwin", "wsl:x", "install wsl.exe, or add its folder to PATH"),
        ("windows", "wsl:x", "wsl --install"),
        ("windows", "lima:x", "install limactl, or add its folder to PATH"),
    ],
)
def test_the_usual_way_of_a_system(world: Path, platform: str, name: str, expected: str) -> None:
    """A Mac's is Homebrew, also before it is installed. Only Windows installs WSL."""
    assert hint(context(world, "", platform=platform, uid=501), name) == expected


HELPERS = "golang-docker-credential-helpers"
KEYRING = "install docker-credential-secretservice and a keyring, such as gnome-keyring"
ECR = "install amazon-ecr-credential-helper"


@pytest.mark.parametrize(
    ("platform", "programs", "helper", "expected"),
    [
        (
            "linux",
            "apt-get sudo",
            "pass",
            f"install pass and docker-credential-pass: sudo apt-get install pass {HELPERS}",
        ),
        ("linux", "dnf sudo", "pass", "install pass and docker-credential-pass"),
        ("linux", "apt-get sudo", "secretservice", f"{KEYRING}: sudo apt-get install {HELPERS} gnome-keyring"),
        ("linux", "apk sudo", "secretservice", KEYRING),
        ("linux", "dnf sudo", "ecr-login", f"{ECR}: sudo dnf install amazon-ecr-credential-helper"),
        ("linux", "brew", "osxkeychain", "it is for macOS"),
        ("darwin", "", "osxkeychain", "it is for macOS: brew install docker-credential-helper"),
    ],
)
def test_a_missing_helper(world: Path, platform: str, programs: str, helper: str, expected: str) -> None:
    """The command installs all that the helper needs, or there is none."""
    with pytest.raises(HelperError) as error:
        HelperClient(context(world, programs, platform=platform), helper, named_in="config.json").path()
    assert error.value.hint == f"{expected}; or remove {helper} from config.json"


@pytest.mark.parametrize(
    ("managers", "expected"),
    [
        ("zypper sudo", "sudo zypper install password-store"),
        ("", "install pass, or add its folder to PATH"),
    ],
)
def test_a_helper_without_its_program(world: Path, managers: str, expected: str) -> None:
    """docker-credential-pass is there, and pass itself is not."""
    (world / "bin/docker-credential-pass").symlink_to(programs.require("docker-credential-pass"))
    with pytest.raises(HelperError, match="is not on PATH") as error:
        HelperClient(context(world, managers), "pass").store("registry.example", Basic("alice", Secret("secret")))
    assert error.value.hint == expected
