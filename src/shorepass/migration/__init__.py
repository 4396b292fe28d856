"""Move logins out of plain text, or out of another helper, into the store of ``docker-credential-shorepass``.

``readers``: what each client makes of a file. ``entries``: the login of one entry. ``plan``: what of a file can move so that
every client sends what it sent before; ``sources``: of all files. ``move`` does it, ``undo`` takes it back, and ``journal`` is
by what; no secret is written there. ``other_helper`` does the same from another helper. A secret is erased from one place only
when it has been read back from another.
"""
