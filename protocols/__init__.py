"""What docks and gateway say to each other: values, their bytes, and decisions.

Pure: nothing here opens a file or a socket, reads a clock or sleeps; time and random
bits come in as arguments. In the order a clip meets them:

* ``ids``, ``clock``: names of things, and readings of clocks that say how good they are
* ``records``, ``kinds``: the JSON facts that get signed; strict bytes to values and back
  (``json_once``)
* ``topics``, ``messages``: where and how they travel over MQTT; ``caselist``: the open cases
* ``transfer``: what the gateway pulls next from one dock; ``window``: how much at a time
* ``anchors``, ``acceptance``: what a dock trusts, and when it takes a release for true
* ``enrolment``: how a dock gets its certificates, and the gateway's keys; ``following``: by
  which key it proves itself where the log has not heard of its newest; ``rotation``: that a key
  gives way to another
* ``witnessing``, ``policy``, ``timestamps``: what others say of the log; ``printed``: it on paper
* ``slip``: what an officer takes away; ``located``: where bytes differ from what was sealed
* ``trail``: the story of a case or clip as statements, and its verification
* ``pack``: the evidence pack: names, manifests, proofs, report
* ``plain``, ``shown``: lines to state, and claims made fit to show; ``settings``,
  ``progress``: words on a terminal

``errors`` is the one tree of refusals; ``SPEC.md`` beside this file is the normative text.
"""
