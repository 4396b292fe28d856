"""Lends a login to another context without giving it away."""
