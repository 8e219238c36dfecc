"""What the gateway proves or refuses: verified against the trust file, then on record.

The broker is not trusted and the gateway's administrator is one of the attackers, so
nothing counts before ``protocols.acceptance`` has accepted it. What only came too late
(the dock has accepted a newer checkpoint meanwhile) asks for a new announcement; anything
else that is not proved raises an alarm. Everything here blocks.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import structlog

from edge.answers import LOST
from edge.ledger import Ledger
from protocols.acceptance import accept_receipt, accept_release
from protocols.anchors import Anchors
from protocols.errors import AcceptanceError
from protocols.ids import EntryId
from protocols.messages import ReceiptMessage, Ref, Refusal, ReleaseMessage

log = structlog.get_logger()

REFUSED: Final = "gateway-refuses"
_STALE: Final = "stale"
# A fork stays an alarm until a person has looked at both logs.
_FOR_PEOPLE: Final = frozenset({"log-forked"})
_CODES: Final = (
    "checkpoint-signature",
    "receipt",
    "release-statement",
    "release-record",
    "release-differs",
)


class Taken(Enum):
    """What became of a message."""

    NEWS = auto()
    REPEATED = auto()
    STALE = auto()
    REFUSED = auto()


class Proofs:
    """Takes receipts, releases and refusals for one dock."""

    def __init__(self, ledger: Ledger, anchors: Anchors) -> None:
        self._ledger = ledger
        self._anchors = anchors

    @property
    def accepted(self) -> Ref:
        """The newest accepted checkpoint, or the one pinned at enrolment."""
        known = self._ledger.accepted()
        if known is not None:
            return Ref(size=known.size, root=known.root)
        pinned = self._anchors.checkpoint
        return Ref(size=pinned.size, root=pinned.root.hex())

    def release(self, message: ReleaseMessage, raw: bytes) -> Taken:
        """Verify a release and put it on record.

        Args:
            message: decoded.
            raw: its bytes, kept as the proof.

        Raises:
            LedgerError: not committed; the gateway repeats it.
        """
        sealed = self._ledger.sealed(message.epoch, message.seq)
        if sealed is None:
            return self._unproved("release-unknown", f"release of unknown entry {_name(message)}")
        if self._ledger.release(message.epoch, message.seq) is not None:
            return Taken.REPEATED
        try:
            release = accept_release(self._anchors, self._ledger.accepted(), sealed, message)
        except AcceptanceError as error:
            return self._refused(error, f"release of {sealed.clip}")
        if not self._ledger.record_release(sealed.clip, release, raw):
            return Taken.REPEATED
        log.info("clip.released", clip=str(sealed.clip), index=release.index)
        self._ledger.clear_alarm(LOST, about=str(sealed.clip))
        self._content()
        return Taken.NEWS

    def receipt(self, message: ReceiptMessage) -> Taken:
        """Verify a receipt for an entry of this dock and put it on record.

        Raises:
            LedgerError: not committed; the gateway repeats it.
        """
        statement = self._ledger.statement(message.epoch, message.seq)
        if statement is None:
            return self._unproved("receipt-unknown", f"receipt of unknown entry {_name(message)}")
        try:
            ref = accept_receipt(self._anchors, self._ledger.accepted(), statement, message)
        except AcceptanceError as error:
            return self._refused(error, f"receipt of entry {_name(message)}")
        news = self._ledger.record_receipt(message.epoch, message.seq, message.receipt, ref)
        self._content()
        return Taken.NEWS if news else Taken.REPEATED

    def refusal(self, message: Refusal) -> None:
        """Keep what the gateway refused, for the operator.

        Raises:
            LedgerError: not committed.
        """
        if self._ledger.statement(message.epoch, message.seq) is None:
            return
        self._ledger.refusal(
            message.epoch, message.seq, message.code, message.reason, message.retry
        )
        name = EntryId(self._ledger.dock, message.epoch, message.seq)
        log.warning("entry.refused", entry=str(name), code=message.code, reason=message.reason)
        # One alarm for all: one for each would be an entry that may be refused as well.
        text = f"the gateway refuses {name} ({message.code}): {message.reason}"
        self._ledger.raise_alarm(REFUSED, text)

    def _refused(self, error: AcceptanceError, what: str) -> Taken:
        if error.code == _STALE:
            return Taken.STALE
        return self._unproved(error.code, f"{what}: {error}")

    def _unproved(self, code: str, text: str) -> Taken:
        log.error("gateway.unproved", code=code, reason=text)
        # Of unknown entries anybody could speak, so they are no alarm of the ledger's.
        if code in _CODES or code in _FOR_PEOPLE:
            self._ledger.raise_alarm(f"gateway-{code}", text)
        return Taken.REFUSED

    def _content(self) -> None:
        """Clear the alarms whose cause is gone now that the gateway proved its word."""
        standing = {alarm.code for alarm in self._ledger.alarms()}
        for code in standing & {f"gateway-{code}" for code in _CODES}:
            self._ledger.clear_alarm(code)
        if REFUSED in standing and not self._ledger.refusals():
            self._ledger.clear_alarm(REFUSED)


def _name(message: ReceiptMessage | ReleaseMessage) -> str:
    return f"{message.epoch}.{message.seq}"
