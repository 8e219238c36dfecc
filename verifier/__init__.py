"""``evidock-verify``: checks evidence packs and whole logs, without us and without a network.

It rests on ``hashing``, ``protocols`` and the standard library; it imports nothing of a dock
or a gateway, opens no connection unless it is told to audit a log over HTTP, and writes no file.
A pack is a stranger's: whatever lies in it is bounded, named and never followed outside.

* ``sources``   the files of a pack in a folder; ``archive`` in a ZIP file
* ``seams``     that a ZIP file reads alike to every program
* ``bagged``    step 1: every file is listed, there, and as listed
* ``hashed``    the digests of all files, on all cores
* ``belonging`` nothing lies in a pack that no step reads
* ``damage``    step 2: the originals' bytes, and where exactly they differ
* ``samples``   which seconds lie in which bytes, by an MP4's own tables
* ``clipwise``  each clip by itself
* ``retold``    the report, made anew and compared
* ``pack``      all ten steps, in order
* ``telling``   the answer for people, or as JSON
* ``outside``   steps 7 and 8: cosigned and stamped checkpoints
* ``logs``      a whole log, over HTTP or from saved pages, against saved checkpoints
* ``tiles``     the same from a mirror of C2SP tiles
* ``errors``    why a check could not even begin
"""
