"""How things stand now, counted for whoever looks: what came in, what waits, what is late.

Nothing here is evidence, and nothing is decided by it.

* ``service``: the counts
"""
