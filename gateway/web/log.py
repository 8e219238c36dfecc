"""Pages of the log: its head, who vouches for it, its entries, and one entry with its proof.

The proof is checked by the reader's own browser (``static/log.js``). Which entries there are, and
what they say, is for those who read the whole log; a position and its proof are for everybody.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.access.scope import Scope
from gateway.given import Given
from gateway.log.models import LogEntry
from gateway.services import Services
from gateway.shapes import MAX_POSITION, Position
from gateway.web.drawing import as_data, page
from gateway.web.routing import PageRoute
from hashing.errors import HashingError
from hashing.note import Checkpoint, NoteKey, cosignatures, parse_note
from protocols.errors import RecordError
from protocols.ids import account_urn, case_urn, client_urn, clip_of_urn
from protocols.records import decode_record
from protocols.shown import shown

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_Proving = Annotated[Scope, allowed(Act.LOG_PROVE)]
_ROWS: Final = 50
_PAGE_BYTES: Final = 8 << 20
_COSIGNED: Final = 20
_STAMPS: Final = 5
_CASES: Final = case_urn("")


class Named(NamedTuple):
    """What an entry is about, as people call it, and the page that has all of it."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Vouching:
    """How it stands with one witness.

    Attributes:
        size, at: of the newest checkpoint that it is kept to have cosigned; None for none.
    """

    name: str
    url: str
    size: int | None
    at: datetime | None
    problem: str | None
    refuses: bool


@router.get("/log")
async def log(
    services: Given,
    request: Request,
    scope: _Proving,
    before: Annotated[int | None, Query(ge=0, le=MAX_POSITION)] = None,
) -> Response:
    """The head of the log; its entries, newest first, for those who read it whole."""
    newest = services.log.checkpoint()
    reads = _reads(scope.principal)
    end = newest.size if before is None else min(before, newest.size)
    rows = await _entries(services, end) if reads else []
    start = rows[-1].index if rows else 0
    names = await _names(services, {row.subject for row in rows})
    values = {
        "who": scope.principal,
        "now": services.clock.now(),
        "checkpoint": newest,
        "note": newest.note.decode(),
        "witnesses": await _witnesses(services),
        "stamps": (await services.stamps.sizes())[-_STAMPS:][::-1],
        "stamped_by": services.config.stamping.url,
        "reads": reads,
        "rows": [(row, names.get(row.subject)) for row in rows],
        "next": f"/log?before={start}#entries" if start else None,
        "newer": before is not None,
    }
    return page(request, "log.html", values)


@router.get("/log/{index}")
async def entry(
    services: Given, request: Request, scope: _Proving, index: Annotated[Position, Path()]
) -> Response:
    """One entry: where it stands, and, for those who read the log, what it says."""
    row = await services.log.entry(index)
    reads = _reads(scope.principal)
    statement = base64.b64encode(row.statement).decode()
    record = base64.b64encode(row.record).decode() if reads else None
    values = {
        "who": scope.principal,
        "row": row,
        "size": services.log.checkpoint().size,
        "reads": reads,
        "said": _said(row) if reads else None,
        "data": as_data({"index": row.index, "statement": statement, "record": record}),
    }
    return page(request, "entry.html", values)


def _reads(who: Principal) -> bool:
    # The log is one; no part of it is a unit's.
    reach = who.reach(Act.LOG_READ)
    return reach is not Reach.NONE and Scope(who, reach).is_everything


async def _entries(services: Services, end: int) -> Sequence[LogEntry]:
    start = max(0, end - _ROWS)
    # Large records come in shorter pages, from the oldest on: what is left out is shown next.
    rows, following = await services.log.page(start, end - start, most_bytes=_PAGE_BYTES)
    while following is not None and following < end:
        start = following
        rows, following = await services.log.page(start, end - start, most_bytes=_PAGE_BYTES)
    return [row for row in reversed(rows) if row.index < end]


async def _names(services: Services, subjects: Collection[str]) -> dict[str, Named]:
    """What people call the subjects of entries, where they have another name than the log's."""
    tokens = [each.removeprefix(_CASES) for each in subjects if each.startswith(_CASES)]
    clips = {each: clip_of_urn(each) for each in subjects}
    people, systems = await services.accounts.listing(), await services.clients.listing()
    numbers = await services.cases.numbers_of(tokens)
    return {
        **{urn: Named(str(clip), f"/clips/{clip}") for urn, clip in clips.items() if clip},
        **{case_urn(token): Named(no, f"/cases/{token}") for token, no in numbers.items()},
        **{account_urn(row.token): Named(row.name, f"/admin/people/{row.login}") for row in people},
        **{client_urn(row.token): Named(row.name, "/admin/systems") for row in systems},
    }


async def _witnesses(services: Services) -> list[Vouching]:
    standings = services.rounds.standings
    newest = await _cosigned(services, [each.key for each in standings]) if standings else {}
    return [
        Vouching(
            name=each.key.name,
            url=each.url,
            size=newest.get(each.key.name, (None, None))[0],
            at=newest.get(each.key.name, (None, None))[1],
            problem=each.problem,
            refuses=each.refuses,
        )
        for each in standings
    ]


async def _cosigned(services: Services, keys: Sequence[NoteKey]) -> dict[str, tuple[int, datetime]]:
    found: dict[str, tuple[int, datetime]] = {}
    for note in await services.cosigned.newest(_COSIGNED):
        try:
            size = Checkpoint.parse(parse_note(note).text).size
            lines = cosignatures(note, keys)
        except HashingError:
            continue  # said by the round that kept it
        for name, at in lines:
            found.setdefault(name, (size, datetime.fromtimestamp(at, UTC)))
    return found


def _said(row: LogEntry) -> dict[str, Any]:
    """A record for people: as it is written, with what could hide or turn text made visible."""
    try:
        record = decode_record(row.record)
    except RecordError as error:
        return {"at": None, "text": shown(row.record.decode(errors="replace")), "why": str(error)}
    text = json.dumps(json.loads(row.record), ensure_ascii=False, indent=2)
    lines = [shown(line) for line in text.split("\n")]
    return {"at": record.at, "text": "\n".join(lines), "why": None}
