"""A witness: a small program of another agency that watches gateways' logs (C2SP tlog-witness).

It remembers one checkpoint of each log and cosigns a newer one only when that contains the one
it remembers. It needs nothing of a gateway but the log's public key, and shares nothing with
one: another machine, another administrator, a key of its own.

* ``settings``: its file, its key; ``keygen``
* ``state``: what it cosigned, in SQLite, on the disk before a cosignature leaves
* ``service``: every decision of ``add-checkpoint``
* ``serving``: the same over HTTP
* ``command``: ``evidock-gateway witness``
"""
