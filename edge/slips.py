"""What a slip says of one docking, from the ledger: also of one that ended long ago.

Everything here is read; nothing is stated. ``protocols.slip`` makes the short text of it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final

from edge.cameras.base import shown
from edge.errors import LedgerEmpty, LedgerError, NoSuchSession
from edge.ledger_queries import LedgerQueries
from edge.ledger_rows import ClipRow, SessionRow
from hashing.ledger import DockHead
from protocols.clock import ClockReading
from protocols.errors import IdError
from protocols.ids import EntryId, SessionId
from protocols.slip import SlipClip, slip_of

# More lines than anybody reads; the digest is over all of them.
MAX_LINES: Final = 2000
_NAMED: Final = 200

Answer = dict[str, Any]


@dataclass
class _Told:
    """What the entries of one docking say, as plain JSON values."""

    opened: Answer = field(default_factory=dict)
    opened_at: Answer | None = None
    closed: Answer | None = None
    closed_at: Answer | None = None
    known: dict[str, Answer] = field(default_factory=dict)
    notes: list[Answer] = field(default_factory=list)
    tags: dict[str, Answer] = field(default_factory=dict)


def slip(ledger: LedgerQueries, name: str, now: ClockReading) -> Answer:
    """Everything a slip shows; blocks.

    Raises:
        LedgerError: no such docking at this dock, or the database refuses.
    """
    row = _session(ledger, name)
    # The head first: what is sealed meanwhile is newer than the slip and is left out of it.
    head = ledger.head()
    if head is None:
        raise LedgerEmpty("the ledger is empty")
    clips = ledger.clips_of_session(row.session)
    told = _told(ledger, row.session)
    text = slip_of(
        row.session,
        EntryId(ledger.dock, head.epoch, head.seq),
        head.hash,
        [SlipClip(clip.clip, clip.sha256, clip.size) for clip in clips],
    )
    mine = {str(clip.clip) for clip in clips}
    upto = [clip for clip in clips if (clip.clip.epoch, clip.clip.seq) <= (head.epoch, head.seq)]
    earlier = [
        _earlier(ledger, each, told.tags) for clip, each in told.known.items() if clip not in mine
    ]
    return {
        **_docking(row, told),
        "dock": ledger.dock,
        "made": at(now),
        "head": head_json(head),
        "text": text.text(),
        "digest": text.digest.hex(),
        "clips_total": len(upto),
        "clips": [_clip(clip, told.tags) for clip in upto[:MAX_LINES]],
        "earlier_total": len(earlier),
        "earlier": earlier[:MAX_LINES],
        "notes": told.notes[-_NAMED:],
    }


def recent(ledger: LedgerQueries, count: int) -> list[Answer]:
    """The newest dockings, newest first, with how many clips each brought; blocks."""
    answer = []
    for row in ledger.recent_sessions(count):
        clips = ledger.clips_of_session(row.session)
        answer.append(
            {
                "session": str(row.session),
                "bay": row.bay,
                "volume": row.volume,
                "opened": row.opened,
                "closed": row.closed,
                "files": row.inventory_files,
                "clips": len(clips),
                "bytes": sum(clip.size for clip in clips),
                "released": sum(clip.release_index is not None for clip in clips),
            }
        )
    return answer


def at(reading: ClockReading) -> Answer:
    """A clock reading for people: the time, and how far it can be believed."""
    return {"utc": reading.utc, "source": reading.source.value, "error_ms": reading.error_ms}


def head_json(head: DockHead) -> Answer:
    """A ledger head as plain JSON values."""
    return {"epoch": head.epoch, "seq": head.seq, "hash": head.hash.hex()}


def _session(ledger: LedgerQueries, name: str) -> SessionRow:
    try:
        session = EntryId.parse(name)
    except IdError as error:
        raise NoSuchSession(str(error)) from error
    row = ledger.session(session) if session.dock == ledger.dock else None
    if row is None:
        raise NoSuchSession(f"{session} is no session of this dock")
    return row


def _docking(row: SessionRow, told: _Told) -> Answer:
    opened, closed = told.opened, told.closed or {}
    camera = opened.get("camera", {})
    leftovers = closed.get("leftovers", [])
    return {
        "session": str(row.session),
        "bay": row.bay,
        "volume": row.volume,
        "camera": {key: camera.get(key) for key in ("serial", "model", "name")},
        "officer": opened.get("officer"),
        "unit": opened.get("unit"),
        "opened": told.opened_at,
        "closed": told.closed_at,
        "ended": row.closed,
        "inventory_files": row.inventory_files,
        "leftovers_total": closed.get("leftovers_total", 0),
        "leftovers": [
            {"name": _path(each), "outcome": each["outcome"], "reason": each["reason"]}
            for each in leftovers[:_NAMED]
        ],
    }


def _told(ledger: LedgerQueries, session: SessionId) -> _Told:
    told = _Told()
    for _, kind, raw in ledger.told_of(session):
        # The dock's own words, which it checked when it signed them.
        record = json.loads(raw)
        body, when = record["body"], record["at"]
        moment = {key: when.get(key) for key in ("utc", "source", "error_ms")}
        match kind:
            case "session.opened":
                told.opened, told.opened_at = body, moment
            case "session.inventory":
                known = (each for each in body["files"] if each.get("disposition") == "known")
                told.known.update({each["clip"]: each for each in known if each.get("clip")})
            case "session.noted":
                said = {key: body.get(key) for key in ("reason", "text", "officer")}
                told.notes.append({**said, "at": moment})
            case "session.closed" if body["reason"] != "daily":
                told.closed, told.closed_at = body, moment
            case "clip.tagged":
                # A case named today does not take back the category of yesterday.
                named = {key: value for key, value in body.items() if value is not None}
                told.tags.setdefault(body["clip"], {}).update(named)
            case _:
                pass
    return told


def _clip(row: ClipRow, tags: dict[str, Answer]) -> Answer:
    tag = tags.get(str(row.clip), {})
    return {
        "clip": str(row.clip),
        "name": shown(row.path),
        "size": row.size,
        "sha256": row.sha256.hex(),
        "state": row.state.value,
        "marked": row.marked,
        "case_no": tag.get("case_no"),
        "category": tag.get("category"),
    }


def _earlier(ledger: LedgerQueries, listed: Answer, tags: dict[str, Answer]) -> Answer:
    """A clip that an earlier docking sealed and whose recording was still on the card.

    ``cut`` says that the power went during that docking, which this one therefore continues.
    """
    clip = EntryId.parse(listed["clip"])
    row = ledger.clip(clip.epoch, clip.seq)
    session = None if row is None else ledger.session(row.session)
    if row is None or session is None:
        raise LedgerError(f"the ledger names clip {clip} and does not have it")
    return {**_clip(row, tags), "session": str(row.session), "cut": session.closed == "power"}


def _path(listed: Answer) -> str:
    if (text := listed.get("path")) is not None:
        return shown(text.encode())
    return shown(base64.b64decode(listed["path_b64"]))
