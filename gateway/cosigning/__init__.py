"""Cosignatures of outside witnesses on this gateway's checkpoints (C2SP tlog-witness).

It stands beside intake and log and is waited for by neither: without any witness everything
goes on as before, and the verdict of whoever asks for a quorum says ``unwitnessed``.

* ``asking``: one witness, one question, one checked answer
* ``rounds``: the newest checkpoint to all of them at once, again and again
* ``kept``: what they gave, in the object store and indexed in the database
* ``models``: its row
* ``routes``: reading it over HTTP
"""
