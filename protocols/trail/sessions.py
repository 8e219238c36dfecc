"""Steps 5 and 9: each docking whole, from its opening to its close, and nothing unaccounted for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from hashing.ledger import DockHead, walk_dock
from hashing.verdict import Outcome
from protocols.ids import EntryId, SessionId, dock_urn
from protocols.kinds import (
    AbsentFiles,
    ClipSealed,
    Disposition,
    FileName,
    NumberGap,
    SessionClosed,
    SessionInventory,
    SessionOpened,
)
from protocols.trail.findings import Findings, TrailEvent

_TOLD = 10
DAILY = "daily"
"""Reason of a close that only names the ledger's head while a docking goes on."""


def sessions_of(events: Iterable[TrailEvent]) -> list[SessionId]:
    """The dockings in which the disclosed clips of a trail were sealed."""
    found: dict[SessionId, None] = {}
    for event in events:
        if isinstance(event.body, ClipSealed):
            found[EntryId.parse(event.body.session)] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class Ledgers:
    """A trail's events as its dockings need them, so that none looks through all of them.

    Attributes:
        entries: of each ledger, by issuer and epoch, in the order of their numbers.
        sealed: sealings by the docking that they name.
    """

    entries: dict[tuple[str, int], list[TrailEvent]]
    sealed: dict[str, list[TrailEvent]]

    @classmethod
    def of(cls, events: Iterable[TrailEvent]) -> Self:
        """Sort a trail's events."""
        entries: dict[tuple[str, int], list[TrailEvent]] = {}
        sealed: dict[str, list[TrailEvent]] = {}
        for event in events:
            if event.link is not None:
                place = (event.statement.issuer, event.link.epoch)
                entries.setdefault(place, []).append(event)
            if isinstance(event.body, ClipSealed):
                sealed.setdefault(event.body.session, []).append(event)
        for ledger in entries.values():
            ledger.sort(key=_seq)
        return cls(entries, sealed)


def check_session(session: SessionId, ledgers: Ledgers, found: Findings) -> None:
    """Check one docking and everything its close says of it."""
    name = session.session_urn
    span = _span(session, ledgers)
    if not span or not isinstance(span[0].body, SessionOpened):
        found.add(5, Outcome.INCOMPLETE, name, "its opening is missing")
        return
    closing = _closing(session, span[-1])
    broken = _first_break(span)
    if broken is not None:
        found.add(5, Outcome.INCOMPLETE, name, broken)
    elif closing is None:
        found.add(5, Outcome.INCOMPLETE, name, "not closed yet")
    else:
        found.good(5, name, f"{len(span)} entries without a gap, opening to close")
    tally = _tally(session, span)
    if closing is not None:
        _check_close(session, span[-1], closing, tally, found)
    _check_accounted(session, tally, closing, found)
    _tell_missing(name, tally, found)
    _check_inside(session, span, ledgers, found)


def _span(session: SessionId, ledgers: Ledgers) -> list[TrailEvent]:
    """The dock's entries from the session's opening to its close, or to the last given."""
    mine = ledgers.entries.get((dock_urn(session.dock), session.epoch), [])
    start = bisect_left(mine, session.seq, key=_seq)
    if start == len(mine) or _seq(mine[start]) != session.seq:
        return []
    for position in range(start, len(mine)):
        if _closing(session, mine[position]) is not None:
            return mine[start : position + 1]
    return mine[start:]


def _closing(session: SessionId, event: TrailEvent) -> SessionClosed | None:
    body = event.body
    ends = isinstance(body, SessionClosed) and body.session == str(session)
    return body if ends and isinstance(body, SessionClosed) and body.reason != DAILY else None


def _first_break(span: Sequence[TrailEvent]) -> str | None:
    link = span[0].link
    # A slice of a ledger begins in its middle; its first prev is taken as given.
    before = DockHead(link.epoch, link.seq - 1, link.prev) if link and link.seq else None
    chain = [(event.link, event.statement.hash) for event in span if event.link is not None]
    broken = walk_dock(chain, after=before).first_break
    return f"{broken.fault} at {broken.position}: {broken.reason}" if broken else None


# --- what was on the card ---------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """What a docking's entries say of its files, taken in the order of the ledger.

    Attributes:
        pages: numbers of the inventory pages. files: how many rows they hold.
        open: recordings that were listed and not sealed after that.
        sealed: how many were. withheld: sealings whose record was not given.
        gaps: in the camera's own numbering. absent: what its own lists name and was not there.
    """

    pages: list[int] = field(default_factory=list)
    files: int = 0
    open: dict[bytes, None] = field(default_factory=dict)
    listed: int = 0
    sealed: int = 0
    withheld: int = 0
    gaps: list[NumberGap] = field(default_factory=list)
    absent: list[AbsentFiles] = field(default_factory=list)


# What was listed in one of these states has to be sealed, or named as left over.
_OPEN = frozenset({Disposition.INGEST, Disposition.GROWING})


def _tally(session: SessionId, span: Sequence[TrailEvent]) -> _Tally:
    tally = _Tally()
    for event in span:
        match event.body:
            case SessionInventory() as page if page.session == str(session):
                tally.pages.append(page.page)
                tally.files += len(page.files)
                tally.gaps += page.gaps
                tally.absent += page.absent
                for file in page.files:
                    if file.disposition in _OPEN:
                        tally.listed += file.path_bytes() not in tally.open
                        tally.open[file.path_bytes()] = None
            case ClipSealed() as sealing if sealing.session == str(session):
                tally.sealed += 1
                tally.open.pop(FileName.path_bytes(sealing.source), None)
            case None if event.withheld and event.seals is not None:
                tally.withheld += 1
            case _:
                pass
    return tally


def _check_close(
    session: SessionId, event: TrailEvent, closing: SessionClosed, tally: _Tally, found: Findings
) -> None:
    """Step 9: the close says how much there was; all of it has to be here."""
    name, link = session.session_urn, event.link
    if link is not None and link.seq:
        head = str(EntryId(session.dock, link.epoch, link.seq - 1))
        if (closing.head, closing.head_hash) != (head, link.prev.hex()):
            reason = f"its close names {closing.head} as the entry before it, which is {head}"
            found.add(9, Outcome.ALTERED, name, reason)
    pages = list(range(closing.inventory_pages))
    if tally.pages != pages or tally.files != closing.inventory_files:
        reason = (
            f"its close says {closing.inventory_files} files on {closing.inventory_pages} pages; "
            f"here are {tally.files} on {len(tally.pages)}"
        )
        found.add(9, Outcome.INCOMPLETE, name, reason)
    if not tally.sealed <= closing.sealed <= tally.sealed + tally.withheld:
        reason = f"its close says {closing.sealed} sealed; here are {tally.sealed}"
        found.add(9, Outcome.INCOMPLETE, name, reason)
    if len(closing.leftovers) > closing.leftovers_total:
        reason = f"{len(closing.leftovers)} left over of {closing.leftovers_total} in all"
        found.add(9, Outcome.ALTERED, name, reason)


def _check_accounted(
    session: SessionId, tally: _Tally, closing: SessionClosed | None, found: Findings
) -> None:
    """Step 9: every recording of the inventory was sealed, or is named as left over."""
    name = session.session_urn
    missing, unnamed, withheld = dict(tally.open), 0, tally.withheld
    if closing is not None:
        # Sessions of other bays interleave; the close says how many were this one's.
        withheld = min(withheld, max(0, closing.sealed - tally.sealed))
        for left in closing.leftovers:
            missing.pop(left.path_bytes(), None)
        # A close has room for so many names; only then does a number stand for the rest.
        if closing.leftovers:
            unnamed = max(0, closing.leftovers_total - len(closing.leftovers))
    if len(missing) > withheld + unnamed:
        count = len(missing) - withheld - unnamed
        some = [repr(path.decode(errors="backslashreplace")) for path in list(missing)[:_TOLD]]
        # Which of them it is cannot be said where some may be the withheld or unnamed ones.
        all_told = count == len(some)
        told = f"{':' if all_told else ', such as'} {', '.join(some)}"
        reason = f"{count} listed but not accounted for{told}"
        found.add(9, Outcome.INCOMPLETE, name, reason)
        return
    told = f"{tally.listed} listed recordings accounted for"
    if closing is not None and closing.leftovers_total:
        told += f", {closing.leftovers_total} of them left over"
    if unnamed:
        told += f" ({unnamed} by number only)"
    found.good(9, name, told)


def _tell_missing(name: str, tally: _Tally, found: Findings) -> None:
    """Step 9: what the camera itself counts or lists and was not there; nobody's word is broken.

    A counter that was moved looks like files that are gone, so this is told and no more.
    """
    if tally.gaps:
        said = [
            f"{gap.missing} between {gap.after} and {gap.before} in {_told(gap)}"
            for gap in tally.gaps[:_TOLD]
        ]
        more = f" and {len(tally.gaps) - _TOLD} more" if len(tally.gaps) > _TOLD else ""
        reason = f"numbers missing in the camera's own counting: {'; '.join(said)}{more}"
        found.good(9, name, f"{reason}; files that are gone, or a counter that was moved")
    for absent in tally.absent:
        some = f", such as {absent.files[0]!r}" if absent.files else ""
        reason = f"{absent.count} of the files that the camera lists in {_told(absent)}"
        reason += " were not there"
        found.good(9, name, reason + some)


def _told(name: FileName) -> str:
    return repr(name.path_bytes().decode(errors="backslashreplace"))


def _check_inside(
    session: SessionId, span: Sequence[TrailEvent], ledgers: Ledgers, found: Findings
) -> None:
    """Step 9: nothing was sealed in a docking's name before or after it."""
    inside = {event.index for event in span}
    for event in ledgers.sealed.get(str(session), ()):
        if event.index not in inside:
            reason = f"sealed outside its docking {session}"
            found.add(9, Outcome.INCOMPLETE, event.name, reason)


def _seq(event: TrailEvent) -> int:
    return event.link.seq if event.link else -1
