"""What is wired to the dock by serial lines: badge readers, relays of the bays, cameras' control.

Named after the wires and not ``serial``, which is pyserial's name: a program started inside
this folder, or a reader of an import, would take one for the other.

* ``frames/`` turns bytes into frames and back, without any I/O
* ``port`` keeps one device open, whatever happens to it
* ``reader`` makes taps of what badge readers say; ``desk`` keeps which officer a bay waits for
* ``relays`` switches the bays' power and lights, ``lamps`` lets lights show how bays stand;
  ``control`` talks to cameras, ``offset`` is its arithmetic, ``battery`` asks their charge
* ``settings`` is the ``[serial]`` table, ``wiring`` builds everything from it, ``errors``
  what can go wrong

Nothing here touches footage or erases anything; what a card says of an officer is a claim.
"""
