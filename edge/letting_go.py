"""Whether a released recording may go from its card now: the rules, asked with what is on record.

Rules go by what was sealed, not by what a card says of itself today: a card that calls itself
another unit's changes nothing. What is let go here is only let go to ``erase``, which still
wants its release, reads it again and compares. Blocking; called off the event loop.
"""

from __future__ import annotations

from edge.clock import DockClock
from edge.erasing_policy import Decision, ErasingPolicy, Facts, Leave, Moment
from edge.ledger import Ledger
from protocols.errors import RecordError
from protocols.ids import ClipId
from protocols.kinds import ClipSealed
from protocols.records import decode_record


class LettingGo:
    """The station's rules over one ledger and one clock."""

    def __init__(self, policy: ErasingPolicy, ledger: Ledger, clock: DockClock) -> None:
        self._policy = policy
        self._ledger = ledger
        self._clock = clock

    @property
    def erases(self) -> bool:
        """Whether the rules let any recording go at all."""
        return self._policy.erases

    def decide(self, clip: ClipId, *, marked: bool) -> Decision:
        """What the rules say of one released clip.

        Args:
            clip: the clip.
            marked: whether the card says now that the officer marked it; a mark that was on
                record already counts as well.

        Raises:
            LedgerError: the ledger cannot be read, or does not take what is remembered.
        """
        facts = self._facts(clip, marked=marked)
        if facts is None:
            return Decision(Leave.NEVER, f"what {clip} is cannot be read from the ledger")
        moment = Moment.of(self._clock.read())
        known_ns = self._ledger.release_known(clip)
        decision = self._policy.decide(facts, known_ns, moment)
        if decision.leave is Leave.WAIT and known_ns is None and moment.latest_ns is not None:
            # The days begin with the first clock that can be trusted: asked again, they run.
            self._ledger.release_is_known(clip, moment.latest_ns)
            decision = self._policy.decide(facts, moment.latest_ns, moment)
        return decision

    def _facts(self, clip: ClipId, *, marked: bool) -> Facts | None:
        """What was sealed; a mark that was added later only ever adds one."""
        entries = self._ledger.entries(clip.epoch, clip.seq, clip.seq)
        try:
            body = decode_record(entries[0].record).body if entries else None
        except RecordError:
            body = None
        if not isinstance(body, ClipSealed):
            return None
        source = body.source
        return Facts(source.profile, source.unit, marked=source.marked or marked)
