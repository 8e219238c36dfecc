"""The log over HTTP, for auditors: checkpoint, entries, proofs; nothing is added to it.

An auditor may also hold a checkpoint against it, from a dock, a witness or an old trust file.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.given import Given
from gateway.log.models import LogEntry
from gateway.problems import Problem
from gateway.shapes import Asked, Position, Told
from hashing.note import MAX_NOTE

router = APIRouter(prefix="/log", tags=["log"])
_PROVES = [allowed(Act.LOG_PROVE)]
_MAX_ENTRIES = 200
# A record has up to 256 KiB, and a dock may fill its ledger with such; a page is held in memory
# at both ends, and a client that meets one it cannot hold could never read past it.
_MAX_PAGE_BYTES = 8 << 20


class EntryTold(Told):
    """One entry; statement and record are base64, hashes are hex."""

    index: int
    kind: str
    issuer: str
    subject: str
    dock: str | None
    epoch: int | None
    seq: int | None
    subject_seq: int | None
    statement_hash: str
    leaf: str
    statement: str
    record: str

    @classmethod
    def of(cls, row: LogEntry) -> EntryTold:
        """From its row."""
        return cls(
            index=row.index,
            kind=row.kind,
            issuer=row.issuer,
            subject=row.subject,
            dock=row.dock,
            epoch=row.epoch,
            seq=row.seq,
            subject_seq=row.subject_seq,
            statement_hash=row.statement_hash.hex(),
            leaf=row.leaf.hex(),
            statement=base64.b64encode(row.statement).decode(),
            record=base64.b64encode(row.record).decode(),
        )


class EntriesTold(Told):
    """Entries in log order; `next` is where the following page starts, none at the end."""

    entries: list[EntryTold]
    next: int | None


class ProofTold(Told):
    """An RFC 9162 path: base64 hashes, lowest first, and the size it leads to."""

    size: int
    path: list[str]


class NoteAsked(Asked):
    """A checkpoint that this log has signed, wherever it was kept."""

    note: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_NOTE,
            description="The signed note, as `GET /log/checkpoint` or a trust file has it.",
        ),
    ]


class ConfrontedTold(Told):
    """Whether the log contains the checkpoint; `size` is that of the checkpoint.

    If not, this gateway goes on reading and appends nothing more, state `log-rewound`.
    """

    contained: bool
    size: int
    log_size: int


def _whole(scope: Annotated[Scope, allowed(Act.LOG_READ)]) -> None:
    # The log is one; no part of it is a unit's.
    if not scope.is_everything:
        raise Problem(
            HTTPStatus.FORBIDDEN, "beyond-your-unit", "records of all units stand in the log"
        )


_WHOLE = Depends(_whole)


@router.get(
    "/checkpoint",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    dependencies=_PROVES,
)
async def get_checkpoint(services: Given) -> Response:
    """The newest checkpoint as a C2SP signed note."""
    return Response(services.log.checkpoint().note, media_type="text/plain; charset=utf-8")


@router.post("/checkpoint", dependencies=_PROVES)
async def confront(services: Given, asked: NoteAsked) -> ConfrontedTold:
    """Hold a checkpoint of this log against it: does the log still contain it?"""
    return ConfrontedTold.model_validate(await services.log.confront(asked.note.encode()))


@router.get("/entries", dependencies=[_WHOLE])
async def list_entries(
    services: Given,
    start: Annotated[Position, Query()] = 0,
    limit: Annotated[int, Query(ge=1, le=_MAX_ENTRIES)] = 50,
) -> EntriesTold:
    """Entries from a position on; fewer than asked, but one at least, where they are large."""
    rows, following = await services.log.page(start, limit, most_bytes=_MAX_PAGE_BYTES)
    return EntriesTold(entries=[EntryTold.of(row) for row in rows], next=following)


@router.get("/entries/{index}", dependencies=[_WHOLE])
async def get_entry(services: Given, index: Annotated[Position, Path()]) -> EntryTold:
    """One entry."""
    return EntryTold.of(await services.log.entry(index))


@router.get("/proofs/inclusion", dependencies=_PROVES)
async def get_inclusion(
    services: Given,
    index: Annotated[Position, Query(description="Position of the entry.")],
    size: Annotated[
        Position | None, Query(description="Size of the tree; none for the newest checkpoint's.")
    ] = None,
) -> ProofTold:
    """The path from an entry to the root of a tree."""
    size = services.log.checkpoint().size if size is None else size
    return _proof(size, await services.log.inclusion(index, size))


@router.get("/proofs/consistency", dependencies=_PROVES)
async def get_consistency(
    services: Given,
    old: Annotated[Position, Query(alias="from", description="Smaller size.")],
    new: Annotated[
        Position | None,
        Query(alias="to", description="Larger size; none for the newest checkpoint's."),
    ] = None,
) -> ProofTold:
    """The path that shows that a tree only appends to an earlier one."""
    new = services.log.checkpoint().size if new is None else new
    return _proof(new, await services.log.consistency(old, new))


def _proof(size: int, path: list[bytes]) -> ProofTold:
    return ProofTold(size=size, path=[base64.b64encode(step).decode() for step in path])
