"""One camera from docking to undocking: look, sign the inventory, copy, seal, release, erase.

One step at a time, chosen anew after each: so a camera that is pulled, a full spool or a
power cut finds nothing half done beyond one copy and one finish. What is true is in the
ledger; this module only decides what is due next and waits.

A session opens when what was found has had the time to come to rest. It closes as
``released`` when everything on the card is accounted for and released, or as ``removed``
when the camera leaves. A session that the program's own end leaves open is closed at the
next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, Literal

import structlog

from edge.cameras import by_hand, folder
from edge.cameras.base import Camera, Card, Space
from edge.clock import today
from edge.codes import Barred
from edge.copying import Copier
from edge.erase import ALARM
from edge.errors import CameraGone, EdgeError, LedgerDamaged, LedgerError
from edge.hotplug import Hints
from edge.inventory import Found, Settler, everything, read_by, scan
from edge.items import Item, Phase
from edge.ledger import ClipRow, ClipState
from edge.opening import Opening
from edge.profiles.reading import CardReading
from edge.reach import Reach
from edge.recordings import claimed, known, paged, told
from edge.rereading import Rereader
from edge.roster import Roster
from edge.signals import Bell
from edge.tools import Tools
from protocols.ids import ClipId, SessionId
from protocols.kinds import AbsentFiles, InventoryFile, Leftover, NumberGap

log = structlog.get_logger()

FAILED: Final = "docking-failed"
_UNLOOKED: Final = Leftover(
    path=".", outcome="unreadable", reason="the camera left before its card was listed"
)
_LEDGER_RETRY_S: Final = 5.0
_HELD_S: Final = 1.0
_RECONCILE_S: Final = 30.0
_DAY_S: Final = 86_400.0
# Rules count in days; a card that stays in its bay is asked about as often as that.
_RULES_S: Final = 3600.0
# A folder that was refused may be on another list by now.
_REFUSED_S: Final = 10.0
# However slow a card is, looking at it takes a small share of the time.
_SHARE_HURRIED: Final = 2
_SHARE_RESTED: Final = 20
# Where the kernel tells of changes, a look comes at once; elsewhere within so many seconds.
_REST_S: Final = 5.0
# A failing card lists its files at one look and not at the next, and each change goes on
# record: where so many inventories came to no clip, looks become rarer and rarer.
_FRUITLESS: Final = 20
_FRUITLESS_PAUSE_S: Final = 300.0


class Doing(StrEnum):
    """What a docked camera is busy with, for its screen."""

    LOOKING = "looking"
    READING = "reading"
    ERASING = "erasing"
    REFUSED = "refused"
    WAITING = "waiting"
    CLOSED = "closed"


class Docking:
    """One camera while it stands in its bay."""

    def __init__(self, camera: Camera, tools: Tools) -> None:
        self.camera = camera
        self.roster = Roster()
        self.session: SessionId | None = None
        self.stated_as: SessionId | None = None
        self.doing = Doing.LOOKING
        self.space: Space | None = None
        self._tools = tools
        self._ledger = tools.ledger
        self._config = tools.config.cameras
        self._reach = Reach()
        self._wake = Bell()
        self._settler = Settler(self._config.settle_s)
        self._reading = CardReading(
            tools.profiles, label=camera.claim.name, binding_key=tools.binding_key
        )
        self.copier = Copier(
            camera, self._reach, self.roster, self._settler, self._wake, tools, self._reading
        )
        self._rereader = Rereader(camera, self._reach, self.roster, tools, self._reading)
        self._opening = Opening(camera, self._reading, self.roster, tools)
        self._tapped: str | None = None
        self._looks = 0
        self._fruitless = 0
        self._seals = 0
        self._rest_s = self._config.scan_s
        self._opened = self._in_step = False
        self._next_look = 0.0
        self._reconcile_at = 0.0
        self._rules_at = self._list_at = 0.0
        self._news_since: float | None = None
        self._opened_at = 0.0

    @property
    def refused(self) -> str:
        """Why nothing is taken from this camera; empty if it is taken."""
        return self._opening.refused

    @property
    def barred(self) -> Barred | None:
        """The same as a stable word; None for a camera that is taken."""
        return self._opening.standing.barred

    @property
    def may_erase(self) -> bool:
        """Whether released recordings are erased on this card."""
        return self._rereader.may_erase

    @property
    def officer(self) -> str | None:
        """Whose camera it is: the badge that was tapped, or what the card says; a claim."""
        return told(self._tapped or self._reading.claims.officer)

    @property
    def left(self) -> bool:
        """Whether the camera is gone while its docking is still being ended."""
        return self._reach.left

    @property
    def stays(self) -> str:
        """Why nothing could be erased on this card; empty when nothing was in the way."""
        return self._rereader.stays

    @property
    def stays_code(self) -> str:
        """The same as a stable word, of ``edge.codes.Stays``."""
        return self._rereader.stays_code

    @property
    def stated(self) -> bool:
        """Whether it is on record that the camera is there, if it has to be.

        A folder is always there, so only what is new in it goes on record.
        """
        return self._opened or self.camera.profile == folder.PROFILE

    @property
    def missed(self) -> int:
        """Recordings that were on this card, or on its camera's last one, and nobody has."""
        return self._opening.missed

    @property
    def still_s(self) -> float:
        """Seconds for which its card was asked something and has not got on; 0 while it does."""
        return self._reach.still_s

    @property
    def erasing(self) -> bool:
        """Whether a recording is being erased now, so that the card may be writable."""
        return self._in_step and self.doing is Doing.ERASING

    @property
    def reading(self) -> bool:
        """Whether a recording is being read now, to be copied or compared."""
        return self.copier.early.copying or (self._in_step and self.doing is Doing.READING)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Begin nothing new on the card while this lasts; what is being done goes on."""
        self._rereader.held = True
        try:
            yield
        finally:
            self._rereader.held = False
            self._wake.ring()

    def leftovers(self) -> list[Leftover]:
        """What was not sealed, and why; of a card that left unseen, that nobody can say what."""
        return self.roster.leftovers() if self.roster.looked else [_UNLOOKED]

    def leave(self) -> None:
        """Say that the camera is not there any more."""
        self._reach.leave()
        self._wake.ring()

    async def run(self) -> None:
        """Serve the camera until it leaves; then state what was left over."""
        log.info("camera.docked", camera=self.camera.key, bay=self.camera.bay)
        hints = Hints(self._hinted)
        if self.camera.profile == folder.PROFILE:
            hints.watch(self.camera.root)
        try:
            with (
                self._tools.signals.listening(self._released, self._lost),
                self._tools.room.yielding(self.copier.early.drop),
            ):
                try:
                    async with asyncio.TaskGroup() as group:
                        await self._serve(group)
                finally:
                    self.copier.early.drop()
                await self._removed()
        finally:
            hints.stop()
            self._reach.close()
        log.info("camera.left", camera=self.camera.key, bay=self.camera.bay)

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        try:
            self._reach.card = await self._reach.read(self._opened_card)
            if self.camera.profile != folder.PROFILE:
                # Beside the looks at the card; a folder may wait for days for its first file.
                self._reach.finish(self._tools.ingest.begin)
            while not self._reach.left:
                try:
                    with self._stepping():
                        await self._step(group)
                except LedgerDamaged:
                    raise
                except LedgerError as error:
                    # Nothing was committed, so everything stays due.
                    log.warning("ledger.refused", error=str(error))
                    await self._wake.wait(_LEDGER_RETRY_S)
        except CameraGone as gone:
            log.info("camera.gone", camera=self.camera.key, reason=str(gone))

    @contextlib.contextmanager
    def _stepping(self) -> Iterator[None]:
        self._in_step = not self._rereader.held
        try:
            yield
        finally:
            self._in_step = False

    def _opened_card(self) -> Card:
        root, only = self.camera.root, self.camera.only
        why = self._tools.config.own.conflict(root if only is None else root / os.fsdecode(only))
        if why is not None:
            # Something was mounted or linked there after it was found.
            raise CameraGone(f"{root} is not taken for a camera: {why}")
        return by_hand.card_of(self.camera)

    async def _step(self, group: asyncio.TaskGroup) -> None:
        """Do the one thing that is due most."""
        rung = self._wake.listen()
        now = time.monotonic()
        if self._rereader.held:
            await self._wake.wait(_HELD_S, rung)
        elif now >= self._next_look:
            await self._look(now, group)
        elif self.session is None:
            await self._rest(rung, now)
        elif self.refused:
            self.doing = Doing.REFUSED
            await self._wait_refused(rung, now)
        elif item := self.roster.next_to_copy(now):
            self.doing = Doing.READING
            await self.copier.copy(item, self.session, group)
        elif self.copier.finishing:
            await self._pause(rung)
        elif item := self.roster.next_to_read_again():
            self.doing = Doing.READING
            await self._rereader.compare(item)
        elif item := await self._rereader.next_to_erase():
            self.doing = Doing.ERASING
            await self._rereader.erase(item, self.session)
        elif self.roster.complete:
            await self._close("released")
        else:
            self.doing = Doing.WAITING
            await self._wait_for_release(rung, now)

    async def _pause(self, rung: asyncio.Event) -> None:
        await self._wake.wait(max(self._next_look - time.monotonic(), 0.01), rung)

    async def _rest(self, rung: asyncio.Event, now: float) -> None:
        """Between sessions: what the rules kept may go some day, in a session of its own."""
        if self.camera.brought is not None and self._opened:
            self.leave()
            return
        if self._opened and now >= self._rules_at:
            self._rules_at = now + _RULES_S
            if await self._rereader.may_go_now():
                await self._open(now)
                return
        await self._pause(rung)

    async def _wait_refused(self, rung: asyncio.Event, now: float) -> None:
        """A camera is docked again once the list was changed; a folder never is taken out."""
        if self.camera.profile == folder.PROFILE and now >= self._list_at:
            self._list_at = now + _REFUSED_S
            if await self._opening.would_be_taken():
                # It ends like a camera that left, and is found anew.
                log.info("camera.taken-now", camera=self.camera.key)
                self.leave()
                return
        await self._wait_for_release(rung, now)

    async def _wait_for_release(self, rung: asyncio.Event, now: float) -> None:
        if self.camera.brought is not None and self.roster.all_read:
            # Nothing is ever erased there, so nobody has to wait for a release.
            self.leave()
            return
        self.copier.early.drop()
        if now >= self._reconcile_at:
            # A release that came while its clip was not yet listened for is in the ledger.
            self._reconcile_at = now + _RECONCILE_S
            waiting = self.roster.unreleased()
            for clip in await asyncio.to_thread(self._released_of, waiting):
                self.roster.release(clip)
        if now >= self._rules_at:
            self._rules_at = now + _RULES_S
            self.roster.ask_again()
        if now - self._opened_at >= _DAY_S and self.session is not None:
            self._opened_at = now
            await asyncio.to_thread(self._ledger.close_session, self.session, "daily")
            self._tools.signals.ledger.ring()
        await self._pause(rung)

    # --- looking --------------------------------------------------------------------

    async def _look(self, now: float, group: asyncio.TaskGroup) -> None:
        found, self.space = await self._reach.read(self._found)
        took = time.monotonic() - now
        settled = self._settler.look(now, (each for each in found if each.is_recording))
        rested = self.roster.look(found, settled)
        if rested:
            # Most looks at a card that is done find nothing new to ask about.
            await self._resolve(rested)
        self._looks += 1
        if self._opening.may_begin:
            self.copier.early.begin(found, group)
        if self.session is None and self._should_open(now):
            await self._open(now)
        elif self.session is not None:
            await self._list(self.session)
        self._next_look = time.monotonic() + self._until_next_look(took)

    async def _resolve(self, items: Sequence[Item]) -> None:
        """Say of each whether it looks like a clip; again once its camera is known by number."""
        for item, row in await asyncio.to_thread(self._lookup, items):
            clip = None if row is None else row.clip
            if item.phase is Phase.SETTLED or clip != item.clip:
                released = row is not None and row.state is ClipState.RELEASED
                self.roster.resolve(item, clip, released=released)

    def _found(self) -> tuple[list[Found], Space | None]:
        """What is on the card, and its room; called in the card's thread."""
        card = self._reach.card
        brought = self.camera.brought is not None
        seen = scan(card, everything) if brought else scan(card)
        found = read_by(self._reading, seen, today(), whole=brought)
        # A folder's room is the dock's own disk.
        own = brought or self.camera.profile == folder.PROFILE
        return found, None if own else card.space()

    def _until_next_look(self, took: float) -> float:
        """Seconds; a card on which nothing happens is looked at less and less often."""
        hurried = self._news_since is not None or self.roster.count(Phase.GROWING) > 0
        at_rest = self.session is None and not hurried and self._looks > 1
        self._rest_s = min(2 * self._rest_s, _REST_S) if at_rest else self._config.scan_s
        share = _SHARE_HURRIED if hurried else _SHARE_RESTED
        return max(self._config.scan_s, self._rest_s, share * took, self._fruitless_pause())

    def _fruitless_pause(self) -> float:
        doublings = min(self._fruitless - _FRUITLESS, 30)
        paused = self._config.scan_s * 2.0**doublings
        return min(paused, _FRUITLESS_PAUSE_S) if doublings > 0 else 0.0

    def _should_open(self, now: float) -> bool:
        """Whether there is news that has had the time to come to rest."""
        # Docking a camera is news in itself, even an empty one; a folder always is there.
        docked = self.doing is Doing.LOOKING and self.camera.profile != folder.PROFILE
        if not docked and not self.roster.unaccounted:
            self._news_since = None
            return False
        if self._news_since is None:
            self._news_since = now
        return self._looks > 1 and now - self._news_since >= self._config.settle_s

    async def _open(self, now: float) -> None:
        await self._read_claims()
        # Taken once: whoever tapped is not the officer of the next camera as well.
        brought = self.camera.brought
        self._tapped = self._tapped or (
            brought.officer if brought else self._tools.officer(self.camera.bay)
        )
        self.roster.relist()
        self.session = await self._opening.open(self._tapped)
        log.info("session.opened", session=str(self.session), bay=self.camera.bay)
        self._opened, self.stated_as = True, self.session
        self._opened_at, self._news_since = now, None
        self._rules_at = now + _RULES_S
        self.doing = Doing.READING
        # An empty page says that the card was empty, which only a look can tell.
        await self._list(self.session, first=self.roster.looked)
        if not self._reach.left and not self.refused:
            await self._rereader.end_erasures(self.session)

    async def _read_claims(self) -> None:
        """Keep to the profile from here on, and read what the card says of its owner."""
        if self._reach.left or not self.roster.looked:
            return
        card = self._reach.card
        # Who cannot be asked any more has said nothing; that it left shows in what follows.
        with contextlib.suppress(CameraGone):
            await self._reach.read(lambda: self._reading.settle(card))
        # Before anything is copied or erased: rules may keep what the officer marked.
        self.roster.mark(self._reading.lists.marked)
        # What looked like a clip may be one of another camera's with a card of the same volume.
        await self._resolve([item for item in self.roster if item.phase is Phase.KNOWN])

    async def _list(self, session: SessionId, *, first: bool = False) -> None:
        """Put on the inventory what is not there yet; a first look may be an empty page."""
        rows = self.roster.unlisted()
        if rows or first:
            self._fruitless = self._fruitless + 1 if self._seals == self.roster.seals else 0
            self._seals = self.roster.seals
            went = self._opening.gaps(item for item, _ in rows)
            # A camera's own lists are read once, when the session opens.
            absent = await self._opening.absent() if first else []
            listed = [row for _, row in rows]
            await asyncio.to_thread(self._add_pages, session, listed, went.gaps, absent)
            self._opening.went_on(went)
            self.roster.listed(rows)
            self._tools.signals.ledger.ring()

    def _add_pages(
        self,
        session: SessionId,
        rows: Sequence[InventoryFile],
        gaps: Sequence[NumberGap],
        absent: Sequence[AbsentFiles],
    ) -> None:
        *pages, end = paged(rows) or [[]]
        for page in pages:
            self._ledger.add_inventory(session, page, last=False)
        self._ledger.add_inventory(session, end, last=True, gaps=gaps, absent=absent)

    def _lookup(self, items: Sequence[Item]) -> list[tuple[Item, ClipRow | None]]:
        camera, reading = self.camera, self._reading

        def look_up(item: Item) -> ClipRow | None:
            serial = claimed(camera, reading, reading.facts(item.found.path)).serial
            return known(self._ledger, camera.volume, item.found, serial)

        return [(item, look_up(item)) for item in items]

    def _released_of(self, clips: Sequence[ClipId]) -> list[ClipId]:
        done = (ClipState.RELEASED, ClipState.ERASED)
        rows = (self._ledger.clip(clip.epoch, clip.seq) for clip in clips)
        return [row.clip for row in rows if row is not None and row.state in done]

    # --- ending ---------------------------------------------------------------------

    async def _close(self, reason: Literal["released", "removed"]) -> None:
        if self.session is None:
            return
        leftovers = self._opening.leftovers(self.leftovers())
        for clip in self.roster.replaced():
            await asyncio.to_thread(self._ledger.clear_alarm, ALARM, str(clip))
        self.copier.early.drop()
        await self._opening.remember(self.session)
        await asyncio.to_thread(self._ledger.close_session, self.session, reason, leftovers)
        log.info(
            "session.closed", session=str(self.session), reason=reason, leftovers=len(leftovers)
        )
        self.session, self.doing = None, Doing.CLOSED
        if self.camera.profile == folder.PROFILE:
            # A folder is never taken out: what comes next may be somebody else's.
            self._tapped = None
            self._reading.begin()
        self._tools.signals.ledger.ring()

    async def _removed(self) -> None:
        """State what was left over when the camera left, even before its session opened."""
        self._reach.leave()
        if self.session is None and (self.roster.unaccounted or self._unrecorded):
            await self._open(time.monotonic())
        await self._close("removed")

    @property
    def _unrecorded(self) -> bool:
        """Whether a camera was there and nothing says so; a folder always is there."""
        return not self._opened and self.camera.profile != folder.PROFILE

    async def abandon(self, why: str) -> None:
        """Put on record that serving the camera failed in a way nobody thought of.

        What is left over is stated where that still can be; else the alarm stands for it,
        which is better than a dock that fails with it.

        Args:
            why: what was raised.

        Raises:
            LedgerError: the ledger does not take that either.
        """
        text = (
            f"serving the camera in bay {self.camera.bay} ended with {why}; "
            "keep its card as it is until its recordings are sealed"
        )
        about = self.camera.volume
        await asyncio.to_thread(self._ledger.raise_alarm, FAILED, text, about)
        try:
            await self._removed()
        except LedgerDamaged:
            raise
        except (EdgeError, OSError, ValueError) as error:
            log.warning("session.unstated", session=str(self.session), error=str(error))
            if self.session is not None:
                await asyncio.to_thread(self._ledger.close_session, self.session, "removed")
                self.session = None
        self._tools.signals.ledger.ring()

    # --- rung from outside ----------------------------------------------------------

    def _released(self, clip: ClipId) -> None:
        self.roster.release(clip)
        self._wake.ring()

    def _lost(self, clip: ClipId) -> None:
        self.roster.lost(clip)
        self._wake.ring()

    def _hinted(self) -> None:
        # While recordings are copied, looks come often enough.
        if self.doing is not Doing.READING and not self._fruitless_pause():
            self._next_look = min(self._next_look, time.monotonic() + 0.05)
            self._wake.ring()
