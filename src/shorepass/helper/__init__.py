"""The credential helper protocol: its words, and our side as a client of any ``docker-credential-NAME``."""
