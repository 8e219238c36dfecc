"""Where clips and the log's journal and tiles are kept: one durable object per key.

* ``local``: a folder on a local disk, with a durable writer
* ``uncached``: reading an object back from the disk, not from memory
"""
