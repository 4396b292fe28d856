"""Who is logged in where: the logins of many contexts side by side.

``examine`` looks into contexts, ``sharing`` finds what they share, ``check`` asks the registries, ``document`` is the
result as JSON and ``page`` as a map.
"""
