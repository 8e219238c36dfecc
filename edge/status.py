"""What the dock is doing, for screens and operators, over a Unix socket.

One JSON object a line in, one a line out; ``{"cmd": "status"}`` asks for everything,
``watch`` for a line at every change, ``slip`` for what one docking brought. The socket
changes nothing but the record, and a bay's power: ``clear-alarm`` lets an operator say that an
alarm was seen to, and ``power`` takes and gives back the power of a bay, which only the dock's own
user may; ``desk_acts`` is what an officer says at the screen.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import structlog

from edge import imports, slips, words
from edge.cameras.base import shown
from edge.clearing import Clearing
from edge.clock import DockClock
from edge.codes import Declined
from edge.desk_acts import COMMANDS, DeskActs, declined
from edge.errors import EdgeError
from edge.items import Item, Phase
from edge.ledger import Ledger
from edge.mounter.wire import Refused, Told
from edge.orphans import Orphans
from edge.power import PowerCycles
from edge.room import Room
from edge.rotation import KeyRotation
from edge.session import Docking
from edge.signals import Signals
from edge.spool import Spool
from edge.tones import Tone, together
from edge.uplink import Uplink
from edge.watching import watch
from edge.wired.port import PortState
from protocols.messages import BayState
from protocols.shown import shown as fit_to_show

log = structlog.get_logger()

_LINE: Final = 1 << 16
_NAME: Final = 64
_IDLE_S: Final = 300.0
_SHOWN: Final = 20
_RECENT: Final = 12
# One for the screen, and some for people; each costs a look several times a second.
_WATCHERS: Final = 8
# A screen that hears nothing for so long has gone blank, and its place is another's.
_WATCHED_S: Final = 10.0
# More than the screen's program ever has; each is an open file that a card could need. The
# dock's own user finds a place even where others took all of theirs.
_STRANGERS: Final = 96
_OWN: Final = 16
# Answers read the ledger in threads that ingest and upload need too.
_AT_ONCE: Final = 4

Answer = dict[str, Any]


_OF_OPERATORS: Final = ("clear-alarm", "orphans", "power-cycle", "rotate-key", *imports.COMMANDS)
_KNOWN: Final = ("status", "watch", "slip", *_OF_OPERATORS, *COMMANDS)


class Status:
    """Collects what the parts of the daemon say of themselves."""

    def __init__(
        self,
        version: str,
        *,
        ledger: Ledger,
        spool: Spool,
        room: Room,
        uplink: Uplink,
        signals: Signals,
        clock: DockClock,
        kept: Callable[[], Answer] = dict,
        dockings: Callable[[], Iterable[Docking]],
        ports: Callable[[], Iterable[PortState]] = tuple,
        bays: Callable[[], Sequence[str]] = tuple,
        desk: DeskActs | None = None,
        battery: Callable[[str], int | None] = lambda _bay: None,
        told: Callable[[], Told] = Told,
        power: PowerCycles | None = None,
        orphans: Orphans | None = None,
        rotation: KeyRotation | None = None,
        brought: imports.Imports | None = None,
        unsigned: Callable[[], list[Answer]] = list,
        certificate: Callable[[], Mapping[str, str | None] | None] = lambda: None,
    ) -> None:
        self._version = version
        self._ledger = ledger
        self._spool = spool
        self._room = room
        self._uplink = uplink
        self._signals = signals
        self._clock = clock
        self._kept = kept
        self._dockings = dockings
        self._ports = ports
        self._bays = bays
        self._desk = desk
        self._battery = battery
        self._told = told
        self._power = power
        self._orphans = orphans
        self._rotation = rotation
        self._brought = brought
        self._unsigned = unsigned
        self._certificate = certificate
        self._clearing = Clearing(ledger, spool, signals)
        self._began = time.monotonic()

    async def answer(self, question: Answer) -> Answer:  # noqa: PLR0911  # one for each kind
        """Answer one question; a question of another kind gets an ``error``."""
        match question:
            case {"cmd": "status"}:
                return await self.collect()
            case {"cmd": "clear-alarm"}:
                return await self._clearing.answer(question)
            case {"cmd": "orphans"} if self._orphans is not None:
                return {"orphans": await asyncio.to_thread(self._orphans.listed)}
            case {"cmd": "rotate-key"} if self._rotation is not None:
                return await self._rotation.answer(question)
            case {"cmd": "import" | "imported"} if self._brought is not None:
                return await self._brought.answer(question)
            case {"cmd": "power-cycle"} if self._power is not None:
                return await self._power.answer(question)
            case {"cmd": "slip", "session": str(session)}:
                now = self._clock.read()
                return {"slip": await asyncio.to_thread(slips.slip, self._ledger, session, now)}
            case {"cmd": str(command)} if self._desk is not None and command in COMMANDS:
                return await self._desk.answer(question)
            case _:
                known = ", ".join(_KNOWN)
                return declined(Declined.NOT_UNDERSTOOD, f"unknown command; known: {known}")

    def watch(self) -> AsyncGenerator[Answer, None]:
        """The whole status now, at every change, and about once a second, without end."""
        return watch(self._live, self._facts, self._signals.ledger)

    async def collect(self) -> Answer:
        """Everything at once."""
        facts = await asyncio.to_thread(self._facts)
        return {**self._live(), **facts}

    def _live(self) -> Answer:
        gateway, trouble = self._uplink.gateway, self._uplink.trouble
        return {
            "version": self._version,
            "uptime_s": int(time.monotonic() - self._began),
            "uplink": {
                "connected": self._uplink.connected,
                "problem": self._uplink.problem,
                "trouble": None if trouble is None else trouble.told(),
                "certificate": self._certificate(),
                "understood": self._uplink.understood,
                "gateway_silent_s": self._uplink.silent_s,
                "gateway": gateway.version if gateway else None,
            },
            "clock": {**slips.at(self._clock.read()), **self._kept()},
            "serial": [_port(state) for state in self._ports()],
            # In the order of the dock's front; bays without a camera as well.
            "known_bays": list(self._bays()),
            # Disks that are there and not mounted: in no bay, of no known kind, or damaged.
            "unplaced": [each.model_dump() for each in self._told().unplaced],
            # USB devices in a bay that are no disk: they show in no other way.
            "usb_refused": [_usb(each) for each in self._told().refused],
            # A camera that is gone has nothing more to say, least of all that it is safe.
            "bays": [self._bay(docking) for docking in self._dockings() if not docking.left],
        }

    def _facts(self) -> Answer:
        stats = self._ledger.stats()
        return {
            **stats,
            # First what cannot be put on record while it lasts.
            "alarms": [*self._unsigned(), *stats["alarms"]],
            "queue": {"clips": stats["clips"]["sealed"], "bytes": stats["bytes"]["sealed"]},
            "recent": slips.recent(self._ledger, _RECENT),
            "free_bytes": self._spool.free_bytes(),
        }

    def tones(self) -> dict[str, Tone]:
        """How every bay with a camera stands, for its lamps: by the very words of the screens."""
        found: dict[str, list[Tone]] = {}
        for docking in self._dockings():
            if not docking.left:
                found.setdefault(docking.camera.bay, []).append(self._said(docking).tone)
        return {bay: tone for bay, tones in found.items() if (tone := together(tones))}

    def standing(self) -> tuple[BayState, ...]:
        """What stands in every bay, for people who look on from afar."""
        docked = [self._stands(each) for each in self._dockings() if not each.left]
        taken = {each.bay for each in docked}
        free = [name for name in self._bays() if name not in taken]
        return (*docked, *(BayState(bay=fit_to_show(name)[:_NAME], phase="free") for name in free))

    def _stands(self, docking: Docking) -> BayState:
        camera, items = docking.camera, [i for i in docking.roster if i.found.is_recording]
        says = camera.claim.serial or camera.claim.name or camera.claim.model
        return BayState(
            bay=fit_to_show(camera.bay)[:_NAME],
            phase=self._said(docking).code,
            camera=None if says is None else fit_to_show(says)[:_NAME],
            done=sum(_done(item) for item in items),
            total=sum(item.size for item in items),
        )

    def _said(self, docking: Docking) -> words.Message:
        away_s = words.away_s(self._uplink.silent_s, time.monotonic() - self._began)
        battery = self._battery(docking.camera.bay)
        return words.message(docking, full=self._room.full, away_s=away_s, battery=battery)

    def _bay(self, docking: Docking) -> Answer:
        roster, camera = docking.roster, docking.camera
        said = self._said(docking)
        recordings = [item for item in roster if item.found.is_recording]
        problems = words.problems(roster)
        active = [item for item in recordings if item.phase in {Phase.COPYING, Phase.FINISHING}]
        return {
            "bay": camera.bay,
            "camera": camera.claim.model_dump(exclude_none=True),
            "volume": camera.volume,
            "read_only": camera.read_only,
            "officer": docking.officer,
            "card": _card(docking),
            "not_erased": docking.stays or None,
            "not_erased_code": docking.stays_code or None,
            "barred": docking.barred,
            "battery": self._battery(camera.bay),
            "session": None if docking.session is None else str(docking.session),
            "phase": said.code,
            "message": {"en": said.en, "zh": said.zh, "safe": said.safe, "tone": said.tone.value},
            "counts": {phase.value: n for phase in Phase if (n := roster.count(phase))},
            "recordings": [_recording(item) for item in active],
            "problems": [_recording(item) for item in problems[:_SHOWN]],
            "problems_total": len(problems),
            "bytes_total": sum(item.size for item in recordings),
            "bytes_done": sum(_done(item) for item in recordings),
            "rate_bytes_s": docking.copier.speed.rate() if active else 0,
        }


class StatusServer:
    """Serves the socket."""

    def __init__(self, path: Path, status: Status) -> None:
        self._path = path
        self._status = status
        self._watchers = 0
        self._connected = 0
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Serve until cancelled; without a socket the dock works all the same."""
        try:
            # Left by a run that was killed; the daemon's lock says that nobody serves it.
            self._path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._serve, self._path, limit=_LINE)
            os.chmod(self._path, 0o660)  # noqa: PTH101  # beside the line above
        except OSError as error:
            log.error("status.unavailable", socket=str(self._path), error=str(error))  # noqa: TRY400  # said in full
            return
        try:
            async with server:
                await server.serve_forever()
        finally:
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = _is_own(writer)
        self._connected += 1
        try:
            if self._connected > _STRANGERS + own * _OWN:
                await _say(writer, declined(Declined.BUSY, "too many ask at once"), _WATCHED_S)
                return
            while True:
                async with asyncio.timeout(_IDLE_S):
                    line = await reader.readline()
                if not line:
                    break
                question = _question(line)
                if question == {"cmd": "watch"} and self._watchers < _WATCHERS:
                    await self._watch(writer)
                    break
                async with self._at_once:
                    answer = await self._answer(question, own=own)
                await _say(writer, answer, _IDLE_S)
        except (OSError, ValueError, TimeoutError, EdgeError) as error:
            # Gone, a line without end, or a ledger that does not answer a watch.
            log.debug("status.closed", reason=str(error))
        finally:
            self._connected -= 1
            writer.close()

    async def _watch(self, writer: asyncio.StreamWriter) -> None:
        """Say everything at every change until the other end goes."""
        self._watchers += 1
        try:
            async with aclosing(self._status.watch()) as answers:
                async for answer in answers:
                    await _say(writer, answer, _WATCHED_S)
        finally:
            self._watchers -= 1

    async def _answer(self, question: Answer, *, own: bool) -> Answer:
        if "error" in question:
            return question
        if question == {"cmd": "watch"}:
            return declined(Declined.BUSY, f"{_WATCHERS} watch already")
        if question.get("cmd") in _OF_THE_DOCK and not own:
            return declined(Declined.NOT_ALLOWED, "only the dock's own user and root may do this")
        try:
            return await self._status.answer(question)
        except EdgeError as error:
            return declined(error.declined, str(error))


# What the screen's user must not do, however its program was taken over.
_OF_THE_DOCK: Final = frozenset(_OF_OPERATORS)
_CREDENTIALS: Final = struct.Struct("iII")


def _is_own(writer: asyncio.StreamWriter) -> bool:
    """Whether the dock's own user asks, or root (unix(7), SO_PEERCRED)."""
    connection: socket.socket = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(raw)[1] in {0, os.geteuid()}


async def _say(writer: asyncio.StreamWriter, answer: Answer, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
        await writer.drain()


def _question(line: bytes) -> Answer:
    """One question; an ``error`` for what is none."""
    try:
        question = json.loads(line)
    except (ValueError, RecursionError):
        return declined(Declined.NOT_UNDERSTOOD, "not JSON")
    if isinstance(question, dict):
        return question
    return declined(Declined.NOT_UNDERSTOOD, "not a JSON object")


def _card(docking: Docking) -> Answer | None:
    """Room on the card, and how many files it still holds; None where that is not known."""
    if docking.space is None:
        return None
    files = sum(not item.gone for item in docking.roster)
    return {"size": docking.space.size, "free": docking.space.free, "files": files}


def _port(state: PortState) -> Answer:
    return {"path": state.path, "connected": state.connected, "problem": state.problem}


def _usb(refused: Refused) -> Answer:
    """What a device says of itself is left to the alarm, which cleans it."""
    return {"bay": refused.bay, "code": refused.code, "reason": refused.reason}


def _recording(item: Item) -> Answer:
    return {
        "name": shown(item.found.path),
        "size": item.size,
        "done": item.done,
        "state": item.phase.value,
        "outcome": item.outcome,
        **({"clip": str(item.clip)} if item.clip else {}),
        **({"reason": item.reason} if item.reason else {}),
    }


def _done(item: Item) -> int:
    if item.phase in {Phase.COPYING, Phase.FINISHING}:
        return min(item.done, item.size)
    return item.size if item.phase in {Phase.SEALED, Phase.RELEASED, Phase.ERASED} else 0
