"""Who looked at footage that is not his own, and why: said before the first byte is given.

* ``models``: which views are open
* ``effects``: rows that follow from what is logged
* ``service``: stating a view, and whether somebody has stated one
* ``schemas``, ``routes``: over HTTP
"""
