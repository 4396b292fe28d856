"""Why helpers fail, and the fix: what helpers and the system print. A row each.

In a fix, ``{server}`` is the server that the call was for, and ``{again}`` is the same call by hand.
"""

from __future__ import annotations

from typing import NamedTuple

from shorepass.contexts.terminal import WITHOUT
from shorepass.errors import Trouble

__all__ = ["FAILURES", "NO_GPG_ID", "UNLOCK", "Failure", "failure_of"]

NO_GPG_ID = "make a GPG key with gpg --full-generate-key, then: pass init KEYID"
UNLOCK = "unlock the keyring in a login session; without one: dbus-run-session, and gnome-keyring-daemon --unlock in it"
UNLOCK_KEYCHAIN = "security -v unlock-keychain ~/Library/Keychains/login.keychain-db"
REMOVE_ITEM = "security delete-internet-password -l 'Docker Credentials' -s {server}; then log in again"
START_DESKTOP = "docker desktop start"
ASK_IN_TERMINAL = 'in a terminal: export GPG_TTY="$(tty)"; {again} >/dev/null'
SIGN_IN_AGAIN = "gcloud auth login"
BUILD = "install the build for this machine"

MACOS = ("osxkeychain", "desktop")
WINDOWS = ("wincred", "desktop")
KEYRING = ("secretservice", "desktop")
PASS = ("pass", "desktop")
GOOGLE = ("gcloud", "gcr")
CODE = ("dev-containers-*",)

HELPERS = "https://github.com/docker/docker-credential-helpers"
WSL = "https://github.com/microsoft/WSL/issues/8843"
VSCODE = "https://github.com/microsoft/vscode-remote-release/issues/7982"
GPG = "https://www.gnupg.org/documentation/manuals/gnupg/Common-Problems.html"


class Failure(NamedTuple):
    """What a helper prints when it fails, the cause and the fix.

    ``helpers``: the names of the helpers that print it, empty for any; ``NAME-*`` is each name that begins so. ``words``: a
    part of the output, empty for a helper that prints nothing. ``fits_elsewhere``: another store can keep the login.
    ``missing``: the program to install; the fix is then empty.
    """

    helpers: tuple[str, ...]
    words: str
    cause: str
    fix: str
    source: str
    trouble: Trouble | None = None
    fits_elsewhere: bool = False
    missing: str = ""


FAILURES = (
    # macOS
    Failure(
        MACOS,
        "User interaction is not allowed",
        "the keychain is locked, and this session cannot show a dialog to unlock it",
        UNLOCK_KEYCHAIN,
        f"{HELPERS}/issues/82",
        Trouble.LOCKED,
    ),
    Failure(
        MACOS,
        "does not allow user interaction",
        "the keychain is locked, and this session cannot show a dialog to unlock it",
        UNLOCK_KEYCHAIN,
        f"{HELPERS}/pull/193",
        Trouble.LOCKED,
    ),
    Failure(
        MACOS,
        "The user name or passphrase you entered is not correct",
        "the keychain was not unlocked: its dialog was refused, or its password differs from yours",
        UNLOCK_KEYCHAIN,
        "https://github.com/docker/for-mac/issues/4159",
        Trouble.LOCKED,
    ),
    Failure(
        MACOS,
        "already exists in the keychain",
        "the keychain has an item for this registry that the helper cannot replace",
        REMOVE_ITEM,
        "https://github.com/orbstack/orbstack/issues/2457",
        fits_elsewhere=True,
    ),
    Failure(
        MACOS,
        "change the owner of an item",
        "another program made the keychain's item for this registry, so the helper cannot change it",
        REMOVE_ITEM,
        "https://github.com/orbstack/orbstack/issues/2457",
        fits_elsewhere=True,
    ),
    Failure(
        MACOS,
        "default keychain could not be found",
        "this user has no default keychain here",
        "security default-keychain -s ~/Library/Keychains/login.keychain-db",
        "https://github.com/docker/for-mac/issues/1220",
        Trouble.NO_STORE,
    ),
    Failure(
        MACOS,
        "parameters passed to a function were not valid",
        "the keychain has an item that the helper cannot read, perhaps from an older helper",
        REMOVE_ITEM,
        "https://github.com/docker/for-mac/issues/1881",
        fits_elsewhere=True,
    ),
    Failure(
        (),
        "bad CPU type in executable",
        "it is for another kind of Mac, and Rosetta is not installed",
        f"{BUILD}, or: softwareupdate --install-rosetta",
        "https://github.com/docker/for-mac/issues/5173",
    ),
    # Windows
    Failure(
        WINDOWS,
        "Not enough memory resources",
        "Windows' credential manager is full: all programs share it",
        "remove logins that you do not need in the Credential Manager of the Control Panel",
        "https://github.com/microsoft/vscode/issues/130893",
        fits_elsewhere=True,
    ),
    Failure(
        WINDOWS,
        "A specified logon session does not exist",
        "Windows opens its credential manager only in a session with a window, not over ssh or in a service",
        "run the command in a session at the desktop",
        "https://github.com/docker/cli/issues/4353",
        fits_elsewhere=True,
    ),
    Failure(
        WINDOWS,
        "The stub received bad data",
        "the secret is longer than Windows' credential manager stores",
        "use a shorter secret",
        "https://github.com/docker/cli/issues/4323",
        fits_elsewhere=True,
    ),
    # Docker Desktop
    Failure(
        ("desktop",),
        "hub.docker.com/v2/users/login",
        "Docker Desktop signs in at hub.docker.com itself, and does not reach it",
        "set the proxy in the settings of Docker Desktop, below Resources",
        f"{HELPERS}/issues/300",
    ),
    *(
        Failure(
            ("desktop",),
            words,
            "Docker Desktop is not running, and this helper is part of it",
            START_DESKTOP,
            source,
            Trouble.STOPPED,
        )
        for words, source in (
            ("http://ipc/", f"{HELPERS}/issues/240"),
            ("backend.sock", f"{HELPERS}/issues/240"),
            ("dockerWebApiServer", f"{HELPERS}/issues/213"),
            ("com.docker.docker", f"{HELPERS}/issues/240"),
            ("docker.sock", f"{HELPERS}/issues/213"),
            ("Docker Desktop is not running", "https://docs.docker.com/desktop/features/desktop-cli/"),
            ("", f"{HELPERS}/issues/269"),
        )
    ),
    # dev containers: the helper asks VS Code, which may have ended
    Failure(
        CODE,
        "not supported without credential helper",
        "the computer that VS Code runs on has no helper to pass this on to",
        "remove credsStore from the file",
        "https://github.com/devcontainers/features/issues/453",
        Trouble.STOPPED,
        fits_elsewhere=True,
    ),
    *(
        Failure(
            CODE,
            words,
            "it asks a VS Code that is no longer connected",
            "connect VS Code again, or remove credsStore from the file",
            VSCODE,
            Trouble.STOPPED,
            fits_elsewhere=True,
        )
        for words in ("ECONNREFUSED", "ENOENT", "not found", "No such file", "ETIMEDOUT", "")
    ),
    # pass and gpg
    Failure(
        PASS,
        '"pass": executable file not found',
        "the program pass is not on PATH",
        "",
        f"{HELPERS}/issues/296",
        Trouble.NO_STORE,
        missing="pass",
    ),
    Failure(PASS, "pass not initialized", "pass has no store", NO_GPG_ID, f"{HELPERS}/issues/102", Trouble.NO_STORE),
    Failure(
        PASS,
        "pass store is uninitialized",
        "pass has no store, or gpg cannot decrypt it",
        NO_GPG_ID,
        f"{HELPERS}/issues/121",
        Trouble.NO_STORE,
    ),
    Failure(PASS, "password store is empty", "pass has no store", NO_GPG_ID, f"{HELPERS}/issues/102", Trouble.NO_STORE),
    Failure(
        PASS,
        "no usernames for",
        "a login that was broken off left an empty folder in pass's store",
        "pass rm -r docker-credential-helpers, then log in again",
        "https://github.com/docker/desktop-linux/issues/25",
        Trouble.EMPTY_FOLDER,
    ),
    *(
        Failure(
            PASS, words, "gpg cannot ask for the passphrase: it has no terminal here", ASK_IN_TERMINAL, GPG, Trouble.GPG
        )
        for words in (
            "Inappropriate ioctl for device",
            "cannot open '/dev/tty'",
            "No pinentry",
            "no tty present",
            "Screen or window too small",
        )
    ),
    *(
        Failure(PASS, words, "the passphrase of the gpg key was not typed", ASK_IN_TERMINAL, GPG, Trouble.GPG)
        for words in ("Operation cancelled", "decryption failed: Timeout", "Bad passphrase", "End of file")
    ),
    Failure(
        PASS,
        "No secret key",
        "gpg cannot decrypt it: its passphrase cannot be asked for here, or the private key is missing",
        ASK_IN_TERMINAL,
        f"{HELPERS}/issues/118",
        Trouble.GPG,
    ),
    Failure(
        PASS,
        "no assurance this key belongs",
        "gpg does not trust the key that pass encrypts with",
        "gpg --edit-key KEYID trust quit",
        "https://github.com/docker/desktop-linux/issues/25",
        Trouble.GPG,
        fits_elsewhere=True,
    ),
    *(
        Failure(
            PASS,
            words,
            "the gpg key that pass encrypts with has expired or was revoked",
            "gpg --quick-set-expire FINGERPRINT 2y '*'",
            GPG,
            Trouble.GPG,
            fits_elsewhere=True,
        )
        for words in ("Unusable public key", "unusable public key", "Key expired", "key has expired")
    ),
    Failure(
        PASS,
        "No public key",
        "the gpg key that pass encrypts with is not here",
        "pass init KEYID, with a key that gpg --list-secret-keys shows",
        f"{HELPERS}/issues/199",
        Trouble.GPG,
        fits_elsewhere=True,
    ),
    Failure(
        PASS,
        "decryption failed",
        "gpg cannot decrypt it",
        "in a terminal, with the words of the error: pass show docker-credential-helpers",
        f"{HELPERS}/issues/118",
        Trouble.GPG,
    ),
    Failure(
        PASS,
        "Password encryption aborted",
        "gpg cannot encrypt with the key that pass uses",
        "pass init KEYID, with a key that gpg --list-secret-keys shows",
        f"{HELPERS}/issues/199",
        Trouble.GPG,
        fits_elsewhere=True,
    ),
    # secret service
    Failure(
        KEYRING,
        "tried: EXTERNAL",
        "the session bus refuses it, because it runs in a user namespace, as helpers of rootless podman do",
        "store the login in a file: podman login --authfile ~/.config/containers/auth.json REGISTRY",
        "https://github.com/containers/podman/issues/4123",
        fits_elsewhere=True,
    ),
    *(
        Failure(
            KEYRING,
            words,
            "the keyring was not unlocked, and this release of the helper crashes at that",
            f"{UNLOCK}; or install a docker-credential-secretservice of March 2025 or later",
            f"{HELPERS}/issues/336",
            Trouble.LOCKED,
        )
        for words in ("secret_value_get", "SIGSEGV")
    ),
    Failure(
        KEYRING, "Cannot autolaunch D-Bus", "no session bus here", UNLOCK, f"{HELPERS}/issues/60", Trouble.NO_KEYRING
    ),
    Failure(
        KEYRING,
        "likely due to error in secretservice library",
        "no session bus or no keyring here",
        UNLOCK,
        f"{HELPERS}/issues/132",
        Trouble.NO_KEYRING,
    ),
    Failure(
        KEYRING,
        "No such interface",
        "the keyring has no collection to store in",
        UNLOCK,
        "https://github.com/BRCAChallenge/brca-exchange/issues/1505",
        Trouble.NO_KEYRING,
    ),
    Failure(
        KEYRING,
        "Object does not exist at path",
        "the keyring has no collection to store in",
        UNLOCK,
        f"{HELPERS}/issues/132",
        Trouble.NO_KEYRING,
    ),
    Failure(
        KEYRING,
        "org.freedesktop.secrets",
        "no keyring answers on the session bus",
        UNLOCK,
        "https://github.com/docker/cli/issues/7148",
        Trouble.NO_KEYRING,
    ),
    Failure(
        KEYRING,
        "locked collection",
        "the keyring is locked",
        UNLOCK,
        "https://github.com/docker/for-linux/issues/474",
        Trouble.LOCKED,
    ),
    Failure(
        KEYRING,
        "rompt was dismissed",
        "the keyring was not unlocked: its dialog was closed",
        UNLOCK,
        "https://github.com/docker/for-linux/issues/474",
        Trouble.LOCKED,
    ),
    # Google
    Failure(
        GOOGLE,
        "gcloud failed to load",
        "gcloud runs with a Python that it does not support, or its installation is damaged",
        "export CLOUDSDK_PYTHON=/usr/bin/python3; if that is not enough: gcloud components reinstall",
        "https://github.com/docker/compose/issues/5930",
    ),
    Failure(
        GOOGLE,
        "database is locked",
        "gcloud was called twice at once, and it cannot answer both",
        "gcloud components install docker-credential-gcr, then: docker-credential-gcr configure-docker",
        "https://github.com/bazel-contrib/rules_img/issues/394",
    ),
    Failure(
        GOOGLE,
        "active account selected",
        "gcloud has no active account here",
        SIGN_IN_AGAIN,
        "https://github.com/cirruslabs/cirrus-cli/issues/260",
    ),
    *(
        Failure(
            GOOGLE,
            words,
            "Google wants you to sign in again",
            SIGN_IN_AGAIN,
            "https://cloud.google.com/sdk/docs/authorizing",
        )
        for words in (
            "Reauthentication",
            "refreshing your current auth tokens",
            "refreshing auth tokens",
            "does not have any valid credentials",
            "invalid_grant",
            "invalid_rapt",
        )
    ),
    Failure(
        GOOGLE,
        "default credentials",
        "there are no application default credentials here",
        "gcloud auth application-default login",
        "https://github.com/GoogleCloudPlatform/docker-credential-gcr",
    ),
    Failure(
        ("gcr",),
        "could not retrieve GCR's access token",
        "it has no Google account to ask for a token",
        "docker-credential-gcr gcr-login",
        "https://github.com/GoogleCloudPlatform/docker-credential-gcr",
    ),
    # AWS: a helper that prints more than that it found nothing
    Failure(
        ("ecr-login",),
        "no EC2 IMDS role found",
        "it found no AWS credentials, and this machine has no role",
        "export AWS_PROFILE=NAME",
        "https://github.com/awslabs/amazon-ecr-credential-helper/issues/207",
    ),
    Failure(
        ("ecr-login",),
        "missing required configuration: sso",
        "this release of the helper does not understand sso_session in ~/.aws/config",
        "install a newer amazon-ecr-credential-helper",
        "https://github.com/awslabs/amazon-ecr-credential-helper/issues/522",
    ),
    # WSL: programs of Windows that Linux starts
    *(
        Failure(
            (),
            words,
            "WSL could not start this program of Windows, whose connection to Windows is gone",
            "wsl.exe --shutdown in Windows, then open this terminal again",
            "https://github.com/microsoft/WSL/issues/10566",
        )
        for words in ("UtilAcceptVsock", "UtilConnectVsock", "UtilConnectUnix", "UtilBindVsock", "UtilGetPpid")
    ),
    Failure(
        (),
        ".exe: Invalid argument",
        "Windows refused to start this program, perhaps by a rule of its administrator (AppLocker)",
        "ask the administrator of Windows to allow it",
        "https://github.com/docker/for-win/issues/9061",
        fits_elsewhere=True,
    ),
    # any helper
    Failure(
        (),
        WITHOUT,
        "a passphrase is needed, and this is not a terminal",
        "run it in a terminal there",
        "",
        Trouble.LOCKED,
    ),
    Failure(
        (),
        "token too long",
        "helpers cannot store a login of 64 KiB or more",
        "use a shorter secret",
        "https://pkg.go.dev/bufio#ErrTooLong",
        fits_elsewhere=True,
    ),
    Failure((), "exec format error", "it is for another machine, or a script without #! in its first line", BUILD, WSL),
    Failure(
        (),
        "interpreter or loader",
        "its loader or interpreter does not exist",
        f"{BUILD}, or the program in the script's first line",
        "https://man7.org/linux/man-pages/man2/execve.2.html",
    ),
    Failure(
        (),
        "error while loading shared libraries",
        "a library that it needs is not installed",
        "install the package that has the library",
        "https://man7.org/linux/man-pages/man8/ld.so.8.html",
    ),
)


def failure_of(text: str, suffix: str) -> Failure | None:
    """Return the known failure of a helper (``docker-credential-SUFFIX``) in what it printed, or None."""
    name = suffix.removesuffix(".exe")
    return next((failure for failure in FAILURES if _prints(failure, name) and _has(failure, text)), None)


def _prints(failure: Failure, name: str) -> bool:
    return not failure.helpers or any(_is(name, pattern) for pattern in failure.helpers)


def _is(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _has(failure: Failure, text: str) -> bool:
    return failure.words in text if failure.words else not text.strip()
