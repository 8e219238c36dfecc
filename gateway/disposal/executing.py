"""Approved disposals: waited for, looked at clip by clip, stated, removed, closed.

What decides is asked inside the log's sequencer, in the transaction that states the tombstone: a
hold or a link is either there then and keeps the clip, or comes after its tombstone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.crashpoints import reach
from gateway.db import Database
from gateway.disposal.effects import apply, items_of
from gateway.disposal.models import Disposal, DisposalItem, DisposalState
from gateway.disposal.removing import Remover
from gateway.disposal.sureness import ClockUnsureError, SureClock
from gateway.errors import GatewayError
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import get_clip
from gateway.log.service import Log
from gateway.retention.effects import newest
from gateway.retention.service import InForce, Retention, decided
from protocols.ids import disposal_urn
from protocols.kinds import ClipDisposed, DisposalClosed, LeftOut, RulesNamed

_EVERY_S = 30.0
_event = structlog.get_logger("gateway.disposal")


class _LeftOutError(GatewayError):
    """The clip stays."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _StoppedError(GatewayError):
    """The disposal was refused meanwhile: no more of it."""


class Executing:
    """Executes what was approved and has waited."""

    def __init__(
        self,
        database: Database,
        log: Log,
        retention: Retention,
        remover: Remover,
        clock: SureClock,
    ) -> None:
        self._database, self._log, self._retention = database, log, retention
        self._remover, self._clock = remover, clock
        self._ran: dict[str, float] = {}
        self.blocked: ClockUnsureError | None = None
        """why nothing is disposed of now; None when nothing stands against it"""

    async def run(self) -> None:
        """Look every half minute until cancelled; failures are logged and tried again."""
        while True:
            try:
                await self.tick()
            except GatewayError as error:
                _event.error("disposal.failed", reason=str(error))
            await asyncio.sleep(_EVERY_S)

    async def tick(self) -> None:
        """Count the waiting, finish what was logged, execute what has waited.

        Raises:
            GatewayError: store, log or database could not do it; the same again goes on.
        """
        await self._remover.settle()
        for row in await self._approved():
            await self._wait(row)
        for row in await self._approved():
            if row.waited_s < row.wait_s:
                continue
            try:
                now = await self._clock.compared()
            except ClockUnsureError as error:
                if self.blocked is None:
                    _event.warning("disposal.waits", reason=str(error))
                self.blocked = error
                return
            self.blocked = None
            # By both clocks: the one that can be set and the one that cannot.
            approved = row.approved_at or now
            if (now - approved).total_seconds() >= row.wait_s:
                await self.execute(row)

    async def execute(self, row: Disposal) -> None:
        """Dispose of every clip that nothing keeps; close the disposal.

        Raises:
            GatewayError: store, log or database could not do it; the same again goes on.
        """
        left: list[LeftOut] = []
        for item in await self._items(row.token):
            if item.disposed_index is not None:
                continue
            try:
                await self._dispose(row, item)
            except _LeftOutError as error:
                reason = str(error)[:2000]
                left.append(LeftOut(clip=str(item.clip), code=error.code, reason=reason))
            except _StoppedError:
                _event.warning("disposal.stopped", disposal=row.token)
                return
        await self._close(row, left)

    # --- waiting ---------------------------------------------------------------------

    async def _wait(self, row: Disposal) -> None:
        """Add what this host has run since it was last looked at, by this very process."""
        running, before = self._clock.running_s(), self._ran.get(row.token)
        self._ran[row.token] = running
        if before is None or running <= before:
            return
        async with self._database.session() as session:
            mine = await session.get_one(Disposal, row.token)
            mine.waited_s = mine.waited_s + (running - before)

    async def _approved(self) -> Sequence[Disposal]:
        query = (
            select(Disposal)
            .where(Disposal.state == DisposalState.APPROVED.value)
            .order_by(Disposal.proposed_index)
        )
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def _items(self, token: str) -> Sequence[DisposalItem]:
        async with self._database.reading() as session:
            return (await session.scalars(items_of(token))).all()

    # --- one clip --------------------------------------------------------------------

    async def _dispose(self, row: Disposal, item: DisposalItem) -> None:
        rules = await self._retention.in_force()
        async with self._database.reading() as session:
            clip = await self._look(session, row, item, rules)
            decision = (await decided(session, [clip], rules))[clip.id]
        body = ClipDisposed(
            clip=str(item.clip),
            disposal=row.token,
            size=clip.size,
            sha256=clip.sha256.hex(),
            root=clip.root.hex(),
            rules=_named(row),
            why=tuple(f"{each.code}: {each.en}"[:2000] for each in decision.reasons[:64]),
            proposed=row.proposed_index,
            approved=row.approved_index or 0,
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            await self._look(session, row, item, rules)
            await apply(session, body, indices[0])

        reach("disposal.before-stating")
        await self._log.append_own(body, item.clip.clip_urn, (disposal_urn(row.token),), also=also)
        reach("disposal.stated")
        await self._remover.remove(item.clip)

    async def _look(
        self, session: AsyncSession, row: Disposal, item: DisposalItem, rules: InForce | None
    ) -> Clip:
        """The clip, if it may go by all that this transaction sees."""
        now = await session.get_one(Disposal, row.token)
        if now.state != DisposalState.APPROVED:
            raise _StoppedError(f"disposal {row.token} is {now.state}")
        in_force = await newest(session)
        same = in_force is not None and in_force.sha256 == row.rules_sha256
        if rules is None or not same or rules.row.sha256 != row.rules_sha256:
            raise _LeftOutError("rules-changed", "other rules are in force than when it was due")
        clip = await get_clip(session, item.clip)
        if clip is None or clip.state != ClipState.STORED:
            state = "unknown" if clip is None else clip.state
            raise _LeftOutError("not-stored", f"its bytes are not in the store now: {state}")
        if (clip.size, clip.sha256) != (item.size, item.sha256):
            raise _LeftOutError("differs", "it is not the clip that was proposed")
        decision = (await decided(session, [clip], rules))[clip.id]
        if not decision.is_over(self._clock.now()):
            keeping = decision.keeping(self._clock.now()) or decision.reasons
            words = "; ".join(each.en for each in keeping[:8])
            code = keeping[0].code if keeping else "kept"
            raise _LeftOutError(code.partition(":")[0], words or "kept")
        return clip

    # --- the end ---------------------------------------------------------------------

    async def _close(self, row: Disposal, left: Sequence[LeftOut]) -> None:
        gone = [item for item in await self._items(row.token) if item.disposed_index is not None]
        body = DisposalClosed(
            disposal=row.token,
            proposed=row.clips,
            disposed=len(gone),
            bytes=sum(item.size for item in gone),
            list_sha256=list_digest(gone),
            left_out=tuple(left),
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            now = await session.get_one(Disposal, row.token)
            if now.state != DisposalState.APPROVED:
                raise _StoppedError(f"disposal {row.token} is {now.state}")
            await apply(session, body, indices[0])

        urns = [item.clip.clip_urn for item in await self._items(row.token)]
        try:
            await self._log.append_own(body, disposal_urn(row.token), urns, also=also)
        except _StoppedError:
            return
        reach("disposal.closed")
        self._ran.pop(row.token, None)
        _event.warning(
            "disposal.closed", disposal=row.token, disposed=len(gone), left_out=len(left)
        )


def list_digest(items: Sequence[DisposalItem]) -> str:
    """SHA-256 over the lines ``clip sha256 size`` of clips that are gone."""
    hasher = hashlib.sha256()
    for item in items:
        hasher.update(f"{item.clip} {item.sha256.hex()} {item.size}\n".encode())
    return hasher.hexdigest()


def _named(row: Disposal) -> RulesNamed:
    return RulesNamed(version=row.rules_version, sha256=row.rules_sha256.hex())
