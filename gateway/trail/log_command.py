"""``evidock-gateway log``: look at the log over the API, or check all of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gateway.stamping.token import load_roots
from gateway.trail.audit import audit, entries
from gateway.trail.client import ApiClient, ApiError
from gateway.trail.stamped import log_stamped
from gateway.trail.witnessed import RootsRead, log_witnessed
from hashing.errors import DecodeError, HashingError
from hashing.ledger import DockLink
from hashing.note import Checkpoint, parse_note
from hashing.statement import Statement, decode_statement
from hashing.verdict import Verdict
from protocols.anchors import Anchors
from protocols.errors import RecordError
from protocols.policy import Policy
from protocols.records import Record, decode_record
from protocols.shown import shown
from protocols.trail import TrailEvent
from protocols.trail.story import line
from protocols.trail.telling import verdict_json, verdict_lines
from protocols.trail.whole import LoggedEntry, other_log

_NEWEST = 20
Write = Callable[[str], object]


def show_log(client: ApiClient, write: Write) -> int:
    """Print the newest entries and the checkpoint, unverified; raises ApiError."""
    note = client.text("/log/checkpoint")
    size = _size(note)
    for entry in entries(client, max(0, size - _NEWEST), size):
        write(_line(entry) + "\n")
    write(f"\n{shown_lines(note)}\nnot verified; see: evidock-gateway log verify --trust FILE\n")
    return 0


def show_entry(client: ApiClient, index: int, write: Write) -> int:
    """Print one entry whole, unverified; raises ApiError."""
    size = _size(client.text("/log/checkpoint"))
    if index >= size:
        raise ApiError(f"the log has no entry {index}; its newest is entry {size - 1}")
    for entry in entries(client, index, index + 1):
        statement = _statement(entry)
        write(f"entry      {index}\n")
        if statement is not None:
            write(f"issuer     {shown(statement.issuer)}\nsubject    {shown(statement.subject)}\n")
            write(f"chain      {_chain(statement)}\nhash       {statement.hash.hex()}\n")
            write(f"leaf       {statement.leaf.hex()}\n")
        write(f"statement  {entry.statement.hex()}\nrecord     {_pretty(entry.record or b'')}\n")
    return 0


def verify_log(
    client: ApiClient,
    anchors: Anchors,
    write: Write,
    *,
    as_json: bool,
    policy: Policy | None = None,
    tsa: Path | None = None,
) -> int:
    """Check the whole log; returns the exit code of the verdict; raises ApiError."""
    wrong_file = other_log(client.text("/log/checkpoint").encode(), anchors)
    if wrong_file is not None and not as_json:
        write(f"{shown(wrong_file)}\n")
    read = RootsRead()
    audited = audit(client, anchors, read.look)
    verdict = audited.verdict
    if policy is not None:
        verdict += Verdict((log_witnessed(client, anchors, policy, read),))
    if tsa is not None:
        verdict += Verdict(tuple(log_stamped(client, anchors, load_roots(tsa), read)))
    audited = replace(audited, verdict=verdict)
    if as_json:
        write(json.dumps(verdict_json(verdict), ensure_ascii=False, indent=2) + "\n")
    else:
        for text in verdict_lines(verdict, audited):
            write(text + "\n")
    return verdict.exit_code


def shown_lines(text: str) -> str:
    """Several lines, each made fit to show."""
    return "\n".join(shown(part) for part in text.splitlines())


def _size(note: str) -> int:
    try:
        return Checkpoint.parse(parse_note(note.encode()).text).size
    except DecodeError:
        return 0


def _line(entry: LoggedEntry) -> str:
    statement = _statement(entry)
    if statement is None:
        return f"{entry.index:>8}  [not a statement]"
    return line(TrailEvent(entry.index, statement, _record(entry)))


def _statement(entry: LoggedEntry) -> Statement | None:
    try:
        return decode_statement(entry.statement)
    except HashingError:
        return None


def _record(entry: LoggedEntry) -> Record | None:
    try:
        return decode_record(entry.record or b"")
    except RecordError:
        return None


def _chain(statement: Statement) -> str:
    link = statement.chain
    if link is None:
        return "none"
    epoch = f"epoch {link.epoch} " if isinstance(link, DockLink) else ""
    return f"{epoch}seq {link.seq} prev {link.prev.hex()}"


def _pretty(record: bytes) -> str:
    try:
        text = json.dumps(json.loads(record), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return record.hex()
    return shown_lines(text)
