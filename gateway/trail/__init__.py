"""The trail of a case or clip: gathered from the log, and read back by a stranger.

* ``gather``: which entries belong to a trail, and whose records go along
* ``service``: the document, with a proof of every entry
* ``client``: the API over HTTP, for the commands below
* ``checks``: whether a trail answers the question, and whether the footage is as sealed
* ``audit``: the whole log, read over the API; checked in ``protocols.trail.whole``
* ``witnessed``, ``stamped``: steps 7 and 8, by a policy and authorities of the reader's own
* ``printing``: a checkpoint on one sheet of paper
* ``report``: a trail with its findings as lines that people read, or as JSON
* ``command``, ``log_command``: ``evidock-gateway trail`` and ``evidock-gateway log``
"""
