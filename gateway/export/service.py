"""Exports: who handed which clips to whom and why, in the log before a byte is delivered.

Each clip's own chain has the act, so leaving it out of a later pack shows. An export is
numbered by its gateway from 1; the number is found again through the log, so a database that
is rebuilt has the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from gateway.cases.models import Case
from gateway.cases.service import Cases
from gateway.crashpoints import reach
from gateway.db import Database
from gateway.errors import ConflictError, InvalidError, NotFoundError
from gateway.evidence.models import Clip
from gateway.evidence.service import Evidence
from gateway.export.sightings import Outside, Witnessing
from gateway.log.models import CheckpointRow, EntrySubject, LogEntry
from gateway.log.service import Log, OwnAct, SignedCheckpoint
from gateway.marks.service import Marks
from gateway.trail.service import Trails
from hashing.note import open_checkpoint
from protocols.errors import RecordError
from protocols.ids import ClipId, case_urn
from protocols.kinds import ClipExported
from protocols.pack.export import Export
from protocols.pack.known import named_sizes
from protocols.pack.proofs import MAX_EARLIER, EarlierCheckpoints, way
from protocols.pack.sightings import Sighting
from protocols.records import decode_record
from protocols.trail import TrailDocument
from protocols.trail.document import TrailConsistency

_ALL = "urn:evidock:exports"
_RECEIPTS_AT_ONCE = 400
_ACTS_AT_ONCE = 256
_NEWEST_EARLIER = 1000
_OLDEST_EARLIER = 1000


class NothingToExportError(InvalidError):
    """No clip is linked to the case."""


class ExportUnknownError(NotFoundError):
    """No export of that number."""


class LinksChangedError(ConflictError):
    """The case's clips are no longer those that the export names."""


class KeyUsedError(ConflictError):
    """The key was used for another export."""


@dataclass(frozen=True, slots=True)
class NewExport:
    """Why clips are to be handed out, to whom, and who does it.

    Attributes:
        key: made by whoever asks; asked again with the same one, it is the same export.
        acknowledged: marks of the clips that whoever asks took note of.
    """

    reason: str
    recipient: str
    by: str
    key: str | None = None
    acknowledged: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything of a pack but the originals, for one checkpoint.

    Attributes:
        export: the act.
        trail: with the acts of this export in it.
        receipts: of the trail's entries, in their order.
        earlier: ways from earlier checkpoints to the trail's.
        missing: why a clip's bytes cannot go along, by clip.
        cosigned, stamped: other checkpoints that somebody outside saw.
        witnessing: who was asked, and who cosigned in time.
    """

    export: Export
    trail: TrailDocument
    receipts: tuple[bytes, ...]
    earlier: EarlierCheckpoints
    missing: dict[str, str]
    cosigned: tuple[Sighting, ...]
    stamped: tuple[Sighting, ...]
    witnessing: Witnessing


class Exports:
    """Acts of exporting, and what a pack is made of."""

    def __init__(
        self,
        database: Database,
        log: Log,
        evidence: Evidence,
        cases: Cases,
        trails: Trails,
        outside: Outside,
        marks: Marks,
    ) -> None:
        self._database = database
        self._log = log
        self._evidence = evidence
        self._cases = cases
        self._trails = trails
        self._outside = outside
        self._marks = marks
        # A number is taken once: finding the next one and stating it belong together.
        self._acting = asyncio.Lock()

    async def of_case(self, case_no: str, new: NewExport) -> Export:
        """State that a case's clips are handed out.

        Raises:
            CaseUnknownError: no such case. NothingToExportError: it has no clip.
            MarksUnacknowledgedError: clips have marks of which the asker says nothing.
            GatewayError: log, store or database could not do it.
        """
        case = await self._cases.case(case_no)
        clips = await self._linked(case)
        if not clips:
            raise NothingToExportError("no clip is linked to this case; there is nothing to export")
        return await self._state(case_urn(case.token), clips, new)

    async def of_clip(self, clip: Clip, new: NewExport) -> Export:
        """State that one clip is handed out.

        Raises:
            GatewayError: log, store or database could not do it.
        """
        return await self._state(clip.id.clip_urn, [clip.id], new)

    async def export(self, number: int) -> Export:
        """One export, as the log has it.

        Raises:
            ExportUnknownError: no such number.
        """
        acts = await self._acts(_urn(number))
        if not acts:
            raise ExportUnknownError("no export of that number, or not yours")
        _, first, at = acts[0]
        return Export(
            number=number,
            about=first.about,
            reason=first.reason,
            recipient=first.recipient,
            by=first.by,
            clips=tuple(body.clip for _, body, _ in acts),
            indices=tuple(index for index, _, _ in acts),
            at=at,
        )

    async def dossier(self, number: int) -> Dossier:
        """Everything of a pack but the originals.

        Raises:
            ExportUnknownError: no such number. LinksChangedError: export again.
            GatewayError: log or database could not do it.
        """
        export = await self.export(number)
        trail = await self._trail(export)
        if set(trail.clips) != set(export.clips):
            raise LinksChangedError(
                f"the case's clips are others than when export {number} was stated; export again"
            )
        note = trail.checkpoint.encode()
        head = open_checkpoint(note, self._log.anchors().checkpoint_key)
        # The log may have grown since; receipts and proofs have to be of one size.
        checkpoint = SignedCheckpoint(head.size, head.root, note)
        receipts: list[bytes] = []
        indices = [entry.index for entry in trail.entries]
        for start in range(0, len(indices), _RECEIPTS_AT_ONCE):
            chunk = indices[start : start + _RECEIPTS_AT_ONCE]
            receipts += await self._log.receipts(chunk, at=checkpoint)
        ways = await self._earlier(head.size, named_sizes(trail))
        earlier = EarlierCheckpoints(size=head.size, earlier=ways)
        needed, sealed = max(indices) + 1, await self._sealed(export)
        return Dossier(
            export=export,
            trail=trail,
            receipts=tuple(receipts),
            earlier=earlier,
            missing=await self._missing(export),
            cosigned=await self._outside.cosigned(head, needed, sealed),
            stamped=await self._outside.stamped(head, sealed),
            witnessing=await self._outside.within(needed, 0),
        )

    async def witnessing(self, number: int, seconds: float) -> Witnessing:
        """Wait until everybody who is configured has seen an export's acts, or time is up.

        Raises:
            ExportUnknownError: no such number. GatewayError: database or store.
        """
        export = await self.export(number)
        return await self._outside.within(max(export.indices) + 1, seconds)

    async def clips_of(self, case_no: str) -> list[ClipId]:
        """The clips that a pack of a case would hold now.

        Raises:
            CaseUnknownError: no such case.
        """
        return await self._linked(await self._cases.case(case_no))

    # --- inside ----------------------------------------------------------------------

    async def _state(self, about: str, clips: Sequence[ClipId], new: NewExport) -> Export:
        async with self._acting:
            number, stated = await self._asked_before(about, new)
            left = [clip for clip in clips if str(clip) not in stated]
            noted = await self._marks.acknowledged(left, new.acknowledged)
            for start in range(0, len(left), _ACTS_AT_ONCE):
                some = left[start : start + _ACTS_AT_ONCE]
                acts = await self._acts_on(some, number, about, new, noted)
                await self._log.append_own_acts(acts)
                reach("export.acts-logged")
            return await self.export(number)

    async def _acts_on(
        self,
        clips: Sequence[ClipId],
        number: int,
        about: str,
        new: NewExport,
        noted: Mapping[ClipId, tuple[str, ...]],
    ) -> list[OwnAct]:
        rows = await self._evidence.clips(clips)
        if unknown := [clip for clip in clips if clip not in rows]:
            raise NotFoundError(f"no clip {unknown[0]}")
        there = await self._evidence.contents_there(list(rows.values()))
        keyed = () if new.key is None else (_keyed(new.key),)
        extra = (_ALL, _urn(number), *keyed)
        acts = []
        for clip in clips:
            body = ClipExported(
                clip=str(clip),
                export=number,
                about=about,
                original=clip in there,
                sha256=rows[clip].sha256.hex(),
                reason=new.reason,
                recipient=new.recipient,
                by=new.by,
                request=new.key,
                acknowledged=noted.get(clip, ()),
            )
            acts.append(OwnAct(body, clip.clip_urn, extra))
        return acts

    async def _asked_before(self, about: str, new: NewExport) -> tuple[int, set[str]]:
        """The number of an export that was asked for with this key, or the next free one.

        A gateway that was cut between the clips of one export goes on with the rest of them.
        """
        if new.key is not None:
            acts = await self._acts(_keyed(new.key))
            if acts:
                said = acts[0][1]
                if (said.about, said.reason, said.recipient, said.by) != (
                    about,
                    new.reason,
                    new.recipient,
                    new.by,
                ):
                    raise KeyUsedError("an export of other words was asked for with this key")
                return said.export, {body.clip for _, body, _ in acts}
        return await self._newest() + 1, set()

    async def _acts(self, subject: str) -> list[tuple[int, ClipExported, str]]:
        query = (
            select(LogEntry.index, LogEntry.record)
            .join(EntrySubject, EntrySubject.index == LogEntry.index)
            .where(EntrySubject.subject == subject, LogEntry.dock.is_(None))
            .order_by(LogEntry.index)
        )
        async with self._database.reading() as session:
            rows = (await session.execute(query)).all()
        return [(index, *_act(record)) for index, record in rows]

    async def _newest(self) -> int:
        newest = select(func.max(EntrySubject.index)).where(EntrySubject.subject == _ALL)
        query = select(LogEntry.record).where(LogEntry.index == newest.scalar_subquery())
        async with self._database.reading() as session:
            record = await session.scalar(query)
        return 0 if record is None else _act(record)[0].export

    async def _linked(self, case: Case) -> list[ClipId]:
        links = await self._cases.links(case)
        return sorted({link.clip for link in links if link.unlink_index is None})

    async def _trail(self, export: Export) -> TrailDocument:
        clip = await self._evidence.clip(ClipId.parse(export.clips[0]))
        if clip is not None and export.about == clip.id.clip_urn:
            return await self._trails.of_clip(clip, choose=self._outside.choose)
        async with self._database.reading() as session:
            case = await session.get(Case, export.about.removeprefix(case_urn("")))
        if case is None:
            raise ExportUnknownError("the export is about a case that is not there")
        return await self._trails.of_case(case, choose=self._outside.choose)

    async def _sealed(self, export: Export) -> list[int]:
        """Where the sealings of its clips stand in the log."""
        rows = await self._rows(export)
        return [row.entry_index for row in rows.values()]

    async def _missing(self, export: Export) -> dict[str, str]:
        rows = await self._rows(export)
        there = await self._evidence.contents_there(list(rows.values()))
        missing = {}
        for name in export.clips:
            clip = ClipId.parse(name)
            if clip not in there:
                missing[name] = _why_missing(rows.get(clip))
        return missing

    async def _rows(self, export: Export) -> dict[ClipId, Clip]:
        return await self._evidence.clips({ClipId.parse(name) for name in export.clips})

    async def _earlier(self, size: int, named: set[int]) -> tuple[TrailConsistency, ...]:
        """From checkpoints that records name, and that trust files may pin: first and last ones."""
        query = select(CheckpointRow.size).where(CheckpointRow.size < size)
        oldest = query.order_by(CheckpointRow.size).limit(_OLDEST_EARLIER)
        newest = query.order_by(CheckpointRow.size.desc()).limit(_NEWEST_EARLIER)
        async with self._database.reading() as session:
            sizes = {*await session.scalars(oldest), *await session.scalars(newest), *named}
        before = [old for old in sorted(sizes) if 0 < old < size][:MAX_EARLIER]
        return tuple([way(old, await self._log.consistency(old, size)) for old in before])


def _why_missing(row: Clip | None) -> str:
    if row is not None and row.disposed_index is not None:
        return f"disposed of, as entry {row.disposed_index} of the log states"
    state = "unknown" if row is None else row.state
    return f"the gateway does not have its bytes; state: {state}"


def _urn(number: int) -> str:
    return f"urn:evidock:export:{number}"


def _keyed(key: str) -> str:
    return f"urn:evidock:export-request:{key}"


def _act(record: bytes) -> tuple[ClipExported, str]:
    try:
        decoded = decode_record(record)
    except RecordError as error:
        raise NotFoundError(f"an export that cannot be read: {error}") from error
    if not isinstance(decoded.body, ClipExported):
        raise NotFoundError("an entry that is no export stands among the exports")
    return decoded.body, decoded.at.utc
