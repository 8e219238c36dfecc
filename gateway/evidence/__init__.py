"""Clips as the gateway knows them: rows, their content over HTTP, and their proofs.

* ``models``: the clip table
* ``service``: rows made from sealed records, look-ups, what proves a clip; ``among``: rows of many
* ``wanted``, ``finding``: what is asked of a list, and the query for it; ``times``: its moments
* ``reach``: the clip of an address; ``telling``: clips as whoever asks may see them
* ``proof``: the dock's seal and the gateway's word, each with its receipt
* ``ranges``: HTTP range requests (RFC 9110), pure
* ``content``: a stored clip as an HTTP response; ``leaves``: the list of its leaf hashes
* ``schemas``: shapes of the API
* ``routes``: HTTP only
"""
