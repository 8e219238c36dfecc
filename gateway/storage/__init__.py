"""Where clips and the log's journal and tiles are kept: one durable object per key.

* ``store``: what the gateway asks of any of them
* ``local``: a folder on a local disk, with a durable writer; ``folders`` that survive a power cut
* ``cloud``: a bucket of an S3 service
* ``staging``: files in the making, on this machine with either; ``locks``: who may finish them
* ``uncached``: reading a file back from the disk, not from memory
* ``urls``, ``opening``: from a configuration to a store; ``names``: keys; ``failing``: errors
"""
