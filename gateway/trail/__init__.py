"""The trail of a case or clip: gathered from the log, and read back by a stranger.

* ``service``: which entries belong to a trail, and the document with their proofs
* ``client``: the API over HTTP, for the commands
* ``content``: a clip's bytes fetched again and compared with what was sealed
* ``report``: a trail as lines that people read
"""
