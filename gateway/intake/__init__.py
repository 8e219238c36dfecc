"""How footage comes in: everything between a dock's message and the stored, released clip.

In the order of a clip's life:

* ``subscriber``: the MQTT connection; messages in, messages out, both bounded
* ``service``: all docks of one worker: who is enrolled, leases, fair shares, supervision
* ``leases``: which worker may serve a dock, fenced by a number that only grows
* ``dock``: one dock: what its head means, ledger pages, leaf lists, parts
* ``admit``: the decision on one ledger entry, pure
* ``refusals``: entries that were not admitted, kept beside what was
* ``effects``: what a logged entry does to the rows; also used by recovery
* ``assembler``: parts to verified leaves to a whole staging file
* ``keeping``: whole clip to final storage, read back, stated as stored
* ``readback``: a stored clip as the disk holds it
* ``proofs``: receipts and releases, made fresh for what the dock has accepted
* ``alarms``: what a person has to see to
* ``unbroken``: database work that a cancellation does not cut in two
* ``models``: rows
"""
