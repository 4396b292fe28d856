"""Which account is meant, and what a client sees of a store that has several for one registry."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from dict_context import DictContext
from shorepass import clients, settings
from shorepass.accounts.choice import Chooser, choose
from shorepass.accounts.keys import key_of, split
from shorepass.chain import Chain, chain_of
from shorepass.contexts.local import LocalContext
from shorepass.credential import ANONYMOUS, Basic, Credential
from shorepass.errors import MalformedFile, ShorepassError, UsageError
from shorepass.explain import account_steps
from shorepass.names import Reference, parse
from shorepass.resolution import Outcome
from shorepass.secret import Secret
from shorepass.settings import Rule, Settings

pytestmark = pytest.mark.usefixtures("nothing_set")

HUB = "https://index.docker.io/v1/"


class DictStore:
    """A store that is a dict."""

    name = "dict"

    def __init__(self, **logins: str) -> None:
        self.logins: dict[str, Credential] = {}
        for key, username in logins.items():
            self.store(key, login(username))

    def get(self, key: str) -> Credential:
        return self.logins.get(key, ANONYMOUS)

    def store(self, key: str, credential: Credential) -> None:
        self.logins[key] = credential

    def erase(self, key: str) -> bool:
        return self.logins.pop(key, None) is not None

    def list(self) -> dict[str, str]:
        return {key: found.username for key, found in self.logins.items() if isinstance(found, Basic)}


def login(username: str) -> Basic:
    return Basic(username, Secret(f"secret of {username}"))


def view(store: DictStore, *rules: Rule, variable: str = "") -> Chain:
    here = LocalContext({"SHOREPASS_ACCOUNT": variable})
    return chain_of(store, Chooser(here, Settings("config.toml", rules=rules)).for_key)


# Keys


@pytest.mark.parametrize("key", ["ghcr.io", HUB, "[::1]:5000", "registry.example#c", "a#b#c"])
@pytest.mark.parametrize("account", ["work", "a.b-c_d", "7"])
def test_an_account_key_comes_apart_again(key: str, account: str) -> None:
    """``split`` gives back what ``key_of`` was given, whatever the key looks like."""
    assert split(key_of(key, account)) == (key, account)


@pytest.mark.parametrize(
    "key", ["ghcr.io", "#work", "ghcr.io#", "ghcr.io#a b", "ghcr.io#a/b", "", "ghcr.io#" + "x" * 65]
)
def test_other_keys_have_no_account(key: str) -> None:
    """What is no account's name behind the mark belongs to the key."""
    assert split(key) == (key, "")
    assert key_of(key, "") == key


# Rules for repositories


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        (
            "ghcr.io/acme/*",
            ["ghcr.io/acme/app:1", "ghcr.io/acme/a/b", "ghcr.io/acme"],
            ["ghcr.io/acmes/app", "ghcr.io/x"],
        ),
        ("ghcr.io/acme/app", ["ghcr.io/acme/app@sha256:" + "0" * 64], ["ghcr.io/acme/app/more", "ghcr.io/acme/apps"]),
        ("ghcr.io/*", ["ghcr.io/x", "ghcr.io/a/b/c", "ghcr.io", "GHCR.io/x"], ["quay.io/x", "ghcr.io:5000/x"]),
        ("ghcr.io", ["ghcr.io/x", "ghcr.io"], ["quay.io"]),
        ("docker.io/acme/*", ["acme/app", "docker.io/acme/app", "index.docker.io/acme/app"], ["acme", "nginx"]),
        ("docker.io/nginx", ["nginx", "docker.io/library/nginx"], ["acme/nginx", "docker.io/nginx/more"]),
        ("index.docker.io/*", ["nginx", "acme/app"], ["ghcr.io/acme/app"]),
        ("localhost:5000/a/*", ["localhost:5000/a/b"], ["localhost/a/b", "localhost:5001/a/b"]),
        ("[::1]:5000/*", ["[::1]:5000/a"], ["[::1]:5001/a"]),
    ],
)
def test_repository_rules(pattern: str, fits: list[str], does_not: list[str]) -> None:
    """A rule is for just that repository, with ``/*`` behind it for all in it, and for a registry however it is written."""
    settings.check_repository(pattern)
    chooser = Chooser(LocalContext({}), Settings("", rules=(Rule("work", pattern),)))
    assert [name for name in fits if chooser.choose(parse(name)) is None] == []
    assert [name for name in does_not if chooser.choose(parse(name)) is not None] == []


@pytest.mark.parametrize(
    "pattern", ["", "/*", "*", "acme/*", "ghcr.io/acme:1", "ghcr.io/Acme", "ghcr.io/*/app", "a b/c"]
)
def test_what_is_no_repository(home: Path, pattern: str) -> None:
    """A rule that could never fit is an error, on the command line and in the file."""
    with pytest.raises(UsageError):
        settings.check_repository(pattern)
    file = home / ".config/shorepass/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[[account]]\nname = "work"\nrepository = "{pattern}"\n')
    with pytest.raises(MalformedFile):
        settings.load(LocalContext.current())


def test_the_longest_repository_rule_counts() -> None:
    """Whatever their order: the longest one; where only the registry is known, only that for all of it."""
    rules = (Rule("one", "ghcr.io/*"), Rule("three", "ghcr.io/acme/app/*"), Rule("two", "ghcr.io/acme/*"))
    for order in (rules, rules[::-1]):
        chooser = Chooser(LocalContext({}), Settings("", rules=order))
        names = ("ghcr.io/x", "ghcr.io/acme/x", "ghcr.io/acme/app", "ghcr.io/acme/app/x", "ghcr.io", "quay.io/acme/app")
        chosen = [choice.account if (choice := chooser.choose(parse(name))) else None for name in names]
        assert chosen == ["one", "two", "three", "three", "one", None]
        assert chooser.for_key("https://ghcr.io/v1/") == chooser.choose(Reference("ghcr.io"))
    assert Chooser(LocalContext({}), Settings("", rules=rules[1:])).for_key("ghcr.io") is None


@pytest.mark.parametrize("key", ["", "x" * 300, "http://", "a b", "://", "\ud800"])
def test_keys_that_name_no_registry(key: str) -> None:
    """A client may ask for anything: no rule is for that."""
    assert Chooser(LocalContext({}), Settings("", rules=(Rule("work", "ghcr.io/*"),))).for_key(key) is None


# Directories, and what goes before what


def test_the_nearest_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder itself and all in it, on whatever way one got there; a name that only begins like it is another one."""
    deep = tmp_path / "src/acme/app/deep"
    deep.mkdir(parents=True)
    (tmp_path / "src/acme2").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "src/acme/app")
    rules = tuple(
        Rule(account, directory=str(tmp_path / folder))
        for account, folder in (("outer", "src"), ("work", "src/acme"), ("linked", "link"), ("gone", "none"))
    )
    expected = {deep: "linked", deep.parents[1]: "work", tmp_path / "src/acme2": "outer", tmp_path: None}
    for folder, account in expected.items():
        monkeypatch.chdir(folder)
        choice = Chooser(LocalContext.current(), Settings("", rules=rules)).choose(parse("ghcr.io/acme/app"))
        assert (choice.account if choice else None) == account
    monkeypatch.chdir(tmp_path / "link")
    choice = Chooser(LocalContext.current(), Settings("", rules=rules[:2])).choose(parse("nginx"))
    assert choice is not None
    assert choice.account == "work"


def test_variable_then_repository_then_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says why; an empty variable is none; a name that can be none is an error."""
    file = home / ".config/shorepass/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        '[[account]]\nname = "there"\ndirectory = "~/src"\n\n[[account]]\nname = "work"\nrepository = "ghcr.io/acme/*"\n'
    )
    (home / "src").mkdir()
    monkeypatch.chdir(home / "src")
    image = parse("ghcr.io/acme/app")
    for variable, reference, account, why in (
        ("mine", image, "mine", "SHOREPASS_ACCOUNT names it"),
        ("", image, "work", f"the rule for ghcr.io/acme/* in {file}"),
        ("", parse("nginx"), "there", f"the rule for the folder {home}/src in {file}"),
    ):
        monkeypatch.setenv("SHOREPASS_ACCOUNT", variable)
        choice = choose(LocalContext.current(), reference)
        assert choice is not None
        assert (choice.account, choice.why) == (account, why)
    monkeypatch.setenv("SHOREPASS_ACCOUNT", "a/b")
    with pytest.raises(UsageError):
        choose(LocalContext.current(), image)


def test_another_place_has_settings_of_its_own() -> None:
    """The rules of a context are those of its user; where nothing is run there is no folder."""
    text = '[[account]]\nname = "theirs"\nrepository = "quay.io/*"\n'
    there = DictContext("there", {"/home/you/.config/shorepass/config.toml": text})
    choice = choose(there, parse("quay.io/a/b"))
    assert choice is not None
    assert choice.account == "theirs"
    assert choose(there, parse("ghcr.io/a/b")) is None


RULES = """
[[account]]
name = "part"
repository = "ghcr.io/acme/*"

[[account]]
name = "all"
repository = "quay.io/*"
"""
ANSWER = '{"Username": "somebody", "Secret": "secret"}'


@pytest.mark.parametrize(
    ("client", "image", "account", "outcome", "words"),
    [
        ("docker", "quay.io/a/b", "all", "OK", "the rule for quay.io/* in /home/you/.config/shorepass/config.toml"),
        ("docker", "ghcr.io/acme/a", "part", "SKIPPED", "without the repository, which means the default login"),
        ("docker", "ghcr.io/acme", "part", "SKIPPED", "without the repository"),
        ("docker", "ghcr.io/other/a", None, "", ""),
        ("podman", "quay.io/a/b", "all", "SKIPPED", "podman does not ask docker-credential-shorepass"),
        ("podman", "ghcr.io/acme/a", "part", "OK", "podman uses the key ghcr.io/acme by itself"),
        ("skopeo", "ghcr.io/acme/a", "part", "OK", "skopeo uses the key ghcr.io/acme by itself"),
        ("podman", "ghcr.io/other/a", None, "", ""),
    ],
)
def test_what_explain_says_of_another_place(
    client: str, image: str, account: str | None, outcome: str, words: str
) -> None:
    """Which account the rules over there mean, and whether the client there can carry them."""
    auth = json.dumps({"auths": {"ghcr.io/acme": {"auth": "YTpi"}}})
    there = DictContext(
        "there",
        {
            "/home/you/.config/shorepass/config.toml": RULES,
            "/home/you/.docker/config.json": '{"credsStore": "shorepass"}',
            "/home/you/.config/containers/auth.json": auth,
        },
        programs={"/bin/docker-credential-shorepass": ANSWER},
    )
    steps = account_steps(clients.find(client).resolve(there, parse(image)), there)
    assert [step.subject for step in steps] == ([account] if account else [])
    assert all(step.outcome is Outcome[outcome] and words in step.detail for step in steps)


# What a client sees


def test_the_accounts_login_else_the_default() -> None:
    """``get``, ``erase`` and ``list`` mean one login for each key; what is stored is the account's."""
    store = DictStore(**{"ghcr.io": "me", "ghcr.io#work": "me-at-work", "quay.io": "q", "only.example#work": "o"})
    seen = view(store, variable="work")
    assert [seen.get(key) for key in ("ghcr.io", "quay.io", "none.example")] == [
        login("me-at-work"),
        login("q"),
        ANONYMOUS,
    ]
    assert seen.list() == {"ghcr.io": "me-at-work", "quay.io": "q", "only.example": "o"}
    assert view(store).list() == {"ghcr.io": "me", "quay.io": "q"}
    assert view(store).get("only.example") == ANONYMOUS
    seen.store("quay.io", login("q-at-work"))
    assert (store.get("quay.io"), store.get("quay.io#work")) == (login("q"), login("q-at-work"))
    assert seen.erase("ghcr.io")
    assert seen.get("ghcr.io") == login("me")
    assert "ghcr.io#work" not in store.logins


def test_each_key_has_its_own_rule() -> None:
    """Rules choose for the registry that is asked for; a key with an account in it means that one."""
    store = DictStore(**{"ghcr.io": "a", "ghcr.io#work": "b", "ghcr.io#home": "c", "quay.io": "d", "quay.io#work": "e"})
    seen = view(store, Rule("home", "ghcr.io/*"))
    assert seen.list() == {"ghcr.io": "c", "quay.io": "d"}
    assert {key: seen.get(key) for key in ("ghcr.io", "quay.io")} == {"ghcr.io": login("c"), "quay.io": login("d")}
    assert seen.get("ghcr.io#work") == login("b")


def test_an_account_without_any_login_is_a_slip() -> None:
    """A name that nobody has logged in by is an error that names those there are; the first login is none."""
    store = DictStore(**{"ghcr.io": "me", "ghcr.io#work": "w", "quay.io#home": "h"})
    for rules, variable in (((), "wrok"), ((Rule("wrok", "ghcr.io/*"),), "")):
        chooser = Chooser(LocalContext({"SHOREPASS_ACCOUNT": variable}), Settings("config.toml", rules=rules))
        seen = chain_of(store, chooser.for_key)
        for verb in (partial(seen.get, "ghcr.io"), partial(seen.erase, "ghcr.io"), seen.list):
            with pytest.raises(ShorepassError) as raised:
                verb()
            assert "'wrok' has no login" in raised.value.message
            forget = "; or take its rules out: shorepass accounts forget wrok" if rules else ""
            assert raised.value.hint == f"these have: home, work{forget}"
        assert not seen.erase("http://ghcr.io")  # nobody is logged in there
    assert store.get("ghcr.io") == login("me")
    seen.store("ghcr.io", login("new"))
    assert seen.get("ghcr.io") == login("new")


@pytest.mark.parametrize("account", ["", "work"])
def test_docker_hub_by_both_of_its_names(account: str) -> None:
    """Docker stores under a URL and podman asks for a name: each finds the other's login, and erases it."""
    for stored, asked in ((HUB, "docker.io"), ("docker.io", HUB)):
        store = DictStore(**{key_of(stored, account): "me", "other.example#work": "o"})
        seen = view(store, variable=account)
        assert seen.get(asked) == login("me")
        assert seen.list()[stored] == "me"
        assert seen.erase(asked)
        assert seen.get(stored) == ANONYMOUS
    store = DictStore(**{HUB: "docker", "docker.io": "podman"})
    assert [view(store).get(key) for key in (HUB, "docker.io")] == [login("docker"), login("podman")]


@pytest.mark.parametrize("name", ["file", "helper:osxkeychain"])
def test_stores_without_room(name: str) -> None:
    """A store that cannot keep two logins for a registry says so, and never gives the default login instead."""
    store = DictStore(**{"ghcr.io": "me"})
    store.name = name
    for verb in ("get", "erase"):
        with pytest.raises(UsageError, match="no accounts"):
            getattr(view(store, variable="work"), verb)("ghcr.io")
    with pytest.raises(UsageError, match="no accounts"):
        view(store, variable="work").store("ghcr.io", login("you"))
    assert view(store).get("ghcr.io") == login("me")
