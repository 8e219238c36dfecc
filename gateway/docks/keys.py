"""The statement keys of docks: rows that follow from the log, and the keys of one dock in order.

A key has one row for ever, so none ever becomes another dock's. A rotation gets its row when
the dock's own entry is logged, and counts for what is admitted once the gateway has stated it too.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.docks.models import Dock, DockKey
from gateway.log.models import LogEntry
from hashing.keys import PublicKey
from hashing.note import NoteKey
from protocols.errors import RotationError
from protocols.ids import DockId, EntryId, dock_urn
from protocols.kinds import DockEnrolled, DockKeyRotated, KeyRotated, LogOpened
from protocols.records import decode_record
from protocols.rotation import DockKeys, Rotation, open_rotation

TAKEN = "key-taken"
UNPROVED = "key-proof"


async def enrolled(session: AsyncSession, body: DockEnrolled, index: int) -> bool:
    """Keep a dock's first key; False when it is somebody's already. May run twice."""
    key = PublicKey.from_pem(body.statement_key)
    known = await session.get(DockKey, key.kid)
    if known is not None:
        return known.dock == body.dock
    session.add(
        DockKey(
            kid=key.kid,
            dock=body.dock,
            statement_key=key.pem(),
            entry_index=index,
            stated_index=index,
        )
    )
    await session.flush()
    return True


async def rotated(
    session: AsyncSession, body: KeyRotated, subject: str, name: EntryId, index: int
) -> tuple[str, str] | None:
    """Follow a logged ``key.rotated``; gives code and reason when it counts for nothing.

    Args:
        session: the transaction that commits the entry, or recovery's; may run twice.
        body: what the dock stated.
        subject: what its statement is about.
        name: the entry that states it.
        index: its position in the log.
    """
    if subject != dock_urn(name.dock):
        return "subject", f"{name} rotates a key, but is about {subject[:120]}"
    try:
        rotation = open_rotation(body, name)
        known = await session.get(DockKey, rotation.key.kid)
        if known is not None and (known.dock, known.epoch, known.seq) == (
            name.dock,
            name.epoch,
            name.seq,
        ):
            return None
        if known is not None or rotation.key.kid in await _own_kids(session):
            return TAKEN, f"{name} names a key that is somebody's already; make a new one"
        keys = await keys_of(session, name.dock)
        if keys is not None:
            keys.after(rotation)
    except RotationError as error:
        return UNPROVED, f"{name} rotates the key, and that does not count: {error}"
    session.add(
        DockKey(
            kid=rotation.key.kid,
            dock=name.dock,
            epoch=name.epoch,
            seq=name.seq,
            statement_key=rotation.key.pem(),
            entry_index=index,
        )
    )
    await session.flush()
    return None


async def stated(session: AsyncSession, body: DockKeyRotated, index: int) -> None:
    """Follow the gateway's own word on a rotation; may run twice."""
    row = await session.get(DockKey, bytes.fromhex(body.kid))
    dock = await session.get(Dock, body.dock)
    if row is None or dock is None or row.dock != body.dock:
        return
    if row.stated_index is None:
        row.stated_index = index
    last = (dock.trusted_epoch, dock.trusted_seq)
    if None in last or (body.epoch, body.seq) <= last:
        dock.statement_key, dock.kid = row.statement_key, row.kid
    await session.flush()


async def keys_of(session: AsyncSession, dock: DockId) -> DockKeys | None:
    """All keys of a dock with their places; None for a stranger."""
    first, *rest = await _rows(session, dock) or (None,)
    if first is None:
        return None
    keys = DockKeys(PublicKey.from_pem(first.statement_key))
    for row in rest:
        place = (row.epoch or 0, row.seq or 0)
        keys = keys.after(Rotation(place, keys.newest, PublicKey.from_pem(row.statement_key)))
    return keys


async def unstated(session: AsyncSession, dock: DockId) -> Sequence[DockKeyRotated]:
    """What the gateway has yet to state about a dock's rotations, in their order."""
    rows = [row for row in await _rows(session, dock) if row.stated_index is None]
    found = []
    for row in rows:
        entry = await session.get(LogEntry, row.entry_index)
        if entry is not None:
            found.append(
                DockKeyRotated(
                    dock=row.dock,
                    statement_key=row.statement_key,
                    kid=row.kid.hex(),
                    epoch=row.epoch or 0,
                    seq=row.seq or 0,
                    statement_hash=entry.statement_hash.hex(),
                )
            )
    return found


async def owner_of(session: AsyncSession, key: PublicKey) -> str | None:
    """The dock whose key this is or ever was; the gateway's name for one of its own."""
    row = await session.get(DockKey, key.kid)
    if row is not None:
        return row.dock
    return "the gateway itself" if key.kid in await _own_kids(session) else None


async def _rows(session: AsyncSession, dock: DockId) -> Sequence[DockKey]:
    query = select(DockKey).where(DockKey.dock == dock).order_by(DockKey.entry_index)
    return (await session.scalars(query)).all()


async def _own_kids(session: AsyncSession) -> frozenset[bytes]:
    """Ids of the gateway's own keys, as the log was opened with them."""
    opening = await session.get(LogEntry, 0)
    body = None if opening is None else decode_record(opening.record).body
    if not isinstance(body, LogOpened):
        return frozenset()
    pems = (body.statement_key, body.receipt_key)
    checkpoint = NoteKey.parse(body.checkpoint_key).key
    return frozenset({checkpoint.kid, *(PublicKey.from_pem(pem).kid for pem in pems)})
