"""The transparency log: one append-only Merkle tree over every statement of every ledger.

* ``models``: the rows; an index that ``journal`` and ``opening`` can rebuild
* ``journal``: entries as they lie in the object store, the log's only original
* ``tiles``: the tree's right edge, and the C2SP tlog-tiles it is kept in
* ``tree``: proofs from stored nodes
* ``opening``: what must hold before anything is signed again; recovery
* ``checking``: the whole store looked through, offline
* ``rewound``: what is kept when the log is shown a history of its own that it has lost
* ``service``: the one sequencer: append, checkpoint, receipt; ``commit``: its order of writing
* ``own``: the gateway's own statements; ``checkpoints``: signing and remembering heads
* ``proofs``: receipts and paths; ``lookups``: reading entries
* ``routes``: reading it over HTTP; ``tlog_routes`` and ``published``: as C2SP tlog-tiles
"""
