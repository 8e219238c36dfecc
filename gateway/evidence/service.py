"""Clips: rows made from sealed records, their further life, and look-ups.

Rows are written only inside the transaction that commits the log entry they follow from
(the intake's ``also``, or recovery), so every function that changes one takes the session
and may run twice. Nothing here decides whether a statement is genuine: admission did.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database
from gateway.errors import InvalidError
from gateway.evidence.among import among
from gateway.evidence.finding import ClipFilter, ClipReach, Order, clips_query, place_query
from gateway.evidence.models import NAME_START, Clip, ClipState
from gateway.evidence.times import around, moment_of, times_of
from gateway.log.models import LogEntry
from gateway.storage.store import Store
from protocols.ids import ClipId, DockId
from protocols.kinds import (
    CameraClaim,
    ClipDisposed,
    ClipErased,
    ClipLost,
    ClipSealed,
    ClipStored,
    ClipTagged,
    Imported,
)
from protocols.records import Record
from protocols.shown import shown

__all__ = ["ClipFilter", "ClipReach", "Evidence", "Order"]

MAX_PAGE = 500


class CursorUnknownError(InvalidError):
    """A cursor that no page of such a list gave, or whose clip is not in it any more."""


def object_key(clip: ClipId) -> str:
    """Where a clip's content lies in the store; it follows from the clip's name alone."""
    return f"clips/{clip.dock}/{clip.epoch}/{clip.seq}"


def leaf_list_key(clip: ClipId) -> str:
    """Where the hashes of a clip's leaves lie, joined; a clip of one leaf needs none."""
    return f"leaves/{clip.dock}/{clip.epoch}/{clip.seq}"


# --- rows, written inside the transaction of the log entry ---------------------------


def clip_from_sealed(
    clip: ClipId, record: Record, *, entry_index: int, statement_hash: bytes
) -> Clip:
    """Build the row of a clip from its logged ``clip.sealed``.

    Args:
        clip: name of the entry.
        record: the decoded record; its body must be ``ClipSealed``.
        entry_index: position in the log.
        statement_hash: of the dock's statement.

    Raises:
        TypeError: the record is of another kind.
    """
    body = record.body
    if not isinstance(body, ClipSealed):
        msg = f"{record.kind} seals no clip"
        raise TypeError(msg)
    clock = _known(body.camera_clock)
    times = times_of(clock, body.media.duration_ms, record.at.utc)
    return Clip(
        dock=clip.dock,
        epoch=clip.epoch,
        seq=clip.seq,
        entry_index=entry_index,
        statement_hash=statement_hash,
        size=body.content.size,
        sha256=bytes.fromhex(body.content.sha256),
        root=bytes.fromhex(body.content.tree.root),
        leaves=body.content.tree.leaves,
        session=body.session,
        name=shown(body.source.name),
        name_start=shown(body.source.name)[:NAME_START],
        path=shown(body.source.path_bytes().decode(errors="backslashreplace")),
        camera=_camera(body.source.camera),
        volume=shown(body.source.volume),
        officer=_shown(body.source.officer),
        unit=_shown(body.source.unit),
        started_claim=_shown(body.camera_clock.started),
        camera_clock=clock,
        started_earliest=times.started_earliest,
        started_latest=times.started_latest,
        ended_latest=times.ended_latest,
        sealed_at=shown(record.at.utc),
        sealed_time=moment_of(record.at.utc),
        sealed_clock=_known(record.at),
        marked=body.source.marked,
        media=_known(body.media) | {"streams": [_known(stream) for stream in body.media.streams]},
        state=ClipState.SEALED.value,
        received_bytes=0,
        imported=None if body.source.imported is None else _told(body.source.imported),
    )


async def get_clip(session: AsyncSession, clip: ClipId) -> Clip | None:
    """The row of one clip inside the caller's transaction."""
    return await session.get(Clip, (clip.dock, clip.epoch, clip.seq))


async def get_clips(session: AsyncSession, clips: Collection[ClipId]) -> dict[ClipId, Clip]:
    """The rows of many clips inside the caller's transaction."""
    query = select(Clip).where(is_among(clips))
    return {row.id: row for row in await session.scalars(query)}


def is_among(clips: Iterable[ClipId]) -> ColumnElement[bool]:
    """Condition on clips: one of these."""
    return among(Clip.dock, Clip.epoch, Clip.seq, clips)


async def add_sealed(
    session: AsyncSession,
    clip: ClipId,
    record: Record,
    *,
    entry_index: int,
    statement_hash: bytes,
) -> Clip:
    """Add the row of a sealed clip, or return the one that is there already."""
    row = await get_clip(session, clip)
    if row is None:
        row = clip_from_sealed(clip, record, entry_index=entry_index, statement_hash=statement_hash)
        session.add(row)
    return row


async def mark_receiving(session: AsyncSession, clip: ClipId, received_bytes: int) -> None:
    """Note how much verified content is here; never turns a stored clip back."""
    row = await get_clip(session, clip)
    if row is not None and row.state in {ClipState.SEALED, ClipState.RECEIVING}:
        row.state = ClipState.RECEIVING.value
        row.received_bytes = min(received_bytes, row.size)


async def mark_stored(session: AsyncSession, body: ClipStored, index: int) -> None:
    """Follow a logged ``clip.stored``: from here on the content can be read.

    A clip that the dock called lost, or whose first effect was refused, is stored all the
    same when the gateway did store it: its own statement says so. Whether the object is
    still there is not asked here, where a recovery may be adding old entries; the intake
    asks before it releases anything.
    """
    clip = ClipId.parse(body.clip)
    row = await get_clip(session, clip)
    if row is not None and row.stored_index is None:
        row.state = ClipState.STORED.value
        row.received_bytes = row.size
        row.object_key = object_key(clip)
        row.stored_index = index
        # The batch's time: a database that is rebuilt years later has the same.
        at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == index))
        row.stored_time = at
        if at is not None and row.ended_latest is not None:
            row.delay_ms = (at - row.ended_latest) // timedelta(milliseconds=1)


async def mark_missing(session: AsyncSession, clip: ClipId) -> bool:
    """The content of a stored clip is not in the store: it is to come in once more.

    That it was stored stays said: ``stored_index`` is the log's.

    Returns:
        Whether it is to; what was disposed of meanwhile is where it should be.
    """
    row = await get_clip(session, clip)
    if row is not None and row.state == ClipState.STORED:
        row.state = ClipState.SEALED.value
        row.received_bytes = 0
    return row is None or row.state != ClipState.DISPOSED


async def mark_back(session: AsyncSession, clip: ClipId) -> bool:
    """A clip is in the store that an earlier ``clip.stored`` speaks of, if there is one.

    Returns:
        Whether there is one, which then needs no second.
    """
    row = await get_clip(session, clip)
    if row is None or row.stored_index is None:
        return False
    if row.state == ClipState.DISPOSED:
        # Whatever brought it back: it is to go again, and is given to nobody.
        row.object_key = object_key(clip)
        return True
    row.state = ClipState.STORED.value
    row.received_bytes = row.size
    row.note = None
    return True


async def mark_disposed(session: AsyncSession, body: ClipDisposed, index: int) -> None:
    """Follow a logged ``clip.disposed``: nobody is given the content any more.

    The row says where the object lay until it is gone for good (``object_key``).
    """
    row = await get_clip(session, ClipId.parse(body.clip))
    if row is not None and row.disposed_index is None:
        row.state = ClipState.DISPOSED.value
        row.disposed_index = index


async def mark_lost(session: AsyncSession, body: ClipLost) -> None:
    """Follow a logged ``clip.lost``; what is stored already stays stored."""
    row = await get_clip(session, ClipId.parse(body.clip))
    if row is not None and row.state not in {ClipState.STORED, ClipState.DISPOSED}:
        row.state = ClipState.LOST.value
        row.note = shown(body.reason)


async def mark_refused(session: AsyncSession, clip: ClipId, reason: str) -> None:
    """Note that the effect of a logged entry was refused (see quarantine)."""
    row = await get_clip(session, clip)
    if row is not None and row.stored_index is None:
        row.state = ClipState.REFUSED.value
        row.note = shown(reason)


async def mark_tagged(session: AsyncSession, body: ClipTagged) -> None:
    """Follow a logged ``clip.tagged``; the newest tag shows."""
    row = await get_clip(session, ClipId.parse(body.clip))
    if row is not None:
        row.tagged_case = _shown(body.case_no) or row.tagged_case
        row.tagged_category = _shown(body.category) or row.tagged_category


def date_anew(row: Clip, started: str | None, error_ms: int) -> None:
    """Follow a correction of when a recording began: lists by time go by what counts.

    Args:
        row: the clip's.
        started: what counts instead of the claim, UTC; None takes that back.
        error_ms: by how much it may be off.
    """
    bounds = None if started is None else around(started, error_ms)
    if bounds is not None:
        row.started_earliest, row.started_latest = bounds
        return
    times = times_of(row.camera_clock, row.media.get("duration_ms"), row.sealed_at)
    row.started_earliest, row.started_latest = times.started_earliest, times.started_latest


async def mark_erased(session: AsyncSession, body: ClipErased, index: int) -> None:
    """Follow a logged ``clip.erased``: the camera's copy is gone."""
    row = await get_clip(session, ClipId.parse(body.clip))
    if row is not None:
        row.erased_index = index


# --- look-ups ------------------------------------------------------------------------


class Evidence:
    """Look-ups over clips and their stored content."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    async def clip(self, clip: ClipId, *, within: ColumnElement[bool] | None = None) -> Clip | None:
        """One clip, or None when no ``clip.sealed`` of that name was logged.

        Args:
            clip: its name.
            within: how far the asker's reach goes; what lies beyond is not there.
        """
        query = select(Clip).where(
            Clip.dock == clip.dock, Clip.epoch == clip.epoch, Clip.seq == clip.seq
        )
        async with self._database.glance() as session:
            return await session.scalar(query if within is None else query.where(within))

    async def clips(self, clips: Collection[ClipId]) -> dict[ClipId, Clip]:
        """Many clips by their names; those that were never logged are not in it."""
        async with self._database.glance() as session:
            return await get_clips(session, clips)

    async def within(
        self, clips: Collection[ClipId], condition: ColumnElement[bool]
    ) -> set[ClipId]:
        """Those of these clips that are within somebody's reach."""
        query = select(Clip.dock, Clip.epoch, Clip.seq).where(is_among(clips), condition)
        async with self._database.glance() as session:
            found = await session.execute(query)
            return {ClipId(DockId(dock), epoch, seq) for dock, epoch, seq in found}

    async def find(self, wanted: ClipFilter, limit: int) -> Sequence[Clip]:
        """One page of clips, newest first in their order, at most ``limit`` and ``MAX_PAGE``.

        Raises:
            CursorUnknownError: ``before`` is no clip of that list.
        """
        # No view of both is needed: between two pages of a list, clips are dated anew as well.
        after = None
        if wanted.before is not None and wanted.order is not Order.LOG:
            async with self._database.glance() as session:
                after = await session.scalar(place_query(wanted))
            if after is None:
                raise CursorUnknownError("this cursor is none of such a list; begin anew")
        async with self._database.glance() as session:
            return (await session.scalars(clips_query(wanted, after, min(limit, MAX_PAGE)))).all()

    async def newest_of_dock(self, dock: str, limit: int) -> Sequence[Clip]:
        """What a dock sealed last, newest first in the order of its ledger."""
        newest = select(Clip).where(Clip.dock == dock).order_by(Clip.epoch.desc(), Clip.seq.desc())
        async with self._database.glance() as session:
            return (await session.scalars(newest.limit(limit))).all()

    async def of_session(self, session_name: str) -> Sequence[Clip]:
        """Every clip of one docking, in the order of the log."""
        query = select(Clip).where(Clip.session == session_name).order_by(Clip.entry_index)
        async with self._database.glance() as session:
            return (await session.scalars(query)).all()

    async def count_by_session(self, sessions: Collection[str]) -> dict[str, int]:
        """How many clips of each of these dockings are logged; no name when there are none."""
        query = (
            select(Clip.session, func.count())
            .where(Clip.session.in_(sessions))
            .group_by(Clip.session)
        )
        async with self._database.glance() as session:
            return {row[0]: row[1] for row in await session.execute(query)}

    async def content_is_there(self, clip: Clip) -> bool:
        """Whether the store still has an object of the clip's size under its key."""
        key = clip.object_key
        if key is None or not await self._store.exists(key):
            return False
        return await self._store.size(key) == clip.size

    async def contents_there(self, clips: Sequence[Clip]) -> set[ClipId]:
        """Those of many clips whose object the store still has, in its size.

        Raises:
            StoreError: the store cannot tell.
        """
        stored = [
            (clip, clip.object_key)
            for clip in clips
            if clip.object_key is not None and clip.state != ClipState.DISPOSED
        ]
        sizes = await self._store.sizes([key for _, key in stored])
        return {clip.id for (clip, _), size in zip(stored, sizes, strict=True) if size == clip.size}

    def content(self, clip: Clip, start: int, length: int) -> AsyncIterator[bytes]:
        """Bytes of a stored clip from ``start``, in chunks of constant memory."""
        return self._store.open_range(object_key(clip.id), start, length)


def _shown(text: str | None) -> str | None:
    return None if text is None else shown(text)


def _known(part: BaseModel) -> dict[str, Any]:
    # Unknown fields of a newer program stay in the record: they may hold what no JSON column
    # of every database takes, such as 1e999.
    return part.model_dump(mode="json", exclude_none=True, include=set(type(part).model_fields))


def _told(how: Imported) -> dict[str, Any]:
    return {"by": shown(how.by), "why": shown(how.why), "origin": shown(how.origin)}


def _camera(claim: CameraClaim) -> str | None:
    says: dict[str, Any] = claim.model_dump(include={"serial", "name", "model"})
    first = says["serial"] or says["name"] or says["model"]
    return _shown(first)
