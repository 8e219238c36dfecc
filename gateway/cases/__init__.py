"""Cases of a case system, and the links that tie clips to them.

* ``models``: case and link tables
* ``effects``: rows that follow from what is logged, for acts and for recovery
* ``tags``: case numbers that officers named at docks, and which of them wait for a link
* ``offering``: the open cases as docks are told of them
* ``service``: open, link, unlink; each act is a statement in the log first
* ``schemas``: shapes of the API
* ``routes``: HTTP only
"""
