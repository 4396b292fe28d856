"""What an installed Shorepass brings: the sdist and the wheel are built, and installed into a fresh environment."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
from build import ProjectBuilder
from build.env import DefaultIsolatedEnv

from e2e.programs import SYSTEM_PATH, require
from shorepass.cli import VERBS
from shorepass.version import __version__

ROOT = Path(__file__).parents[2]
INDEX = {
    name: value for name, value in os.environ.items() if name.startswith("PIP_")
}  # where this machine's packages are
PAGES = {"shorepass.1", "docker-credential-shorepass.1", *(f"shorepass-{verb}.1" for verb in VERBS)}
COMPLETION = {
    "share/bash-completion/completions/shorepass",
    "share/zsh/site-functions/_shorepass",
    "share/fish/vendor_completions.d/shorepass.fish",
}
FORWARDERS = {"linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64"}
SECONDS = 300


class Packages(NamedTuple):
    """A release: the two files, and the environment that the wheel is installed in."""

    sdist: Path
    wheel: Path
    prefix: Path

    def run(self, *argv: str, stdin: str = "", **env: str) -> str:
        """Run a program with the environment's programs on PATH; return what it prints, errors too. It must succeed."""
        paths = {"HOME": str(self.prefix / "home"), "PATH": f"{self.prefix}/bin:{SYSTEM_PATH}"}
        done = subprocess.run(
            argv,
            env={**INDEX, **paths, **env},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Build the sdist, the wheel from the sdist, and install the wheel with its dependencies."""
    folder = tmp_path_factory.mktemp("packages")
    venv.create(folder / "environment", with_pip=False)
    made = Packages(folder, folder, folder / "environment")
    made.run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    python = str(made.prefix / "bin/python")
    made.run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", str(wheel))
    return Packages(sdist, wheel, made.prefix)


def test_the_wheel_has_all_of_it(packages: Packages) -> None:
    """Types, licence, the documentation, man pages and completion files are in the wheel."""
    with zipfile.ZipFile(packages.wheel) as wheel:
        names = {name.partition(".data/data/")[2] or name for name in wheel.namelist()}
    assert {f"share/man/man1/{page}" for page in PAGES} == {name for name in names if name.startswith("share/man/")}
    assert names >= COMPLETION
    pages = {f"shorepass/{path.relative_to(ROOT)}" for path in (ROOT / "docs").rglob("*.md")}
    assert len(pages) > 50
    assert names >= pages
    assert {f"shorepass/contrib/systemd/shorepass-agent.{kind}" for kind in ("socket", "service")} <= names
    assert "shorepass/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert names >= {f"shorepass/forwarders/{name}" for name in FORWARDERS}
    machine = platform.machine()
    assert packages.wheel.name.endswith(f"-py3-none-manylinux_2_5_{machine}.musllinux_1_1_{machine}.whl")


def test_the_installed_forwarder_runs(packages: Packages) -> None:
    """It is found by the system and the machine, and is executable."""
    script = (
        "import os, platform\n"
        "from shorepass.agent_client.forwarder_file import path_for\n"
        "os.execv(path_for(platform.system(), platform.machine()), ['docker-credential-harbour', 'version'])\n"
    )
    printed = packages.run(f"{packages.prefix}/bin/python", "-c", script)
    assert f"docker-credential-harbour (shorepass forwarder) {__version__}\n" in printed


def test_a_wheel_without_a_compiler(
    packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where there is no zig, the wheel has all but the forwarder, and the build prints a warning."""
    for name, value in {**INDEX, "PATH": SYSTEM_PATH}.items():
        monkeypatch.setenv(name, value)
    with tarfile.open(packages.sdist) as sdist:
        sdist.extractall(tmp_path, filter="data")
    [source] = tmp_path.glob("shorepass-*")
    with DefaultIsolatedEnv() as env:
        builder = ProjectBuilder.from_isolated_env(env, source)
        env.install(builder.build_system_requires)
        assert [name for name in builder.get_requires_for_build("wheel") if "ziglang==" in name] != []
        wheel = Path(builder.build("wheel", tmp_path))
    assert "built without the forwarder: No module named 'ziglang'" in "".join(capfd.readouterr())
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as built:
        assert "shorepass/agent_client/forwarder_file.py" in built.namelist()
        assert [name for name in built.namelist() if "/forwarders/" in name] == []


def test_the_sdist_has_what_tests_and_docs_need(packages: Packages) -> None:
    """From the sdist alone the project can be built, tested and read."""
    with tarfile.open(packages.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    files = {
        "Makefile",
        "LICENSE",
        "CHANGELOG.md",
        "mkdocs.yml",
        "hatch_build.py",
        "docs/README.md",
        "tests/run.py",
        *(f"forwarder/{source.name}" for source in (ROOT / "forwarder").iterdir()),
    }
    assert names >= {*files, "man/docker-credential-shorepass.1", "src/shorepass/completions/_shorepass"}


def test_the_installed_program_explains_a_finding(packages: Packages) -> None:
    """The page of a finding is printed from the wheel: its heading is the first line."""
    heading = (ROOT / "docs/findings/SP305.md").read_text().splitlines()[0].lstrip("# ")
    assert packages.run("shorepass", "doctor", "--explain", "SP305").splitlines()[0] == heading


@pytest.mark.parametrize("page", sorted(PAGES))
def test_man_finds_and_prints_each_page(page: str, packages: Packages) -> None:
    """Man finds the page in the environment's share/man; neither groff nor mandoc warns of anything."""
    manuals = f"{packages.prefix}/share/man"
    path = packages.run(require("man"), "-M", manuals, "-w", "1", page.removesuffix(".1")).strip()
    assert path == f"{manuals}/man1/{page}"
    assert packages.run(require("mandoc"), "-Tlint", "-Wwarning", path) == ""
    only_warnings = ["/bin/sh", "-c", '"$0" -man -Tutf8 -ww "$1" >/dev/null', require("groff"), path]
    assert packages.run(*only_warnings) == ""
    printed = packages.run(require("man"), "-l", path, LC_ALL="C.UTF-8")
    assert printed.index("NAME") < printed.index("SYNOPSIS") < printed.index("SEE ALSO")


def test_a_page_says_what_the_help_says(packages: Packages) -> None:
    """Each flag of a verb and each of its examples is on its page, with words of roff escaped."""
    path = f"{packages.prefix}/share/man/man1/shorepass-login.1"
    printed = " ".join(packages.run(require("man"), "-l", path, MANWIDTH="200", LC_ALL="C.UTF-8").split())
    for text in (
        "--password-stdin",
        "--store NAME",
        'echo "$TOKEN" | shorepass login',
        "EXIT STATUS",
        "instead of DOCKER_CONFIG or ~/.docker",
    ):
        assert text in printed


def test_shells_find_the_completion_files(packages: Packages) -> None:
    """Bash's file, zsh's function path and fish's vendor folder in the environment's share complete a verb."""
    share = f"{packages.prefix}/share"
    assert "_shorepass" in packages.run(
        require("bash"), "-c", f"source {share}/bash-completion/completions/shorepass; complete -p shorepass"
    )
    loaded = (
        f"fpath=({share}/zsh/site-functions $fpath); autoload -U compinit; compinit -u -D; print $_comps[shorepass]"
    )
    assert packages.run(require("zsh"), "-f", "-c", loaded) == "_shorepass\n"
    offered = packages.run(require("fish"), "-c", "complete -C 'shorepass logo'", XDG_DATA_DIRS=f"{share}:/usr/share")
    assert offered.partition("\t")[0] == "logout"
