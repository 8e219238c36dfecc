"""One dock's intake: what its messages mean, what is asked of it next, what it is told.

Everything is derived from the database, the staging files and the dock's announcements, so
it can be thrown away at any point and begun again: that is how every failure is handled.
Several tasks work at once, so a clip is stored and read back while the next one comes in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

import structlog
from sqlalchemy import ColumnElement, select, tuple_

from gateway.docks.models import Dock
from gateway.evidence import service as evidence
from gateway.evidence.models import Clip, ClipState
from gateway.intake.admit import Refused
from gateway.intake.asking import Asking
from gateway.intake.confirming import Confirming
from gateway.intake.entries import Entries, Logged, pause_for
from gateway.intake.keeping import Keeper, Keeping
from gateway.intake.leases import Held, LeaseLostError
from gateway.intake.means import Means
from gateway.intake.proofs import Proofs
from gateway.intake.receiving import Incoming, Receiving
from protocols.errors import MessageError
from protocols.ids import ClipId, DockId, EntryId
from protocols.kinds import ClipLost, ClipTagged
from protocols.messages import (
    Entry,
    Head,
    LedgerWant,
    Nack,
    Refusal,
    Retry,
    decode_page,
)
from protocols.records import CheckpointRef
from protocols.topics import DockTopic, FromDock, ToDock
from protocols.transfer import Transfer
from protocols.window import Limits

KEEPERS = 2
_MAX_PAGES = 4
_TICK_S = 1.0
_LOOK_AGAIN_S = 30.0
_TELL_AGAIN_S = 60.0
_event = structlog.get_logger("gateway.intake")


class DockIntake:
    """One dock, under one lease."""

    def __init__(self, means: Means, lease: Held, dock: Dock) -> None:
        """Prepare; nothing happens before ``run``.

        Args:
            means: the worker's services.
            lease: proves that this worker may serve the dock.
            dock: its enrolment.
        """
        settings = means.settings
        self._means = means
        self._lease = lease
        self._dock: DockId = lease.dock
        self._transfer = Transfer(
            Limits(
                part_size=settings.part_size,
                window_bytes=settings.window_bytes,
                window_messages=settings.window_messages,
            )
        )
        self._entries = Entries(means, lease)
        self._confirming = Confirming(
            means, lease, confirmed=self._is_confirmed, missing=self._again
        )
        self._proofs = Proofs(
            means,
            lease.dock,
            pinned_size=dock.enrolled_index + 1,
            confirm=self._confirming.add,
        )
        self.receiving = Receiving(means, self._transfer, whole=self._clip_is_whole)
        self._asking = Asking(means, lease, self._transfer, self.receiving)
        self._keeping = Keeping(
            Keeper(means, lease),
            stored=self._is_stored,
            again=self._again,
            refused=self._impossible,
        )
        self._head: Head | None = None
        self._known_head: Head | None = None
        self._pages: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._lost = False
        self._refusals = 0
        self._looked_at: tuple[object, float] = (None, float("-inf"))
        self._told: dict[str, float] = {}

    # --- from the connection, synchronously -------------------------------------------

    def announced(self, head: Head) -> None:
        """The dock said where its ledger stands; only the newest announcement counts."""
        self._head = head
        self._wake.set()

    def deliver(self, topic: DockTopic, payload: bytes) -> None:
        """Take an answer; what was not asked for is dropped here."""
        now = _now()
        match topic.what:
            case FromDock.PART:
                useful = self.receiving.take_part(topic, payload, now)
            case FromDock.LEAVES:
                useful = self.receiving.take_list_part(topic, payload, now)
            case FromDock.LEDGER:
                useful = self._asking.awaits_page(now) and len(self._pages) < _MAX_PAGES
                if useful:
                    self._pages.append(payload)
            case FromDock.NACK:
                useful = self._take_nack(payload, now)
            case _:
                useful = False
        if useful:
            self._means.shares.heard(self._dock, now)
            self._wake.set()

    def reconnected(self) -> None:
        """The connection to the broker is a new one."""
        self._proofs.reconnected()
        self._wake.set()

    def abandon(self) -> None:
        """The lease is lost: ``run`` ends with LeaseLostError."""
        self._lost = True
        self._wake.set()

    def _take_nack(self, payload: bytes, now: float) -> bool:
        try:
            nack = Nack.decode(payload)
        except MessageError:
            return False
        self._transfer.refused(nack, now)
        return True

    # --- life -------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the dock until cancelled.

        Raises:
            ExceptionGroup: of GatewayErrors; begin again with a new object.
        """
        await self._entries.load()
        self._transfer.committed(*self._entries.next)
        await self._load_clips()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._control())
            tasks.create_task(self.receiving.run(self._wake.set))
            tasks.create_task(self._proofs.run())
            tasks.create_task(self._confirming.run())
            for _ in range(KEEPERS):
                tasks.create_task(self._keeping.run())

    async def _load_clips(self) -> None:
        """Everything sealed and not stored, with what earlier runs left of it."""
        rows = await self._unfinished()
        staged = await asyncio.to_thread(self._staged, {f"{row.id}.part" for row in rows})
        for row in rows:
            if await self._means.store.exists(evidence.object_key(row.id)):
                # Put there, and then the program ended before it could say so.
                self._keeping.add(row, None)
            else:
                self.receiving.add(row, resumable=f"{row.id}.part" in staged)

    async def _unfinished(self, *which: ColumnElement[bool]) -> Sequence[Clip]:
        """Clips of this dock that are sealed and not stored."""
        states = (ClipState.SEALED.value, ClipState.RECEIVING.value)
        query = select(Clip).where(Clip.dock == self._dock, Clip.state.in_(states), *which)
        async with self._means.database.reading() as session:
            return (await session.scalars(query)).all()

    def _staged(self, wanted: set[str]) -> set[str]:
        """Names of this dock's staging files; those that nobody wants any more are removed."""
        folder = self._means.store.staging.folder
        found = set()
        for path in folder.glob(f"{self._dock}.*.part"):
            if path.name in wanted:
                found.add(path.name)
            else:
                path.unlink(missing_ok=True)
        return found

    async def _control(self) -> None:
        while True:
            await self._wait()
            if self._lost:
                msg = f"another worker has taken over {self._dock}"
                raise LeaseLostError(msg)
            await self._take_head()
            await self._take_pages()
            self._keeping.tick(_now())
            self.receiving.tick(_now())
            await self._asking.pull(_now(), behind=self._behind(), look_again=self._wake.set)

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):
                await self._wake.wait()
        self._wake.clear()

    def _behind(self) -> bool:
        """Whether the dock has announced entries that are not logged."""
        head = self._known_head
        if head is None or head.seq is None:
            return False
        return (head.epoch, head.seq) >= self._entries.next

    # --- clips --------------------------------------------------------------------------

    def _clip_is_whole(self, incoming: Incoming) -> None:
        self._keeping.add(incoming.row, incoming.assembly.staging)

    def _is_stored(self, row: Clip) -> None:
        self._proofs.stored(row.id)
        self._wake.set()

    def _is_confirmed(self, clip: ClipId) -> None:
        self._proofs.stored(clip)

    def _again(self, row: Clip) -> None:
        self.receiving.add(row, resumable=False)
        self._wake.set()

    async def _impossible(self, row: Clip, code: str, reason: str) -> None:
        await self._tell_refusal(row.epoch, row.seq, code, reason, Retry.NEVER)

    # --- ledger -----------------------------------------------------------------------

    async def _take_head(self) -> None:
        head, self._head = self._head, None
        if head is None:
            return
        self._known_head = head
        self._transfer.announce(head)
        self._proofs.announced(head)
        if head.accepted is not None:
            claim = CheckpointRef(size=min(head.accepted.size, 2**53 - 1), root=head.accepted.root)
            await self._entries.confirm(claim, signed=False)
        await self._look_for_fork(head)
        await self._look_beyond(head)

    async def _look_beyond(self, head: Head) -> None:
        """More entries in the log than the dock announces: show it the newest, with the proof."""
        newest = await self._means.log.dock_head(self._dock)
        known = (head.epoch, -1 if head.seq is None else head.seq)
        if newest is not None and (newest.epoch, newest.seq) > known:
            index = await self._means.log.index_of(newest.hash)
            if index is not None:
                self._proofs.beyond(index)

    async def _look_for_fork(self, head: Head) -> None:
        """A head that contradicts the log is only a claim: ask for the entry it names."""
        about, at = self._looked_at
        if head.seq is None or (about == head.hash and _now() < at + _LOOK_AGAIN_S):
            return
        if await self._entries.forks_at(head):
            self._looked_at = (head.hash, _now())
            await self._asking.ask((LedgerWant(head.epoch, head.seq, head.seq),))

    async def _take_pages(self) -> None:
        while self._pages:
            try:
                # One after the other, so that pages keep their order.
                page = await asyncio.to_thread(decode_page, self._pages.popleft())
            except MessageError as error:
                _event.warning("page.malformed", dock=self._dock, reason=str(error))
                continue
            taken = await self._entries.take(page)
            if taken.logged:
                self._transfer.committed(*self._entries.next)
                self._refusals = 0
                self._asking.hold_ledger(0.0)
                self._asking.answered()
                self._transfer.arrived(LedgerWant(*self._entries.next, 0), _now())
                await self._follow(taken.logged)
            if taken.refused:
                await self._refuse(*taken.refused)

    async def _follow(self, logged: tuple[Logged, ...]) -> None:
        """Fetch what was sealed, drop what was lost, and tell the dock about all of it."""
        places = [(each.admitted.head.epoch, each.admitted.head.seq) for each in logged]
        for row in await self._unfinished(tuple_(Clip.epoch, Clip.seq).in_(places)):
            self.receiving.add(row, resumable=False)
        for each in logged:
            place = each.admitted.head
            self._proofs.logged(place.epoch, place.seq, each.index)
            await self._follow_one(each)

    async def _follow_one(self, each: Logged) -> None:
        place = each.admitted.head
        if each.doubt is not None:
            code, reason = each.doubt
            await self._tell_refusal(place.epoch, place.seq, code, reason, Retry.NEVER)
            return
        match each.admitted.record.body if each.admitted.record else None:
            case ClipLost(clip=name):
                self.receiving.drop(EntryId.parse(name))
            case ClipTagged(clip=name):
                await self._hurry(EntryId.parse(name))
            case _:
                pass

    async def _hurry(self, clip: ClipId) -> None:
        """A tagged clip goes before others, unless it has begun already."""
        if self.receiving.received_bytes(clip) != 0:
            return
        for row in await self._unfinished(Clip.epoch == clip.epoch, Clip.seq == clip.seq):
            if self.receiving.received_bytes(clip) == 0:
                self.receiving.add(row, resumable=True)

    async def _refuse(self, entry: Entry, refused: Refused) -> None:
        now = _now()
        if self._is_the_docks_next(entry, refused):
            self._transfer.arrived(LedgerWant(*self._entries.next, 0), now)
            self._asking.hold_ledger(now + pause_for(self._refusals))
            self._refusals += 1
        elif now < self._told.get(refused.code, float("-inf")) + _TELL_AGAIN_S:
            return
        else:
            # Anybody can send this: the dock's own answer is waited for as if it had not come.
            self._told[refused.code] = now
        await self._tell_refusal(
            entry.epoch, entry.seq, refused.code, refused.reason, refused.retry
        )

    def _is_the_docks_next(self, entry: Entry, refused: Refused) -> bool:
        """Whether the dock itself has nothing better to send, so that asking at once is vain.

        What its key did not sign, what came out of order, and what it signed for an older
        place are no answer to what was asked, whoever sent them.
        """
        if not refused.signed or refused.retry is Retry.LATER:
            return False
        return (entry.epoch, entry.seq) >= self._entries.next

    async def _tell_refusal(
        self, epoch: int, seq: int, code: str, reason: str, retry: Retry
    ) -> None:
        message = Refusal(epoch, seq, code, reason, retry).encode()
        await self._means.publish(self._dock, ToDock.REFUSAL, message)


def _now() -> float:
    return asyncio.get_running_loop().time()
