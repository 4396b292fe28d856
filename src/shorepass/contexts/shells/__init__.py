"""Contexts that are reached through a shell: other hosts by ssh, pods by kubectl, virtual machines."""
