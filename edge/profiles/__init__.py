"""Camera profiles: what the names on a card say, by kind of camera, as data.

A profile is a TOML file: ``data/`` holds those that are shipped, an operator adds more from a
directory of his own without writing code (docs/profiles.md). What a profile reads from a card
is a claim: who carried the camera, when a recording began, that the officer marked it. It
proves nothing, repairs nothing and erases nothing; a name that no rule knows is still a
recording to take, and what a profile leaves on the card stays on the inventory with a reason.

* ``patterns``: the part of regular expressions that a profile may use, read in linear time
* ``schema``: what a profile file may say; ``library`` loads the files, the only one that opens
  any
* ``profile``: one profile at work, pure: does it fit a card, what does a name say
* ``claims``: dates and texts from names, ``numbering``: gaps in a camera's numbers,
  ``continuing`` over several dockings, ``series``: recordings that a camera cut into pieces
* ``binding``, ``chains``, ``cardfiles``: small files that cameras keep about themselves;
  ``vouching``: what a camera's list of digests says of each recording
* ``card`` sums up a whole card, ``command`` shows it: ``evidock-edge profile``; ``reading`` is
  one docked card as its profile reads it
"""
