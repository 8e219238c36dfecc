"""How long clips are kept: by signed rule packs, linked cases and holds; the longest counts.

No number of months stands in this code. A jurisdiction's numbers are in a file that an authority
signs and the gateway adopts, on record; the file is kept, so that years later it can be said by
which rule a clip went.

* ``pack``: the file's form, and what in it cannot be right
* ``signing``: its detached signature
* ``months``: calendar months, leap days and clocks that are put back
* ``deciding``: facts and rules into a day or *never*, line by line; pure
* ``facts``: what is known of clips, from the rows
* ``models``, ``effects``: rows that follow from ``rules.adopted``
* ``service``: adopting packs, and answers about clips
* ``schemas``, ``routes``: over HTTP. ``command``: ``evidock-gateway rules``
* ``example/``: a pack to begin with; its numbers are examples
"""
