"""The intake worker: every dock it may serve, each under its lease, none at another's cost.

A dock is served from its first message on. Whatever goes wrong with one dock ends that
dock's intake alone; it begins again from the database after a pause that grows. Names
that are not enrolled are counted and told so, and nothing of theirs is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.docks.models import Dock
from gateway.errors import DatabaseUnavailableError, GatewayError
from gateway.evidence import service as evidence
from gateway.intake import alarms
from gateway.intake.dock import DockIntake
from gateway.intake.leases import Held, LeaseLostError, Leases
from gateway.intake.means import Means
from gateway.intake.shares import Shares
from gateway.intake.subscriber import Subscriber
from gateway.intake.unbroken import unbroken
from gateway.log.commit import to_the_end
from gateway.services import Services
from protocols.errors import MessageError
from protocols.ids import ClipId, DockId
from protocols.messages import Head, Hello, Refusal, Retry, State
from protocols.topics import DockTopic, FromDock, ToDock, parse_from_dock, to_dock

__all__ = ["DockIntake", "IntakeWorker"]

WRITERS = 2
READERS = 2
MAX_STRANGERS = 1000
ROOM_BYTES = 256 << 20
_TICK_S = 1.0
_FAREWELL_S = 5.0
_STRANGER_S = 60.0
_WELL_S = 10.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
_Value = TypeVar("_Value")
_event = structlog.get_logger("gateway.intake")


class IntakeWorker:
    """One worker; ``run`` is its life."""

    def __init__(self, services: Services, *, name: str | None = None, alone: bool = True) -> None:
        """Prepare; nothing is connected or opened before ``run``.

        Args:
            services: the gateway's running services.
            name: unique among all workers of this gateway; made up when not given.
            alone: no other worker can be running, because the log is open here and can be open
                only once: leases found at the start are left over from before a crash.
        """
        settings = services.config.intake
        self.name = name or f"{services.config.gateway.name[:16]}-{secrets.token_hex(5)}"
        self._services = services
        self._alone = alone
        self._leases = Leases(services.database, self.name, settings.lease_s)
        self._subscriber = Subscriber(
            services.config.broker, self.name, deliver=self.deliver, connected=self._reconnected
        )
        self._means = Means(
            settings=settings,
            database=services.database,
            store=services.store,
            log=services.log,
            docks=services.docks,
            clock=services.clock,
            shares=Shares(settings.worker_bytes),
            publish=self._publish,
            writers=ThreadPoolExecutor(WRITERS, thread_name_prefix="evidock-intake"),
            readers=ThreadPoolExecutor(READERS, thread_name_prefix="evidock-read-back"),
        )
        self._enrolled: dict[DockId, Dock] = {}
        self._served: set[DockId] = set()
        self._intakes: dict[DockId, DockIntake] = {}
        self._held: dict[DockId, Held] = {}
        self._began: dict[DockId, float] = {}
        self._heads: dict[DockId, Head] = {}
        self._states: dict[DockId, State] = {}
        self._news: dict[DockId, set[FromDock]] = {}
        self._told: OrderedDict[DockId, float] = OrderedDict()
        self._stranger_heads: OrderedDict[DockId, Head] = OrderedDict()
        self._stranger_states: OrderedDict[DockId, State] = OrderedDict()
        self._greet = False
        self._wake = asyncio.Event()

    # --- from the connection, synchronously -------------------------------------------

    def deliver(self, topic: str, payload: bytes) -> None:
        """Take one message; whatever it is, nothing is raised."""
        try:
            parsed = parse_from_dock(topic)
            if parsed.worker not in {None, self.name}:
                return
            match parsed.what:
                case FromDock.HEAD:
                    self._take_head(parsed.dock, Head.decode(payload))
                case FromDock.STATE:
                    self._take_state(parsed.dock, State.decode(payload))
                case _:
                    self._take_answer(parsed, payload)
        except MessageError as error:
            _event.debug("message.malformed", topic=topic[:120], reason=str(error))

    def _take_head(self, dock: DockId, head: Head) -> None:
        if dock not in self._enrolled:
            _keep_newest(self._stranger_heads, dock, head)
            self._wake.set()
            return
        self._heads[dock] = head
        self._news.setdefault(dock, set()).add(FromDock.HEAD)
        intake = self._intakes.get(dock)
        if intake is not None:
            intake.announced(head)
        self._wake.set()

    def _take_state(self, dock: DockId, state: State) -> None:
        if dock not in self._enrolled:
            _keep_newest(self._stranger_states, dock, state)
            return
        self._states[dock] = state
        self._news.setdefault(dock, set()).add(FromDock.STATE)
        self._wake.set()

    def _take_answer(self, topic: DockTopic, payload: bytes) -> None:
        intake = self._intakes.get(topic.dock)
        if intake is not None:
            intake.deliver(topic, payload)

    def _reconnected(self) -> None:
        self._greet = True
        for intake in self._intakes.values():
            intake.reconnected()
        self._wake.set()

    async def _publish(
        self, dock: DockId, what: ToDock, payload: bytes, *, retain: bool = False
    ) -> bool:
        return await self._subscriber.publish(to_dock(dock, what), payload, retain=retain)

    # --- life -------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve docks until cancelled; leases are given back at the end."""
        try:
            if self._alone:
                await self._leases.clear()
            await self._look_up_docks()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._subscriber.run())
                tasks.create_task(self._renew())
                tasks.create_task(self._watch(tasks))
        finally:
            self._means.writers.shutdown(wait=False, cancel_futures=True)
            self._means.readers.shutdown(wait=False, cancel_futures=True)
            with contextlib.suppress(DatabaseUnavailableError, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self._leases.release(self._held.values())

    async def _watch(self, tasks: asyncio.TaskGroup) -> None:
        """Once a second at most: new docks, strangers, rows that follow the transfer."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._look_up_docks()
                for dock in self._heads.keys() - self._served:
                    self._served.add(dock)
                    tasks.create_task(self._serve(dock))
                await self._greet_docks()
                await self._tell_strangers()
                await self._note_news()
                await self._note_progress()
            except DatabaseUnavailableError as error:
                _event.error("database.unavailable", reason=str(error))
            self._means.shares.closed = not await asyncio.to_thread(self._has_room)
            # News may come as fast as somebody sends it; the rows follow at leisure.
            await asyncio.sleep(_TICK_S / 4)

    @unbroken
    async def _look_up_docks(self) -> None:
        self._enrolled = {DockId(dock.id): dock for dock in await self._services.docks.docks()}
        for dock in self._stranger_heads.keys() & self._enrolled.keys():
            self._take_head(dock, self._stranger_heads.pop(dock))
        for dock in self._stranger_states.keys() & self._enrolled.keys():
            self._take_state(dock, self._stranger_states.pop(dock))

    def _has_room(self) -> bool:
        folder: Path = self._means.store.staging_path("any").parent
        usage = os.statvfs(folder)
        return usage.f_bavail * usage.f_frsize > ROOM_BYTES

    # --- one dock ---------------------------------------------------------------------

    async def _serve(self, dock: DockId) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                lease = await self._leases.acquire(dock)
                if lease is not None:
                    await self._serve_under(lease)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  # one dock's trouble must not stop the others
                await self._note_failure(dock, error)
            if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE_S:
                pause = _FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, self._services.config.intake.lease_s / 3, pause * 2)

    async def _serve_under(self, lease: Held) -> None:
        dock = lease.dock
        intake = DockIntake(self._means, lease, self._enrolled[dock])
        self._held[dock] = lease
        self._intakes[dock] = intake
        try:
            intake.announced(self._heads[dock])
            self._began[dock] = asyncio.get_running_loop().time()
            await self._say_hello(dock)
            _event.info("dock.served", dock=dock, worker=lease.worker, term=lease.term)
            await intake.run()
        finally:
            del self._intakes[dock]
            del self._held[dock]
            self._began.pop(dock, None)
            self._means.shares.leave(dock)

    @unbroken
    async def _note_failure(self, dock: DockId, error: Exception) -> None:
        reasons = [str(each) or repr(each) for each in _leaves_of(error)]
        if all(isinstance(each, LeaseLostError) for each in _leaves_of(error)):
            _event.warning("lease.lost", dock=dock, reason=reasons[0])
            return
        known = all(isinstance(each, GatewayError) for each in _leaves_of(error))
        _event.error(
            "intake.stopped", dock=dock, reasons=reasons, exc_info=None if known else error
        )
        with contextlib.suppress(DatabaseUnavailableError):
            async with self._services.database.session() as session:
                await alarms.raise_alarm(
                    session,
                    dock=dock,
                    by=alarms.BY_GATEWAY,
                    code=alarms.STOPPED,
                    about=None,
                    text="; ".join(reasons)[:2000],
                    since=self._services.clock.read().utc,
                )

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._services.config.intake.lease_s / 3)
            try:
                lost = await self._leases.renew(list(self._held.values()))
            except DatabaseUnavailableError as error:
                _event.error("lease.not-renewed", reason=str(error))
                continue
            for dock in lost & self._intakes.keys():
                self._intakes[dock].abandon()

    # --- what is said to all ----------------------------------------------------------

    async def _greet_docks(self) -> None:
        if self._greet:
            self._greet = False
            for dock in list(self._enrolled):
                await self._say_hello(dock)

    async def _say_hello(self, dock: DockId) -> None:
        hello = Hello(
            version=version("evidock"),
            part_size=self._services.config.intake.part_size,
            time=self._services.clock.now().isoformat(timespec="milliseconds"),
        )
        await self._publish(dock, ToDock.HELLO, hello.encode(), retain=True)

    async def _tell_strangers(self) -> None:
        now = asyncio.get_running_loop().time()
        for dock, head in list(self._stranger_heads.items()):
            if now < self._told.get(dock, float("-inf")) + _STRANGER_S:
                continue
            _keep_newest(self._told, dock, now)
            await to_the_end(self._services.docks.record_head(dock, head))
            reason = f"{dock} is not enrolled at this gateway; enrol it with its public key"
            refusal = Refusal(head.epoch, head.seq or 0, "dock-unknown", reason, Retry.OPERATOR)
            await self._publish(dock, ToDock.REFUSAL, refusal.encode())

    # --- rows that follow the transfer ------------------------------------------------

    @unbroken
    async def _note_news(self) -> None:
        news, self._news = self._news, {}
        for dock, kinds in news.items():
            if FromDock.HEAD in kinds:
                await self._services.docks.record_head(dock, self._heads[dock])
            if FromDock.STATE in kinds:
                await self._services.docks.record_state(dock, self._states[dock])

    @unbroken
    async def _note_progress(self) -> None:
        progress = []
        troubled: set[ClipId] = set()
        for intake in self._intakes.values():
            clips, intake.receiving.progressed = intake.receiving.progressed, set()
            progress += [(clip, intake.receiving.received_bytes(clip)) for clip in clips]
            troubled |= intake.receiving.troubled
            intake.receiving.troubled = set()
        well = self._going_well()
        if not progress and not troubled and not well:
            return
        async with self._services.database.session() as session:
            for clip, received in progress:
                if received is not None:
                    await evidence.mark_receiving(session, clip, received)
            for dock in well:
                await alarms.clear_alarm(
                    session, dock=dock, by=alarms.BY_GATEWAY, code=alarms.STOPPED, about=None
                )
            for clip in troubled:
                await alarms.raise_alarm(
                    session,
                    dock=clip.dock,
                    by=alarms.BY_GATEWAY,
                    code=alarms.WRONG_BYTES,
                    about=str(clip),
                    text="the bytes that come are not the ones that were sealed; check the dock",
                    since=self._services.clock.read().utc,
                )

    def _going_well(self) -> list[DockId]:
        """Docks whose intake has run long enough to call its last trouble over; each once."""
        limit = asyncio.get_running_loop().time() - _WELL_S
        well = [dock for dock, began in self._began.items() if began <= limit]
        for dock in well:
            del self._began[dock]
        return well


def _keep_newest(names: OrderedDict[DockId, _Value], dock: DockId, value: _Value) -> None:
    """Anybody on a broker without accounts can make up names without end."""
    names[dock] = value
    names.move_to_end(dock)
    while len(names) > MAX_STRANGERS:
        names.popitem(last=False)


def _leaves_of(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves_of(each)]
    return [error]
