"""Puts the forwarder in front of credential helpers, and removes it again.

The forwarder is in front of ``docker-credential-NAME`` if PATH leads to a symlink to the forwarder first. ``plan`` finds a
folder for that symlink, ``front`` makes and undoes the change, and ``journal`` remembers what was there before.
"""
