"""The dock's program: builds every part once, runs them together, ends them together.

The only place where real objects are made. A part that fails ends the whole program, which
the init system starts again: every step may be cut at any point, so an end is always safe,
and a half-working dock would be worse than a restarted one. Only one camera's docking may
fail alone, with an alarm on record: what a card holds must not stop the dock at each start.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import structlog

from edge import notify, rotation, vitals
from edge.answers import Answers, mark_lost
from edge.bays import Bays
from edge.cameras.base import Camera, shown
from edge.cameras.own import CODE
from edge.caselist import CaseList
from edge.clock import DockClock
from edge.config import Config, zones
from edge.desk_acts import DeskActs
from edge.enrolment.renewal import Renewal, papers_of
from edge.erase import Eraser
from edge.errors import ConfigError, LedgerDamaged, LedgerError, MounterError
from edge.hotplug import Arrived, Hotplug, Left
from edge.imports import Imports
from edge.ingest import Ingest
from edge.keywatch import KeyWatch
from edge.ledger import ClipRow, Ledger
from edge.letting_go import LettingGo
from edge.mounter.client import Mounter, alarm_of, news, said
from edge.mounter.wire import Told
from edge.orphans import Orphans
from edge.power import PowerCycles
from edge.probe import Prober
from edge.profiles import library
from edge.proofs import Proofs
from edge.registry import Registry
from edge.room import Room
from edge.rotation import KeyRotation
from edge.session import Docking
from edge.signals import Signals
from edge.spool import Spool
from edge.startup import recover
from edge.status import Status, StatusServer
from edge.timing.meeting import Clocks
from edge.timing.watch import ClockWatch
from edge.tones import Tone
from edge.tools import Tools
from edge.uplink import Uplink
from edge.wired.wiring import Wired
from hashing.keys import Signer
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError
from protocols.messages import BayState

log = structlog.get_logger()

_THREADS: Final = 16
_END_S: Final = 8.0


async def run(config: Config, version: str) -> None:
    """Run the dock until SIGTERM or SIGINT.

    Raises:
        EdgeError: it cannot start; the text says what to do.
    """
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "dock"))
    loop.set_exception_handler(_noticed)
    anchors = load_anchors(config.dock.trust)
    clock = DockClock()
    with contextlib.ExitStack() as closing:
        closing.enter_context(alone(config.dock.state_dir))
        await asyncio.to_thread(rotation.sweep, config)
        signer = await asyncio.to_thread(rotation.signer_for, config)
        ledger = Ledger(config.database, dock=config.dock.dock, signer=signer, clock=clock)
        closing.callback(ledger.close)
        watch = ClockWatch(clock, ledger)
        await asyncio.to_thread(watch.begin)
        spool = Spool(config.spool_dir, config.spool.reserve_mb << 20)
        recovered = await asyncio.to_thread(recover, ledger, spool, version)
        log.info(
            "dock.booted",
            dock=config.dock.id,
            lost=len(recovered.lost),
            dropped=len(recovered.dropped),
            orphans=len(recovered.orphans),
            left_open=len(recovered.closed),
        )
        prober = closing.enter_context(
            Prober(config.probe.timeout_s, config.probe.cpu_s, config.probe.memory_mb << 20)
        )
        dock = Dock(config, version, ledger, spool, prober, clock, anchors, watch, signer)
        await _until_ended(dock)


class Dock:
    """All parts of a running dock."""

    def __init__(
        self,
        config: Config,
        version: str,
        ledger: Ledger,
        spool: Spool,
        prober: Prober,
        clock: DockClock,
        anchors: Anchors,
        watch: ClockWatch,
        signer: Signer,
    ) -> None:
        self._watch = watch
        self._ledger = ledger
        self._signals = signals = Signals()
        self._loop = asyncio.get_running_loop()
        self._dockings: dict[str, Docking] = {}
        self._key = KeyWatch(signer, ledger, signals, clock)
        self._mounter = Mounter(config.mounter)
        self._socket = config.status_socket
        self._hotplug = Hotplug(
            config.cameras,
            own=config.own,
            barred=self._barred,
            pulse=signals.pulse,
            mounter=self._mounter,
            bays=Bays(config.bays),
        )
        self._told = Told()
        self._room = Room(spool, ledger, signals, config.spool)
        cases = CaseList(ledger, clock)
        self._uplink = Uplink(
            config.uplink,
            config.dock.dock,
            version,
            ledger=ledger,
            spool=spool,
            proofs=Proofs(ledger, anchors),
            answers=Answers(config.dock.dock, ledger, spool, self._lost),
            signals=signals,
            cases=cases,
            clock=clock,
            bays=self._standing,
        )
        self._renewal = Renewal(papers_of(config), signer, ledger, clock, self._uplink)
        self._wired = Wired(config.serial, clock, self._occupied, self._tones)
        self._clocks = Clocks(clock, ledger, self._wired.duties, *zones(config.cameras))
        self._tools = Tools(
            config=config,
            ledger=ledger,
            ingest=Ingest(spool, ledger, prober, clock),
            eraser=Eraser(ledger, clock),
            letting_go=LettingGo(config.erase.policy, ledger, clock),
            room=self._room,
            signals=signals,
            copying=asyncio.Semaphore(config.cameras.ingest_parallel),
            profiles=library.load(config.cameras.profiles_dir),
            binding_key=library.binding_key(config.cameras.binding_key),
            officer=self._wired.officer,
            mounter=self._mounter,
            clocks=self._clocks,
            registry=Registry(config.cameras.registry, config.cameras.unknown),
        )
        self._power = PowerCycles(
            self._wired.power,
            ledger,
            signals,
            lambda: list(self._dockings.values()),
            hangs_s=config.serial.hangs_s,
        )
        self._orphans = Orphans(ledger, spool, signals)
        self._imports = Imports(
            config.own, lambda: list(self._dockings.values()), lambda c: Docking(c, self._tools)
        )
        self._status = Status(
            version,
            ledger=ledger,
            spool=spool,
            room=self._room,
            uplink=self._uplink,
            signals=signals,
            clock=clock,
            kept=watch.state,
            dockings=lambda: list(self._dockings.values()),
            ports=self._wired.states,
            bays=lambda: known_bays(config),
            desk=DeskActs(ledger, cases, signals),
            battery=self._wired.batteries.charge,
            told=lambda: self._told,
            power=self._power,
            orphans=self._orphans,
            brought=self._imports,
            unsigned=self._key.standing,
            certificate=self._renewal.told,
            rotation=KeyRotation(
                config.dock.key, ledger, signals, self._follow, self._renewal.must_last
            ),
        )
        self._server = StatusServer(config.status_socket, self._status)

    async def run(self) -> None:
        """Run all parts until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._uplink.run())
            group.create_task(self._room.run())
            group.create_task(self._server.run())
            group.create_task(self._wired.run())
            group.create_task(self._power.run())
            group.create_task(self._orphans.run())
            group.create_task(self._mounter.watch(lambda told: self._hear(told, group)))
            group.create_task(self._clocks.run())
            group.create_task(self._watch.run())
            group.create_task(self._key.run())
            group.create_task(self._renewal.run())
            if (interval_s := notify.interval_s()) > 0:
                watch = vitals.watch(self._signals.pulse, self._ledger, self._socket, interval_s)
                group.create_task(watch)
            self._imports.open(lambda docking: self._bring(docking, group))
            group.create_task(self._cameras(group))
            notify.ready()

    def _standing(self) -> tuple[BayState, ...]:
        return self._status.standing()

    async def _cameras(self, group: asyncio.TaskGroup) -> None:
        async with contextlib.aclosing(self._hotplug.events()) as events:
            async for event in events:
                match event:
                    case Arrived(camera) if camera.key in self._dockings:
                        # Its docking before has not ended yet; it arrives again after that.
                        self._hotplug.forget(camera.key)
                    case Arrived(camera):
                        docking = self._dockings[camera.key] = Docking(camera, self._tools)
                        group.create_task(self._serve(docking))
                    case Left(key) if key in self._dockings:
                        self._dockings[key].leave()
                    case Left():
                        pass

    async def _serve(self, docking: Docking) -> None:
        try:
            await docking.run()
        except Exception as error:
            if _holds(error, LedgerDamaged):
                raise
            # A card that makes this program stumble must not keep the other bays from theirs.
            log.exception("camera.failed", camera=docking.camera.key, bay=docking.camera.bay)
            await docking.abandon(_named(error))
        finally:
            key = docking.camera.key
            del self._dockings[key]
            bay = docking.camera.bay
            # A docking may end long after its camera left; what the next one said is its own.
            if not any(
                each.camera.bay == bay and not each.left for each in self._dockings.values()
            ):
                self._wired.left(bay)
                self._clocks.left(bay)
            await self._let_go(docking.camera)
            # If it still shows, it is asked again whether it answers.
            self._hotplug.forget(key)

    def _bring(self, docking: Docking, group: asyncio.TaskGroup) -> None:
        self._dockings[docking.camera.key] = docking
        group.create_task(self._serve_brought(docking))

    async def _serve_brought(self, docking: Docking) -> None:
        """What somebody brings is in no bay: no lamp, clock or disk is let go with it."""
        try:
            await docking.run()
        except Exception as error:
            if _holds(error, LedgerDamaged):
                raise
            log.exception("import.failed", camera=docking.camera.key)
            await docking.abandon(_named(error))
        finally:
            del self._dockings[docking.camera.key]
            self._imports.ended(docking)

    async def _let_go(self, camera: Camera) -> None:
        """Have the mount of a disk that was pulled taken away, so that the next one is free."""
        if camera.guarded and self._hotplug.lost(camera):
            # It does so by itself as well, and may be done.
            with contextlib.suppress(MounterError):
                await self._mounter.leave(camera.root)

    def _hear(self, told: Told, group: asyncio.TaskGroup) -> None:
        """The mount helper tells: what it could not mount is shown, what it refused is recorded."""
        known, self._told = self._told, told
        begin, end = news(known, told)
        for refused in begin:
            code = alarm_of(refused)
            group.create_task(asyncio.to_thread(self._raise, code, *said(refused)))
        for gone in end:
            group.create_task(asyncio.to_thread(self._clear, alarm_of(gone), said(gone)[1]))

    def _follow(self, signer: Signer) -> None:
        """The statement key was rotated."""
        self._key.follow(signer)
        self._renewal.follow(signer)

    def _occupied(self) -> set[str]:
        """Bays that have a camera now."""
        return {docking.camera.bay for docking in self._dockings.values()}

    def _tones(self) -> dict[str, Tone]:
        """What the bays' lamps show; asked once everything is built."""
        return self._status.tones()

    def _barred(self, root: Path, why: str) -> None:
        """Called in a worker's thread when a place looks like a camera and is the dock's own."""
        # A disk's label is part of its mount point, and may hold anything.
        place = shown(os.fsencode(root))
        self._raise(CODE, f"{place} is not taken for a camera: {why}", place)

    def _raise(self, code: str, text: str, about: str) -> None:
        """Called in a worker's thread."""
        try:
            self._ledger.raise_alarm(code, text, about)
        except LedgerDamaged:
            raise
        except LedgerError as error:
            # It stands in the log as well, and what was barred stays so without an alarm.
            log.warning("ledger.refused", error=str(error))

    def _clear(self, code: str, about: str) -> None:
        """Called in a worker's thread."""
        try:
            self._ledger.clear_alarm(code, about)
        except LedgerDamaged:
            raise
        except LedgerError as error:
            log.warning("ledger.refused", error=str(error))

    def _lost(self, row: ClipRow, reason: str) -> None:
        """Called in a worker's thread when the spool has not what the ledger says."""
        if mark_lost(self._ledger, row, reason):
            self._loop.call_soon_threadsafe(self._signals.lose, row.clip)


def known_bays(config: Config) -> list[str]:
    """Bays that the settings name, each once, in the order they are written."""
    named = [bay.name for bay in config.bays]
    named += [folder.stands_in for folder in config.cameras.folders]
    for board in (*config.serial.lights, *config.serial.power):
        named += board.channels.values()
    return list(dict.fromkeys(named))


def _holds(error: BaseException, kind: type[BaseException]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_holds(each, kind) for each in error.exceptions)
    return isinstance(error, kind)


def _named(error: BaseException) -> str:
    """What was raised first, for an alarm."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:500]


def load_anchors(path: Path) -> Anchors:
    """Read the trust file.

    Raises:
        ConfigError: missing or unusable; says how to get one.
    """
    try:
        with path.open("rb") as file:
            return Anchors.from_json(file.read(MAX_ANCHORS + 1))
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; the gateway hands this file over when the dock is enrolled"
        ) from error
    except AnchorsError as error:
        raise ConfigError(f"{path}: {error}") from error


async def _until_ended(dock: Dock) -> None:
    """Run until a signal; then end within seconds even when a card hangs."""
    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(dock.run())

    def end(name: str) -> None:
        log.info("dock.ending", signal=name)
        notify.stopping()
        # A thread that hangs in the kernel cannot be ended; a cut is as good as an end here.
        deadline = threading.Timer(_END_S, os._exit, (0,))
        deadline.daemon = True
        deadline.start()
        work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number.name)
    with contextlib.suppress(asyncio.CancelledError):
        await work


def _noticed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What libraries leave behind, such as the broken connection nobody asks about any more."""
    log.warning("loop.noticed", message=context["message"], error=repr(context.get("exception")))


@contextlib.contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Make sure that no other daemon works on the same ledger and spool."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{state_dir}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConfigError(f"another evidock-edge works on {state_dir}") from error
    finally:
        os.close(descriptor)
