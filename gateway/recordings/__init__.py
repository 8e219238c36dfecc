"""Which clips are the chapters of one recording: cameras cut a recording every few minutes.

* ``chapters``: what a rule proposes, pure
* ``models``: recordings that people grouped, those taken back included
* ``effects``: rows that follow from what is logged
* ``service``: grouping, and look-ups
* ``telling``: a recording with its gaps, as somebody may see it
* ``schemas``, ``routes``: over HTTP
"""
