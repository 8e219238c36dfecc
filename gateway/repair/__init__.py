"""Repair of damaged objects: where the damage is, good leaves from elsewhere, on record.

A clip is made whole or it is left as it is. Every leaf is held against the tree that its dock
sealed before it is written, wherever it comes from, so nobody's copy has to be trusted. The
order: a new object beside the old one, durable, read back past the page cache; a note of what is
about to be; the damaged one set aside; the new one in its place; ``clip.repaired`` in the log.

* ``sealed``: what a clip must be, from the log and not from a row
* ``examining``: an object as the disk gives it back, leaf by leaf, unreadable places among them
* ``replicas``: copies elsewhere: a store, a pack, a file, another gateway
* ``building``: the new object, leaf by leaf, each from whoever has it
* ``notes``: what a repair that was cut had still to say
* ``service``: all of it in order, for one clip
* ``command``, ``telling``: ``evidock-gateway repair``
"""
