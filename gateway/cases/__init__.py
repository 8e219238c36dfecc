"""Cases of a case system, and the links that tie clips to them.

* ``models``: case and link tables
* ``effects``: rows that follow from what is logged, for acts and for recovery
* ``service``: open, link, unlink; each act is a statement in the log first
* ``schemas``: shapes of the API
* ``routes``: HTTP only
"""
