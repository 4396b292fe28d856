"""Containers as contexts: the engines, and the files of a container by its process, its archive or its parts."""
