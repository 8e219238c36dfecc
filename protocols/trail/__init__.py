"""The trail of a case or clip: its document, and the check that trusts only the anchors.

A trail document is what a gateway hands to a stranger: statements with their records, in
log order, each with its inclusion path to one signed checkpoint.

* ``document``: the document and its strict reading
* ``findings``: what is being checked, and what was found so far
* ``keyring``: whose signature counts from where to where; shared with the audit of a whole log
* ``statements``: steps 3 to 7, one statement at a time
* ``sessions``: steps 5 and 9, a docking from its opening to its close
* ``custody``: step 10, from sealing over storing to erasing
* ``disposing``: step 10, what went by two people's word, and what did not
* ``families``: which cases are one, renumbered and merged
* ``answers``: whether the trail answers the question that was asked
* ``verify``: all of it, in order
* ``slip``: an officer's slip held against verified trails
* ``whole``: the whole log, entry by entry
* ``story``, ``story_zh``, ``telling``: statements and verdicts in words that people read

Everything here is pure; the clips' bytes (step 2) are read and compared by the caller.
"""

from protocols.trail.answers import answers_case, answers_clip
from protocols.trail.document import (
    MAX_TRAIL,
    TrailAbout,
    TrailConsistency,
    TrailDocument,
    TrailEntry,
    TrailError,
)
from protocols.trail.findings import Findings, TrailEvent
from protocols.trail.keyring import Keyring
from protocols.trail.sessions import DAILY
from protocols.trail.slip import SlipHeld, hold_slip
from protocols.trail.verify import ExpectedContent, TrailReport, verify_trail

__all__ = [
    "DAILY",
    "MAX_TRAIL",
    "ExpectedContent",
    "Findings",
    "Keyring",
    "SlipHeld",
    "TrailAbout",
    "TrailConsistency",
    "TrailDocument",
    "TrailEntry",
    "TrailError",
    "TrailEvent",
    "TrailReport",
    "answers_case",
    "answers_clip",
    "hold_slip",
    "verify_trail",
]
