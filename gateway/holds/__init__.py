"""What may not be disposed of, whatever a rule says: on clips or on a case, with who ordered it.

A hold on a case covers every clip that was linked to it at any moment since it was placed:
untying a clip does not take it out. A hold ends by being lifted and in no other way; the day
it names is when somebody has to look at it again
(docs/decisions/0024-a-hold-ends-by-a-word-alone.md).

* ``models``, ``effects``: rows that follow from ``hold.placed`` and ``hold.lifted``
* ``covering``: which holds cover which clips, inside the caller's transaction
* ``service``: placing, lifting, lists
* ``schemas``, ``routes``: over HTTP
"""
