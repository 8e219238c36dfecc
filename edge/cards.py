"""What the dock remembers of a card between dockings, and whether what it finds fits that.

A card comes back with less on it than it left with: because the dock erased what was safe,
or because somebody else did. Only what the dock never sealed, or lost since, is missed here;
nothing is said against a card that was formatted when everything on it was released. Which
camera a card belongs to is a claim, and another dock may have taken what is missed: both are
said. Memories are no evidence; what is concluded from them goes on record. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, ValidationError

from edge.cameras.base import shown
from edge.profiles.continuing import MAX_SCOPES, Run
from protocols.kinds import CardHistory, Count, EntryName, FileName, Flag, Leftover, Part, Word

CODE: Final = "recordings-vanished"
MAX_LEFT: Final = 1000
_MAX_BYTES: Final = 1 << 20
_NAMED: Final = 10
_TEXT: Final = 2000
# A device node names the reader a card was in, not the card.
_NAMELESS: Final = re.compile(r"[a-z0-9._-]+:(?:/.*|[a-z0-9._-]*)")
_FOLDER: Final = "folder:"

Seen: TypeAlias = Literal["first", "known", "formatted", "swapped"]


class Kept(FileName):
    """A recording that was on a card without being released.

    Attributes:
        growing: whether it was still changing, so that its size may be another now.
    """

    size: Count
    mtime_ns: Annotated[int, Field(strict=True)]
    growing: Flag = False


class CardMemory(Part):
    """One card as it was at the end of its last docking, or at its beginning if that was cut.

    Attributes:
        session: that docking.
        files: how many recordings were on it.
        left: those that were not released; ``left_total`` counts those that did not fit too.
        vanished: those that were missed already; they may come back.
        runs: where the camera's numbers stood.
    """

    session: EntryName
    volume: Word
    serial: Word | None = None
    profile: Word = ""
    files: Count = 0
    left: Annotated[tuple[Kept, ...], Field(max_length=MAX_LEFT)] = ()
    left_total: Count = 0
    vanished: Annotated[tuple[Kept, ...], Field(max_length=2 * MAX_LEFT)] = ()
    runs: Annotated[tuple[Run, ...], Field(max_length=MAX_SCOPES)] = ()

    @classmethod
    def read(cls, text: str | None) -> CardMemory | None:
        """From the ledger's memory; what is of another form is as good as forgotten."""
        try:
            return None if text is None else cls.model_validate_json(text)
        except ValidationError:
            return None

    def text(self) -> str:
        """For the ledger's memory."""
        memory = self
        while len(text := memory.model_dump_json(exclude_none=True)) > _MAX_BYTES and memory.left:
            # Names of kilobytes: fewer of them, counted all the same.
            memory = memory.model_copy(update={"left": memory.left[: len(memory.left) // 2]})
        return text


@dataclass(frozen=True, slots=True)
class CardNow:
    """A card as a look found it.

    Attributes:
        volume: what names it.
        serial: of its camera, as claimed.
        recordings: size by path, of everything that is to be taken.
        unread: parts that could not be listed; what lies below may be there.
        anew: words on numbering that began anew; empty if none did.
    """

    volume: str
    serial: str | None
    recordings: Mapping[bytes, int]
    unread: Sequence[bytes] = ()
    anew: str = ""

    def may_hide(self, path: bytes) -> bool:
        """Whether a recording may be where nothing could be listed."""
        return any(part == b"." or path.startswith(part + b"/") for part in self.unread)

    def without(self, those: Iterable[Kept]) -> list[Kept]:
        """Recordings that are not there any more, neither in their place nor moved as they are."""
        moved = {(_name(path), size) for path, size in self.recordings.items()}
        gone = []
        for kept in those:
            path = kept.path_bytes()
            size = self.recordings.get(path)
            here = size is not None and (kept.growing or size == kept.size)
            if not here and (_name(path), kept.size) not in moved:
                gone.append(kept)
        return gone


class Copy(StrEnum):
    """What the dock has of a recording that was on a card."""

    RELEASED = "released"
    HELD = "held"
    """sealed and not released yet"""
    NONE = "none"


Copies: TypeAlias = Callable[[str, Kept], Copy]
"""What the dock has of a recording, by the volume it was on."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Recordings that are not where they were, and of which the dock has no copy.

    Attributes:
        volume: the card they were on.
        session: the docking that saw them last.
        here: whether it is the card that is docked now, not another one of its camera.
        unnamed: how many there were beside them whose names were not kept.
    """

    volume: str
    session: str
    here: bool
    recordings: tuple[Kept, ...]
    unnamed: int = 0

    @property
    def text(self) -> str:
        """For the alarm."""
        count = len(self.recordings)
        if self.here:
            said = f"{_many(count)} of docking {self.session} not on the card any more"
        else:
            said = (
                f"{_many(count)} of docking {self.session} on the card {self.volume}; now its "
                "camera has another card, or it was formatted"
            )
        names = ", ".join(
            f"{shown(kept.path_bytes())} ({kept.size} bytes)" for kept in self.recordings[:_NAMED]
        )
        more = count - _NAMED
        also = f" and {more} more" if more > 0 else ""
        also += f"; {self.unnamed} others were too many to keep in mind" if self.unnamed else ""
        return f"{said}. This dock has no copy of them, another dock may have: {names}{also}"[
            :_TEXT
        ]

    def leftovers(self) -> list[Leftover]:
        """For the session's close."""
        reason = (
            f"was on the card {self.volume} at docking {self.session} and was not sealed; "
            "not there at this docking"
        )
        return [
            Leftover(**FileName.names(kept.path_bytes()), outcome="vanished", reason=reason)
            for kept in self.recordings
        ]


@dataclass(frozen=True, slots=True)
class Compared:
    """What comes of it.

    Attributes:
        history: for the record of the docking.
        missed: what nobody can account for.
        still: to be remembered of this card as missed.
        carried: to be remembered as left on it, since they may be where nothing was listed.
        back: whether all that was missed from this card before is there again.
    """

    history: CardHistory
    missed: tuple[Missed, ...] = ()
    still: tuple[Kept, ...] = ()
    carried: tuple[Kept, ...] = ()
    back: bool = False


def nameless(volume: str) -> bool:
    """Whether a volume's name says only which reader or kind of disk it was in."""
    return not volume.startswith(_FOLDER) and bool(_NAMELESS.fullmatch(volume))


def compare(
    now: CardNow, card: CardMemory | None, other: CardMemory | None, copies: Copies
) -> Compared:
    """Compare a card with what is remembered.

    Args:
        now: as it is.
        card: what is remembered of this volume.
        other: what is remembered of the card that its camera had last, if that is another one.
        copies: what the dock has of a recording that is not there.
    """
    seen, why = _seen(now, card, other)
    reasons = [why] if why else []
    missed: list[Missed] = []
    held = 0
    carried: list[Kept] = []
    for memory in (card, other):
        if memory is None:
            continue
        gone = [(kept, copies(memory.volume, kept)) for kept in now.without(memory.left)]
        held += sum(copy is Copy.HELD for _, copy in gone)
        lost = [kept for kept, copy in gone if copy is Copy.NONE]
        if memory is card:
            carried = [kept for kept in lost if now.may_hide(kept.path_bytes())]
            lost = [kept for kept in lost if not now.may_hide(kept.path_bytes())]
        if lost:
            unnamed = max(memory.left_total - len(memory.left), 0)
            here = memory is card
            missed.append(Missed(memory.volume, memory.session, here, tuple(lost), unnamed))
    reasons += [
        f"missing: {_many(len(each.recordings))} of docking {each.session}" for each in missed
    ]
    if held:
        reasons.append(f"gone from it: {_many(held)}, sealed and not released yet")
    before = () if card is None else card.vanished
    absent = now.without(before)
    last = card or other
    history = CardHistory(
        seen=seen,
        last_session=last.session if last else None,
        reason="; ".join(reasons)[:_TEXT] or None,
    )
    newly = tuple(kept for each in missed if each.here for kept in each.recordings)
    still = (*absent, *newly)[-2 * MAX_LEFT :]
    back = bool(before) and not still
    return Compared(history, tuple(missed), still, tuple(carried), back)


def _seen(now: CardNow, card: CardMemory | None, other: CardMemory | None) -> tuple[Seen, str]:
    if card is not None and card.serial and now.serial and card.serial != now.serial:
        return "swapped", f"it was the card of camera {card.serial} at its last docking here"
    if card is None and other is not None:
        had = f"camera {now.serial} had the card {other.volume} at its last docking here"
        return "formatted", f"{had}; it was formatted, or another card was put in"
    if now.anew:
        return "formatted", f"its numbering began anew: {now.anew}"
    if card is not None:
        return "known", ""
    if nameless(now.volume):
        return "first", "the card has neither number nor label to know it by"
    return "first", ""


def after_missing(other: CardMemory) -> CardMemory:
    """What to remember of a camera's other card once its recordings were said to be missed."""
    return other.model_copy(
        update={"left": (), "left_total": 0, "vanished": (*other.vanished, *other.left)}
    )


def _many(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]
