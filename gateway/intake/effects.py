"""What a logged entry does to the rows: one function, for the intake and for recovery.

It runs in the transaction that commits the entry to the database, and again when a crash
came between journal and commit, so it may run twice and follows from the entry and the
rows alone: no clock, no network. It never fails on what is logged; an effect that cannot
be, or that a dock may not have, becomes a quarantine row with a reason.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts import effects as accounts
from gateway.cases import service as cases
from gateway.cases import tags
from gateway.cases.effects import CASE_KINDS
from gateway.corrections import effects as corrections
from gateway.disposal import effects as disposal
from gateway.docks import keys as docks_keys
from gateway.docks import service as docks
from gateway.docks.service import keep_note, revoked_from
from gateway.evidence import service as evidence
from gateway.evidence.models import Clip, ClipState
from gateway.holds import effects as holds
from gateway.intake import alarms, decisions, revoking
from gateway.intake.models import CODE_LENGTH, Quarantine
from gateway.log.models import LogEntry
from gateway.log.service import NewEntry
from gateway.marks import effects as marks
from gateway.previews import effects as previews
from gateway.previews import keys as clip_keys
from gateway.recordings import effects as recordings
from gateway.retention import effects as retention
from gateway.views import effects as views
from gateway.webhooks import effects as webhooks
from hashing.ledger import statement_hash
from hashing.merkle import EMPTY_ROOT
from protocols.errors import RecordError
from protocols.ids import ClipId, DockId, EntryId
from protocols.kinds import (
    AccountSet,
    AlarmCleared,
    AlarmRaised,
    AlarmSettled,
    Body,
    ClientSet,
    ClipCorrected,
    ClipDisposed,
    ClipErased,
    ClipExported,
    ClipKeySupplied,
    ClipLost,
    ClipMarked,
    ClipRepaired,
    ClipSealed,
    ClipStored,
    ClipTagged,
    ClipUnmarked,
    ClipViewed,
    Content,
    DisposalApproved,
    DisposalClosed,
    DisposalProposed,
    DisposalRefused,
    DockEnrolled,
    DockKeyRotated,
    DockRevoked,
    EpochApproved,
    EraseIntended,
    HoldLifted,
    HoldPlaced,
    KeyRotated,
    LogOpened,
    RecordingGrouped,
    RecordingUngrouped,
    RulesAdopted,
    SessionClosed,
    SessionInventory,
    SessionNoted,
    WebhookSet,
)
from protocols.records import Record, decode_record
from protocols.shown import shown

MAX_CLIP_BYTES = 1 << 38
"""256 GiB: far beyond any recording, and its leaf list still fits in memory."""

Doubt = tuple[str, str]
"""Code and reason of a quarantine."""


async def apply(session: AsyncSession, entry: NewEntry | LogEntry, index: int) -> None:
    """Write the rows that follow from a logged entry.

    Args:
        session: the transaction that commits the entry.
        entry: admitted and logged.
        index: its position in the log.
    """
    if entry.dock is None or entry.epoch is None or entry.seq is None:
        await _gateway_states(session, entry, index)
        return
    name = EntryId(DockId(entry.dock), entry.epoch, entry.seq)
    doubt = await _dock_states(session, entry, name, index)
    if doubt is not None:
        await quarantine(session, name, index, doubt)


async def quarantine(session: AsyncSession, name: EntryId, index: int, doubt: Doubt) -> None:
    """Keep why a logged entry has no effect; the first reason stays."""
    code, reason = doubt
    if await session.get(Quarantine, (name.dock, name.epoch, name.seq)) is None:
        session.add(
            Quarantine(
                dock=name.dock,
                epoch=name.epoch,
                seq=name.seq,
                entry_index=index,
                code=code[:CODE_LENGTH],
                reason=shown(reason),
            )
        )
        await session.flush()


async def _gateway_states(session: AsyncSession, entry: NewEntry | LogEntry, index: int) -> None:
    record = decode_record(entry.record)
    match record.body:
        case ClipStored() as body:
            await evidence.mark_stored(session, body, index)
            await previews.wait(session, ClipId.parse(body.clip), index)
        case ClipRepaired() as body:
            await evidence.mark_back(session, ClipId.parse(body.clip))
        case body if isinstance(body, CASE_KINDS):
            await cases.apply(session, body, index)
        case DockEnrolled() | DockKeyRotated() as body:
            await docks.apply(session, body, index)
        case ClipViewed() as body:
            await views.apply(session, body, index)
        case AccountSet() | ClientSet() as body:
            await accounts.apply(session, body)
        case WebhookSet() as body:
            await webhooks.apply(session, body, index)
        case DockRevoked() as body:
            await revoking.apply(session, body, record, index)
        case EpochApproved() | AlarmSettled() as body:
            await decisions.apply(session, body, index)
        case body:
            await _put_right(session, body, index)
            await _kept(session, body, index)


async def _put_right(session: AsyncSession, body: Body, index: int) -> None:
    """What people say of a clip that was claimed wrongly, or not at all."""
    match body:
        case ClipCorrected():
            await corrections.apply(session, body, index)
        case ClipMarked() | ClipUnmarked():
            await marks.apply(session, body, index)
        case RecordingGrouped() | RecordingUngrouped():
            await recordings.apply(session, body, index)
        case _:
            pass


async def _kept(session: AsyncSession, body: Body, index: int) -> None:
    """By what clips are kept, and what keeps them."""
    match body:
        case RulesAdopted():
            await retention.apply(session, body, index)
        case HoldPlaced() | HoldLifted():
            await holds.apply(session, body, index)
        case ClipKeySupplied():
            await clip_keys.apply(session, body, index)
        case DisposalProposed() | DisposalApproved() | DisposalRefused():
            await disposal.apply(session, body, index)
        case ClipDisposed() | DisposalClosed():
            await disposal.apply(session, body, index)
        case _:
            pass


async def _dock_states(  # noqa: PLR0911  # one answer for each kind
    session: AsyncSession, entry: NewEntry | LogEntry, name: EntryId, index: int
) -> Doubt | None:
    try:
        record = decode_record(entry.record)
    except RecordError as error:
        return error.code, str(error)
    body = record.body
    if await after_revocation(session, name):
        return await _beyond(session, entry, name, record, index)
    match body:
        case KeyRotated():
            return await docks_keys.rotated(session, body, entry.subject, name, index)
        case ClipSealed():
            return await _sealed(session, entry, name, record, index)
        case ClipTagged() | ClipLost() | EraseIntended() | ClipErased():
            return await _of_clip(session, entry, body, name, index)
        case SessionInventory(session=of):
            return _foreign(of, name, "session")
        case SessionNoted():
            return await _noted(session, body, name, index)
        case SessionClosed():
            return await _closed(session, body, name)
        case AlarmRaised() | AlarmCleared():
            await _alarm(session, body, name, record)
            return None
        case _:
            return _not_a_docks(body)


async def _beyond(
    session: AsyncSession, entry: NewEntry | LogEntry, name: EntryId, record: Record, index: int
) -> Doubt:
    """An entry beyond the last trusted one has no effect, but on which key signs the next."""
    await revoking.alarm(session, name.dock, since=record.at.utc)
    if isinstance(record.body, KeyRotated):
        # It gains nothing by that; what comes after is logged and set aside like this.
        await docks_keys.rotated(session, record.body, entry.subject, name, index)
    return revoking.CODE, revoking.reason_for(name.dock)


async def after_revocation(session: AsyncSession, name: EntryId) -> bool:
    """Whether a place of a ledger lies beyond the last that its dock is trusted for."""
    last = await revoked_from(session, name.dock)
    return last is not None and (name.epoch, name.seq) > last


async def logged_hash(session: AsyncSession, name: EntryId) -> bytes | None:
    """Statement hash of the entry that holds a place in a dock's ledger."""
    query = select(LogEntry.statement_hash).where(
        LogEntry.dock == name.dock, LogEntry.epoch == name.epoch, LogEntry.seq == name.seq
    )
    return await session.scalar(query)


# --- clips --------------------------------------------------------------------------


async def _sealed(
    session: AsyncSession, entry: NewEntry | LogEntry, name: EntryId, record: Record, index: int
) -> Doubt | None:
    body = record.body
    if not isinstance(body, ClipSealed):
        return None
    if entry.subject != name.clip_urn:
        return "subject", f"seals {name}, but is about {entry.subject[:120]}"
    hashed = statement_hash(entry.statement)
    row = await evidence.add_sealed(session, name, record, entry_index=index, statement_hash=hashed)
    await session.flush()
    doubt = _impossible(body.content) or _foreign(body.session, name, "session")
    if doubt is not None and row.state == ClipState.SEALED:
        await evidence.mark_refused(session, name, doubt[1])
    return doubt


def _impossible(content: Content) -> Doubt | None:
    if content.size > MAX_CLIP_BYTES:
        return "clip-size", f"{content.size} bytes; {MAX_CLIP_BYTES} are accepted"
    empty = (content.size == 0, content.sha256 == EMPTY_ROOT.hex())
    if empty[0] != empty[1] or empty[0] != (content.tree.root == EMPTY_ROOT.hex()):
        return "clip-digest", f"digests that {content.size} bytes cannot have"
    return None


async def _of_clip(
    session: AsyncSession,
    entry: NewEntry | LogEntry,
    body: ClipTagged | ClipLost | EraseIntended | ClipErased,
    name: EntryId,
    index: int,
) -> Doubt | None:
    foreign = _foreign(body.clip, name, "clip")
    if foreign is not None:
        return foreign
    row = await evidence.get_clip(session, ClipId.parse(body.clip))
    if row is None:
        return "clip-unknown", f"{body.kind} about {body.clip}, which was never sealed"
    match body:
        case ClipTagged():
            await evidence.mark_tagged(session, body)
            hashed = statement_hash(entry.statement)
            await tags.keep(session, body, name, index=index, statement_hash=hashed)
        case ClipLost():
            await evidence.mark_lost(session, body)
        case EraseIntended():
            return _unreleased(row, body.kind)
        case ClipErased():
            return await _erased(session, row, body, index)
    return None


async def _erased(session: AsyncSession, row: Clip, body: ClipErased, index: int) -> Doubt | None:
    # The camera's copy is gone, whether it should be or not.
    await evidence.mark_erased(session, body, index)
    if body.reread_sha256 != row.sha256.hex():
        return "erased-differs", f"what was erased had another SHA-256 than {body.clip} as sealed"
    return _unreleased(row, body.kind)


def _unreleased(row: Clip, kind: str) -> Doubt | None:
    if row.stored_index is not None:
        return None
    return "erased-unreleased", f"{kind} of {row.id}, which this gateway has not released"


# --- sessions and the rest ----------------------------------------------------------


async def _noted(
    session: AsyncSession, body: SessionNoted, name: EntryId, index: int
) -> Doubt | None:
    foreign = _foreign(body.session, name, "session")
    if foreign is None:
        await keep_note(session, body, name, index)
    return foreign


async def _closed(session: AsyncSession, body: SessionClosed, name: EntryId) -> Doubt | None:
    foreign = _foreign(body.session, name, "session") or _foreign(body.head, name, "head")
    if foreign is not None:
        return foreign
    found = await logged_hash(session, EntryId.parse(body.head))
    if found is None or found.hex() != body.head_hash:
        return "closed-head", f"names {body.head} as the ledger's head with another hash"
    return None


async def _alarm(
    session: AsyncSession, body: AlarmRaised | AlarmCleared, name: EntryId, record: Record
) -> None:
    if isinstance(body, AlarmRaised):
        await alarms.raise_alarm(
            session,
            dock=name.dock,
            by=alarms.BY_DOCK,
            code=body.code,
            about=body.about,
            text=body.text,
            since=record.at.utc,
        )
    else:
        await alarms.clear_alarm(
            session, dock=name.dock, by=alarms.BY_DOCK, code=body.code, about=body.about
        )


def _foreign(text: str, name: EntryId, what: str) -> Doubt | None:
    """A dock speaks of its own entries, and only of those before the one that speaks."""
    other = EntryId.parse(text)
    if other.dock != name.dock:
        return f"{what}-foreign", f"{name} speaks of {text}, an entry of another dock"
    if (other.epoch, other.seq) >= (name.epoch, name.seq):
        return f"{what}-later", f"{name} speaks of {text}, which does not come before it"
    return None


def _not_a_docks(body: Body) -> Doubt | None:
    gateways = (LogOpened, DockEnrolled, DockKeyRotated, DockRevoked, ClipStored, ClipExported)
    others = (*CASE_KINDS, ClipRepaired, EpochApproved, AlarmSettled)
    kept = (HoldPlaced, HoldLifted, RulesAdopted, DisposalProposed, DisposalApproved)
    gone = (DisposalRefused, ClipDisposed, DisposalClosed)
    put_right = (ClipCorrected, ClipMarked, ClipUnmarked, RecordingGrouped, RecordingUngrouped)
    about_clips = (*kept, *gone, *put_right, ClipViewed, ClipKeySupplied)
    if isinstance(body, (*gateways, *others, *about_clips, AccountSet, ClientSet, WebhookSet)):
        return "kind", f"{body.kind} is not a dock's to state"
    return None
