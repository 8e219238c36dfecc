"""How footage comes in: everything between a dock's message and the stored, released clip.

In the order of a clip's life:

* ``subscriber``: the MQTT connection; messages in, messages out, both bounded
* ``service``: all docks of one worker: who is enrolled, leases, supervision, room
* ``leases``: which worker may serve a dock, fenced by a number that only grows
* ``dock``: one dock: what its messages mean, and the tasks that work for it
* ``entries``: ledger pages into the log
* ``admit``: the decision on one ledger entry, pure
* ``refusals``: entries that were not admitted, kept beside what was
* ``effects``: what a logged entry does to the rows; also used by recovery
* ``asking``: what is pulled next, and how much at a time; ``shares``: fair shares of memory
* ``receiving``: leaf lists and parts, taken as they arrive, checked and written in threads
* ``assembler``: parts to verified leaves to a whole staging file
* ``keeping``: whole clip to final storage, read back, stated as stored
* ``confirming``: what an earlier run stored, read back before it is released
* ``proofs``: receipts and releases, made fresh for what the dock has accepted
* ``decisions``: what an operator decides of a ledger: a new epoch, an accusation looked into
* ``revoking``: up to which entry a revoked dock counts
* ``attention``: alarms, refusals and quarantine, gathered; ``routes``, ``schemas``: over HTTP
* ``notes``: rows that follow at leisure; ``alarms``: what a person has to see to
* ``means``: what every dock's intake is handed; ``models``: rows
"""
