"""RFC 3161 time stamps over checkpoints: by when an outside authority saw this history.

* ``token``: asking for one, and checking it against roots of one's own
* ``kept``: stamps in the object store, beside the checkpoint they are over
* ``rounds``: the newest checkpoint, every so often
* ``routes``: reading them over HTTP
"""
