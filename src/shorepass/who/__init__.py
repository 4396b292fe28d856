"""Who is logged in where: the traces of many contexts laid side by side."""
