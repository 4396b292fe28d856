"""A command that starts containers is recognised by its words, whatever flags and values are between them."""

from __future__ import annotations

import pytest

from shorepass.errors import UsageError
from shorepass.grants.starters import find_starter


@pytest.mark.parametrize(
    ("starter", "before", "after"),
    [
        ("docker", "docker run", "image"),
        ("docker", "docker run", "-it --env DOCKER_CONFIG=/mine image docker run x"),
        ("docker", "docker container create", "image"),
        ("docker", "docker --context run -H unix:///run/create --tls container run", "--rm image"),
        ("docker", "docker --host=tcp://create create", "image"),
        ("podman", "/usr/bin/podman --log-level run --root /x run", "-d image"),
        ("podman", "podman container run", "image sh -c create"),
        ("docker compose", "docker compose up", "-d"),
        ("docker compose", "docker --context compose compose -f run -p up --profile=run run", "--rm web up"),
        ("docker-compose", "/usr/local/bin/docker-compose --env-file create --ansi never create", "web"),
        ("podman-compose", "podman-compose --podman-run-args run up", "-d"),
    ],
)
def test_the_verb_is_found(starter: str, before: str, after: str) -> None:
    """Global flags and their values are passed over, and what is behind the verb is not read."""
    words = [*before.split(), *after.split()]
    found, start = find_starter("/bin/program", words)
    assert (" ".join(found.words), start.at, start.verb) == (starter, len(before.split()), before.split()[-1])


@pytest.mark.parametrize(
    "words",
    [
        "docker",
        "docker pull run",
        "docker network create mine",
        "docker --context run",
        "docker compose",
        "docker compose exec web run",
        "docker compose start",
        "docker-compose -f run",
        "podman pod create",
        "podman compose up",
        "sh run",
        "sh -c run",
    ],
)
def test_a_command_that_starts_no_container_is_refused(words: str) -> None:
    """Nothing is added to a command that would not understand it, and the error lists those that would."""
    with pytest.raises(UsageError, match="starts no container") as error:
        find_starter("/bin/program", words.split())
    assert "docker run or create; podman run or create; docker compose up or run or create" in error.value.message


def test_the_services_of_compose() -> None:
    """A start has the services that get the grant; only compose starts some."""
    assert find_starter("/bin/docker", ["docker", "compose", "up"], ["web"])[1].services == ("web",)
    assert not find_starter("/bin/docker", ["docker", "run", "image"])[0].services
