"""Why helpers fail, and the fix: known messages of helpers and of the system."""

from __future__ import annotations

from typing import NamedTuple

from shorepass.contexts.terminal import WITHOUT
from shorepass.errors import Trouble

__all__ = ["NO_GPG_ID", "SIGN_IN", "UNLOCK", "Cause", "cause_of", "install", "sign_in"]

# How to install the usual helpers.
INSTALL = {
    "desktop": "install Docker Desktop, which it belongs to",
    "osxkeychain": "it is for macOS (brew install docker-credential-helper)",
    "wincred": "it is for Windows and is part of Docker Desktop",
    "pass": "install pass and docker-credential-pass (Debian: golang-docker-credential-helpers)",
    "secretservice": "install docker-credential-secretservice (Debian: golang-docker-credential-helpers) and a keyring",
    "shorepass": "it is part of Shorepass: add the folder of the program shorepass to PATH",
    "ecr-login": "install amazon-ecr-credential-helper",
    "gcloud": "install the Google Cloud CLI",
    "gcr": "install docker-credential-gcr (gcloud components install docker-credential-gcr)",
    "acr-env": "install docker-credential-acr-env",
}

# Helpers that get logins from a cloud or a program: how to sign in there.
SIGN_IN = {
    "ecr-login": "sign in to AWS, or name the profile: export AWS_PROFILE=NAME; to try it: aws sts get-caller-identity",
    "gcloud": "gcloud auth login",
    "gcr": "docker-credential-gcr gcr-login",
    "acr": "az login",
    "acr-linux": "az login",
    "acr-darwin": "az login",
    "acr-windows": "az login",
    "acr-env": "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
    "glab": "glab auth login",
    "gh": "gh auth login",
    "cgr": "chainctl auth login",
    "yc": "yc init",
    "env": "set the variables that docker-credential-env reads for this registry",
}

NO_GPG_ID = "make a GPG key with gpg --full-generate-key, then: pass init KEYID"
UNLOCK = "unlock the keyring in a login session; without one: dbus-run-session, and gnome-keyring-daemon --unlock in it"


class Cause(NamedTuple):
    """Words in a message of a helper or of the system, with the fix."""

    words: str
    fix: str
    trouble: Trouble | None = None


CAUSES = (
    Cause("pass not initialized", NO_GPG_ID, Trouble.NO_STORE),
    Cause("password store is empty", NO_GPG_ID, Trouble.NO_STORE),
    Cause(
        "decryption failed", "gpg cannot decrypt it: is the key there, and can gpg-agent ask for its passphrase here?"
    ),
    Cause("Cannot autolaunch D-Bus", f"no session bus here; {UNLOCK}", Trouble.NO_KEYRING),
    Cause(
        "likely due to error in secretservice library",
        f"no session bus or no keyring here; {UNLOCK}",
        Trouble.NO_KEYRING,
    ),
    Cause("org.freedesktop.secrets", f"no keyring answers on the session bus; {UNLOCK}", Trouble.NO_KEYRING),
    Cause("locked collection", UNLOCK, Trouble.LOCKED),
    Cause(WITHOUT, "run it in a terminal there", Trouble.LOCKED),
    Cause("token too long", "helpers cannot store a login of 64 KiB or more"),
    Cause("exec format error", "install the build for this machine; a script needs #! in its first line"),
    Cause("interpreter or loader", "install the build for this machine, or the program in the script's first line"),
)


def cause_of(text: str) -> Cause | None:
    """Return the known cause in a text, or None."""
    return next((cause for cause in CAUSES if cause.words in text), None)


def sign_in(suffix: str | None) -> str:
    """Return how the helper of that name gets a login, "" for one that stores logins."""
    return SIGN_IN.get((suffix or "").removesuffix(".exe"), "")


def install(suffix: str) -> str:
    """Return how to install the helper of that name (``docker-credential-NAME``)."""
    return INSTALL.get(suffix.removesuffix(".exe"), "install it, or add its folder to PATH")
