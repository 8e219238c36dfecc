"""`evidock-edge setup`: from a bare machine to a dock that can be enrolled.

* ``answers``: what has to be known, as a file holds it, and the configuration it makes
* ``questions``: the same asked on a terminal, in Chinese or English
* ``plugs``: which port a bay is, found by plugging something in
* ``command``: writes settings and key, and says what is left to do

It enrols nothing and starts nothing: keys are exchanged by people, and units are enabled by
whoever runs the machine.
"""
