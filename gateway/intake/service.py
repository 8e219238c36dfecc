"""The intake worker: every dock it may serve, each under its lease, none at another's cost.

A dock is served from its first message on. Whatever goes wrong with one dock ends that
dock's intake alone; it begins again from the database after a pause that grows. Names
that are not enrolled are counted and told so, and nothing of theirs is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.cases.offering import Offering
from gateway.docks.models import Dock
from gateway.errors import DatabaseUnavailableError, GatewayError, StoreError
from gateway.intake.dock import DockIntake
from gateway.intake.leases import Held, LeaseLostError, Leases
from gateway.intake.means import Means
from gateway.intake.notes import Notes
from gateway.intake.shares import Shares
from gateway.intake.subscriber import Subscriber
from gateway.services import Services
from protocols.errors import MessageError
from protocols.ids import DockId
from protocols.messages import Head, Hello, Refusal, Retry, State
from protocols.topics import DockTopic, FromDock, ToDock, parse_from_dock, to_dock

__all__ = ["DockIntake", "IntakeWorker"]

WRITERS = 2
MAX_STRANGERS = 1000
ROOM_BYTES = 256 << 20
_TICK_S = 1.0
_FAREWELL_S = 5.0
_STRANGER_S = 60.0
_STRANGERS_AT_ONCE = 10
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
            services.config.broker,
            self.name,
            deliver=self.deliver,
            connected=self._reconnected,
            vitals=services.vitals,
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
        )
        self._offering = Offering(
            services.database, services.config.cases, services.clock, self._tell_cases
        )
        self._notes = Notes(services.database, services.docks, services.clock)
        self._enrolled: dict[DockId, Dock] = {}
        self._served: set[DockId] = set()
        self._intakes: dict[DockId, DockIntake] = {}
        self._held: dict[DockId, Held] = {}
        self._heads: dict[DockId, Head] = {}
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
        self._notes.head(dock, head)
        intake = self._intakes.get(dock)
        if intake is not None:
            intake.announced(head)
        self._wake.set()

    def _take_state(self, dock: DockId, state: State) -> None:
        if dock not in self._enrolled:
            _keep_newest(self._stranger_states, dock, state)
            return
        self._notes.state(dock, state)
        if state.state == "online":
            # What a broker kept for it may be old; what is said now is not.
            self._offering.forget(dock)
        self._wake.set()

    def _take_answer(self, topic: DockTopic, payload: bytes) -> None:
        intake = self._intakes.get(topic.dock)
        if intake is not None:
            intake.deliver(topic, payload)

    def _reconnected(self) -> None:
        self._greet = True
        self._offering.forget()
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
                tasks.create_task(self._mind_cases())
        finally:
            self._means.writers.shutdown(wait=False, cancel_futures=True)
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
                await self._notes.write_announced()
                receivings = [intake.receiving for intake in self._intakes.values()]
                await self._notes.write_progress(receivings, _now())
                await self._mind_room()
            except (GatewayError, SQLAlchemyError) as error:
                _event.error("intake.not-noted", reason=str(error))
            # News may come as fast as somebody sends it; the rows follow at leisure.
            await asyncio.sleep(_TICK_S / 4)

    async def _look_up_docks(self) -> None:
        self._enrolled = {DockId(dock.id): dock for dock in await self._services.docks.docks()}
        for dock in self._stranger_heads.keys() & self._enrolled.keys():
            self._take_head(dock, self._stranger_heads.pop(dock))
        for dock in self._stranger_states.keys() & self._enrolled.keys():
            self._take_state(dock, self._stranger_states.pop(dock))

    async def _mind_room(self) -> None:
        """Ask nobody for footage while the store's disk is nearly full: the log needs the rest."""
        closed = not await asyncio.to_thread(self._has_room)
        if closed != self._means.shares.closed:
            self._means.shares.closed = closed
            await self._notes.write_room(full=closed)

    def _has_room(self) -> bool:
        try:
            return self._means.store.staging.free_bytes() > ROOM_BYTES
        except StoreError:
            return False

    # --- one dock ---------------------------------------------------------------------

    async def _serve(self, dock: DockId) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            began = _now()
            try:
                lease = await self._leases.acquire(dock)
                if lease is not None:
                    await self._serve_under(lease)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  # one dock's trouble must not stop the others
                await self._note_failure(dock, error)
            if _now() - began > _LONGEST_PAUSE_S:
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
            self._notes.began(dock, _now())
            await self._say_hello(dock)
            _event.info("dock.served", dock=dock, worker=lease.worker, term=lease.term)
            await intake.run()
        finally:
            del self._intakes[dock]
            del self._held[dock]
            self._notes.ended(dock)
            self._means.shares.leave(dock)
            self._offering.forget(dock)

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
            await self._notes.write_stopped(dock, reasons)

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

    # --- cases ------------------------------------------------------------------------

    async def _mind_cases(self) -> None:
        """Link what officers tagged, and tell docks of open cases, as soon as there is news."""
        pause = _TICK_S
        while True:
            try:
                await self._offering.tell(list(self._held), _now())
                more = await self._services.cases.follow_tags()
                pause = 0.0 if more else _TICK_S
            except (GatewayError, SQLAlchemyError) as error:
                _event.error("cases.not-followed", reason=str(error))
                pause = min(_LONGEST_PAUSE_S, max(pause, _TICK_S) * 2)
            await asyncio.sleep(pause)

    async def _tell_cases(self, dock: DockId, payload: bytes) -> bool:
        return await self._publish(dock, ToDock.CASES, payload, retain=True)

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
        now = _now()
        untold = [
            (dock, head)
            for dock, head in self._stranger_heads.items()
            if now >= self._told.get(dock, float("-inf")) + _STRANGER_S
        ]
        # A flood of names must not keep this loop from its other work.
        for dock, head in untold[:_STRANGERS_AT_ONCE]:
            _keep_newest(self._told, dock, now)
            await self._services.docks.record_head(dock, head)
            reason = f"{dock} is not enrolled at this gateway; enrol it with its public key"
            refusal = Refusal(head.epoch, head.seq or 0, "dock-unknown", reason, Retry.OPERATOR)
            await self._publish(dock, ToDock.REFUSAL, refusal.encode())


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


def _now() -> float:
    return asyncio.get_running_loop().time()
