"""An officer's slip held against trails: what it names is in the log, unchanged, and stored.

A slip (``protocols.slip``) names the head of a dock's ledger and digests the clips of one docking.
A trail of a case or clip shows that docking's entries; records of clips that it is not about
may be withheld in it, so trails of several clips of the docking are taken together. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from hashing.verdict import Finding, Outcome, Verdict
from protocols.ids import ClipId, dock_urn
from protocols.kinds import ClipSealed, ClipStored
from protocols.slip import Slip, SlipClip, difference, sealed_upto
from protocols.trail.findings import TrailEvent
from protocols.trail.verify import TrailReport

_NAMED = 5
_CUSTODY = 10
_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SlipHeld:
    """What came of it.

    Attributes:
        outcome: ``NOT_LOGGED`` where a clip is as on the slip and nothing says it is stored.
        reason: one sentence for a person.
        stored: clips of the slip with the index of the log entry that says they are stored.
        waiting: clips of the slip of which no entry says that.
    """

    outcome: Outcome
    reason: str
    stored: tuple[tuple[ClipId, int], ...] = ()
    waiting: tuple[ClipId, ...] = ()


def hold_slip(slip: Slip, reports: Iterable[TrailReport], gateway: str) -> SlipHeld:
    """Hold a slip against trails that were verified.

    Args:
        slip: as it was read.
        reports: what ``verify_trail`` found, of one trail or more.
        gateway: urn of the gateway whose word counts for what is stored.
    """
    events: list[TrailEvent] = []
    for report in reports:
        verdict = Verdict(tuple(each for each in report.verdict.findings if not _waits(each)))
        if verdict.outcome is not Outcome.INTACT:
            worst = next(each for each in verdict.problems if each.outcome is verdict.outcome)
            reason = f"the trail itself does not hold: {worst.subject}: {worst.reason}"
            return SlipHeld(verdict.outcome, reason)
        events += report.events
    ledger = _ledger(slip, events)
    if isinstance(ledger, SlipHeld):
        return ledger
    if (slip.head.epoch, slip.head.seq) < (slip.session.epoch, slip.session.seq):
        reason = f"the slip names {slip.head}, older than its docking {slip.session}: no dock does"
        return SlipHeld(Outcome.ALTERED, reason)
    wrong = _head(slip, ledger) or _clips(slip, ledger)
    return wrong or _stored(slip, ledger, events, gateway)


def _waits(finding: Finding) -> bool:
    """A clip that is not stored yet is for ``_stored`` to say, by its name."""
    return finding.step == _CUSTODY and finding.outcome is Outcome.INCOMPLETE


def _ledger(slip: Slip, events: Iterable[TrailEvent]) -> dict[_Place, TrailEvent] | SlipHeld:
    """The dock's entries by their place; two different ones for one place are a fork."""
    issuer, ledger = dock_urn(slip.session.dock), dict[_Place, TrailEvent]()
    for event in events:
        link = event.link
        if link is None or event.statement.issuer != issuer:
            continue
        known = ledger.get((link.epoch, link.seq))
        if known is not None and known.statement.hash != event.statement.hash:
            reason = f"the trails have two different entries {link.epoch}.{link.seq} of one dock"
            return SlipHeld(Outcome.ALTERED, reason)
        # What one trail withholds another may show.
        if known is None or known.record is None:
            ledger[link.epoch, link.seq] = event
    if (slip.session.epoch, slip.session.seq) not in ledger:
        reason = f"the docking {slip.session} is not in the trail: is it of one of its clips?"
        return SlipHeld(Outcome.INCOMPLETE, reason)
    return ledger


def _head(slip: Slip, ledger: dict[_Place, TrailEvent]) -> SlipHeld | None:
    """Whether the slip's head is an entry of this ledger, or the one that its next one names."""
    place = (slip.head.epoch, slip.head.seq)
    here, after = ledger.get(place), ledger.get((place[0], place[1] + 1))
    link = after.link if after is not None else None
    named = here.statement.hash if here is not None else link.prev if link is not None else None
    if named == slip.head_hash:
        return None
    if named is not None:
        reason = f"entry {slip.head} is another one than the slip names: the ledger was rewritten"
        return SlipHeld(Outcome.ALTERED, reason)
    newest = max(ledger)
    if newest < place:
        reason = (
            f"the trail ends at entry {newest[0]}.{newest[1]} of {slip.session.dock}, before entry "
            f"{slip.head}, which the slip names: it is not stored yet, or was left out"
        )
    else:
        reason = (
            f"the trail does not show entry {slip.head}, which the slip names; the dock's ledger "
            "does, or the trail of a clip that was sealed about then"
        )
    return SlipHeld(Outcome.INCOMPLETE, reason)


def _clips(slip: Slip, ledger: dict[_Place, TrailEvent]) -> SlipHeld | None:
    """Whether the docking's clips are those of the slip."""
    sealed = sealed_upto(_sealed(slip, ledger.values()), slip.head)
    if len(sealed) >= slip.count:
        differs = difference(slip, sealed)
        return None if differs is None else SlipHeld(Outcome.ALTERED, differs)
    begin, end = (slip.session.epoch, slip.session.seq), (slip.head.epoch, slip.head.seq)
    between = sorted(place for place in ledger if begin <= place <= end)
    withheld = [clip for place in between if (clip := _withheld(ledger[place])) is not None]
    text = f"the trail shows {len(sealed)} of the {slip.count} clips on the slip"
    if withheld:
        names = ", ".join(map(str, withheld[:_NAMED]))
        text += f"; add the trails of those that it withholds: {names}"
        return SlipHeld(Outcome.INCOMPLETE, text)
    whole = between[-1] == end and all(b[1] == a[1] + 1 for a, b in pairwise(between))
    if whole:
        text = f"{slip.session} sealed {len(sealed)} clips up to {slip.head}, and no more"
        return SlipHeld(Outcome.ALTERED, f"{text}; the slip says {slip.count}")
    return SlipHeld(Outcome.INCOMPLETE, f"{text}, and not every entry between them")


def _sealed(slip: Slip, events: Iterable[TrailEvent]) -> list[SlipClip]:
    found = []
    for event in events:
        body, clip = event.body, event.seals
        if isinstance(body, ClipSealed) and clip is not None and body.session == str(slip.session):
            found.append(SlipClip(clip, bytes.fromhex(body.content.sha256), body.content.size))
    return found


def _withheld(event: TrailEvent) -> ClipId | None:
    return event.seals if event.record is None else None


def _stored(
    slip: Slip, ledger: dict[_Place, TrailEvent], events: Iterable[TrailEvent], gateway: str
) -> SlipHeld:
    """Which of the clips the gateway says it stored, as they were sealed."""
    storings = {
        (event.body.clip, event.body.sha256): event.index
        for event in events
        if isinstance(event.body, ClipStored) and event.statement.issuer == gateway
    }
    clips = sorted(sealed_upto(_sealed(slip, ledger.values()), slip.head))
    at = {each.clip: storings.get((str(each.clip), each.sha256.hex())) for each in clips}
    stored = tuple((clip, index) for clip, index in at.items() if index is not None)
    waiting = tuple(clip for clip, index in at.items() if index is None)
    text = f"the trail holds entry {slip.head} and the {slip.count} clips of {slip.session}"
    if waiting:
        names = ", ".join(map(str, waiting[:_NAMED]))
        reason = f"{text}; {len(waiting)} are not said to be stored in it: {names}"
        return SlipHeld(Outcome.NOT_LOGGED, reason, stored, waiting)
    return SlipHeld(Outcome.INTACT, f"{text}, all of them stored", stored)
