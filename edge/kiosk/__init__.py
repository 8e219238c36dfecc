"""The dock's screen, `evidock-edge kiosk`: a small web server for the browser on this machine.

A process of its own, under a user of its own, that can reach nothing but the daemon's status
socket: whatever is wrong here touches no footage. It decides nothing about a camera. "Safe" is
what ``edge.words`` in the daemon said less than three seconds ago, or it is not shown.

* ``line`` keeps the daemon's word and how old it is, and carries questions to it
* ``view`` makes of it what a screen shows, in two languages: ``phrases`` and ``alarms`` hold the
  words, ``reasons`` why something is not done, ``amounts`` times and sizes for people; ``pad`` is
  the keys for case numbers
* ``pages`` are the addresses: bays, what is still to do for a docking, slips, alarms; ``slip_page``
  draws the slip; ``lookout`` keeps strangers out: other hosts, other sites, other origins
* ``command`` runs all of it; ``templates/`` and ``static/`` are what the browser gets

Nobody signs in: whoever stands before the dock may tap. What is tapped is recorded as a claim.
"""
