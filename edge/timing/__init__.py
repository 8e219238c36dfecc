"""What can be said about when: the dock's clock, the cameras' clocks, and what follows.

* ``watch`` knows who keeps the dock's clock (``discipline`` reads what they say) and notices
  one that went backwards
* ``visit`` is what is done on a camera's control line; ``meeting`` keeps what came of it for the
  session and its recordings; ``drift`` compares two visits
* ``moments`` is what a claimed time may mean, ``filetimes`` what a card's file times are,
  ``interval`` the arithmetic, ``doubts`` what cannot be true; ``dated`` joins them for a record

A camera's own claims are never corrected here. What is said beyond them carries its basis,
and what cannot be true of them is named.
"""
