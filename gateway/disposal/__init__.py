"""Footage whose time is over goes: proposed by one person, approved by another, logged before.

The order is the promise. A person proposes a fixed list of clips; another one in another role
approves it; a waiting time passes in which it can be refused; then every clip is looked at once
more, inside the transaction that states its tombstone; then its bytes go. Whatever was logged is
finished after a crash, and nothing goes that was not logged. Statements, records and log stay.

* ``models``, ``effects``: rows that follow from ``disposal.*`` and ``clip.disposed``
* ``selecting``: which clips are due, page by page: the dry run
* ``persons``: whether two accounts are two people
* ``sureness``, ``others``: whether this host's clock may end anything, and what others show
* ``service``: proposing, approving, refusing, look-ups
* ``removing``: the only code that removes a clip's bytes from the store
* ``executing``: waiting, looking again, stating, removing
* ``reconciling``: counts and hashes, held against log, rows and store
* ``schemas``, ``routes``: over HTTP
"""
