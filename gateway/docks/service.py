"""Docks: enrolment, keys, and what they last announced.

A dock's key is trusted because a statement in the log says so, from that position on; the
row only repeats it. A key is never swapped silently: another key for a known dock is
refused, unless the dock itself rotated to it in its ledger (``keys``). What a dock announces
over the broker is a claim and changes no trust.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.docks import keys
from gateway.docks.models import Dock, DockKey, SessionNote, UnknownDock
from gateway.errors import ConflictError, DockKeyDiffersError, InvalidError, NotFoundError
from gateway.log.models import LogEntry
from gateway.log.service import Log
from hashing.errors import HashingError
from hashing.keys import PublicKey
from protocols.anchors import Anchors
from protocols.errors import IdError
from protocols.ids import DockId, EntryId, dock_id, dock_urn
from protocols.kinds import DockEnrolled, DockKeyRotated, DockRevoked, SessionNoted
from protocols.messages import BayState, Head, State
from protocols.rotation import DockKeys
from protocols.shown import shown

MAX_UNKNOWN = 1000
"""Names kept of strangers; anybody on a broker without accounts can make up more."""

BEYOND_ALL = (1 << 63, 0)
"""A place after every entry there can be."""

_event = structlog.get_logger("gateway.docks")


class DockUnknownError(NotFoundError):
    """No dock of that name is enrolled."""


class KeyTakenError(ConflictError):
    """Another dock is enrolled with that key."""


Stated = DockEnrolled | DockKeyRotated | DockRevoked


async def apply(session: AsyncSession, body: Stated, index: int) -> None:
    """Write the row that follows from a logged statement about a dock; may run twice.

    Args:
        session: the transaction that commits the entry, or recovery's.
        body: what was stated.
        index: position in the log.
    """
    row = await session.get(Dock, body.dock)
    match body:
        case DockEnrolled():
            if row is None and await keys.enrolled(session, body, index):
                key = PublicKey.from_pem(body.statement_key)
                session.add(
                    Dock(
                        id=body.dock,
                        statement_key=key.pem(),
                        kid=key.kid,
                        how=body.how,
                        enrolled_index=index,
                    )
                )
            stranger = await session.get(UnknownDock, body.dock)
            if stranger is not None:
                await session.delete(stranger)
        case DockKeyRotated():
            await keys.stated(session, body, index)
        case DockRevoked() if row is not None:
            # Of several the one that reaches furthest back counts, in whatever order.
            before = (row.trusted_epoch, row.trusted_seq)
            if None in before or (body.last_epoch, body.last_seq) < before:
                row.revoked_index = index
                row.trusted_epoch = body.last_epoch
                row.trusted_seq = body.last_seq
        case _:
            pass
    await session.flush()


async def revoked_from(session: AsyncSession, dock: DockId) -> tuple[int, int] | None:
    """Epoch and number of the last trusted entry of a revoked dock; None while trusted."""
    row = await session.get(Dock, dock)
    if row is None or row.trusted_epoch is None or row.trusted_seq is None:
        return None
    return row.trusted_epoch, row.trusted_seq


async def revoked_docks(session: AsyncSession) -> dict[str, datetime]:
    """Names of all revoked docks, and when each revocation was logged."""
    logged = LogEntry.index == Dock.revoked_index
    query = select(Dock.id, LogEntry.admitted_at).join(LogEntry, logged)
    return {row.id: row.admitted_at for row in await session.execute(query)}


async def keep_note(session: AsyncSession, body: SessionNoted, entry: EntryId, index: int) -> None:
    """Follow a logged ``session.noted`` of the dock's own; may run twice."""
    if await session.get(SessionNote, (entry.dock, entry.epoch, entry.seq)) is None:
        session.add(
            SessionNote(
                dock=entry.dock,
                epoch=entry.epoch,
                seq=entry.seq,
                entry_index=index,
                session=body.session,
                reason=shown(body.reason),
                text=None if body.text is None else shown(body.text),
                officer=None if body.officer is None else shown(body.officer),
            )
        )
        await session.flush()


class Docks:
    """Acts on docks and look-ups."""

    def __init__(self, database: Database, log: Log, clock: GatewayClock | None = None) -> None:
        self._database = database
        self._log = log
        self._clock = clock or GatewayClock()
        # Check and statement belong together: a statement, once logged, cannot be undone.
        self._enrolling = asyncio.Lock()

    async def enrol(
        self, dock: str, statement_key: str, how: str, certificates: Sequence[bytes] = ()
    ) -> tuple[Dock, bool]:
        """Trust a dock's key from now on; the same again changes nothing.

        Args:
            dock: its name.
            statement_key: public key in PEM form.
            how: how the key was handed over, for the record.
            certificates: of the key, DER, its own first and the root last.

        Returns:
            The dock, and whether this call enrolled it.

        Raises:
            InvalidError: not a dock's name, or not a usable key.
            DockKeyDiffersError: the dock is enrolled with another key.
            KeyTakenError: the key speaks for another dock already.
        """
        name, key = _checked(dock, statement_key)
        async with self._enrolling:
            row = await self._find(name)
            if row is not None:
                if row.kid != key.kid:
                    await self._refuse_past(name, key)
                    msg = f"{name} is enrolled with another key; a key is never swapped silently"
                    raise DockKeyDiffersError(msg)
                return row, False
            other = await self._owner_of(key)
            if other is not None:
                msg = f"this key is or was that of {other}; make one key for each dock"
                raise KeyTakenError(msg)
            body = DockEnrolled(
                dock=name,
                statement_key=key.pem(),
                kid=key.kid.hex(),
                how=how,
                certificates=tuple(base64.b64encode(each).decode() for each in certificates)
                or None,
            )

            async def also(session: AsyncSession, indices: list[int]) -> None:
                await apply(session, body, indices[0])

            entry = await self._log.append_own(body, dock_urn(name), also=also)
            _event.info("dock.enrolled", dock=name, kid=key.kid.hex(), index=entry.index)
            return await self.dock(name), True

    def anchors(self) -> Anchors:
        """What a dock has to trust."""
        return self._log.anchors()

    # --- look-ups --------------------------------------------------------------------

    async def dock(self, dock: str) -> Dock:
        """One dock.

        Raises:
            DockUnknownError: not enrolled.
        """
        row = await self._find(dock)
        if row is None:
            msg = f"no dock {dock[:40]!r} is enrolled"
            raise DockUnknownError(msg)
        return row

    async def docks(self) -> Sequence[Dock]:
        """All enrolled docks by name."""
        async with self._database.reading() as session:
            return (await session.scalars(select(Dock).order_by(Dock.id))).all()

    async def strangers(self) -> Sequence[UnknownDock]:
        """Names that speak on the broker and are not enrolled."""
        async with self._database.reading() as session:
            return (await session.scalars(select(UnknownDock).order_by(UnknownDock.id))).all()

    async def notes(self, dock: str, *, before: int | None, limit: int) -> Sequence[SessionNote]:
        """What officers noted of a dock's sessions, newest first; ``before`` is a log position.

        Raises:
            DockUnknownError: not enrolled.
        """
        row = await self.dock(dock)
        query = select(SessionNote).where(SessionNote.dock == row.id)
        if before is not None:
            query = query.where(SessionNote.entry_index < before)
        newest = query.order_by(SessionNote.entry_index.desc()).limit(limit)
        async with self._database.reading() as session:
            return (await session.scalars(newest)).all()

    async def speaker(self, kid: bytes) -> str | None:
        """The dock whose statement key this is or ever was; None for a key of nobody."""
        async with self._database.reading() as session:
            return await session.scalar(select(DockKey.dock).where(DockKey.kid == kid))

    async def key(self, dock: DockId) -> PublicKey | None:
        """The newest key of a dock, None for a stranger.

        A revoked dock's key still verifies what it signed; ``revoked_from`` says how far
        that is trusted.
        """
        row = await self._find(dock)
        return None if row is None else PublicKey.from_pem(row.statement_key)

    async def keys(self, dock: DockId) -> DockKeys | None:
        """All keys of a dock, each with its places in the ledger; None for a stranger."""
        async with self._database.reading() as session:
            return await keys.keys_of(session, dock)

    async def confirm_rotations(self, dock: DockId) -> int:
        """State in the log what a dock rotated to and was not confirmed yet; may run twice.

        Until then no entry under the new key is admitted, so that the log has this one first.

        Returns:
            How many rotations were stated.

        Raises:
            GatewayError: the log could not take it; begin again later.
        """
        async with self._enrolling:
            async with self._database.reading() as session:
                bodies = await keys.unstated(session, dock)
            for body in bodies:
                await self._confirm(body)
        return len(bodies)

    async def _confirm(self, body: DockKeyRotated) -> None:
        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        entry = await self._log.append_own(body, dock_urn(DockId(body.dock)), also=also)
        place = f"{body.epoch}.{body.seq}"
        _event.info("dock.rotated", dock=body.dock, kid=body.kid, at=place, index=entry.index)

    # --- what docks announce ---------------------------------------------------------

    async def record_head(self, dock: DockId, head: Head) -> bool:
        """Keep a dock's newest announcement; False for a stranger, who is only counted."""
        async with self._database.session() as session:
            row = await session.get(Dock, dock)
            if row is None:
                await self._count_stranger(session, dock)
                return False
            row.last_head = head.model_dump(mode="json", exclude_none=True)
            row.head_at = row.seen_at = self._clock.now()
            return True

    async def record_state(self, dock: DockId, state: State) -> bool:
        """Keep whether a dock is connected; False for a stranger, who is only counted."""
        async with self._database.session() as session:
            row = await session.get(Dock, dock)
            if row is None:
                await self._count_stranger(session, dock)
                return False
            row.state = state.state
            row.version = state.version
            row.bays = None if state.bays is None else [_stands(bay) for bay in state.bays]
            row.seen_at = self._clock.now()
            return True

    async def _count_stranger(self, session: AsyncSession, dock: DockId) -> None:
        row = await session.get(UnknownDock, dock)
        if row is not None:
            row.count += 1
            row.seen_at = self._clock.now()
            return
        known = await session.scalar(select(func.count()).select_from(UnknownDock))
        if (known or 0) < MAX_UNKNOWN:
            session.add(UnknownDock(id=dock, count=1, seen_at=self._clock.now()))
            _event.warning("dock.unknown", dock=dock)

    async def _find(self, dock: str) -> Dock | None:
        async with self._database.reading() as session:
            return await session.get(Dock, dock)

    async def _owner_of(self, key: PublicKey) -> str | None:
        async with self._database.reading() as session:
            return await keys.owner_of(session, key)

    async def _refuse_past(self, dock: DockId, key: PublicKey) -> None:
        known = await self.keys(dock)
        gone = known.given_up(key.kid, BEYOND_ALL) if known is not None else None
        if gone is not None:
            msg = f"{dock} gave this key up at its entry {gone[0]}.{gone[1]}; it has a newer one"
            raise DockKeyDiffersError(msg)


def _checked(dock: str, statement_key: str) -> tuple[DockId, PublicKey]:
    try:
        return dock_id(dock), PublicKey.from_pem(statement_key)
    except (IdError, HashingError) as error:
        raise InvalidError(str(error)) from error


def _stands(bay: BayState) -> dict[str, Any]:
    # Claims of a dock, and through it of a camera: fit to show.
    told = bay.model_dump(exclude_none=True)
    return {name: shown(said) if isinstance(said, str) else said for name, said in told.items()}
