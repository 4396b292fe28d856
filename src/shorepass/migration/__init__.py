"""Move logins out of plain text, or out of another helper, into the store of ``docker-credential-shorepass``.

``readers``: how each client reads a file. ``entries``: the login of one entry. ``plan``: the logins of a file that can move
without a change of what clients send; ``sources``: those of all files. ``move`` moves them, ``undo`` reverts that with the
``journal``, which has no secrets. ``other_helper`` does the same for another helper. A secret is erased only after its
copy was read back.
"""
