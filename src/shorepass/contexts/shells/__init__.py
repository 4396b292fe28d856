"""Contexts that are reached through a shell.

They are other hosts by ssh, pods by kubectl, and virtual machines.
"""
