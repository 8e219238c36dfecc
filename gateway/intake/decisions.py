"""What an operator decides about a dock's ledger: a new epoch, an accusation that was looked into.

Both are statements in the log, with who decided and why: a gap in a ledger that somebody allowed
and an alarm that somebody ended must be found by whoever reads the dock's trail.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.docks.service import Docks
from gateway.errors import ConflictError, NotFoundError
from gateway.intake import alarms
from gateway.intake.models import EpochApproval
from gateway.log.service import Log
from protocols.ids import DockId, dock_urn
from protocols.kinds import AlarmSettled, EpochApproved

SETTLED_BY_HAND = frozenset(
    {
        alarms.FORKED,
        alarms.REWOUND,
        alarms.CLAIMED,
        alarms.BEYOND,
        alarms.CONTESTED,
        alarms.ROTATION_CONTESTED,
    }
)
_event = structlog.get_logger("gateway.decisions")


class EpochRefusedError(ConflictError):
    """The dock may not begin this epoch of its ledger."""


class AlarmNotUpError(NotFoundError):
    """No such alarm stands, or none that a person may end."""


async def apply(session: AsyncSession, body: EpochApproved | AlarmSettled, index: int) -> None:
    """Write the rows that follow from a logged decision; may run twice."""
    match body:
        case EpochApproved():
            if await session.get(EpochApproval, (body.dock, body.epoch)) is None:
                approved_at = GatewayClock().now()
                session.add(
                    EpochApproval(
                        dock=body.dock, epoch=body.epoch, token=str(index), approved_at=approved_at
                    )
                )
        case AlarmSettled():
            await alarms.clear_alarm(
                session, dock=body.dock, by=alarms.BY_GATEWAY, code=body.code, about=None
            )
    await session.flush()


class Decisions:
    """What an operator may decide; each once."""

    def __init__(self, database: Database, log: Log, docks: Docks) -> None:
        self._database = database
        self._log = log
        self._docks = docks
        # Check and statement belong together: a statement, once logged, cannot be undone.
        self._deciding = asyncio.Lock()

    async def approve_epoch(
        self, dock: str, epoch: int, *, by: str, reason: str
    ) -> tuple[EpochApproval, bool]:
        """Let a dock that lost its ledger begin the next epoch; the same again changes nothing.

        Args:
            dock: its name.
            epoch: one more than its last one in the log; named, so that a repetition after the
                dock went on approves nothing further.
            by: who decides.
            reason: what happened to its ledger.

        Returns:
            The approval, and whether this call gave it.

        Raises:
            DockUnknownError: not enrolled.
            EpochRefusedError: it is revoked, has nothing that could have been lost, or goes on
                in another epoch.
        """
        row = await self._docks.dock(dock)
        if row.revoked_index is not None:
            msg = f"{row.id} is revoked: enrol a dock of a new name with a key of its own"
            raise EpochRefusedError(msg)
        async with self._deciding:
            head = await self._log.dock_head(DockId(row.id))
            if head is None:
                msg = f"{row.id} has no entry in the log: its ledger begins in epoch 0 without this"
                raise EpochRefusedError(msg)
            known = await self._approval(row.id, epoch)
            if known is not None:
                return known, False
            if epoch != head.epoch + 1:
                msg = f"{row.id} is in epoch {head.epoch}: only epoch {head.epoch + 1} can be next"
                raise EpochRefusedError(msg)
            last = {"last_epoch": head.epoch, "last_seq": head.seq}
            index = await self._state(
                EpochApproved(dock=row.id, epoch=epoch, **last, by=by, reason=reason)
            )
            approved = await self._approval(row.id, epoch)
        if approved is None:
            msg = f"entry {index} approves epoch {epoch} of {row.id}; the database does not"
            raise EpochRefusedError(msg)
        _event.warning("epoch.approved", dock=row.id, epoch=epoch, by=by)
        return approved, True

    async def settle_alarm(self, dock: str, code: str, *, by: str, reason: str) -> int:
        """End an alarm that accuses a dock or this gateway, once somebody looked into it.

        Args:
            dock: whom it is about.
            code: of the alarm.
            by: who looked.
            reason: what was found.

        Returns:
            Position of the statement in the log.

        Raises:
            DockUnknownError: not enrolled.
            AlarmNotUpError: no such alarm stands, or it ends by itself.
        """
        row = await self._docks.dock(dock)
        if code not in SETTLED_BY_HAND:
            known = ", ".join(sorted(SETTLED_BY_HAND))
            msg = f"{code} ends by itself with its cause; a person ends only: {known}"
            raise AlarmNotUpError(msg)
        async with self._deciding:
            async with self._database.reading() as session:
                up = any(
                    (each.dock, each.by, each.code) == (row.id, alarms.BY_GATEWAY, code)
                    for each in await alarms.standing(session)
                )
            if not up:
                msg = f"no alarm {code} about {row.id} stands"
                raise AlarmNotUpError(msg)
            index = await self._state(AlarmSettled(dock=row.id, code=code, by=by, reason=reason))
        _event.warning("alarm.settled", dock=row.id, code=code, by=by)
        return index

    async def _state(self, body: EpochApproved | AlarmSettled) -> int:
        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        entry = await self._log.append_own(body, dock_urn(DockId(body.dock)), also=also)
        return entry.index

    async def _approval(self, dock: str, epoch: int) -> EpochApproval | None:
        async with self._database.reading() as session:
            return await session.get(EpochApproval, (dock, epoch))
