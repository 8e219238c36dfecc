"""What was claimed of a clip is put right, on record: officer, unit, or when it began.

The claim stays where it is and stays visible; a correction stands beside it, with who made it
and why. Nothing is taken out of anybody's list by one.

* ``models``: corrections, numbered for each clip
* ``effects``: rows that follow from what is logged
* ``service``: stating a correction, and look-ups
* ``schemas``, ``routes``: over HTTP
"""
