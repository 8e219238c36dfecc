"""What is said on the command line of ``evidock-gateway``; the work is done elsewhere.

* ``operating``: run and keep a gateway: settings, tables, store, repair; on its own machine
* ``docks``: trust in docks: invitations, enrolment, decisions, revocation; over the API
* ``authority``: certificates
* ``accounts``: who may sign in, and which case systems may ask
* ``rules``: how long clips are kept; ``disposal``: what became of one
* ``evidence``: trails and the log, read and verified over the API like any stranger
* ``witness``: a program of another agency
* ``arguments``: what they share
"""
