"""What happened, as one ordered stream that follows from the log: an event's number is its entry's.

Nothing is told twice or lost across restarts, and nothing is told to whom it is not for: an event
names only those clips, cases and docks that are within its receiver's reach.

* ``told``: which entries are events, and the names in them
* ``feed``: pages of events for one receiver
* ``stream``: events as they happen, to a browser or a program that listens
* ``schemas``, ``routes``: over HTTP
"""
