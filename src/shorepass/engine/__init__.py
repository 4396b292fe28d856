"""The engine that pulls and pushes for a client: its answer about a login, and how it differs from this shell.

docker does not talk with registries: its engine does, with its own proxies, certificates, mirrors and names. So the engine is
asked, by its API, with what the client would send it. ``question`` asks, and ``known_errors`` reads the answer. ``info`` has
the engine's settings, and ``difference`` compares them with those here.
"""
