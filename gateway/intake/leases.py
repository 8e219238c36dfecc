"""Which worker serves a dock: a lease in the database, fenced by a number that only grows.

Time is the database's own clock, so workers whose clocks differ agree. A lease alone cannot
stop a worker that slept through its end: every commit of that worker checks its term in
the same transaction, and docks obey the highest term they have seen (SPEC 6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database, database_now
from gateway.errors import GatewayError
from gateway.intake.models import Lease
from protocols.ids import DockId


class LeaseLostError(GatewayError):
    """Another worker serves the dock now; what this one wanted to commit is not committed."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lease this worker holds."""

    dock: DockId
    worker: str
    term: int


class Leases:
    """The leases of one worker."""

    def __init__(self, database: Database, worker: str, lease_s: float) -> None:
        """Prepare.

        Args:
            database: where leases stand.
            worker: this worker's name, unique among all that run.
            lease_s: how long a lease lasts without renewal, in seconds.
        """
        self._database = database
        self._worker = worker
        self._length = timedelta(seconds=lease_s)

    async def acquire(self, dock: DockId) -> Held | None:
        """Take the lease if it is free, run out, or this worker's own; else None."""
        async with self._database.session() as session:
            now = await database_now(session)
            row = await session.get(Lease, dock)
            if row is None:
                row = Lease(dock=dock, worker=self._worker, term=1, expires_at=now + self._length)
                session.add(row)
            elif row.worker == self._worker:
                row.expires_at = now + self._length
            elif row.expires_at <= now:
                row.worker, row.term = self._worker, row.term + 1
                row.expires_at = now + self._length
            else:
                return None
            return Held(dock, row.worker, row.term)

    async def clear(self) -> None:
        """Let every lease of other workers run out now; the terms stay.

        Only for a worker that knows it is alone, such as one that has the log open for itself.
        """
        async with self._database.session() as session:
            now = await database_now(session)
            await session.execute(
                update(Lease).where(Lease.worker != self._worker).values(expires_at=now)
            )

    async def renew(self, held: Iterable[Held]) -> set[DockId]:
        """Extend leases; returns the docks whose lease was lost."""
        lost = set()
        async with self._database.session() as session:
            now = await database_now(session)
            for lease in held:
                row = await session.get(Lease, lease.dock)
                if row is None or (row.worker, row.term) != (lease.worker, lease.term):
                    lost.add(lease.dock)
                else:
                    row.expires_at = now + self._length
        return lost

    async def release(self, held: Iterable[Held]) -> None:
        """Let others take over at once; the term stays, so that it only grows."""
        async with self._database.session() as session:
            now = await database_now(session)
            for lease in held:
                row = await session.get(Lease, lease.dock)
                if row is not None and (row.worker, row.term) == (lease.worker, lease.term):
                    row.worker, row.expires_at = "", now


async def check(session: AsyncSession, lease: Held) -> None:
    """Fence a commit: fails unless this lease is still the dock's newest.

    It may have run out: as long as nobody else took it, the commit harms nobody.

    Raises:
        LeaseLostError: another worker has taken the dock over.
    """
    query = select(Lease.worker, Lease.term).where(Lease.dock == lease.dock).with_for_update()
    found = (await session.execute(query)).one_or_none()
    if found is None or (found.worker, found.term) != (lease.worker, lease.term):
        msg = f"another worker has taken over {lease.dock}"
        raise LeaseLostError(msg)
