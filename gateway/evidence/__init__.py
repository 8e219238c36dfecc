"""Clips as the gateway knows them: rows, their content over HTTP, and their proofs.

* ``models``: the clip table
* ``service``: rows made from sealed records, look-ups, what proves a clip
* ``proof``: the dock's seal and the gateway's word, each with its receipt
* ``ranges``: HTTP range requests (RFC 9110), pure
* ``content``: a stored clip as an HTTP response
* ``schemas``: shapes of the API
* ``routes``: HTTP only
"""
