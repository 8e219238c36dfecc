"""People and case systems that may ask: who they are, and how they show it (docs/accounts.md).

What somebody may do is stated in the log, and rows follow from that; what he shows it with (pass
word, second factor, tokens) is in the database alone, and a database made anew from the log has
none of it: everybody then gets a new link.

* ``models``: tables
* ``effects``: rows that follow from what is logged
* ``service``: accounts, made and changed on record
* ``clients``: case systems and their tokens
* ``setup``: links, good once, by which somebody sets password and second factor
* ``secrets``: password hashes and one-time codes
* ``signing_in``: password and code together, and what is done against guessing
* ``sessions``: who has signed in, until when; ``cookie``: what his browser keeps of it
* ``schemas``, ``routes``: over HTTP
"""
