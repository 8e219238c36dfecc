"""What a docking says of its card: when it opens, with its inventory, when it ends.

Compares the card with what the dock remembers of it and of its camera (``cards``), asks the
operator's list whether the camera is to be taken (``registry``), finds gaps in the camera's
numbers (``profiles.continuing``). In this order, so that a power cut between any two of them
loses no alarm: session on record, alarms, memory. The memory of a docking that was cut is
that of its beginning, when nothing was released yet; the ledger knows what became of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from edge import cards, registry
from edge.cameras import folder
from edge.cameras.base import Camera
from edge.cards import CardMemory, CardNow, Compared, Copy, Kept
from edge.errors import LedgerDamaged, LedgerError
from edge.items import Item, Phase
from edge.ledger import ClipState
from edge.profiles.continuing import Numbered, Run, Went, go_on, numbered
from edge.profiles.reading import CardReading
from edge.profiles.vouching import absent
from edge.recordings import claimed, named, told
from edge.registry import Standing
from edge.roster import Roster
from edge.tools import Tools
from protocols.ids import SessionId
from protocols.kinds import (
    AbsentFiles,
    CameraClaim,
    ClockOffset,
    FileName,
    Leftover,
    SessionOpened,
)

log = structlog.get_logger()

_CARD: Final = "card"
_CAMERA: Final = "camera"


class Opening:
    """One card's history while it is docked; several dockings where a folder stands for one.

    Attributes:
        standing: what the operator's list says of the camera.
        missed: recordings that were there before, and of which the dock has no copy.
    """

    def __init__(self, camera: Camera, reading: CardReading, roster: Roster, tools: Tools) -> None:
        self._camera = camera
        self._reading = reading
        self._roster = roster
        self._tools = tools
        self._ledger = tools.ledger
        self._card: CardMemory | None = None
        self._other: CardMemory | None = None
        self._other_key = ""
        self._serial: str | None = None
        self._compared: Compared | None = None
        self._runs: tuple[Run, ...] = ()
        self.standing = Standing()
        self.missed = 0

    @property
    def refused(self) -> str:
        """Why nothing is taken from this camera; empty if it is taken."""
        return self.standing.refused

    @property
    def may_begin(self) -> bool:
        """Whether copying may begin before the session opens, by what the volume says alone."""
        if self._camera.brought is not None:
            return True
        found = self._tools.registry.standing(self._camera.claim.serial, self._camera.volume)
        return not (self.refused or found.refused)

    async def would_be_taken(self) -> bool:
        """Whether the operator's list, as it is now, would not refuse this camera any more."""
        refresh = self._tools.registry.refresh
        broken = await asyncio.to_thread(refresh)
        standing = self._tools.registry.standing(self._serial, self._camera.volume)
        return broken is None and not standing.refused

    async def open(self, officer: str | None) -> SessionId:
        """Put on record that the camera was docked, and what is to be said against it.

        Args:
            officer: who tapped a badge for the bay.

        Raises:
            LedgerError: the docking is not on record.
        """
        camera, clock = await self._met()
        serial = self._serial = camera.serial
        await asyncio.to_thread(self._recall, serial)
        self._compared = None
        self._runs = self._runs_before(serial)
        # A card that was never listed is compared with nothing, and its memory stays.
        brought = self._camera.brought
        # What is brought is no card: nothing is missing from it that was there before.
        now = self._now(serial) if self._roster.looked and brought is None else None
        claims = self._reading.claims
        body = SessionOpened(
            bay=self._camera.bay,
            volume=self._camera.volume,
            profile=self._reading.profile.name,
            camera=camera,
            officer=told(officer or claims.officer),
            unit=told((brought and brought.unit) or claims.unit),
            read_only=self._camera.read_only,
            clock=clock,
            port=self._camera.port,
            binding=claims.binding,
            imported=None if brought is None else brought.imported,
        )
        session = await asyncio.to_thread(self._state, body, now)
        self._count_missed()
        if brought is None:
            await self._unless_refused(self._raise_alarms)
        await self.remember(session)
        return session

    def gaps(self, items: Iterable[Item]) -> Went:
        """What files that are about to be listed say of the camera's numbers.

        Args:
            items: as they are right before ``listed`` is called for them.
        """
        numbering = self._reading.profile.numbering
        return go_on(self._runs, self._numbered(items), numbering)

    async def absent(self) -> list[AbsentFiles]:
        """What the camera's own lists name and neither the card nor the ledger has."""
        there = {item.found.path for item in self._roster if not item.gone}
        missing = self._reading.lists.missing(there)
        if not missing:
            return []
        return absent(missing, await asyncio.to_thread(self._ledger.paths_of, self._camera.volume))

    def went_on(self, went: Went) -> None:
        """Say that these gaps are on record."""
        self._runs = went.runs

    def leftovers(self, found: Sequence[Leftover]) -> list[Leftover]:
        """What was left over, with what vanished before, in the words of a refusal if need be."""
        if self.refused:
            reason = f"not taken: {self.refused}"
            found = [
                left.model_copy(update={"reason": reason})
                if left.outcome in {"incomplete", "growing"}
                else left
                for left in found
            ]
        missed = () if self._compared is None else self._compared.missed
        return [*found, *(left for each in missed for left in each.leftovers())]

    async def remember(self, session: SessionId) -> None:
        """Keep what the next docking is compared with."""
        if self._compared is None:
            return
        memory = self._memory(session, self._compared)
        await self._unless_refused(self._keep, memory)

    async def _unless_refused(self, call: Callable[..., None], *about: object) -> None:
        try:
            await asyncio.to_thread(call, *about)
        except LedgerDamaged:
            raise
        except LedgerError as error:
            # The docking goes on; what was not kept is compared with the one before.
            log.warning("card.unremembered", camera=self._camera.key, error=str(error))

    async def _met(self) -> tuple[CameraClaim, ClockOffset | None]:
        """What the camera says it is, and what is known of its clock."""
        clocks, camera = self._tools.clocks, claimed(self._camera, self._reading)
        if self._camera.brought is not None:
            # No camera is here whose clock could be asked, and no bay is it in.
            return camera, None
        found = [item.found for item in self._roster]
        clock = await clocks.met(self._camera, camera.serial, found)
        return named(camera, clocks.named(self._camera.bay)), clock

    # --- what is there --------------------------------------------------------------

    def _now(self, serial: str | None) -> CardNow:
        there = [item for item in self._roster if not item.gone]
        return CardNow(
            self._camera.volume,
            serial,
            {item.found.path: item.size for item in there if item.found.is_recording},
            [item.found.path for item in there if item.phase is Phase.UNREADABLE],
            self.gaps(there).anew,
        )

    def _runs_before(self, serial: str | None) -> tuple[Run, ...]:
        """Where the numbers stood: on this card, or on the one that its camera had last."""
        card = self._card
        if card is None or (serial and card.serial and card.serial != serial):
            card = self._other
        same = card is not None and card.profile == self._reading.profile.name
        return card.runs if card is not None and same else ()

    def _numbered(self, items: Iterable[Item]) -> list[Numbered]:
        left = () if self._card is None else self._card.left
        known = {(kept.path_bytes(), kept.size) for kept in left}
        facts = self._reading.facts
        return numbered(
            (
                item.found.path,
                facts(item.found.path),
                item.clip is None
                and item.listed is None
                and (item.found.path, item.size) not in known,
            )
            for item in items
            if item.found.is_recording and not item.gone
        )

    def _memory(self, session: SessionId, compared: Compared) -> CardMemory:
        there = [item for item in self._roster if item.found.is_recording and not item.gone]
        left = [item for item in there if not item.released]
        carried = [kept for kept in compared.carried if not self._roster.has(kept.path_bytes())]
        kept = [*carried, *map(_kept, left[: cards.MAX_LEFT])][: cards.MAX_LEFT]
        return CardMemory(
            session=str(session),
            volume=self._camera.volume,
            serial=self._serial,
            profile=self._reading.profile.name,
            files=len(there),
            left=tuple(kept),
            left_total=len(carried) + len(left),
            vanished=compared.still,
            runs=self._runs,
        )

    def _count_missed(self) -> None:
        """What was missed once stays missed while the same disk is docked, unless it is back."""
        compared = self._compared
        missed = () if compared is None else compared.missed
        count = sum(len(each.recordings) + each.unnamed for each in missed)
        stands = self._camera.profile != folder.PROFILE and not (compared and compared.back)
        self.missed = max(count, self.missed if stands else 0)

    # --- the ledger; blocks -----------------------------------------------------------

    def _recall(self, serial: str | None) -> None:
        self._card = self._of_card(self._key(serial))
        had = None if serial is None else self._ledger.recall(_CAMERA, serial)
        other = None if had is None or had == self._key(serial) else self._of_card(had)
        # A card that went to another camera since is no longer this one's.
        self._other = other if other is not None and other.serial == serial else None
        self._other_key = had or ""

    def _of_card(self, key: str | None) -> CardMemory | None:
        return None if key is None else CardMemory.read(self._ledger.recall(_CARD, key))

    def _key(self, serial: str | None) -> str | None:
        """What the card is remembered by; None where nothing tells it from another."""
        if not cards.nameless(self._camera.volume):
            return self._camera.volume
        return None if serial is None else f"{_CAMERA}:{serial}"

    def _state(self, body: SessionOpened, now: CardNow | None) -> SessionId:
        if self._camera.brought is not None:
            # Somebody answers for it by name; no list of cameras can know it.
            return self._ledger.open_session(body)
        self._refresh()
        standing = self._tools.registry.standing(self._serial, self._camera.volume)
        if now is None and self._serial is None and standing.registered == "unknown":
            # It left before anybody could read its number: no list can be asked for that.
            standing = Standing("unknown")
        self.standing = standing
        if now is not None:
            self._compared = cards.compare(now, self._card, self._other, self._copies)
        history = self._compared and self._compared.history
        said = {
            "officer": body.officer or told(standing.officer),
            "unit": body.unit or told(standing.unit),
            "card": history,
            "registered": standing.registered,
        }
        return self._ledger.open_session(body.model_copy(update=said))

    def _refresh(self) -> None:
        problem = self._tools.registry.refresh()
        if problem is None:
            self._ledger.clear_alarm(registry.BROKEN)
        else:
            self._ledger.raise_alarm(registry.BROKEN, problem)

    def _raise_alarms(self) -> None:
        about = self._serial or self._camera.volume
        alarm = self.standing.alarm
        for code in registry.CODES:
            if alarm is None or alarm[0] != code:
                self._ledger.clear_alarm(code, about)
        if alarm is not None:
            self._ledger.raise_alarm(*alarm, about)
        compared = self._compared
        if compared is None:
            return
        for missed in compared.missed:
            self._ledger.raise_alarm(cards.CODE, missed.text, missed.volume)
        if compared.back:
            self._ledger.clear_alarm(cards.CODE, self._camera.volume)

    def _keep(self, memory: CardMemory) -> None:
        serial = self._serial
        missed = () if self._compared is None else self._compared.missed
        if self._other is not None and any(not each.here for each in missed):
            # Said once; when that card is docked again, they may be back.
            other = cards.after_missing(self._other)
            self._ledger.remember(_CARD, self._other_key, other.text())
            self._other = None
        key = self._key(serial)
        if key is None:
            return
        self._ledger.remember(_CARD, key, memory.text())
        if serial is not None and self._ledger.recall(_CAMERA, serial) != key:
            self._ledger.remember(_CAMERA, serial, key)

    def _copies(self, volume: str, kept: Kept) -> Copy:
        """What the ledger says of a recording that is not where it was."""
        states = {
            row.state
            for row in self._ledger.clips_at(volume, kept.path_bytes())
            if (row.size, row.mtime_ns) == (kept.size, kept.mtime_ns)
            or (kept.growing and row.size >= kept.size and row.mtime_ns >= kept.mtime_ns)
        }
        if states & {ClipState.RELEASED, ClipState.ERASED}:
            return Copy.RELEASED
        return Copy.HELD if ClipState.SEALED in states else Copy.NONE


def _kept(item: Item) -> Kept:
    return Kept.model_validate(
        {
            **FileName.names(item.found.path),
            "size": item.size,
            "mtime_ns": item.found.mtime_ns or 0,
            "growing": item.phase is Phase.GROWING,
        }
    )
