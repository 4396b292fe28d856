"""Our side of the protocol as a client: any ``docker-credential-NAME``, bounded, with errors that name the cause."""

from __future__ import annotations

from shorepass.credential import ANONYMOUS
from shorepass.errors import HelperFailed, HelperMissing, HelperTimeout, UsageError, printable
from shorepass.helper import protocol
from shorepass.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.helper.protocol import Answer
    from shorepass.processes import Completed

__all__ = ["DEFAULT_TIMEOUT", "HelperClient"]

DEFAULT_TIMEOUT = 20.0  # seconds; the secret-service helper needs 25 to find out that no keyring answers
OUTPUT_LIMIT = 4 * 1024 * 1024  # bytes: a list of 10,000 logins has about one
TIMEOUT_VARIABLE = "SHOREPASS_HELPER_TIMEOUT"

# What mends a helper that is not there, for those that people meet.
INSTALL = {
    "desktop": "it belongs to Docker Desktop, which is not installed here",
    "osxkeychain": "it exists on macOS only",
    "wincred": "it exists on Windows only",
    "pass": "install golang-docker-credential-helpers and pass",
    "secretservice": "install golang-docker-credential-helpers and a keyring such as gnome-keyring",
    "ecr-login": "install amazon-ecr-credential-helper",
    "gcloud": "install the Google Cloud CLI",
}

# Causes that helpers report in words of their own, and what mends them.
CAUSES = (
    ("pass not initialized", "make a GPG key (gpg --full-generate-key), then: pass init KEYID"),
    ("pass store is uninitialized", "make a GPG key (gpg --full-generate-key), then: pass init KEYID"),
    ("Cannot autolaunch D-Bus", "no session bus here: run inside a login session, or dbus-run-session COMMAND"),
    ("org.freedesktop.secrets", "no keyring answers on the session bus: start gnome-keyring-daemon, and unlock it"),
    ("collection is locked", "the keyring is locked: unlock it, then try again"),
    ("decryption failed", "gpg could not decrypt: is gpg-agent able to ask for the passphrase here?"),
)


class HelperClient:
    """One credential helper in one context. ``timeout`` is in seconds for each call."""

    def __init__(self, context: Context, suffix: str, *, timeout: float | None = None) -> None:
        self.suffix = suffix
        self.program = protocol.program_name(suffix)
        self._context = context
        self._timeout = _timeout_of(context) if timeout is None else timeout

    def get(self, server_url: str) -> Credential:
        """Return the stored credential, ANONYMOUS when the helper has none. Raises HelperError."""
        answer = self.get_raw(server_url)
        return ANONYMOUS if answer is None else protocol.credential_of(answer)

    def get_raw(self, server_url: str) -> Answer | None:
        """Return the helper's very answer, None when it says that it has none. Raises HelperError."""
        done = self._call("get", server_url.encode("utf-8", "surrogateescape"))
        if done.status != 0:
            if self._says(done, protocol.NOT_FOUND):
                return None
            raise self._failed("get", done)
        try:
            return protocol.decode_answer(done.stdout)
        except protocol.ProtocolError as error:
            raise HelperFailed(self.program, "get", str(error), hint=self._try_by_hand("get")) from None

    def store(self, server_url: str, credential: Credential) -> None:
        """Store a credential. Raises HelperError."""
        request = protocol.encode_answer(server_url, credential)
        done = self._call("store", request)
        if done.status != 0:
            raise self._failed("store", done, quote=not _holds_a_secret(done.stdout + done.stderr, credential))

    def erase(self, server_url: str) -> bool:
        """Erase a credential; False when the helper says there was none. Raises HelperError."""
        done = self._call("erase", server_url.encode("utf-8", "surrogateescape"))
        if done.status == 0:
            return True
        if self._says(done, protocol.NOT_FOUND):
            return False
        raise self._failed("erase", done)

    def list(self) -> dict[str, str]:
        """Return user names by server URL. Raises HelperError."""
        done = self._call("list", b"unused")  # docker sends that very word
        if done.status != 0:
            raise self._failed("list", done)
        try:
            return protocol.decode_list(done.stdout)
        except protocol.ProtocolError as error:
            raise HelperFailed(self.program, "list", str(error), hint=self._try_by_hand("list")) from None

    def version(self) -> str:
        """Return what the helper says of itself, on one line. Raises HelperError."""
        done = self._call("version", b"")
        if done.status != 0:
            raise self._failed("version", done)
        return printable(done.stdout.decode("utf-8", "replace"))

    def _call(self, verb: str, stdin: bytes) -> Completed:
        from shorepass.processes import ProcessError, ProcessTimeout

        path = self._path(verb)
        try:
            return self._context.run([path, verb], stdin, timeout=self._timeout, limit=OUTPUT_LIMIT)
        except ProcessTimeout:
            hint = f"run it by hand to see what it waits for, or set {TIMEOUT_VARIABLE} (seconds)"
            raise HelperTimeout(self.program, verb, f"no answer within {self._timeout:g} s", hint=hint) from None
        except ProcessError as error:
            raise HelperFailed(self.program, verb, str(error), hint=self._try_by_hand(verb)) from None

    def _path(self, verb: str) -> str:
        if not self.suffix or "/" in self.suffix or "\\" in self.suffix or "\0" in self.suffix:
            raise HelperMissing(printable(self.program), verb, "not the name of a program")
        path = self._context.which(self.program)
        if path is None:
            known = INSTALL.get(self.suffix, f"install {self.program}, or put its folder on PATH")
            hint = f'{known}; or take "{self.suffix}" out of credsStore and credHelpers'
            raise HelperMissing(self.program, verb, "not an executable file on PATH", hint=hint)
        return path

    def _failed(self, verb: str, done: Completed, *, quote: bool = True) -> HelperFailed:
        how = f"ended by signal {-done.status}" if done.status < 0 else f"exit status {done.status}"
        text = (done.stdout.strip() or done.stderr.strip()).decode("utf-8", "replace")
        hint = next((mend for cause, mend in CAUSES if cause in text), self._try_by_hand(verb))
        if text and quote and not text.lstrip().startswith("{"):
            how += f": {printable(text.splitlines()[0])}"
        return HelperFailed(self.program, verb, how, hint=hint)

    def _try_by_hand(self, verb: str) -> str:
        return f"run it by hand: echo REGISTRY | {self.program} {verb}"

    @staticmethod
    def _says(done: Completed, sentence: str) -> bool:
        return done.stdout.decode("utf-8", "replace").strip() == sentence


def _holds_a_secret(output: bytes, credential: Credential) -> bool:
    secrets = [field.reveal() for field in credential if isinstance(field, Secret)]
    return any(secret.encode("utf-8", "surrogateescape") in output for secret in secrets)


def _timeout_of(context: Context) -> float:
    text = context.getenv(TIMEOUT_VARIABLE)
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{TIMEOUT_VARIABLE} is not a number of seconds above 0", hint=f"unset {TIMEOUT_VARIABLE}")
    return seconds
