"""The dock daemon, `evidock-edge`: takes footage off cameras and makes it evidence.

In the order of a clip's life:

* ``hotplug`` says when cameras come and go (the kernel ``wakes`` it); ``cameras/`` knows what a
  camera is, and holds the only code that opens anything on a card (``cameras/base``);
  ``bays`` knows which port is which bay, ``mounter/`` is the helper that mounts, a process of
  its own and the only one with a right to
* ``profiles/`` reads names and small files on a card as its kind of camera means them;
  ``wired/`` knows badge readers, relays and control lines on serial ports
* ``session`` serves one docked camera, one step after the other: ``inventory`` lists its card
  and waits until files stand still, ``roster`` keeps which of its ``items`` are done and due,
  ``reach`` is the card's own threads, ``early`` (in ``places``), ``copying`` and
  ``rereading`` do the work, ``recordings`` describes it
* ``opening`` says what a docking has to say of its card: ``cards`` compares it with what is
  remembered of it, ``registry`` is the operator's list of cameras
* ``ingest`` copies and hashes a recording into the ``spool``; ``probe`` (with ``probe_child``
  and ``probe_media`` in a process of ``limited``) says what it is
* ``ledger`` seals it: ``ledger_writer``, ``ledger_sessions``, ``ledger_acts``,
  ``ledger_queries``, ``ledger_rows``, ``schema``; ``ledger_check`` proves that it holds
* ``uplink`` announces the head over MQTT through an ``uplink_client``, ``answers`` serves what the
  gateway pulls (``resent`` doubts what is pulled twice), ``uplink_door`` says in words why TLS
  keeps it out, ``proofs`` verifies what the gateway says
* ``room`` drops released clips and pauses ingest while the spool is full
* ``erase`` is the only code that erases anything on a card; ``erasing_policy`` says what the
  station's rules let go, ``letting_go`` asks it with what is on record; ``moment`` makes a
  card that is mounted read-only writable for one unlink; ``hallmark`` tells a card from its likes
* ``timing/`` says what can be said about when, beyond what a camera's clock claims
* ``words`` and ``tones``, ``status``, ``watching`` it, and ``screen`` tell people, ``kiosk/`` on a
  screen at the dock, ``telling`` those who look on from afar; ``caselist`` is what the
  gateway said of open cases, ``desk_acts`` what officers do with it: tag clips, say why
  there is no video, at people's ``pace``; ``clearing`` and ``power`` are what operators ask
  for: alarms cleared, a bay's power taken and given back; ``imports`` takes files that somebody
  brings (``import_command``), as dockings of their own; ``slips`` say what an officer takes away,
  ``slip_check`` holds one against a ledger

And what they stand on: ``checks`` come before anything begins, ``daemon`` builds everything once,
``tools`` and ``signals`` are what the parts share, ``startup`` puts right what a power cut left
(``orphans`` the rest, later), once ``binding`` knows the spool for this ledger's own, ``notify``
speaks to the init system as long as the ``pulse`` of every part, which ``vitals`` takes, goes on,
``__main__`` holds the commands, ``verify``, ``desk_command`` and ``operator_command`` some more
(these two by ``asking`` the dock), ``setup/`` writes a dock's first settings, ``enrolment/`` gets
its keys trusted and its certificate renewed (``giving`` lets the dock's user have them, ``tls``
connects), ``doctor/`` looks whether all is well, ``config`` the settings, ``durable`` the only
code that makes a file permanent, ``clock``, ``keys`` with ``rotation`` of them, ``keywatch``,
which tells people when the token of one is gone, ``logs``, ``crashpoints``, ``errors`` and their
stable ``codes``.
"""
