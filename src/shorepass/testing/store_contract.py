"""What every store does, as tests. Write a subclass of ``StoreContract`` that opens your store, and run pytest.

::

    from shorepass.testing import StoreContract

    class TestMyStore(StoreContract):
        @pytest.fixture
        def open_store(self, tmp_path):
            return lambda: MyStore(tmp_path)

If a store has limits, name the tests that it cannot pass in ``limits``, with the reason. Such a test must then fail, and
pytest reports the reason.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import pytest

from shorepass.credential import ANONYMOUS, Basic, BearerToken, Credential, IdentityToken
from shorepass.errors import ShorepassError, SourceError, StoreBroken, StoreLocked, StoreMissing
from shorepass.secret import Secret

if TYPE_CHECKING:
    from shorepass.stores import Store

__all__ = ["StoreContract"]

KEY = "https://registry.example/v1/"
ALICE = Basic("alice", Secret("wonderland"))
BOB = Basic("bob", Secret("builder"))

CREDENTIALS: dict[str, Credential] = {
    "empty secret": Basic("alice", Secret("")),
    "not ASCII": Basic("αλίκη", Secret("пароль \U0001f511 e\u0301")),
    "white space around": Basic(" alice ", Secret("\t secret \r\n\n")),
    "lines": Basic("alice", Secret("one\ntwo\r\nthree\rfour")),
    "NUL inside": Basic("alice", Secret("se\0cret")),
    "NUL around": Basic("alice", Secret("\0secret\0")),
    "control characters": Basic("alice", Secret("".join(map(chr, range(1, 33))) + "\x7f\x85\u2028\u2029\ufeff")),
    "colons": Basic("al:ice", Secret(":se:cret:")),
    "quotes and backslashes": Basic("\"alice'", Secret("\\\"'`$(id)%41&<>{}[]\\u0041")),
    "slashes in the user name": Basic("../../al/ice", Secret("secret")),
    "words of the protocol": Basic("version", Secret("credentials not found in native keychain")),
    "JSON": Basic("alice", Secret('{"ServerURL":"x","Username":"y","Secret":"z"}')),
    "token": IdentityToken(Secret("an.identity-token_" + "x" * 2000)),
    "60 KiB": Basic("alice", Secret("0123456789abcdef" * 60 * 64)),
    "64 KiB": Basic("alice", Secret("0123456789abcdef" * 64 * 64)),
    "1 MiB": Basic("alice", Secret("0123456789abcdef" * 1024 * 64)),
}

# All different, but a store could confuse some of them.
KEYS = (
    *("https://registry.example/v1/", "https://registry.example/v1", "https://registry.example/V1/"),
    *("https://registry.example", "https://registry.example/", "http://registry.example", "registry.example"),
    *(
        "Registry.example",
        "registry.example:443",
        "registry.example:5000",
        "registry.example.",
        "registry.example/team",
    ),
    *("registry.example/team/app", "registry.example/../team", "work@registry.example", "[::1]:5000", "::1"),
    *("registry.exämple", "registry.example?a=b", "registry.example#c", "a b", "*", "-n", "%2e", "x" * 150),
)

REFUSED: dict[str, tuple[str, Credential]] = {
    "no user name": (KEY, Basic("", Secret("secret"))),
    "no key": ("", ALICE),
    "nothing": (KEY, ANONYMOUS),
    "a bearer token": (KEY, BearerToken(Secret("token"))),
    "an empty identity token": (KEY, IdentityToken(Secret(""))),
    "the token's mark as a user name": (KEY, Basic("<token>", Secret("secret"))),
    "half a character in the key": ("registry\ud800.example", ALICE),
    "half a character in the user name": (KEY, Basic("ali\udcffce", Secret("secret"))),
    "half a character in the secret": (KEY, Basic("alice", Secret("se\udfffcret"))),
    "half a character in the token": (KEY, IdentityToken(Secret("to\ud83dken"))),
}


class StoreContract:
    """The rules. Override ``open_store``, and ``locked``, ``missing`` and ``broken`` if your store has that state."""

    limits: ClassVar[Mapping[str, str]] = {}
    """Why a test cannot pass, by the end of its name: ``keeps[64 KiB]``, ``locked``."""

    locked_error: ClassVar[type[SourceError]] = StoreLocked
    missing_error: ClassVar[type[SourceError]] = StoreMissing
    broken_error: ClassVar[type[SourceError]] = StoreBroken

    many: ClassVar[int] = 2000
    writers: ClassVar[int] = 8

    @pytest.fixture
    def open_store(self) -> Callable[[], Store]:
        """A function that opens the same store each time, also in another process. The store is empty at first."""
        raise NotImplementedError("override open_store")

    @pytest.fixture
    def locked(self) -> Store | None:
        """A store that exists, but its key is not available."""
        return None

    @pytest.fixture
    def missing(self) -> Store | None:
        """A store that does not exist."""
        return None

    @pytest.fixture
    def broken(self) -> Store | None:
        """A store that exists, and is damaged."""
        return None

    def fill(self, store: Store, logins: Mapping[str, Credential]) -> None:
        """Store many logins, one by one. Override this if your store has a faster way."""
        for key, credential in logins.items():
            store.store(key, credential)

    @pytest.fixture(autouse=True)
    def _limits_are_declared(self, request: pytest.FixtureRequest) -> None:
        for end, reason in self.limits.items():
            if request.node.name.endswith(end):
                request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    @pytest.fixture
    def store(self, open_store: Callable[[], Store]) -> Store:
        """The store, opened once."""
        return open_store()

    def test_has_nothing_at_first(self, store: Store) -> None:
        """A login that was never stored is not an error: ANONYMOUS, False, an empty list."""
        assert store.get(KEY) == ANONYMOUS
        assert store.list() == {}
        assert store.erase(KEY) is False

    def test_keeps_until_erased(self, open_store: Callable[[], Store]) -> None:
        """A store that is opened later has the login until it is erased. A second erase finds nothing."""
        open_store().store(KEY, ALICE)
        assert open_store().get(KEY) == ALICE
        assert open_store().list() == {KEY: "alice"}
        assert open_store().erase(KEY) is True
        assert open_store().get(KEY) == ANONYMOUS
        assert open_store().list() == {}
        assert open_store().erase(KEY) is False

    def test_takes_the_place_of_what_was_there(self, store: Store) -> None:
        """One key has one login: another user, another secret or a token replaces it, and one erase is enough."""
        for credential in (ALICE, BOB, Basic("bob", Secret("other")), IdentityToken(Secret("token")), ALICE):
            store.store(KEY, credential)
            assert store.get(KEY) == credential
        assert store.list() == {KEY: "alice"}
        assert store.erase(KEY) is True
        assert store.get(KEY) == ANONYMOUS

    def test_storing_twice_is_storing_once(self, store: Store) -> None:
        """Storing the same login again changes nothing."""
        store.store(KEY, ALICE)
        store.store(KEY, ALICE)
        assert (store.get(KEY), store.list()) == (ALICE, {KEY: "alice"})

    @pytest.mark.parametrize("what", CREDENTIALS)
    def test_keeps(self, store: Store, what: str) -> None:
        """Every text is returned unchanged, and the other login is unchanged, too."""
        store.store("neighbour.example", BOB)
        store.store(KEY, CREDENTIALS[what])
        assert store.get(KEY) == CREDENTIALS[what]
        assert store.get("neighbour.example") == BOB

    def test_lists_an_identity_token_by_its_mark(self, store: Store) -> None:
        """In a list, an identity token has the user name that the helper protocol gives it."""
        store.store(KEY, IdentityToken(Secret("token")))
        assert store.list() == {KEY: "<token>"}

    def test_compares_keys_exactly(self, store: Store) -> None:
        """Keys that differ in case, port, path, scheme or a slash are different keys; erasing one leaves the others."""
        expected = {key: Basic(f"user-{number}", Secret(f"secret {number}")) for number, key in enumerate(KEYS)}
        for key, credential in expected.items():
            store.store(key, credential)
        for gone in (None, KEYS[0], KEYS[len(KEYS) // 2]):
            if gone is not None:
                assert store.erase(gone) is True
                del expected[gone]
                assert store.get(gone) == ANONYMOUS
            assert {key: store.get(key) for key in expected} == expected
            assert store.list() == {key: login.username for key, login in expected.items()}

    @pytest.mark.parametrize("what", REFUSED)
    def test_refuses(self, store: Store, what: str) -> None:
        """A login that cannot be returned unchanged is refused: an error without the secret, and no change."""
        store.store(KEY, BOB)
        with pytest.raises(ShorepassError) as refused:
            store.store(*REFUSED[what])
        assert "secret" not in refused.value.message.replace("secret-service", "").replace("secretservice", "")
        assert store.get(KEY) == BOB
        assert store.list() == {KEY: "bob"}

    def test_keeps_many(self, store: Store) -> None:
        """Thousands of logins are listed, each is returned, and one is erased without the others."""
        logins = {
            f"registry-{number}.example": Basic(f"u{number}", Secret(f"s{number}")) for number in range(self.many)
        }
        self.fill(store, logins)
        assert store.list() == {key: login.username for key, login in logins.items()}
        gone, kept = f"registry-{self.many // 2}.example", f"registry-{self.many - 1}.example"
        assert store.erase(gone) is True
        assert store.get(gone) == ANONYMOUS
        assert store.get(kept) == logins[kept]
        assert len(store.list()) == self.many - 1

    def test_loses_nothing_to_others_at_work(self, open_store: Callable[[], Store]) -> None:
        """Several processes store and erase at once: each login that was not erased is in the store, and no other."""
        open_store().store("before.example", BOB)
        processes = multiprocessing.get_context("fork")
        workers = [processes.Process(target=_work, args=(open_store, number)) for number in range(self.writers)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert [worker.exitcode for worker in workers] == [0] * self.writers
        expected = {"before.example": "bob"}
        for number in range(self.writers):
            expected |= {f"{number}-{n}.example": f"user-{number}" for n in (0, 2)}
        assert open_store().list() == expected

    def test_locked(self, locked: Store | None) -> None:
        """A locked store raises its error at every verb, and never looks empty."""
        _check_it_says(locked, self.locked_error)

    def test_missing(self, missing: Store | None) -> None:
        """A missing store raises its error at every verb."""
        _check_it_says(missing, self.missing_error)

    def test_broken(self, broken: Store | None) -> None:
        """A damaged store raises its error at every verb."""
        _check_it_says(broken, self.broken_error)


def _work(open_store: Callable[[], Store], number: int) -> None:
    store = open_store()
    for n in range(4):
        store.store(f"{number}-{n}.example", Basic(f"user-{number}", Secret(f"secret {n}")))
        if n % 2:
            assert store.erase(f"{number}-{n}.example") is True


def _check_it_says(store: Store | None, error: type[SourceError]) -> None:
    if store is None:
        pytest.fail("override the fixture, or declare in limits why there is no such state")
    verbs = (lambda: store.get(KEY), store.list, lambda: store.store(KEY, ALICE), lambda: store.erase(KEY))
    for verb in verbs:
        with pytest.raises(error) as raised:
            verb()
        assert raised.value.message
        assert ALICE.password.reveal() not in raised.value.message
