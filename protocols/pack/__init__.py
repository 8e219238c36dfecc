"""The evidence pack: what lies where in it, as values (docs/pack.md).

* ``layout``: names of files, and the only form that a name in a pack may have
* ``bag``: BagIt 1.0 declarations and manifests, written and strictly read
* ``originals``: which file is which clip, and how the camera called it
* ``proofs``: C2SP tlog-proof texts, and the ways from earlier checkpoints
* ``export``: the act of handing it out, as the log has it
* ``report``: the integrity report as plain values: ``clips``, ``dockings``, ``sightings`` and what
  is told of ``outside``; ``page``, ``page_clips``: as one HTML page, by ``markup`` and ``words``
* ``known``: docks as witnesses; ``keys``: public keys for ``openssl``
* ``guide``: ``VERIFY.md``, commands for somebody without our programs

Nothing here opens a file: ``gateway.export`` writes packs, ``verifier`` reads them.
"""
