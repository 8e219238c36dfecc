"""Recordings the dock has already: read again and compared, and erased once released.

A recording that has the name, size and time of a clip is taken for that clip only until it
was read again: cameras use names twice, and a card may be made to lie. What differs becomes
a clip of its own. Erasing is ``erase``'s work alone, which compares once more.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from edge.cameras import folder
from edge.cameras.base import Camera, shown
from edge.codes import Stays
from edge.copying import ATTEMPTS
from edge.erase import ALARM, EraseOutcome
from edge.erasing_policy import Leave
from edge.errors import CameraError, CameraGone, MounterError, Unreadable, Vanished
from edge.hallmark import Holder
from edge.items import Item, Outcome
from edge.moment import moment
from edge.profiles.reading import CardReading
from edge.reach import Reach
from edge.recordings import claimed, same_bytes
from edge.roster import Roster
from edge.tools import Tools
from protocols.ids import ClipId, SessionId

log = structlog.get_logger()

# What is given up in this session, and why.
_LEFT: Final[dict[EraseOutcome, tuple[Outcome, str]]] = {
    EraseOutcome.NOT_RELEASED: ("incomplete", "{} has no release on record"),
    EraseOutcome.UNREADABLE: ("unreadable", "{} could not be read to erase it"),
    EraseOutcome.UNSYNCED: ("incomplete", "{} was unlinked, but the card does not confirm that"),
}


class Rereader:
    """Sees to the known recordings of one card.

    Attributes:
        stays: why nothing could be erased on it; empty when nothing was in the way.
        stays_code: the same as a stable word.
        held: whether no erasure may begin now, since the bay's power is about to go.
    """

    def __init__(
        self, camera: Camera, reach: Reach, roster: Roster, tools: Tools, reading: CardReading
    ) -> None:
        self._camera = camera
        self._reading = reading
        self._reach = reach
        self._roster = roster
        self._tools = tools
        self._refused = False
        self.held = False
        self.stays = ""
        self.stays_code = ""

    @property
    def may_erase(self) -> bool:
        """Whether erasing is wanted, and the card has not refused it."""
        wanted = self._tools.letting_go.erases
        return wanted and not self._camera.read_only and not self._refused

    async def next_to_erase(self) -> Item | None:
        """A recording that is released and that the rules let go now.

        Raises:
            LedgerError: the rules cannot be asked; nothing is erased before they are.
        """
        while self.may_erase and (item := self._roster.next_to_erase()):
            why = await self._kept(item)
            if not why:
                return item
            self._roster.keep(item, why)
        return None

    async def may_go_now(self) -> bool:
        """Whether the rules let something go by now that they kept before.

        Raises:
            LedgerError: the rules cannot be asked.
        """
        if self.may_erase:
            for item in self._roster.kept():
                if not await self._kept(item):
                    return True
        return False

    async def _kept(self, item: Item) -> str:
        """Why the rules keep it on the card now; empty when they let it go."""
        if item.clip is None:
            return "it is no clip"
        decide, clip, marked = self._tools.letting_go.decide, item.clip, item.found.marked
        decision = await asyncio.to_thread(lambda: decide(clip, marked=marked))
        if decision.leave is Leave.NOW:
            return ""
        log.info("recording.kept", clip=str(clip), reason=decision.reason)
        return decision.reason

    async def compare(self, item: Item) -> None:
        """Read a known recording again.

        Raises:
            CameraGone: the card stopped answering.
        """
        row = None
        if item.clip is not None:
            find = self._tools.ledger.clip
            row = await asyncio.to_thread(find, item.clip.epoch, item.clip.seq)
        if row is None:
            self._roster.wait(item)
            return
        if item.released and self.may_erase and not item.kept:
            # Erasing reads and compares it itself; what may not go comes back here.
            self._roster.defer(item)
            return
        try:
            card, path, moved = self._reach.card, item.found.path, self._reach.must_be_there
            equal = await self._reach.read(lambda: same_bytes(card, path, row, moved))
        except CameraGone:
            raise
        except CameraError as error:
            self._unread(item, error)
            return
        if equal:
            self._roster.equal(item)
        else:
            await self._differs(item, row.clip)

    async def erase(self, item: Item, session: SessionId) -> None:
        """Let a released recording be erased, if it still is what was sealed.

        Raises:
            CameraGone: the card stopped answering.
        """
        clip = item.clip
        if clip is None or self.held:
            return
        try:
            outcome = await self._erased(clip, session)
        except MounterError as error:
            # Nothing of it was read this time: what waits for erasing is to be compared.
            self._stays(str(error), error.stays)
            return
        match outcome:
            case EraseOutcome.ERASED:
                self._roster.erased(item)
            case EraseOutcome.DIFFERS:
                self._take_anew(item)
            case EraseOutcome.STIRRED:
                item.doubts += 1
                if item.doubts >= ATTEMPTS:
                    self._roster.leave(item, "changed", f"kept changing beside {clip}")
            case EraseOutcome.GONE:
                item.gone = True
            case EraseOutcome.READ_ONLY:
                # It would be the same with every other recording. This one was read and found
                # equal before the card refused; those that wait for erasing were not.
                self._roster.equal(item)
                self._stays("the card is write-protected", Stays.PROTECTED)
            case _:
                why, reason = _LEFT[outcome]
                self._roster.leave(item, why, reason.format(clip))

    async def end_erasures(self, session: SessionId) -> None:
        """State what a power cut kept from being stated: recordings unlinked already.

        Nothing is unlinked here, whether erasing is wanted or not: what is still on the card
        goes the way of every known recording.

        Raises:
            CameraGone: the card stopped answering.
        """
        begun = self._tools.ledger.unfinished_erasures
        for row in await asyncio.to_thread(begun, self._camera.volume):
            if not self._roster.has(row.path):
                await self._ended(row.clip, session)

    async def _ended(self, clip: ClipId, session: SessionId) -> None:
        eraser, card, holder = self._tools.eraser, self._reach.card, self._holder()
        outcome = await self._reach.read(lambda: eraser.end(clip, session, card, holder))
        self._said(clip, outcome)

    async def _erased(self, clip: ClipId, session: SessionId) -> EraseOutcome:
        eraser, card, holder = self._tools.eraser, self._reach.card, self._holder()
        async with moment(self._camera, card, self._tools.mounter) as asked:
            on = asked or card
            outcome = await self._reach.read(lambda: eraser.erase(clip, session, on, holder))
            self.stays = asked.refused if asked else ""
            self.stays_code = asked.stays if asked and asked.refused else ""
        self._said(clip, outcome)
        return outcome

    def _holder(self) -> Holder:
        """What the card is in, as far as anything says so."""
        camera = self._camera
        # An operator may name the mount point of something that is carried about, too.
        own = self._tools.config.dock.state_dir.stat().st_dev
        fixed = camera.profile == folder.PROFILE and self._reach.card.device == own
        return Holder(camera.disk, claimed(camera, self._reading).serial, fixed)

    def _stays(self, why: str, code: str) -> None:
        """Erase nothing more on this card while it is docked, and say why."""
        self._refused = True
        if not self.stays:
            self.stays, self.stays_code = why, code
        log.warning("card.not-writable", camera=self._camera.key, reason=self.stays)
        self._roster.reconsider()

    def _said(self, clip: ClipId, outcome: EraseOutcome) -> None:
        log.info("recording.erase", clip=str(clip), outcome=str(outcome))
        self._tools.signals.ledger.ring()

    def _unread(self, item: Item, error: CameraError) -> None:
        item.attempts += 1
        if isinstance(error, Vanished):
            self._roster.unseen(item)
        elif item.attempts >= ATTEMPTS or not isinstance(error, Unreadable):
            self._roster.leave(item, "unreadable", f"looks like {item.clip}, but: {error}")

    async def _differs(self, item: Item, clip: ClipId) -> None:
        text = (
            f"{shown(item.found.path)} has the size and time of {clip} but other bytes; "
            "it is taken as a clip of its own"
        )
        log.warning("recording.differs", clip=str(clip))
        await asyncio.to_thread(self._tools.ledger.raise_alarm, ALARM, text, str(clip))
        self._tools.signals.ledger.ring()
        self._take_anew(item)

    def _take_anew(self, item: Item) -> None:
        """What differs becomes a clip of its own; what differs each time is left to people.

        A card that reads otherwise at every look would fill dock and gateway with clips.
        """
        item.doubts += 1
        if item.doubts >= ATTEMPTS:
            reason = f"reads otherwise at every look, the last time than {item.clip}"
            self._roster.leave(item, "changed", reason)
        else:
            self._roster.differs(item)
