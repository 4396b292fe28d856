"""What docker build does beside docker's own rules, by buildx's util/dockerutil/dockerconfig/configprovider.go."""

from __future__ import annotations

from pathlib import Path

import pytest

from client_files import lay_out
from shorepass.clients.buildx import steps_of_build
from shorepass.names import parse

BASE = "home/.docker/buildx/config"


@pytest.mark.parametrize(
    ("folders", "image", "used"),
    [
        (["reg.io"], "reg.io/team/app", ["reg.io", "reg.io"]),
        (["reg.io", "reg.io/team/app"], "reg.io/team/app", ["reg.io/team/app", "reg.io/team/app"]),
        (["reg.io@push", "reg.io"], "reg.io/team/app", ["reg.io", "reg.io@push"]),
        (["reg.io@pull, push"], "reg.io/team/app", ["reg.io@pull, push"]),
        (["reg.io/team/app@push", "reg.io@push,pull"], "reg.io/team/app", ["reg.io/team/app@push"]),
        (["reg.io/team"], "reg.io/team/app", []),
        (["registry-1.docker.io/library/nginx"], "nginx", ["registry-1.docker.io/library/nginx"] * 2),
        (["docker.io"], "nginx", []),
        (["other.io"], "reg.io/team/app", []),
    ],
)
def test_the_folder_of_a_build(world: Path, folders: list[str], image: str, used: list[str]) -> None:
    """That of the repository comes before that of the registry, and one for more actions before one for fewer."""
    context = lay_out(world, {f"{BASE}/{folder}/config.json": "{}" for folder in folders})
    steps = steps_of_build(context, parse(image))
    assert [step.subject for step in steps] == [f"{world}/{BASE}/{folder}/config.json" for folder in used]


def test_the_variable_of_buildx(world: Path) -> None:
    """BUILDX_CONFIG has the folders then."""
    context = lay_out(world, {"elsewhere/config/reg.io/config.json": "{}"}, BUILDX_CONFIG="{}/elsewhere")
    assert {step.subject for step in steps_of_build(context, parse("reg.io/app"))} == {
        f"{world}/elsewhere/config/reg.io/config.json"
    }


@pytest.mark.parametrize("image", ["dhi.io/node:1", "registry.scout.docker.com/app"])
def test_registries_with_the_login_of_docker_hub(world: Path, image: str) -> None:
    """A build sends Docker Hub's login to them, and docker pull does not."""
    (step,) = steps_of_build(lay_out(world, {}), parse(image))
    assert "sends Docker Hub's login where this registry has none" in step.detail
