"""docs/reference/schema/VERB.json describes exactly what VERB --json prints, in healthy contexts and in broken ones."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from client_files import auth, helper, lay_out
from e2e.people import new_person
from shorepass.contexts.local import LocalContext
from shorepass.grants import file
from shorepass.grants.grant import FORWARD, Grant

if TYPE_CHECKING:
    from conftest import RunShorepass

FOLDER = Path(__file__).parents[2] / "docs/reference/schema"
ALL: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
WITH_AGENT = ("agent", "share", "grants")  # see test_agent.py and test_share.py: an agent must run
SCHEMAS = {verb: schema for verb, schema in ALL.items() if verb not in WITH_AGENT}
STOPPED = "#!/bin/sh\necho instance is stopped >&2\nexit 1\n"
DOCKER = {
    "auths": {
        "a.example": auth("alice:wonderland"),
        "https://two.example/v1/": auth("bob:builder"),
        "http://two.example/v1/": auth("carol:other"),
        "token.example": auth("ci:", identitytoken="a-token"),
    },
    "credHelpers": {"h.io": "held", "gone.example": "gone"},
}
POLICY = 'never = ["b.example"]\n[[automatic]]\nimage = "a.example/team/*"\nregistries = ["a.example"]\n'
PODMAN = {"auths": {"a.example": auth("alice:wonderland"), "b.example/team": auth("dave:secret")}}

# What is typed, in turn. Each line is run in a healthy home and in one whose podman file is broken.
LINES = [
    "list",
    "list --client podman",
    "list --in sudo-login",
    "who --in me",
    "who --in me --in lima:default --in user:of-no-one",
    "who --in me --in OTHER",
    "doctor --in OTHER",
    "list --in OTHER",
    "who --all --check --timeout 1",
    "accounts",
    "explain --offline a.example/app",
    "explain --offline two.example/app",
    "explain --offline token.example/app",
    "explain --offline h.io/app",
    "explain --offline gone.example/app",
    "explain --offline nowhere.example/app",
    "explain --client podman --offline b.example/team/app",
    "doctor --in me --in lima:default",
    "stores",
    "policy",
    "policy check --registry a.example --image a.example/team/app:1",
    "accelerate --all",
    "accelerate --list",
    "migrate",
    "migrate --from held",
    "migrate --apply",
    "migrate --undo",
    "migrate --apply",
    "logout a.example",
    "logout nowhere.example",
    "logout --client podman --all",
    "revoke 1a2b3c4d",
    "revoke --all",
    "uninstall",
    "uninstall --to file --yes",
]


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each object that a schema describes."""
    if schema.get("type") == "object":
        yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("oneOf", [])]
    for one in [*inner, *([schema["items"]] if "items" in schema else [])]:
        yield from objects(one)


def filled(value: object) -> Iterator[str]:
    """Yield the names of members that are lists of objects and have one."""
    if isinstance(value, list):
        for one in value:
            yield from filled(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, list) and any(isinstance(one, dict) for one in inner):
                yield name
            yield from filled(inner)


def lists_of_objects(schema: dict[str, Any]) -> set[str]:
    """Return the names of members that are lists of objects."""
    found = set()
    for one in objects(schema):
        for name, member in one["properties"].items():
            items = member.get("items", {})
            if items.get("type") == "object" or "oneOf" in items or "$ref" in items:
                found.add(name)
    return found


def printed(run_shorepass: RunShorepass, world: Path, podman: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line, and the document that it prints."""
    lay_out(
        world,
        {
            "home/.docker/config.json": json.dumps(DOCKER),
            "run/containers/auth.json": podman,
            "bin/docker-credential-held": helper('{"ServerURL":"h.io","Username":"held","Secret":"it"}'),
            "bin/limactl": STOPPED,
            "home/.config/shorepass/policy.toml": POLICY,
        },
    )
    assert run_shorepass("vault", "init").status == 0
    assert run_shorepass("accounts", "use", "work", "a.example/team/*").status == 0
    assert run_shorepass("accounts", "use", "work", "--directory", str(world)).status == 0
    now, folder = time.time(), str(world / "run/shorepass/grants/1a2b3c4d")
    file.add(LocalContext.current(), Grant("1a2b3c4d", "flags", FORWARD, ("a.example",), folder, "", now, now + 3600))
    with new_person() as person:  # with a login that is also in this home
        person.write(".docker/config.json", json.dumps(DOCKER))
        for line in LINES:
            done = run_shorepass(*line.replace("OTHER", f"user:{person.name}").split(), "--json")
            if done.stdout:
                yield line, json.loads(done.stdout)


@pytest.mark.usefixtures("nothing_set", "our_helper")
@pytest.mark.parametrize("podman", [json.dumps(PODMAN), "{"], ids=["healthy", "broken"])
def test_what_is_printed_fits(run_shorepass: RunShorepass, world: Path, podman: str) -> None:
    """No member is missing and none is unknown. In the healthy home each kind of object is printed at least once."""
    seen: dict[str, set[str]] = {verb: set() for verb in SCHEMAS}
    for line, document in printed(run_shorepass, world, podman):
        verb = line.split()[0]
        errors = [f"{line}: {error.json_path}: {error.message}" for error in validator(verb).iter_errors(document)]
        assert errors == []
        seen[verb].update(filled(document))
    if podman != "{":
        assert seen == {verb: lists_of_objects(schema) for verb, schema in SCHEMAS.items()}


def validator(verb: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[verb])


@pytest.mark.parametrize("verb", SCHEMAS)
def test_a_schema_is_exact(verb: str) -> None:
    """It is a schema of that draft, and no object in it allows a member that it does not describe."""
    schema = SCHEMAS[verb]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    for one in objects(schema):
        assert one["additionalProperties"] is False
        assert {*one["required"]} == {*one["properties"]}


@pytest.mark.parametrize("verb", SCHEMAS)
def test_the_page_links_to_each(verb: str) -> None:
    """The section of the verb has the link."""
    page = (FOLDER.parent / "json.md").read_text()
    assert f"\n## {verb}\n\n[Schema](schema/{verb}.json)\n" in page
