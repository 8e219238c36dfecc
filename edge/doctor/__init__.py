"""`evidock-edge doctor`: one page on whether this machine can be a dock, and what to do.

It changes nothing, needs neither daemon nor root, and says what it could not see. Each line is
ok, a warning, wrong, or unseen, with what to do about it.

* ``finding``: what a line is, in English and Chinese
* ``papers``: settings, key, trust and their permissions
* ``evidence``: ledger, spool and the disk they are on
* ``machine``: clock, wear, journal, versions
* ``around``: daemon, broker, gateway, mounter, screen, bays, serial lines
* ``command``: asks all of them, each with a limit of time
"""
