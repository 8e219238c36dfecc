"""The log's one sequencer: appends entries, signs checkpoints, makes receipts.

Whoever appends has decided that the entry is genuine; this decides where it stands, and
makes that durable before anybody is told: journal, tiles, database, checkpoint, in this
order (protocols/SPEC 6). Nothing is ever removed, and no checkpoint below a signed one is signed.

A receipt and the checkpoint sent with it must be of one size. Take ``checkpoint()`` once
and hand it to ``receipts`` and ``proved`` as ``at``.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.crashpoints import reach
from gateway.db import Database
from gateway.errors import (
    CheckpointLateError,
    InvalidError,
    LogBehindStoreError,
    LogBusyError,
    LogDamagedError,
    LogRewoundError,
    StoreError,
)
from gateway.keys import GatewayKeys
from gateway.log import rewound
from gateway.log.checkpoints import KEY, Checkpoints, SignedCheckpoint
from gateway.log.commit import Also, place, write
from gateway.log.journal import MAX_BATCH, Batch, NewEntry
from gateway.log.lookups import find_subject_heads
from gateway.log.opening import Effect, Opening
from gateway.log.own import OwnStatements
from gateway.log.proofs import LogProofs
from gateway.log.tiles import Edge, Growth
from gateway.storage.locks import StoreLock
from gateway.storage.store import Store
from gateway.unbroken import to_the_end
from hashing.errors import HashingError
from hashing.ledger import SubjectHead, SubjectLink, next_subject_link, statement_hash
from hashing.merkle import root_at
from hashing.note import Checkpoint, open_checkpoint
from protocols.kinds import Body

__all__ = [
    "Also",
    "Confronted",
    "Effect",
    "Log",
    "NewEntry",
    "OwnAct",
    "OwnEntry",
    "SignedCheckpoint",
]

_INSTANCE_BYTES = 8
_event = structlog.get_logger("gateway.log")


Placing = Callable[[AsyncSession], Awaitable[tuple[list[int], list[NewEntry]]]]
"""Gives the positions of all entries, and those that are new."""


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """A statement of the gateway that is in the log now."""

    index: int
    record: bytes
    statement: bytes


@dataclass(frozen=True, slots=True)
class OwnAct:
    """Something for the gateway to state.

    Attributes:
        body: what is stated.
        subject: urn of what it is about.
        extra_subjects: urns of what it also concerns.
    """

    body: Body
    subject: str
    extra_subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confronted:
    """What became of a checkpoint that was held against the log.

    Attributes:
        size: of that checkpoint. log_size: of the log.
        contained: the log contains it.
    """

    size: int
    log_size: int
    contained: bool


class Log(LogProofs):
    """The transparency log of one gateway."""

    def __init__(
        self,
        database: Database,
        store: Store,
        keys: GatewayKeys,
        clock: GatewayClock,
        *,
        name: str,
    ) -> None:
        """Prepare; nothing works before ``open``.

        Args:
            database: the index.
            store: the original.
            keys: the gateway's signers.
            clock: for records and receipts.
            name: the gateway's name; fixed once the log is opened.
        """
        super().__init__(database, keys, clock, name=name)
        self._store = store
        self._name = name
        self._own = OwnStatements(keys, clock, issuer=self._issuer)
        self._effect: Effect | None = None
        self._sequencing = asyncio.Lock()
        self._hold: StoreLock | None = None
        self._edge = Edge()
        self._settled = True
        self._rewound = False
        self._stale: list[str] = []
        self._news = asyncio.Event()

    def on_recover(self, effect: Effect) -> None:
        """Say how the rows that follow from an entry are derived again; before ``open``.

        Args:
            effect: called for every entry that is in the journal but not in the database, in
                the transaction that adds it. It may find its rows there already.
        """
        self._effect = effect

    async def open(self) -> None:
        """Open the log, or found it at the first start.

        Raises:
            LogError: it must not go on; the kind of error names the state.
            GatewayError: store or database could not do it.
        """
        async with self._sequencing:
            try:
                await to_the_end(self._open())
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let another program open it."""
        if self._hold is not None:
            self._hold.close()
        self._hold = self._current = self._checkpoints = None

    async def checkpoint_over(self, indices: Iterable[int]) -> SignedCheckpoint:
        """The newest signed checkpoint, once it covers entries that were found in the database.

        An entry is committed a moment before the checkpoint over it is signed; whoever read
        it in between waits for that here.

        Raises:
            CheckpointLateError: it could not be signed; ask again later.
        """
        last = max(indices, default=-1)
        if last >= self.checkpoint().size:
            async with self._sequencing:
                pass
        if last >= self.checkpoint().size:
            msg = f"entry {last} is not under a signed checkpoint yet; ask again"
            raise CheckpointLateError(msg)
        return self.checkpoint()

    async def grown(self, size: int) -> int:
        """Wait until the newest signed checkpoint covers more than ``size`` entries; its size."""
        while self.checkpoint().size <= size:
            await self._news.wait()
        return self.checkpoint().size

    async def confront(self, note: bytes) -> Confronted:
        """Hold a checkpoint against the log that somebody says it has signed.

        One that this log's key signed and that the log does not contain proves that the log went
        back or forked: it is kept, and from then on nothing is appended, now or after a start,
        until an operator has decided. What docks merely say never does that.

        Args:
            note: signed note, with whatever cosignatures.

        Raises:
            InvalidError: not signed by this log's checkpoint key: it proves nothing.
            GatewayError: store or database could not do it; ask again.
        """
        if self._checkpoints is None:
            msg = "the log is not open"
            raise RuntimeError(msg)
        key = self._checkpoints.key
        try:
            found = open_checkpoint(note, key)
        except HashingError as error:
            raise InvalidError(f"no checkpoint signed by this log: {error}") from error
        if found.origin != key.name:
            raise InvalidError("a checkpoint of another log")
        # Under the lock, so that what is being signed this moment is not taken for lost.
        async with self._sequencing:
            return await to_the_end(self._confront(note, found))

    # --- appending -------------------------------------------------------------------

    async def append(self, entries: Sequence[NewEntry], *, also: Also | None = None) -> list[int]:
        """Log entries, in this order; durable and under a signed checkpoint at return.

        A statement that is logged already keeps its place, so repeating does no harm.

        Args:
            entries: at most 512, checked by the caller.
            also: writes rows in the same transaction, given it and the positions. It is
                called when nothing was new, too. What it raises undoes everything.

        Returns:
            Positions, one for each of ``entries``.

        Raises:
            EntryConflictError: a ledger position is taken by another statement.
            LogRewoundError: the log was shown a checkpoint of its own that it does not contain.
            LogError: store and database no longer agree.
            GatewayError: store or database could not do it; repeat later.
        """
        self._database.refuse_nesting()
        if len(entries) > MAX_BATCH:
            msg = f"{len(entries)} entries at once; {MAX_BATCH} allowed"
            raise InvalidError(msg)
        async with self._sequencing:
            indices, _ = await to_the_end(
                self._sequence(lambda session: place(session, self._edge.size, entries), also)
            )
        return indices

    async def append_own(
        self,
        body: Body,
        subject: str,
        extra_subjects: Sequence[str] = (),
        also: Also | None = None,
    ) -> OwnEntry:
        """State something: record, link in the subject's chain, signature, log.

        Args:
            body: what is stated.
            subject: urn of what it is about.
            extra_subjects: urns of what it also concerns.
            also: as for ``append``.

        Raises:
            GatewayError: as ``append``.
            RecordError: the record would be too large.
        """
        self._database.refuse_nesting()
        acts = [OwnAct(body, subject, tuple(extra_subjects))]
        async with self._sequencing:
            (entry,) = await to_the_end(self._state(acts, also))
        return entry

    async def append_own_acts(
        self, acts: Sequence[OwnAct], also: Also | None = None
    ) -> list[OwnEntry]:
        """State many things at once: all of them are in the log, or none is.

        Args:
            acts: at most 512, checked by the caller; one subject may stand among them repeatedly.
            also: as for ``append``.

        Raises:
            GatewayError: as ``append``.
            RecordError: a record would be too large.
        """
        self._database.refuse_nesting()
        if len(acts) > MAX_BATCH:
            msg = f"{len(acts)} acts at once; {MAX_BATCH} allowed"
            raise InvalidError(msg)
        async with self._sequencing:
            return await to_the_end(self._state(acts, also)) if acts else []

    # --- inside the sequencer --------------------------------------------------------

    async def _open(self) -> None:
        self._hold = self._hold or self._store.staging.lock("log")
        if self._hold is None:
            msg = "another gateway has this log open; two sequencers would fork it"
            raise LogBusyError(msg)
        await rewound.refuse(self._store)
        self._edge = await self._opening().bring_up()
        if self._edge.size == 0:
            await self._found()
            return
        first = await self.entry(0)
        self._checkpoints = self._make_checkpoints(self._own.origin_of(first.record))
        newest = await self._checkpoints.newest()
        if newest is not None:
            await self._check_continues(newest)
            self._current = newest
        await self._publish()

    async def _found(self) -> None:
        """Leaf 0: who runs this log and under which keys."""
        if await self._store.exists(KEY):
            msg = "the store has a signed checkpoint, but no journal"
            raise LogBehindStoreError(msg)
        instance = secrets.token_hex(_INSTANCE_BYTES)
        origin = f"evidock/{self._name}/{instance}"
        self._checkpoints = self._make_checkpoints(origin)
        await self._state([OwnAct(self._own.log_opened(origin, instance), self._issuer)], None)
        _event.info("log.founded", origin=origin, development=self._keys.development)

    async def _check_continues(self, newest: SignedCheckpoint) -> None:
        if newest.size > self._edge.size:
            msg = (
                f"a checkpoint of size {newest.size} was signed; only {self._edge.size} entries "
                "can be recovered"
            )
            raise LogBehindStoreError(msg)
        if await self._tree.compute(lambda read: root_at(read, newest.size)) != newest.root:
            msg = f"the entries do not lead to the root signed for size {newest.size}"
            raise LogDamagedError(msg)

    async def _state(self, acts: Sequence[OwnAct], also: Also | None) -> list[OwnEntry]:
        async def own(session: AsyncSession) -> tuple[list[int], list[NewEntry]]:
            heads = await find_subject_heads(session, {act.subject for act in acts})
            entries = []
            for act in acts:
                link = next_subject_link(heads.get(act.subject))
                entries.append(entry := await self._stated(act, link))
                heads[act.subject] = SubjectHead(link.seq, statement_hash(entry.statement))
            return list(range(self._edge.size, self._edge.size + len(entries))), entries

        indices, entries = await self._sequence(own, also)
        return [
            OwnEntry(index, entry.record, entry.statement)
            for index, entry in zip(indices, entries, strict=True)
        ]

    async def _stated(self, act: OwnAct, link: SubjectLink) -> NewEntry:
        # Whoever else lives in this loop gets a turn between two signatures.
        await asyncio.sleep(0)
        known = self._current
        return await self._keys.sign(
            lambda: self._own.make(
                act.body, act.subject, act.extra_subjects, link=link, known=known
            )
        )

    async def _sequence(
        self, placing: Placing, also: Also | None
    ) -> tuple[list[int], list[NewEntry]]:
        """One transaction from placing to commit, then the checkpoint."""
        if self._rewound:
            raise LogRewoundError(rewound.WHAT_TO_DO)
        await self._settle()
        growth = None
        async with self._database.session() as session:
            indices, fresh = await placing(session)
            if fresh:
                growth = await self._write(session, indices, fresh, also)
            elif also is not None:
                await also(session, indices)
        if growth is not None:
            reach("log.after-commit")
            self._took(growth)
        await self._publish()
        return indices, fresh

    async def _write(
        self,
        session: AsyncSession,
        indices: list[int],
        fresh: Sequence[NewEntry],
        also: Also | None,
    ) -> Growth:
        async def rows(session: AsyncSession) -> None:
            if also is not None:
                await also(session, indices)
            if self._checkpoints is not None:
                await self._checkpoints.index(session)
            # From here on the journal may hold the batch, whatever becomes of the commit.
            self._settled = False

        batch = Batch(self._edge.size, self._clock.now(), tuple(fresh))
        return await write(session, self._store, self._edge, batch, also=rows, journalled=False)

    def _took(self, growth: Growth) -> None:
        self._edge = growth.edge
        self._tree.keep(growth.nodes)
        self._stale += growth.stale
        self._settled = True
        if self._checkpoints is not None:
            self._checkpoints.indexed()

    async def _confront(self, note: bytes, found: Checkpoint) -> Confronted:
        await self._settle()
        if found.size <= self._edge.size:
            root = await self._tree.compute(lambda read: root_at(read, found.size))
            if root == found.root:
                return Confronted(found.size, self._edge.size, contained=True)
        if not await rewound.is_cleared(self._store, found):
            self._rewound = True
            _event.critical("log.rewound", signed=found.size, log=self._edge.size)
            await rewound.keep(self._store, note)
        return Confronted(found.size, self._edge.size, contained=False)

    async def _settle(self) -> None:
        """After a commit that failed: find out what is in the journal, as at a start."""
        if self._checkpoints is None:
            msg = "the log is not open"
            raise RuntimeError(msg)
        if not self._settled:
            self._edge = await self._opening().bring_up()
            await self._checkpoints.newest()
            self._settled = True
            await self._publish()

    async def _publish(self) -> None:
        """Sign the head unless it is signed; then drop the tiles it made useless."""
        if self._checkpoints is None or (
            self._current is not None and self._current.size == self._edge.size
        ):
            return
        self._current = await self._checkpoints.publish(self._edge)
        self._news.set()
        self._news = asyncio.Event()
        stale, self._stale = self._stale, []
        for key in stale:
            try:
                await self._store.delete(key)
            except StoreError as error:
                # Useless, not harmful: a reader takes the tile it was superseded by.
                _event.warning("log.tile-kept", key=key, reason=str(error))

    def _opening(self) -> Opening:
        return Opening(
            self._database,
            self._store,
            self._tree,
            own=self._keys.statement.public,
            effect=self._effect,
        )

    def _make_checkpoints(self, origin: str) -> Checkpoints:
        return Checkpoints(self._database, self._store, self._clock, keys=self._keys, origin=origin)
