"""More than one account for a registry: login and logout --as, shorepass accounts, and what explain says of them."""

from __future__ import annotations

import json
import os
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from faults.canary import write_program
from shorepass.testing import Registry

if TYPE_CHECKING:
    from conftest import RunShorepass

USERS = {"alice": "wonderland", "bob": "builder", "eve": "apple"}


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry with three users."""
    with Registry(users=USERS, auth="basic") as running:
        yield running.host


@pytest.fixture(autouse=True)
def place(nothing_set: None, our_helper: str) -> None:
    """Nobody has set a store, and our helper is on PATH."""


class Person:
    """Somebody at the command line."""

    def __init__(self, run: RunShorepass, registry: str) -> None:
        self.run = run
        self.registry = registry

    def login(self, user: str, *words: str, status: int = 0) -> str:
        """Log in; return what is said to people."""
        words = words or (self.registry,)
        done = self.run("login", "-u", user, "--password-stdin", *words, stdin=USERS[user])
        assert done.status == status, done.stderr
        return done.stderr

    def user(self, *words: str, account: str = "") -> str:
        """Return whose login a client sends, "" where it sends none."""
        done = self.run("get", *(words or (self.registry,)), env={"SHOREPASS_ACCOUNT": account})
        return str(json.loads(done.stdout)["Username"]) if done.status == 0 else done.stdout.strip()

    def accounts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("accounts", "--json").stdout)["accounts"]
        return found


@pytest.fixture
def person(run_shorepass: RunShorepass, registry: str) -> Person:
    return Person(run_shorepass, registry)


def account_step(person: Person, *words: str, account: str = "") -> dict[str, Any]:
    done = person.run("explain", "--offline", "--json", *words, env={"SHOREPASS_ACCOUNT": account})
    steps = [step for step in json.loads(done.stdout)["steps"] if step["kind"] == "account"]
    assert len(steps) <= 1
    return steps[0] if steps else {}


# Logging in and out


def test_two_accounts_beside_the_default_login(person: Person, registry: str, home: Path) -> None:
    """Each has a login of its own; the variable says whose is sent, and nothing is in plain text."""
    person.login("alice")
    person.login("bob", "--as", "work", registry)
    person.login("eve", "--as", "home", registry)
    assert [person.user(account=account) for account in ("", "work", "home")] == ["alice", "bob", "eve"]
    assert "has no login for any registry" in person.run("get", registry, env={"SHOREPASS_ACCOUNT": "wrok"}).stderr
    texts = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not any(word.encode() in text for word in USERS.values() for text in texts)
    assert [person.run("login", "--get-login", *words, registry).stdout for words in ((), ("--as", "work"))] == [
        "alice\n",
        "bob\n",
    ]


def test_an_account_alone(person: Person, registry: str) -> None:
    """The first login of all may be an account's: who asks for none has no login."""
    person.login("bob", "--as", "work", registry)
    assert person.user(account="work") == "bob"
    assert person.user() == ""
    assert person.run("login", "--get-login", "--as", "home", registry).status == 1


def test_a_refused_login_changes_nothing(person: Person, registry: str, home: Path) -> None:
    """What the registry does not accept is kept nowhere."""
    done = person.run("login", "--as", "work", "-u", "bob", "--password-stdin", registry, stdin="wrong")
    assert done.status == 1
    assert list(home.rglob("*")) == []


def test_logout_of_one_account(person: Person, registry: str) -> None:
    """``logout --as`` erases just that; a plain logout says which are left, and the command; ``--all`` takes them all."""
    for user, words in (("alice", ()), ("bob", ("--as", "work", registry)), ("eve", ("--as", "home", registry))):
        person.login(user, *words)
    done = person.run("logout", "--as", "work", registry)
    assert (done.status, f"erased {registry}#work from vault" in done.stdout) == (0, True)
    assert [person.user(account=account) for account in ("", "home")] == ["alice", "eve"]
    assert f"not logged into {registry}" in person.run("logout", "--as", "work", registry).stderr
    done = person.run("logout", registry)
    assert f"the account home is still logged in to {registry}: shorepass logout --as home {registry}" in done.stderr
    assert person.user(account="home") == "eve"
    person.login("alice")
    assert person.run("logout", "--all").status == 0
    assert person.accounts() == []
    assert person.run("logout", "--all", "--as", "home").status == 1


@pytest.mark.parametrize("spelled", ["plain", "https://"])
def test_the_default_login_leaves_the_file(person: Person, registry: str, home: Path, spelled: str) -> None:
    """Where the file held it in plain text the client will no longer look there: it moves to our store, and that is told."""
    file = home / ".docker/config.json"
    file.parent.mkdir()
    key = registry if spelled == "plain" else f"https://{registry}"
    auth = b64encode(b"alice:wonderland").decode()
    file.write_text(json.dumps({"auths": {key: {"auth": auth}, "other.example": {"auth": auth}}}))
    said = person.login("bob", "--as", "work", registry)
    assert f"the default login for {registry} is now stored in the vault and no longer in {file}" in said
    assert [person.user(account=account) for account in ("", "work")] == ["alice", "bob"]
    found = json.loads(file.read_text())
    assert found["credHelpers"] == {registry: "shorepass"}
    assert found["auths"] == {"other.example": {"auth": auth}, registry: {}}


def test_another_helper_is_left_alone(person: Person, registry: str, home: Path, world: Path) -> None:
    """The client asks a helper of somebody else's: the login is kept, and it is said that only ``run`` uses it."""
    write_program(
        world / "bin/docker-credential-odd", "#!/bin/sh\necho credentials not found in native keychain; exit 1\n"
    )
    file = home / ".docker/config.json"
    file.parent.mkdir()
    file.write_text('{"credsStore": "odd"}')
    said = person.login("bob", "--as", "work", registry)
    assert f"docker asks docker-credential-odd for {registry}" in said
    assert "shorepass run --as work" in said
    assert file.read_text() == '{"credsStore": "odd"}'
    step = account_step(person, registry, account="work")
    assert (step["outcome"], "does not ask docker-credential-shorepass" in step["detail"]) == ("skipped", True)


@pytest.mark.parametrize("store", ["file", "helper:osxkeychain"])
@pytest.mark.parametrize("how", ["set", "named"])
def test_stores_that_take_no_accounts(person: Person, registry: str, home: Path, store: str, how: str) -> None:
    """A clear error before the password is sent anywhere, and the command that helps."""
    words: tuple[str, ...] = ("--store", store) if how == "named" else ()
    if how == "set":
        (home / ".config/shorepass").mkdir(parents=True)
        (home / ".config/shorepass/config.toml").write_text(f'store = "{store}"\n')
    said = person.login("bob", "--as", "work", *words, registry, status=1)
    assert (
        f"the store {store} keeps one login for a registry, and no accounts\nhint: shorepass stores use vault" in said
    )
    assert not (home / ".docker").exists()


@pytest.mark.parametrize("name", ["a/b", "", "a b", "#", "x" * 65])
@pytest.mark.parametrize("verb", ["login", "logout"])
def test_names_that_are_none(person: Person, registry: str, verb: str, name: str) -> None:
    """An account's name is letters, digits and ``.-_``."""
    done = person.run(verb, "--as", name, *(("-u", "bob", "--password-stdin") * (verb == "login")), registry, stdin="x")
    assert done.status == 1
    assert "name of an account" in done.stderr or "at most 64" in done.stderr


def test_accounts_are_kept_here(person: Person, registry: str) -> None:
    """Another place has a Shorepass of its own, or none."""
    done = person.run(
        "login", "--as", "work", "--in", "ssh:nowhere", "-u", "bob", "--password-stdin", registry, stdin="x"
    )
    assert done.status != 0


def test_the_variable_and_rules_count_for_a_plain_login(person: Person, registry: str, world: Path) -> None:
    """As for docker's own login: the first of all, and one that replaces another; it is said whose login it is."""
    words = ("login", "-u", "bob", "--password-stdin", registry)
    for _ in range(2):
        done = person.run(*words, stdin=USERS["bob"], env={"SHOREPASS_ACCOUNT": "work"})
        assert "stored as the account 'work': SHOREPASS_ACCOUNT names it" in done.stderr
    person.run("accounts", "use", "here", "--directory", str(world))
    assert "stored as the account 'here': the rule for the folder" in person.login("eve")
    assert [(row["account"], row["user"]) for row in person.accounts()] == [("here", "eve"), ("work", "bob")]
    person.run("accounts", "forget", "here")
    assert person.user() == ""


def test_logout_of_the_account_that_is_meant(person: Person, registry: str) -> None:
    """Without --as it is the account's login that goes, which is said, and all is well although it was its only one."""
    person.login("alice")
    person.login("bob", "--as", "work", registry)
    person.run("accounts", "use", "work", registry)
    done = person.run("logout", registry)
    assert (done.status, "that was the login of the account work, which is in use here" in done.stderr) == (0, True)
    assert "--as work" not in done.stderr
    done = person.run("logout", registry)
    assert (done.status, "take its rules out: shorepass accounts forget work" in done.stderr) == (1, True)
    person.run("accounts", "forget", "work")
    assert person.user() == "alice"
    done = person.run("logout", registry)
    assert (done.status, "that was" in done.stderr, person.user().startswith("{")) == (0, False, False)


def test_logout_says_in_json_which_accounts_are_left(person: Person, registry: str) -> None:
    """Programs see it, too."""
    person.login("bob", "--as", "work", registry)
    assert json.loads(person.run("logout", "--json", registry).stdout)["accounts_left"] == ["work"]


# podman


def auth_file() -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"], "containers/auth.json")


def test_podman_has_keys_for_parts_of_a_registry(person: Person, registry: str) -> None:
    """With a rule for such a part podman's own file has the login, in plain text, and podman chooses by itself."""
    person.run("accounts", "use", "work", f"{registry}/acme/*")
    said = person.login("bob", "--as", "work", "--client", "podman", registry)
    assert f"the login for {registry}/acme is stored in {auth_file()} in plain text" in said
    assert list(json.loads(auth_file().read_text())["auths"]) == [f"{registry}/acme"]
    for image, user in (
        (f"{registry}/acme/app:1", "bob"),
        (f"{registry}/other", ""),
    ):
        assert person.user("--client", "podman", image) == user
    step = account_step(person, "--client", "podman", f"{registry}/acme/app")
    assert (step["outcome"], step["subject"]) == ("ok", "work")
    assert f"podman uses the key {registry}/acme by itself" in step["detail"]
    step = account_step(person, "--client", "podman", f"{registry}/acme/app", account="work")
    assert (step["outcome"], step["detail"].partition(";")[0]) == ("ok", "SHOREPASS_ACCOUNT names it")
    assert account_step(person, "--client", "podman", f"{registry}/acme/app", account="home")["outcome"] == "skipped"
    assert person.accounts() == [
        {
            "account": "work",
            "registry": f"{registry}/acme",
            "user": "bob",
            "stored_in": str(auth_file()),
            "rules": [{"repository": f"{registry}/acme/*"}],
        }
    ]
    assert person.run("logout", "--as", "work", "--client", "podman", registry).status == 0
    assert json.loads(auth_file().read_text())["auths"] == {}
    step = account_step(person, "--client", "podman", f"{registry}/acme/app")
    assert (step["outcome"], step["hint"]) == ("skipped", f"shorepass login --client podman --as work {registry}")


def test_podman_by_the_name_of_a_part(person: Person, registry: str) -> None:
    """``login --as work --client podman REGISTRY/acme`` needs no rule: it makes the one that says whose login that is."""
    part = f"{registry}/acme"
    said = person.login("bob", "--as", "work", "--client", "podman", part)
    assert f"the account 'work' is now used for {part}/*" in said
    again = person.login("bob", "--as", "work", "--client", "podman", part)
    assert "is now used for" not in again
    assert person.user("--client", "podman", f"{part}/app") == "bob"
    row = {"account": "work", "registry": part, "user": "bob", "stored_in": str(auth_file())}
    assert person.accounts() == [{**row, "rules": [{"repository": f"{part}/*"}]}]
    person.login("eve", "--as", "home", "--client", "podman", part)  # takes its place
    assert [(row["account"], row["user"]) for row in person.accounts()] == [("home", "eve")]
    assert person.run("logout", "--as", "home", "--client", "podman", part).status == 0
    assert person.user("--client", "podman", f"{part}/app") != "eve"


def test_a_part_that_no_rule_can_name(person: Person, registry: str, home: Path) -> None:
    """Then nothing is sent or stored: a rule that cannot be read would be in the way of all others."""
    person.login("bob", "--as", "work", "--client", "podman", f"{registry}/acme:1", status=125)
    assert not auth_file().exists()
    assert not (home / ".config/shorepass/config.toml").exists()


def test_podman_with_a_store_by_name(person: Person, registry: str) -> None:
    """Who names a store gets no plain text, whatever the rules are."""
    person.run("accounts", "use", "work", f"{registry}/acme/*")
    person.login("bob", "--as", "work", "--store", "vault", "--client", "podman", registry)
    assert "auths" not in json.loads(auth_file().read_text())
    assert person.user("--client", "podman", registry, account="work") == "bob"


def test_podman_without_such_a_rule(person: Person, registry: str) -> None:
    """Its file names our helper, as docker's does."""
    person.login("bob", "--as", "work", "--client", "podman", registry)
    assert json.loads(auth_file().read_text())["credHelpers"] == {registry: "shorepass"}
    assert person.user("--client", "podman", registry, account="work") == "bob"


def test_podman_whose_file_names_a_helper_for_the_registry(person: Person, registry: str) -> None:
    """It then looks at no key for a part: that is said, and our store has the login instead."""
    person.login("alice", "--client", "podman", registry)
    person.run("accounts", "use", "work", f"{registry}/acme/*")
    said = person.login("bob", "--as", "work", "--client", "podman", registry)
    assert (
        f"podman asks docker-credential-shorepass for {registry} and then reads no key such as {registry}/acme" in said
    )
    assert person.user("--client", "podman", f"{registry}/acme/app") == "alice"
    step = account_step(person, "--client", "podman", f"{registry}/acme/app")
    assert (step["outcome"], step["hint"]) == ("skipped", "shorepass run --as work -- podman ...")
    assert person.user("--client", "podman", registry, account="work") == "bob"
    said = person.login("bob", "--as", "work", "--client", "podman", f"{registry}/acme", status=125)
    assert f"podman does not read a key for a part of {registry}" in said


def test_our_helper_says_what_mends_it(person: Person, registry: str) -> None:
    """An account without a login: the hint is the one that our helper gives, and not to try that by hand."""
    person.login("alice")
    for verb in ("get", "explain"):
        done = person.run(verb, registry, env={"SHOREPASS_ACCOUNT": "work"})
        assert done.status == 3
        said = done.stdout + done.stderr
        assert "the account 'work' has no login for any registry; SHOREPASS_ACCOUNT names it" in said
        assert "hint: shorepass login --as work REGISTRY\n" in said
        assert "try it by hand" not in said


# Rules


def test_rules_by_repository_and_folder(person: Person, registry: str, home: Path, world: Path) -> None:
    """A rule for a registry, and one for the folder that the client runs in; what was said once is said once."""
    person.login("alice")
    person.login("bob", "--as", "work", registry)
    file = home / ".config/shorepass/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# mine\n")
    for words, subject in (((registry,), f"{registry}/*"), (("--directory", str(world)), str(world))):
        assert person.run("accounts", "use", "work", *words).stdout == f"{file}: {subject} uses work\n"
        assert person.run("accounts", "use", "work", *words).stdout == f"{file}: {subject} already uses work\n"
        assert person.user() == "bob"
        why = f"the rule for {'' if words[0] == registry else 'the folder '}{subject} in {file}"
        step = account_step(person, registry)
        assert (step["outcome"], step["subject"], step["detail"]) == ("ok", "work", why)
        assert person.accounts()[0]["rules"] == [{"repository" if words[0] == registry else "directory": subject}]
        assert person.run("accounts", "forget", "work", *words).stdout.startswith(f"{file}: removed 1 rule: work for ")
        assert person.run("accounts", "forget", "work", *words).stdout.startswith(f"{file}: removed 0 rules: work for ")
        assert person.user() == "alice"
    assert file.read_text().startswith("# mine\n")
    assert "account" not in tomllib.loads(file.read_text())


def test_a_rule_has_one_account(person: Person, home: Path) -> None:
    """Another account for the same repository or folder takes its place; ``forget NAME`` takes all of its rules out."""
    file = home / ".config/shorepass/config.toml"
    for account in ("work", "home"):
        person.run("accounts", "use", account, "ghcr.io/acme/*")
        person.run("accounts", "use", account, "--directory", "~/src/")
    person.run("accounts", "use", "other", "quay.io")
    assert tomllib.loads(file.read_text())["account"] == [
        {"name": "home", "repository": "ghcr.io/acme/*"},
        {"name": "home", "directory": "~/src"},
        {"name": "other", "repository": "quay.io/*"},
    ]
    assert "removed 2 rules: home" in person.run("accounts", "forget", "home").stdout
    assert tomllib.loads(file.read_text())["account"] == [{"name": "other", "repository": "quay.io/*"}]
    assert [(row["account"], row["user"]) for row in person.accounts()] == [("other", None)]


@pytest.mark.parametrize(
    ("one", "same", "another"),
    [
        ("ghcr.io", "GHCR.io/*", "ghcr.io/acme/*"),
        ("docker.io", "index.docker.io", "docker.io/library/*"),
        ("docker.io/nginx", "docker.io/library/nginx", "docker.io/nginx/*"),
    ],
)
def test_a_rule_has_one_account_however_it_is_written(person: Person, one: str, same: str, another: str) -> None:
    """Two ways to write one repository are one rule: two of them would let the older one win without a word."""
    person.run("accounts", "use", "work", one)
    assert person.run("accounts", "use", "work", same).stdout.endswith(" already uses work\n")
    person.run("accounts", "use", "home", same)
    person.run("accounts", "use", "work", another)
    assert sorted(row["account"] for row in person.accounts()) == ["home", "work"]
    assert "removed 1 rule" in person.run("accounts", "forget", "home", one).stdout
    assert [row["account"] for row in person.accounts()] == ["work"]


@pytest.mark.parametrize("client", ["docker", "podman"])
def test_an_account_that_is_meant_and_has_no_login_there(person: Person, registry: str, client: str) -> None:
    """The client gets the default login, and explain says so, with the command that logs the account in."""
    person.login("alice")
    person.login("bob", "--as", "work", registry)
    assert account_step(person, registry, "--client", client) == {}
    person.run("accounts", "use", "work", registry)
    assert account_step(person, registry, "--client", client)["outcome"] == "ok"
    person.run("logout", "--as", "work", registry)
    with Registry(users=USERS, auth="basic") as other:
        person.login("bob", "--as", "work", other.host)
        assert person.user(registry, "--client", client) == "alice"
        step = account_step(person, registry, "--client", client)
        assert (step["outcome"], step["subject"]) == ("skipped", "work")
        assert f"it has no login for {registry}: the answer is the same as without the account" in step["detail"]
        assert step["hint"] == f"shorepass login --as work {registry}"
        person.login("bob", *step["hint"].split()[2:])
        assert account_step(person, registry, "--client", client)["outcome"] == "ok"


def test_a_rule_for_an_account_without_a_login(person: Person, registry: str) -> None:
    """It leaves clients without any login, which is said when the rule is made, with the command that mends it."""
    for words, where in (((registry,), "for that registry"), (("--directory", "/src"), "in that folder")):
        said = person.run("accounts", "use", "work", *words).stderr
        assert f"work has no login yet, so clients get no login {where}\nhint: shorepass login --as work " in said
        person.run("vault", "init")  # without one, and with one
    person.run("accounts", "forget", "work")
    person.login("bob", "--as", "work", registry)
    assert person.run("accounts", "use", "work", registry).stderr == ""


def test_docker_knows_no_repository(person: Person, registry: str) -> None:
    """A rule for a part of a registry: the default login is sent, explain says so, and that ``run`` does it."""
    person.login("alice")
    person.login("bob", "--as", "work", registry)
    done = person.run("accounts", "use", "work", f"{registry}/acme/*")
    assert "without the repository" in done.stderr
    assert person.user(f"{registry}/acme/app:1") == "alice"
    step = account_step(person, f"{registry}/acme/app:1")
    assert (step["outcome"], step["subject"]) == ("skipped", "work")
    assert (
        "docker asks its helpers for a registry without the repository, which means the default login" in step["detail"]
    )
    assert step["hint"] == "shorepass run --as work -- docker ..."
    assert account_step(person, f"{registry}/other") == {}
    text = person.run("explain", "--offline", f"{registry}/acme/app:1").stdout
    assert "skipped  account    work: " in text
    command = ("run", "--as", "work", "--", "/bin/sh", "-c", f"echo {registry} | docker-credential-shorepass get")
    assert json.loads(person.run(*command).stdout)["Username"] == "bob"


@pytest.mark.parametrize(
    "words",
    [
        ("use",),
        ("use", "work"),
        ("use", "work", "acme/*"),
        ("use", "a/b", "ghcr.io"),
        ("use", "work", "ghcr.io", "--directory", "/src"),
        ("use", "work", "--directory", ""),
        ("use", "work", "ghcr.io/acme:1"),
        ("forget",),
        ("forget", "a/b"),
        ("--directory", "/src"),
        ("other", "work"),
    ],
)
def test_what_is_no_rule(person: Person, home: Path, words: tuple[str, ...]) -> None:
    """A wrong word is exit code 2, and changes nothing."""
    assert person.run("accounts", *words).status == 2
    assert not (home / ".config").exists()


BROKEN = (
    "[[account]\n",
    "account = 1\n",
    '[[account]]\nname = "a/b"\nrepository = "ghcr.io"\n',
    '[[account]]\nname = "work"\nrepository = "acme/*"\n',
    '[[account]]\nname = "work"\ndirectory = "src"\n',
    '[[account]]\nname = "work"\ndirectory = "~you/src"\n',
)


@pytest.mark.parametrize("text", BROKEN)
def test_broken_settings(person: Person, registry: str, home: Path, text: str) -> None:
    """They are an error that names the file; nothing is built upon them, and explain says what is wrong."""
    file = home / ".config/shorepass/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    for words in ((), ("use", "work", "ghcr.io"), ("forget", "work")):
        done = person.run("accounts", *words)
        assert (done.status, str(file) in done.stderr) == (3, True)
    assert file.read_text() == text
    assert account_step(person, registry)["outcome"] == "failed"


def test_what_the_table_shows(person: Person, registry: str) -> None:
    """One row a login; nothing yet is a hint and no table."""
    done = person.run("accounts")
    assert (done.status, done.stdout) == (0, "")
    assert "hint: shorepass login --as NAME REGISTRY" in done.stderr
    person.login("bob", "--as", "work", registry)
    person.run("accounts", "use", "work", "--directory", "/src")
    person.run("accounts", "use", "other", "quay.io/a/*")
    rows = [line.split("  ") for line in person.run("accounts").stdout.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells == [
        ["ACCOUNT", "REGISTRY", "USER", "STORED IN", "CHOSEN BY"],
        ["other", "quay.io", "no login", "-", "quay.io/a/*"],
        ["work", registry, "bob", "vault", "in /src"],
    ]
