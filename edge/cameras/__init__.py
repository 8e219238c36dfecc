"""Ways to reach what a camera holds, one module per way.

* ``base``: what every camera is to the rest of the program, and ``Card``, the only code
  that opens or unlinks anything below a card's root
* ``folder``: a directory of the dock's own file system that stands for a camera
* ``mass_storage``: a camera that shows itself as a mounted disk
* ``by_hand``: files that somebody brings, which no dock's bay has seen
"""
