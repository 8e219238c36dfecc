"""Derived copies of clips: pictures, and a preview where a browser cannot play the original.

None is evidence, and each says so and names its original: its clip and SHA-256 stand in the copy
itself. They lie apart from the originals, may all be deleted, and are made again.

In the limited process alone, where footage is parsed:

* ``child``: what runs there
* ``footage``: opens a recording, or says why not
* ``fitting``: pictures in the size and turn that people see
* ``pictures``: thumbnail and contact strip
* ``video``, ``streams``, ``sound``: a preview in one pass, copied or encoded
* ``suits``: what browsers play as it is; ``passing`` hands on what is written

In the gateway:

* ``wanted``: kinds, states, and why there is none, in words
* ``models``, ``effects``: what is waited for, made or given up
* ``facts``: what is told about a copy, checked
* ``maker``, ``originals``: the original checked, the process asked, its product taken in
* ``worker``: one after the other, newest and asked-for first
* ``keys``: keys of encrypted recordings
* ``playback``: what a browser shall play, and why
* ``service``, ``schemas``, ``giving``, ``routes``
"""
