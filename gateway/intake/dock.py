"""One dock's intake: what its messages mean, what is asked of it next, what it is told.

Everything is derived from the database, the staging files and the dock's announcements, so
it can be thrown away at any point and begun again: that is how every failure is handled.
Several tasks work at once, so a clip is stored and read back while the next one comes in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, select, tuple_

from gateway.docks.models import Dock
from gateway.errors import ObjectMissingError
from gateway.evidence import service as evidence
from gateway.evidence.models import Clip, ClipState
from gateway.intake.admit import Refused
from gateway.intake.entries import Entries, Logged, pause_for
from gateway.intake.keeping import Keeper, Kept
from gateway.intake.leases import Held, LeaseLostError
from gateway.intake.means import Means
from gateway.intake.proofs import Proofs
from gateway.intake.receiving import Incoming, Receiving
from gateway.intake.unbroken import unbroken
from hashing.keys import PublicKey
from protocols.errors import MessageError
from protocols.ids import ClipId, DockId, EntryId
from protocols.kinds import ClipLost, ClipTagged
from protocols.messages import (
    MAX_WANTS,
    Entry,
    Head,
    LedgerWant,
    Nack,
    NackReason,
    Pull,
    Refusal,
    Retry,
    Want,
    decode_page,
)
from protocols.records import CheckpointRef
from protocols.topics import DockTopic, FromDock, ToDock
from protocols.transfer import Transfer
from protocols.window import Limits

KEEPERS = 2
_MAX_PAGES = 4
_MAX_NACKS = 64
_TICK_S = 1.0
_REFILL_S = 0.02
_LOOK_AGAIN_S = 30.0
_ATTEMPTS = 3
_LATER_S = 600.0
_event = structlog.get_logger("gateway.intake")


@dataclass(frozen=True, slots=True)
class _Whole:
    """A clip to be kept: from its staging file, or, without one, as it lies in the store."""

    row: Clip
    staged: Path | None


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
        self._entries = Entries(means, lease, PublicKey.from_pem(dock.statement_key))
        self._proofs = Proofs(means, lease.dock, pinned_size=dock.enrolled_index + 1)
        self.receiving = Receiving(means, self._transfer, whole=self._clip_is_whole)
        self._keeper = Keeper(means, lease)
        self._kept: asyncio.Queue[_Whole] = asyncio.Queue()
        self._attempts: Counter[ClipId] = Counter()
        self._later: deque[tuple[float, Clip]] = deque()
        self._head: Head | None = None
        self._known_head: Head | None = None
        self._pages: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._lost = False
        self._refusals = 0
        self._held_until = 0.0
        self._looked_at: tuple[object, float] = (None, 0.0)
        self._asked_at = 0.0
        self._refill_below = 0

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
                useful = len(self._pages) < _MAX_PAGES
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
            for _ in range(KEEPERS):
                tasks.create_task(self._keep())

    async def _load_clips(self) -> None:
        """Everything sealed and not stored, with what earlier runs left of it."""
        rows = await self._unfinished()
        staged = await asyncio.to_thread(self._staged, {f"{row.id}.part" for row in rows})
        for row in rows:
            if await self._means.store.exists(evidence.object_key(row.id)):
                # Put there, and then the program ended before it could say so.
                self._kept.put_nowait(_Whole(row, None))
            else:
                self.receiving.add(row, resumable=f"{row.id}.part" in staged)

    @unbroken
    async def _unfinished(self, *which: ColumnElement[bool]) -> Sequence[Clip]:
        """Clips of this dock that are sealed and not stored."""
        states = (ClipState.SEALED.value, ClipState.RECEIVING.value)
        query = select(Clip).where(Clip.dock == self._dock, Clip.state.in_(states), *which)
        async with self._means.database.reading() as session:
            return (await session.scalars(query)).all()

    def _staged(self, wanted: set[str]) -> set[str]:
        """Names of this dock's staging files; those that nobody wants any more are removed."""
        folder = self._means.store.staging_path("any").parent
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
            self._begin_again_later()
            self.receiving.tick(_now())
            await self._pull()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):
                await self._wake.wait()
        self._wake.clear()

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

    async def _look_for_fork(self, head: Head) -> None:
        """A head that contradicts the log is only a claim: ask for the entry it names."""
        about, at = self._looked_at
        if head.seq is None or (about == head.hash and _now() < at + _LOOK_AGAIN_S):
            return
        if await self._entries.forks_at(head):
            self._looked_at = (head.hash, _now())
            await self._ask((LedgerWant(head.epoch, head.seq, head.seq),))

    async def _take_pages(self) -> None:
        while self._pages:
            try:
                page = decode_page(self._pages.popleft())
            except MessageError as error:
                _event.warning("page.malformed", dock=self._dock, reason=str(error))
                continue
            taken = await self._entries.take(page)
            if taken.logged:
                self._transfer.committed(*self._entries.next)
                self._refusals, self._held_until = 0, 0.0
                await self._follow(taken.logged)
            if taken.logged or taken.refused:
                self._transfer.arrived(LedgerWant(*self._entries.next, 0), _now())
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
        self._held_until = _now() + pause_for(refused, self._refusals)
        self._refusals += 1
        await self._tell_refusal(
            entry.epoch, entry.seq, refused.code, refused.reason, refused.retry
        )

    async def _tell_refusal(
        self, epoch: int, seq: int, code: str, reason: str, retry: Retry
    ) -> None:
        message = Refusal(epoch, seq, code, reason, retry).encode()
        await self._means.publish(self._dock, ToDock.REFUSAL, message)

    # --- asking -----------------------------------------------------------------------

    async def _pull(self) -> None:
        now = _now()
        if self._idle():
            self._means.shares.leave(self._dock)
            return
        if (
            self._transfer.outstanding_bytes > self._refill_below
            and now < self._asked_at + _REFILL_S
        ):
            # Asking for every part by itself would double the number of messages.
            asyncio.get_running_loop().call_later(_REFILL_S, self._wake.set)
            return
        wants = self._held_back(self._transfer.next_wants(now, budget_bytes=self._budget(now)), now)
        self._asked_at = now
        self._refill_below = self._transfer.outstanding_bytes // 2
        for start in range(0, len(wants), MAX_WANTS):
            await self._ask(tuple(wants[start : start + MAX_WANTS]))

    def _held_back(self, wants: list[Want], now: float) -> list[Want]:
        """Without the ledger, for a while after an entry was refused: it is the next one still."""
        if now >= self._held_until:
            return wants
        for want in wants:
            if isinstance(want, LedgerWant):
                self._transfer.refused(Nack(want, NackReason.BUSY), now)
        return [want for want in wants if not isinstance(want, LedgerWant)]

    def _idle(self) -> bool:
        """Whether there is nothing to ask for; then others may use this dock's share."""
        if self._transfer.clips or self._transfer.outstanding_bytes:
            return False
        head = self._known_head
        if head is None or head.seq is None:
            return True
        return (head.epoch, head.seq) < self._entries.next

    def _budget(self, now: float) -> int:
        share = self._means.shares.bytes_for(self._dock, now)
        held = self._transfer.outstanding_bytes + self.receiving.buffered_bytes
        if share and not self._transfer.outstanding_bytes:
            # Leaves that wait for one lost part must not keep that very part from coming.
            return max(share - held, self._means.settings.part_size)
        return share - held

    async def _ask(self, wants: tuple[Want, ...]) -> None:
        pull = Pull(self._lease.worker, self._lease.term, wants)
        await self._means.publish(self._dock, ToDock.PULL, pull.encode())

    # --- keeping ----------------------------------------------------------------------

    def _clip_is_whole(self, incoming: Incoming) -> None:
        self._kept.put_nowait(_Whole(incoming.row, incoming.assembly.staging))

    async def _keep(self) -> None:
        while True:
            await self._keep_one(await self._kept.get())

    async def _keep_one(self, whole: _Whole) -> None:
        row = whole.row
        try:
            if whole.staged is None:
                kept = await self._keeper.confirm(row)
            else:
                kept = await self._keeper.keep(row, whole.staged)
        except ObjectMissingError:
            # Somebody removed it under our hands; nothing was promised.
            _event.warning("clip.vanished", clip=str(row.id))
            kept = Kept.DIFFERS
        match kept:
            case Kept.STORED:
                self._attempts.pop(row.id, None)
                self._proofs.stored(row.id)
            case Kept.DIFFERS:
                self._again(row)
            case Kept.CONTRADICTS:
                reason = "the clip's bytes have another SHA-256 than its record says"
                await self._tell_refusal(row.epoch, row.seq, "clip-sha256", reason, Retry.NEVER)
        self._wake.set()

    def _again(self, row: Clip) -> None:
        self._attempts[row.id] += 1
        if self._attempts[row.id] < _ATTEMPTS:
            self.receiving.add(row, resumable=False)
        else:
            self._later.append((_now() + _LATER_S, row))

    def _begin_again_later(self) -> None:
        while self._later and self._later[0][0] <= _now():
            self.receiving.add(self._later.popleft()[1], resumable=False)


def _now() -> float:
    return asyncio.get_running_loop().time()
