"""Cases of a case system, and the links that tie clips to them.

* ``models``: case and link tables
* ``service``: open, link, unlink; each act is a statement in the log first
* ``schemas``: shapes of the API
* ``routes``: HTTP only
"""
