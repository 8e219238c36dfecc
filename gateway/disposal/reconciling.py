"""By count and hash: what was proposed, what went, what stayed, and that store and rows agree.

A mass deletion that nobody can count is the disaster to be avoided. So after each disposal a
report is made from three sources that must say the same: the signed statements, the rows and the
store; and every clip ever sealed can be counted over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, exists, func, select

from gateway.db import Database
from gateway.disposal.effects import items_of
from gateway.disposal.executing import list_digest
from gateway.disposal.models import Disposal, DisposalItem
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import get_clips, leaf_list_key, object_key
from gateway.log.models import LogEntry
from gateway.log.service import Log
from gateway.storage.store import Store
from protocols.errors import RecordError
from protocols.kinds import ClipDisposed, ClipSealed, DisposalClosed
from protocols.records import decode_record

_PAGE = 500
_TOLD = 100


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one disposal.

    Attributes:
        closed: what the gateway signed about it; None before it is closed.
        list_sha256: recounted from the rows, as in ``disposal.closed``.
        wrong: where log, rows and store disagree; empty when they agree.
    """

    row: Disposal
    items: tuple[DisposalItem, ...]
    closed: DisposalClosed | None
    disposed: int
    bytes: int
    list_sha256: str
    left_out: dict[str, int]
    wrong: tuple[str, ...]


@dataclass(slots=True)
class Counted:
    """Every clip, counted over.

    Attributes:
        sealed: rows. logged: ``clip.sealed`` entries of docks. set_aside: those of them without a
            row, because their dock was revoked before them or their record was not understood.
        states: rows by state. tombstones: ``clip.disposed`` entries.
        stored_bytes, disposed_bytes: by the rows.
        looked_at: objects that were looked for in the store.
        wrong: what does not add up, the first hundred.
    """

    sealed: int = 0
    logged: int = 0
    set_aside: int = 0
    states: dict[str, int] = field(default_factory=dict)
    tombstones: int = 0
    stored_bytes: int = 0
    disposed_bytes: int = 0
    looked_at: int = 0
    wrong: list[str] = field(default_factory=list)

    def say(self, what: str) -> None:
        """Note that something does not add up."""
        if len(self.wrong) < _TOLD:
            self.wrong.append(what)


class Reconciling:
    """Counts over what was disposed of, and everything."""

    def __init__(self, database: Database, store: Store, log: Log) -> None:
        self._database, self._store, self._log = database, store, log

    async def report(self, row: Disposal) -> Report:
        """Recount one disposal.

        Raises:
            GatewayError: store or database could not do it.
        """
        async with self._database.reading() as session:
            items = tuple((await session.scalars(items_of(row.token))).all())
            rows = await get_clips(session, {item.clip for item in items})
        gone = [item for item in items if item.disposed_index is not None]
        closed = await self._closed(row)
        wrong = [*self._disagrees(row, gone, closed)]
        for start in range(0, len(gone), _PAGE):
            chunk = gone[start : start + _PAGE]
            keys = [key(item.clip) for item in chunk for key in (object_key, leaf_list_key)]
            sizes = await self._store.sizes(keys)
            wrong += [f"{key} is still in the store" for key in _there(keys, sizes)]
            wrong += [
                f"{item.clip} has a tombstone, and its row is {rows[item.clip].state}"
                for item in chunk
                if rows[item.clip].state != ClipState.DISPOSED
            ]
        return Report(
            row,
            items,
            closed,
            len(gone),
            sum(item.size for item in gone),
            list_digest(gone),
            dict(Counter(item.left_code for item in items if item.left_code is not None)),
            tuple(wrong),
        )

    async def reconcile(self, *, store: bool) -> Counted:
        """Count over every clip that was ever sealed.

        Args:
            store: look for each object in the store, too; takes a moment for each clip.

        Raises:
            GatewayError: store or database could not do it.
        """
        counted = Counted()
        await self._count(counted)
        added = sum(counted.states.values())
        if added != counted.sealed:
            counted.say(f"{counted.sealed} clips have rows; their states add up to {added}")
        if counted.logged - counted.set_aside != counted.sealed:
            counted.say(
                f"{counted.logged} sealings are logged, {counted.set_aside} of them set aside; "
                f"{counted.sealed} clips have rows"
            )
        gone = counted.states.get(ClipState.DISPOSED.value, 0)
        if gone != counted.tombstones:
            counted.say(f"{counted.tombstones} tombstones are logged, {gone} clips are gone")
        if store:
            await self._look(counted)
        return counted

    # --- inside ----------------------------------------------------------------------

    async def _closed(self, row: Disposal) -> DisposalClosed | None:
        if row.closed_index is None:
            return None
        entry = await self._log.entry(row.closed_index)
        try:
            body = decode_record(entry.record).body
        except RecordError:
            return None
        return body if isinstance(body, DisposalClosed) else None

    def _disagrees(
        self, row: Disposal, gone: Sequence[DisposalItem], closed: DisposalClosed | None
    ) -> list[str]:
        if closed is None:
            return [] if row.closed_index is None else ["its closing statement cannot be read"]
        counted = (len(gone), sum(item.size for item in gone), list_digest(gone))
        if (closed.disposed, closed.bytes, closed.list_sha256) != counted:
            return ["the rows have other clips than the signed statement"]
        if closed.proposed != closed.disposed + len(closed.left_out):
            return ["the signed statement does not account for every clip that was proposed"]
        return []

    async def _count(self, counted: Counted) -> None:
        states = select(Clip.state, func.count(), func.sum(Clip.size)).group_by(Clip.state)
        sealed = and_(LogEntry.kind == ClipSealed.kind, LogEntry.dock.is_not(None))
        has_row = exists().where(Clip.entry_index == LogEntry.index)
        count = select(func.count()).select_from(LogEntry)
        async with self._database.reading() as session:
            for state, number, size in await session.execute(states):
                counted.states[state] = number
                if state == ClipState.STORED:
                    counted.stored_bytes = int(size or 0)
                if state == ClipState.DISPOSED:
                    counted.disposed_bytes = int(size or 0)
            rows = select(func.count()).select_from(Clip)
            counted.sealed = await session.scalar(rows) or 0
            counted.logged = await session.scalar(count.where(sealed)) or 0
            counted.set_aside = await session.scalar(count.where(sealed, ~has_row)) or 0
            gone = and_(LogEntry.kind == ClipDisposed.kind, LogEntry.dock.is_(None))
            counted.tombstones = await session.scalar(count.where(gone)) or 0

    async def _look(self, counted: Counted) -> None:
        after = -1
        wanted = (ClipState.STORED.value, ClipState.DISPOSED.value)
        while True:
            query = (
                select(Clip)
                .where(Clip.entry_index > after, Clip.state.in_(wanted))
                .order_by(Clip.entry_index)
                .limit(_PAGE)
            )
            async with self._database.reading() as session:
                rows = (await session.scalars(query)).all()
            sizes = await self._store.sizes([object_key(row.id) for row in rows])
            for row, size in zip(rows, sizes, strict=True):
                if row.state == ClipState.DISPOSED and size is not None:
                    counted.say(f"{row.id} has a tombstone, and its bytes are in the store")
                if row.state == ClipState.STORED and size != row.size:
                    counted.say(f"{row.id} is stored, and the store has {size} of {row.size} bytes")
            counted.looked_at += len(rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].entry_index


def _there(keys: Sequence[str], sizes: Sequence[int | None]) -> list[str]:
    return [key for key, size in zip(keys, sizes, strict=True) if size is not None]
