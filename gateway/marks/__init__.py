"""What is to be heeded about a clip: objections, classes of secrecy, why it matters; on record.

* ``labels``: which marks there are and what each does
* ``models``: marks, those taken back included
* ``effects``: rows that follow from what is logged
* ``service``: marking, and which marks stand
* ``heeding``: what marks keep from whom, asked before anything is given
* ``schemas``, ``routes``: over HTTP
"""
