"""A client of any ``docker-credential-NAME``, with limits and with errors that name the cause."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from shorepass.contexts.at_login import find_usual
from shorepass.contexts.command import by_hand, command, said_there
from shorepass.contexts.local import LocalContext
from shorepass.contexts.terminal import WITHOUT
from shorepass.credential import ANONYMOUS
from shorepass.errors import (
    HelperFailed,
    HelperMissing,
    HelperTimeout,
    ShorepassError,
    StoreLocked,
    Trouble,
    UsageError,
    printable,
)
from shorepass.foreign_text import quoted, visible, without_user_info
from shorepass.helper import OURSELVES, protocol
from shorepass.helper.known_failures import Failure, failure_of
from shorepass.helper.known_helpers import install, known, sign_in
from shorepass.helper.protocol import Refusal, Verb
from shorepass.helper.windows_programs import is_of_windows, off_switch
from shorepass.processes import Completed, ProcessError, ProcessNotStarted, ProcessTimeout
from shorepass.secret import repeats
from shorepass.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from shorepass.contexts import Context
    from shorepass.credential import Credential
    from shorepass.helper.protocol import Answer

    Decoded = TypeVar("Decoded")

__all__ = ["DEFAULT_TIMEOUT", "HelperClient"]

DEFAULT_TIMEOUT = 20.0  # seconds; without a keyring the secret-service helper needs 25 to fail by itself
LONGEST_TIMEOUT = 86_400.0  # seconds: a day; what is longer is a mistake
LINES_LIMIT = 8  # lines of its output that are shown
OUTPUT_LIMIT = 4 * 1024 * 1024  # bytes: a list of 10,000 logins has about one
TIMEOUT_VARIABLE = "SHOREPASS_HELPER_TIMEOUT"
ASKED_ONCE = (Verb.GET, Verb.LIST)
TYPING_SECONDS = 300.0  # for a user who has to type a passphrase

# A word that may be a token or its base64: letters and digits, no dots, and longer than words are. A helper knows
# secrets that Shorepass does not know, and may print one of them when it fails.
TOKEN = re.compile(r"(?=[\w+=-]*[0-9])(?=[\w+=-]*[a-zA-Z])[\w+=-]{12,}", re.ASCII)
SECRET = re.compile(r"(?i)(secret|password|passwd)[\"']?\s*[:=]|\"secret\"")


class HelperClient:
    """One credential helper in one context: ``suffix`` is the NAME in ``docker-credential-NAME``.

    ``timeout`` is in seconds for each call; None: SHOREPASS_HELPER_TIMEOUT, else 20, and longer if the user has to
    type a passphrase for Shorepass's helper. ``named_in``: the file that names the helper, for hints; "" if no file
    does. ``as_program``: start the program even if this process could answer (``LocalContext.inside``). The context's
    ``memory`` decides how often a question is asked. Raises UsageError: SHOREPASS_HELPER_TIMEOUT is not a number of seconds.
    """

    def __init__(
        self,
        context: Context,
        suffix: str,
        *,
        timeout: float | None = None,
        named_in: str | None = None,
        as_program: bool = False,
    ) -> None:
        self.suffix = suffix
        self.program = protocol.program_name(suffix)
        self._context = context
        self._hurried = timeout is not None
        self._timeout = _timeout_of(context) if timeout is None else timeout
        self._named_in = named_in
        self._here = context if isinstance(context, LocalContext) else None
        self._as_program = as_program or suffix != OURSELVES

    def get(self, server_url: str) -> Credential:
        """Return what the helper's answer means, ANONYMOUS when it has none. Raises HelperError."""
        answer = self.get_raw(server_url)
        return ANONYMOUS if answer is None else protocol.credential_of(answer)

    def get_raw(self, server_url: str) -> Answer | None:
        """Return the helper's very answer, None when it says that it has none. Raises HelperError.

        As with docker, "credentials not found" counts only from a call that failed; from one that went well it is an
        answer that is not JSON. (Debian's docker-credential-pass answers with empty strings instead.)
        """
        path, done = self._call(Verb.GET, _line(server_url))
        if done.status == 0:
            return self._decoded(path, Verb.GET, done, protocol.decode_answer, server_url)
        if protocol.refusal_of(done.stdout) is Refusal.NOT_FOUND:
            return None
        raise self._failed(path, Verb.GET, done, server_url)

    def store(self, server_url: str, credential: Credential) -> None:
        """Store a user name and password, or an identity token. Raises HelperError, UsageError."""
        request = protocol.encode_request(server_url, credential)
        path, done = self._call(Verb.STORE, request)
        if done.status != 0:
            raise self._failed(path, Verb.STORE, done, server_url, protocol.decode_answer(request))

    def erase(self, server_url: str) -> bool:
        """Erase a login; False when the helper says there was none (not all do). Raises HelperError."""
        path, done = self._call(Verb.ERASE, _line(server_url))
        was_there = not protocol.says_it_was_not_there(done.stdout)  # ours says so with exit status 0
        if done.status != 0 and was_there:
            raise self._failed(path, Verb.ERASE, done, server_url)
        return done.status == 0 and was_there

    def list(self) -> dict[str, str]:
        """Return user names by server URL. Raises HelperError."""
        path, done = self._call(Verb.LIST, protocol.LIST_INPUT)
        if done.status != 0:
            raise self._failed(path, Verb.LIST, done)
        return self._decoded(path, Verb.LIST, done, protocol.decode_list)

    def version(self) -> str:
        """Return what the helper says of itself, on one line. Raises HelperError."""
        path, done = self._call(Verb.VERSION, b"")
        if done.status != 0:
            raise self._failed(path, Verb.VERSION, done)
        return printable(done.stdout.decode("utf-8", "replace"))

    def _call(self, verb: Verb, stdin: bytes) -> tuple[str, Completed]:
        """Run the helper; return the program's path and what it did. Raises HelperMissing, HelperTimeout, HelperFailed."""
        path = self.path(verb)
        inside = self._answered_inside(path, verb, stdin)
        if inside is not None:
            return path, inside
        try:
            done = self._remembered(path, verb, stdin)
            answers = done.status == 0 or protocol.refusal_of(done.stdout) is Refusal.NOT_FOUND
            if self.suffix == OURSELVES and answers and done.stderr:
                self._pass_on(done.stderr)
            return path, done
        except ProcessTimeout:
            tried = by_hand(self._context, path, verb, self._server(verb, stdin))
            hint = f"does it wait for a passphrase? Try it by hand: {tried}; or set {TIMEOUT_VARIABLE} to more seconds"
            raise HelperTimeout(path, verb, f"no answer within {self._timeout:g} s", hint=hint) from None
        except ProcessNotStarted as error:
            raise self._not_started(path, verb, str(error)) from None
        except ProcessError as error:
            hint = self._by_hand(path, verb, self._server(verb, stdin))
            raise HelperFailed(path, verb, str(error), hint=hint, trouble=Trouble.GARBAGE) from None

    def _remembered(self, path: str, verb: Verb, stdin: bytes) -> Completed:
        """Return what the program answers, and start it for a question only once. Raises ProcessError."""
        if self._here is None:
            return self._started(path, verb, stdin)
        memory = self._here.memory
        if verb not in ASKED_ONCE:
            memory.forget_answers()
            return self._started(path, verb, stdin)
        environ = {**self._here.environment(), TIMEOUT_VARIABLE: ""}
        question = (path, verb, stdin, frozenset(environ.items()))
        return memory.answer(question, lambda: self._started(path, verb, stdin))

    def _started(self, path: str, verb: Verb, stdin: bytes) -> Completed:
        with Wait(self.program):
            done = self._context.run([path, verb], stdin, timeout=self._timeout, limit=OUTPUT_LIMIT)
        return self._again_on_terminal([path, verb], stdin, done) if done.status else done

    def _answered_inside(self, path: str, verb: Verb, stdin: bytes) -> Completed | None:
        """Return this process's answer instead of the helper's, None if the program must be started.

        Raises HelperFailed.
        """
        here = self._here
        if here is None or here.inside is None or self._as_program or verb is Verb.VERSION:
            return None
        try:
            answer = here.inside(here, path, verb, stdin, hurried=self._hurried)
            return None if answer is None else Completed(*answer, b"")
        except ShorepassError as error:
            failure = failure_of(error.message, self.suffix)
            trouble = failure.trouble if failure else None
            if isinstance(error, StoreLocked):
                trouble = Trouble.LOCKED
            raise HelperFailed(path, verb, error.message, hint=error.hint, trouble=trouble) from None

    @staticmethod
    def _server(verb: Verb, stdin: bytes) -> str:
        """Return the server that a call is about, "" if it has no server or has a secret."""
        return printable(stdin.decode("utf-8", "replace")) if verb in (Verb.GET, Verb.ERASE) else ""

    def _again_on_terminal(self, argv: Sequence[str], stdin: bytes, done: Completed) -> Completed:
        """Run Shorepass's helper again if it wants a passphrase that the user can type."""
        if WITHOUT.encode() not in done.stdout or self._hurried or not isinstance(self._context, LocalContext):
            return done
        timeout = max(self._timeout, TYPING_SECONDS)
        return self._context.run_attended(argv, stdin, timeout=timeout, limit=OUTPUT_LIMIT) or done

    def _pass_on(self, said: bytes) -> None:
        """Show the user a warning of Shorepass's helper, such as a damaged vault whose old copy is used."""
        import logging  # slow, and seldom needed

        text = printable(said.decode("utf-8", "replace").strip())
        logging.getLogger("shorepass").warning("%s", TOKEN.sub("***", text))

    def path(self, verb: Verb = Verb.LIST) -> str:
        """Return the absolute path of the program that is run. Raises HelperMissing."""
        if not self.suffix or any(c in "/\\" or not c.isprintable() for c in self.suffix):
            # with a slash, docker would run a file below the working directory
            raise HelperMissing(
                self.program,
                verb,
                "this is not the name of a program",
                hint=self._install_or_remove("name another helper"),
            )
        path = self._context.which(self.program)
        if path is None:
            reason = "no executable file of that name on PATH"
            if self.suffix != self.suffix.strip():
                reason += ", with the blanks of its name"
            hint = self._reached() or self._install_or_remove(install(self._context, self.suffix))
            raise HelperMissing(self.program, verb, reason, hint=hint)
        return path

    def _reached(self) -> str:
        """Return how to add the program to PATH as a login shell does, "" if it is not on PATH there either."""
        found = find_usual(self._context, self.program)
        if found is None:
            return ""
        folder = quoted(found.rpartition("/")[0])
        return said_there(
            self._context, f"it is {quoted(found)}; add it to PATH as your login shell does: export PATH={folder}:$PATH"
        )

    def _install_or_remove(self, what: str) -> str:
        if self._named_in == "":
            return said_there(self._context, what)
        place = self._named_in or f"credsStore and credHelpers: {command(self._context, 'doctor', '--fix')}"
        return said_there(self._context, f"{what}; or remove {quoted(self.suffix)} from {place}")

    def _by_hand(self, path: str, verb: Verb, server: str) -> str:
        return f"try it by hand: {by_hand(self._context, path, verb, server)}"

    def _decoded(
        self, path: str, verb: Verb, done: Completed, decode: Callable[[bytes], Decoded], server: str = ""
    ) -> Decoded:
        """Return the meaning of a successful call's output. An error never quotes the output."""
        try:
            return decode(done.stdout)
        except protocol.ProtocolError as error:
            refusal = protocol.refusal_of(done.stdout)
            reason = f'it printed "{refusal}" with exit status 0, which clients cannot read' if refusal else str(error)
            hint = self._by_hand(path, verb, server)
            raise HelperFailed(path, verb, reason, hint=hint, trouble=Trouble.GARBAGE) from None

    def _not_started(self, path: str, verb: Verb, reason: str) -> HelperMissing:
        """Return the error of a program that the system cannot start."""
        if is_of_windows(self._context, path):
            switch = off_switch(self._context)
            hint = said_there(self._context, switch.fix)
            return HelperMissing(path, verb, switch.cause, hint=hint)
        failure = failure_of(reason, self.suffix)
        if failure is None:
            return HelperMissing(path, verb, reason, hint=self._install_or_remove("install it again"))
        return HelperMissing(path, verb, reason, hint=said_there(self._context, failure.fix), cause=failure.cause)

    def _failed(
        self, path: str, verb: Verb, done: Completed, server: str = "", sent: Answer | None = None
    ) -> HelperFailed:
        """Return the error of a failed call. The cause is on standard output, sometimes on standard error."""
        text = b"\n".join(part for part in (done.stdout.strip(), done.stderr.strip()) if part).decode(
            "utf-8", "replace"
        )
        lines, fix = _safe_lines(text, sent)
        said = f": {' / '.join(lines)}"
        if not lines:
            said = ", and what it printed may hold a secret: not shown" if text else ", and it printed nothing"
        failure = failure_of(text, self.suffix)
        is_shorepass = self.suffix == OURSELVES and self._context.name == "me"  # elsewhere it may be another program
        if fix and is_shorepass:  # its own hint is the best
            hint = TOKEN.sub("***", visible(fix))
        elif verb is Verb.STORE and sign_in(self.suffix):
            hint = said_there(self._context, f"{self.program} cannot store a login: {sign_in(self.suffix)}")
        elif failure:
            hint = said_there(self._context, self._fix_of(failure, by_hand(self._context, path, verb, server), server))
        else:
            hint = self._by_hand(path, verb, server)
        cause, trouble, fits_elsewhere = "", None, False
        if failure:
            cause, trouble, fits_elsewhere = failure.cause, failure.trouble, failure.fits_elsewhere
        too_long = self._too_long(sent)
        return HelperFailed(
            path,
            verb,
            _how(done.status) + said,
            hint=hint,
            trouble=trouble,
            cause=too_long or cause,
            printed=tuple(lines),
            fits_elsewhere=fits_elsewhere or bool(too_long),
        )

    def _fix_of(self, failure: Failure, again: str, server: str) -> str:
        """Return the fix for a failed call. ``again``: the same call by hand."""
        if failure.missing:
            from shorepass.contexts.packages import how_to_install  # late: only this hint names a package

            return how_to_install(self._context, failure.missing)
        return failure.fix.replace("{server}", _host(server)).replace("{again}", again)

    def _too_long(self, sent: Answer | None) -> str:
        """Return the length of a secret that was to be stored and the store's limit, "" if it is not too long."""
        limit = known(self.suffix).limit
        size = len(sent.secret.reveal().encode("utf-8", "surrogateescape")) if sent else 0
        return f"the secret has {size} bytes, and this store keeps at most {limit}" if 0 < limit < size else ""


def _safe_lines(text: str, sent: Answer | None) -> tuple[list[str], str]:
    """Return the lines of a helper's output that are safe to show, and the fix that Shorepass's helper adds to the first.

    If a secret may be in the output, only its first line is shown, unless that may have it too.
    """
    first, _, fix = text.partition("\n")[0].partition(protocol.FIX)
    if sent and repeats(text, sent.secret.reveal()):
        return [], ""
    lines = [first, *text.split("\n")[1:]]
    if _may_hold_secret(text):
        lines = [] if _may_hold_secret(first + fix) else [first]
    shown = [TOKEN.sub("***", printable(line)) for line in lines if line.strip()]
    return shown[:LINES_LIMIT], fix if lines else ""


def _may_hold_secret(text: str) -> bool:
    return "{" in text or SECRET.search(text) is not None


def _host(server: str) -> str:
    """Return the host of a server URL as a word of a shell, ``HOST`` if it has no host."""
    rest = without_user_info(server)
    host = rest.partition("://")[2] if "://" in rest else rest
    return quoted(host.partition("/")[0].partition(":")[0]) if host else "HOST"


def _line(server_url: str) -> bytes:
    return server_url.encode("utf-8", "surrogateescape")


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"

    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def _timeout_of(context: Context) -> float:
    text = context.getenv(TIMEOUT_VARIABLE)
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT:
        reason = f"{TIMEOUT_VARIABLE} must be a number of seconds above 0, at most {LONGEST_TIMEOUT:.0f}"
        raise UsageError(reason, hint=f"unset {TIMEOUT_VARIABLE}")
    return seconds
