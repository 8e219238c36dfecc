"""What can be said about when: the dock's clock, the cameras' clocks, and what follows.

* ``meeting`` asks a camera for its clock when it is docked, and remembers the answer

A camera's own claims are never corrected here. What is said beyond them carries its basis,
and what cannot be true of them is named.
"""
