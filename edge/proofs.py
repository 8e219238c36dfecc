"""What the gateway proves or refuses: verified against the trust file, then on record.

The broker is not trusted and the gateway's administrator is one of the attackers, so
nothing counts before ``protocols.acceptance`` has accepted it. What only came too late
(the dock has accepted a newer checkpoint meanwhile) asks for a new announcement; anything
else that is not proved raises an alarm.

The gateway repeats itself, and on an open broker anybody may speak in its name, while every
alarm is an entry that is announced in turn. So an alarm that stands is not raised again, it
ends only by the proof that was missing, and what is said about alarms raises none: the
number of entries stays bounded by what the dock has sealed. Everything here blocks.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import structlog

from edge.answers import LOST
from edge.ledger import ClipState, Ledger
from hashing.errors import HashingError
from hashing.statement import verify_statement
from protocols.acceptance import accept_logged, accept_receipt, accept_release
from protocols.anchors import Anchors
from protocols.errors import AcceptanceError
from protocols.ids import EntryId
from protocols.messages import LoggedMessage, ReceiptMessage, Ref, Refusal, ReleaseMessage

log = structlog.get_logger()

REFUSED: Final = "gateway-refuses"
FOREIGN: Final = "entries-not-ours"
_STALE: Final = "stale"
# A fork stays an alarm until a person has looked at both logs.
_FOR_PEOPLE: Final = frozenset({"log-forked"})
# Each clip's own matter; all other codes stand once, for the first that showed them.
_OF_CLIPS: Final = frozenset({"release-statement", "release-record", "release-differs"})
_CODES: Final = _OF_CLIPS | {
    "checkpoint-signature",
    "checkpoint-size",
    "proof-damaged",
    "receipt",
}
_ABOUT_ALARMS: Final = frozenset({"alarm.raised", "alarm.cleared"})
_RELEASE: Final = "release"
_RECEIPT: Final = "receipt"


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
            return self._unknown(_RELEASE, message)
        if self._ledger.release(message.epoch, message.seq) is not None:
            # A cut after the commit may have left its alarms.
            self._content(_RELEASE, sealed.clip)
            return Taken.REPEATED
        try:
            release = accept_release(self._anchors, self._ledger.accepted(), sealed, message)
        except AcceptanceError as error:
            return self._refused(error, _RELEASE, sealed.clip)
        if not self._ledger.record_release(sealed.clip, release, raw):
            return Taken.REPEATED
        log.info("clip.released", clip=str(sealed.clip), index=release.index)
        self._content(_RELEASE, sealed.clip)
        return Taken.NEWS

    def receipt(self, message: ReceiptMessage) -> Taken:
        """Verify a receipt for an entry of this dock and put it on record.

        Raises:
            LedgerError: not committed; the gateway repeats it.
        """
        statement = self._ledger.statement(message.epoch, message.seq)
        if statement is None:
            return self._unknown(_RECEIPT, message)
        try:
            ref = accept_receipt(self._anchors, self._ledger.accepted(), statement, message)
        except AcceptanceError as error:
            return self._refused(error, _RECEIPT, self._entry(message))
        news = self._ledger.record_receipt(message.epoch, message.seq, message.receipt, ref)
        self._content(_RECEIPT, self._entry(message))
        return Taken.NEWS if news else Taken.REPEATED

    def logged(self, message: LoggedMessage) -> Taken:
        """Look at an entry that the log has under this dock's name.

        One that this dock did not make raises an alarm, once it is proved that the log has it:
        then somebody signs in this dock's name, or this ledger is an old copy of itself.

        Raises:
            LedgerError: not committed; the gateway repeats it.
        """
        dock = self._ledger.dock
        try:
            statement, link = accept_logged(self._anchors, self._ledger.accepted(), dock, message)
        except AcceptanceError as error:
            if error.code == _STALE:
                return Taken.STALE
            # Whoever speaks on an open broker can show what is not proved: no alarm for that.
            log.warning("gateway.unproved", code=error.code, reason=str(error))
            return Taken.REFUSED
        if self._ledger.statement(link.epoch, link.seq) == message.statement:
            return Taken.REPEATED
        name = EntryId(dock, link.epoch, link.seq)
        text = f"the log has {name} under this dock's name, which this dock did not make; {{}}"
        try:
            verify_statement(statement, self._ledger.public)
        except HashingError:
            text = text.format(
                "it is signed with another key: somebody else's, or the one that followed this one "
                "where this ledger is an old copy of itself"
            )
        else:
            text = text.format(
                "it is signed with this dock's own key: the key was copied, or this ledger is an "
                "old copy of itself"
            )
        if self._ledger.raise_alarm(FOREIGN, text) is None:
            return Taken.REPEATED
        log.error("entry.foreign", entry=str(name))
        return Taken.NEWS

    def refusal(self, message: Refusal) -> None:
        """Keep what the gateway refused, for the operator.

        Raises:
            LedgerError: not committed.
        """
        kind = self._ledger.kind(message.epoch, message.seq)
        if kind is None or self._is_settled(message):
            return
        code, reason = _shown(message.code), _shown(message.reason)
        self._ledger.refusal(message.epoch, message.seq, code, reason, message.retry)
        name = self._entry(message)
        log.warning("entry.refused", entry=str(name), code=code, reason=reason)
        if kind not in _ABOUT_ALARMS:
            # One alarm for all: one for each would be an entry that may be refused as well.
            text = f"the gateway refuses {name} ({code}): {reason}"
            self._ledger.raise_alarm(REFUSED, text)

    def _is_settled(self, message: Refusal) -> bool:
        """Whether the gateway has proved the opposite of a refusal already."""
        clip = self._ledger.clip(message.epoch, message.seq)
        waits = clip is not None and clip.state in {ClipState.SEALED, ClipState.LOST}
        return not waits and self._ledger.has_receipt(message.epoch, message.seq)

    def _refused(self, error: AcceptanceError, what: str, about: EntryId) -> Taken:
        if error.code == _STALE:
            return Taken.STALE
        text = f"{what} of {about}: {error}"
        news = self._is_news(error.code, what, about) and self._ledger.raise_alarm(
            f"gateway-{error.code}", text, str(about)
        )
        # The gateway repeats it every few seconds; the alarm stands meanwhile.
        say = log.error if news else log.debug
        say("gateway.unproved", code=error.code, reason=text)
        return Taken.REFUSED

    def _is_news(self, code: str, what: str, about: EntryId) -> bool:
        """Whether a proof that failed is to be put on record."""
        if code in _OF_CLIPS:
            return True
        if any(alarm.code == f"gateway-{code}" for alarm in self._ledger.alarms()):
            return False
        if code in _FOR_PEOPLE:
            return True
        if what == _RECEIPT and (
            self._ledger.has_receipt(about.epoch, about.seq)
            # The gateway repeats receipts for clips alone: of others it might never end.
            or self._ledger.clip(about.epoch, about.seq) is None
        ):
            return False
        return code in _CODES

    def _unknown(self, what: str, message: ReceiptMessage | ReleaseMessage) -> Taken:
        # Of unknown entries anybody could speak, so they are no alarm of the ledger's.
        log.error("gateway.unproved", code=f"{what}-unknown", entry=str(self._entry(message)))
        return Taken.REFUSED

    def _content(self, what: str, about: EntryId) -> None:
        """Clear the alarms whose cause is gone now that the gateway proved its word."""
        standing = self._ledger.alarms()
        for alarm in standing:
            # A receipt says nothing of a clip that the gateway claims to store otherwise.
            same = alarm.about == str(about) and alarm.text.startswith(f"{what} of ")
            unproved = same and alarm.code.removeprefix("gateway-") in _CODES
            lost = what == _RELEASE and (alarm.code, alarm.about) == (LOST, str(about))
            if unproved or lost:
                self._ledger.clear_alarm(alarm.code, alarm.about)
        stands = any(alarm.code == REFUSED for alarm in standing)
        if stands and not self._ledger.refusals():
            self._ledger.clear_alarm(REFUSED)

    def _entry(self, message: ReceiptMessage | ReleaseMessage | Refusal) -> EntryId:
        return EntryId(self._ledger.dock, message.epoch, message.seq)


def _shown(text: str) -> str:
    """Foreign text without what no record may hold and no terminal should obey."""
    return "".join(each if each.isprintable() else " " for each in text)
