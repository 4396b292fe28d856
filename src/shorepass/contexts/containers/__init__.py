"""Containers as contexts: the engines, and the files of a container.

The files are read by its process, its archive or its parts.
"""
