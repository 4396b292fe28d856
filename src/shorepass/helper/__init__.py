"""The credential helper protocol, as a client of any ``docker-credential-NAME`` and as a helper."""

__all__ = ["OURSELVES", "PROGRAM"]

OURSELVES = "shorepass"  # the NAME of our own helper, by which a client's file names it
PROGRAM = f"docker-credential-{OURSELVES}"
