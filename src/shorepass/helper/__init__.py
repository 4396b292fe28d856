"""The credential helper protocol: its words, and our side as a client of any ``docker-credential-NAME``."""

__all__ = ["OURSELVES", "PROGRAM"]

OURSELVES = "shorepass"  # the NAME of our own helper, by which a client's file names it
PROGRAM = f"docker-credential-{OURSELVES}"
