"""Who is logged in where: the logins of many contexts side by side.

``gather`` looks into places, ``sharing`` says what they have in common, ``check`` asks the registries, ``document`` is the
result as JSON and ``page`` as a map.
"""
