"""A dock is revoked: what it signed counts up to one entry of its ledger, and no further.

The entry is named in the log with who decided and why, takes effect in the transaction that logs
it, and reaches back over what was logged before anybody knew. Nothing is taken out of log or
store for it: what lies beyond that entry stays there, and is quarantined. A later revocation may
name an earlier entry, never a later one: what was once not trusted is not trusted again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import exists, insert, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database
from gateway.docks import service as docks
from gateway.docks.models import Dock
from gateway.errors import ConflictError
from gateway.evidence.models import Clip, ClipState
from gateway.intake import alarms
from gateway.intake.models import Quarantine
from gateway.log.models import LogEntry
from gateway.log.service import Log
from protocols.ids import DockId, dock_urn
from protocols.kinds import DockRevoked
from protocols.records import Record, decode_record

CODE = "revoked"
_event = structlog.get_logger("gateway.docks")

Follow = Callable[[DockId], Awaitable[None]]
"""Does what follows from a dock's revocation outside the log, such as a new list of revoked
certificates. It is called after the statement is committed, again when the operator repeats the
command, and must do no harm when called twice."""


class RevocationWiderError(ConflictError):
    """A dock is revoked from an earlier entry on already."""


class RevocationAheadError(ConflictError):
    """The entry is beyond all that is logged of the dock: nothing logged would be revoked."""


async def apply(session: AsyncSession, body: DockRevoked, record: Record, index: int) -> None:
    """Write the rows that follow from a logged revocation; may run twice.

    Args:
        session: the transaction that commits the entry, or recovery's.
        body: what was stated.
        record: with the time of the gateway's clock.
        index: position in the log.
    """
    await docks.apply(session, body, index)
    last = (body.last_epoch, body.last_seq)
    if await _quarantine(session, body.dock, last):
        await alarm(session, body.dock, since=record.at.utc)
    await session.execute(
        update(Clip)
        .where(
            Clip.dock == body.dock,
            tuple_(Clip.epoch, Clip.seq) > tuple_(*map(literal, last)),
            Clip.stored_index.is_(None),
            Clip.state.in_((ClipState.SEALED.value, ClipState.RECEIVING.value)),
        )
        .values(state=ClipState.REFUSED.value, note=reason_for(body.dock))
    )


async def alarm(session: AsyncSession, dock: str, *, since: str) -> None:
    """Somebody has to look at what a revoked dock has signed beyond its last trusted entry."""
    await alarms.raise_alarm(
        session,
        dock=dock,
        by=alarms.BY_GATEWAY,
        code=alarms.BEYOND,
        about=None,
        text=f"{dock} has signed entries beyond the last one that is trusted; they are logged and "
        "set aside. Find out who has the dock, or a copy of its key",
        since=since,
    )


def reason_for(dock: str) -> str:
    """Why an entry has no effect, for dock and operator."""
    return f"it comes after the last entry of {dock} that is trusted; the dock is revoked"


async def _quarantine(session: AsyncSession, dock: str, last: tuple[int, int]) -> bool:
    """Set aside what is logged beyond a place already; returns whether there was anything."""
    beyond = (
        LogEntry.dock == dock,
        tuple_(LogEntry.epoch, LogEntry.seq) > tuple_(*map(literal, last)),
        ~exists().where(
            Quarantine.dock == LogEntry.dock,
            Quarantine.epoch == LogEntry.epoch,
            Quarantine.seq == LogEntry.seq,
        ),
    )
    columns = (LogEntry.dock, LogEntry.epoch, LogEntry.seq, LogEntry.index)
    any_there = await session.scalar(select(LogEntry.index).where(*beyond).limit(1))
    if any_there is None:
        return False
    rows = select(*columns, literal(CODE), literal(reason_for(dock))).where(*beyond)
    names = ["dock", "epoch", "seq", "entry_index", "code", "reason"]
    await session.execute(insert(Quarantine).from_select(names, rows))
    return True


class Revoking:
    """Revokes docks, each decision once."""

    def __init__(self, database: Database, log: Log, docks_: docks.Docks) -> None:
        self._database = database
        self._log = log
        self._docks = docks_
        self._followers: list[Follow] = []
        # Check and statement belong together: a statement, once logged, cannot be undone.
        self._deciding = asyncio.Lock()

    def on_revoked(self, follow: Follow) -> None:
        """Have something done outside the log whenever a dock is revoked; see ``Follow``."""
        self._followers.append(follow)

    async def revoke(
        self, dock: str, last: tuple[int, int], *, by: str, reason: str, ahead: bool = False
    ) -> tuple[Dock, bool]:
        """Trust nothing of a dock beyond this entry; the same again changes nothing.

        Args:
            dock: its name.
            last: epoch and number of the last entry that is trusted.
            by: who decides.
            reason: what happened.
            ahead: the entry is not logged yet and is meant all the same, as on a slip of a dock
                that was away; without this, such a number is taken for a mistake.

        Returns:
            The dock, and whether this call stated anything.

        Raises:
            DockUnknownError: not enrolled.
            RevocationWiderError: it is revoked from an earlier entry on.
            RevocationAheadError: the entry is beyond the newest that is logged.
        """
        async with self._deciding:
            row = await self._docks.dock(dock)
            known = _trusted(row)
            if known is not None and last > known:
                msg = (
                    f"{row.id} is trusted up to its entry {known[0]}.{known[1]} only; a revocation "
                    "never reaches less far back than the one before"
                )
                raise RevocationWiderError(msg)
            done = known != last
            if done:
                if not ahead:
                    await self._refuse_ahead(row, last)
                await self._state(row, last, by, reason)
        for follow in self._followers:
            await follow(DockId(row.id))
        return await self._docks.dock(dock), done

    async def _refuse_ahead(self, row: Dock, last: tuple[int, int]) -> None:
        head = await self._log.dock_head(DockId(row.id))
        # Of a dock with nothing logged, no more than its very first entry can be trusted.
        newest = (0, 0) if head is None else (head.epoch, head.seq)
        if last <= newest:
            return
        there = "nothing" if head is None else f"nothing beyond its entry {newest[0]}.{newest[1]}"
        least = "its first entry, 0.0" if head is None else "that entry or an earlier one"
        msg = (
            f"{there} of {row.id} is logged: a revocation beyond {last[0]}.{last[1]} would set "
            f"nothing aside, and was not made. Name {least}; or, if the dock surely made "
            "entries that have not arrived yet, say so (--not-logged-yet)"
        )
        raise RevocationAheadError(msg)

    async def _state(self, row: Dock, last: tuple[int, int], by: str, reason: str) -> None:
        body = DockRevoked(
            dock=row.id,
            kid=row.kid.hex(),
            last_epoch=last[0],
            last_seq=last[1],
            by=by,
            reason=reason,
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            logged = await session.get_one(LogEntry, indices[0])
            await apply(session, body, decode_record(logged.record), indices[0])

        entry = await self._log.append_own(body, dock_urn(DockId(row.id)), also=also)
        _event.warning("dock.revoked", dock=row.id, last=last, by=by, index=entry.index)


def _trusted(row: Dock) -> tuple[int, int] | None:
    if row.trusted_epoch is None or row.trusted_seq is None:
        return None
    return row.trusted_epoch, row.trusted_seq
