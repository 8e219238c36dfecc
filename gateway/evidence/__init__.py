"""Clips as the gateway knows them: rows, their content over HTTP, and their proofs.

* ``models``: the clip table
* ``service``: rows made from sealed records, look-ups, what proves a clip
* ``ranges``: HTTP range requests (RFC 9110), pure
* ``schemas``: shapes of the API
* ``routes``: HTTP only
"""
