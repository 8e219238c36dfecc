"""All steps of a trail's verification that need no bytes of the clips themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hashing.verdict import Outcome, Verdict
from protocols.anchors import Anchors
from protocols.ids import ClipId, SessionId
from protocols.trail import statements
from protocols.trail.custody import Sealing, check_custody, sealings
from protocols.trail.disposing import Kept, tombstones
from protocols.trail.document import TrailDocument
from protocols.trail.findings import Findings, TrailEvent, by_subject
from protocols.trail.sessions import Ledgers, check_session, sessions_of

NO_WITNESSES = "no witnesses are required by this trust file"


@dataclass(frozen=True, slots=True)
class ExpectedContent:
    """What the bytes of a clip must be, as its dock sealed them.

    Attributes:
        disposed: position of its tombstone, after which nobody has the bytes; None without one.
    """

    clip: ClipId
    size: int
    sha256: bytes
    root: bytes
    disposed: int | None = None


@dataclass(frozen=True, slots=True)
class TrailReport:
    """What was found.

    Attributes:
        verdict: findings of steps 3 to 7, 9 and 10.
        events: what could be opened, in log order.
        contents: the clips whose bytes the caller should compare (step 2).
        notes: what the verdict does not say, for whoever reads it.
        size: of the checkpoint; None when it is not the log's.
    """

    verdict: Verdict
    events: tuple[TrailEvent, ...]
    contents: tuple[ExpectedContent, ...]
    notes: tuple[str, ...] = ()
    size: int | None = None


def verify_trail(document: TrailDocument, anchors: Anchors) -> TrailReport:
    """Check every statement of a trail against keys that do not come from it.

    Args:
        document: from the gateway, a pack or a stranger; nothing in it is trusted.
        anchors: the gateway's keys, obtained at enrolment or otherwise beforehand.
    """
    found = Findings()
    checkpoint = statements.open_head(document, anchors, found)
    statements.check_order(document.entries, found)
    events = []
    for entry in document.entries:
        event = statements.open_entry(entry, found)
        if event is None:
            continue
        events.append(event)
        if checkpoint is not None:
            statements.check_included(event, entry.path, checkpoint, found)
    statements.check_signatures(events, anchors, found)
    statements.check_places(events, anchors, found)
    statements.check_subject_chains(events, anchors, found)
    if checkpoint is not None:
        statements.check_witnessed(events, checkpoint, anchors, found)
    sealed = sealings(events)
    mine = [sealed[name] for name in dict.fromkeys(document.clips) if name in sealed]
    for name in document.clips:
        if name not in sealed:
            found.add(9, Outcome.INCOMPLETE, name, "its sealing is not in the trail")
    sessions = sessions_of(sealing.event for sealing in mine)
    ours = _urns(mine, sessions)
    statements.check_disclosed(events, document, ours, anchors, found)
    ledgers = Ledgers.of(events)
    for session in sessions:
        check_session(session, ledgers, found)
    subjects = by_subject(events)
    kept = Kept.of(events, anchors)
    for sealing in mine:
        acts = subjects.get(sealing.clip.clip_urn, ())
        check_custody(sealing, acts, anchors, kept, found)
    size = None if checkpoint is None else checkpoint.size
    contents = tuple(
        _expected(sealing, subjects.get(sealing.clip.clip_urn, ()), anchors) for sealing in mine
    )
    return TrailReport(Verdict(tuple(found.items)), tuple(events), contents, _notes(size), size)


def _urns(mine: list[Sealing], sessions: list[SessionId]) -> frozenset[str]:
    clips = {sealing.clip.clip_urn for sealing in mine}
    return frozenset(clips | {session.session_urn for session in sessions})


def _expected(sealing: Sealing, acts: Sequence[TrailEvent], anchors: Anchors) -> ExpectedContent:
    content, gone = sealing.content, tombstones(acts, anchors)
    return ExpectedContent(
        sealing.clip,
        content.size,
        bytes.fromhex(content.sha256),
        bytes.fromhex(content.tree.root),
        gone[0][0] if gone else None,
    )


def _notes(size: int | None) -> tuple[str, ...]:
    if size is None:
        return ()
    later = (
        f"as of checkpoint {size}: a later act on a case or clip, the newest exports, a dock's "
        "word after the close of a docking, or that its key was revoked could have been left out "
        "of this trail; only the whole log shows that"
    )
    return later, NO_WITNESSES
