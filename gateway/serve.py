"""The running gateway: broker, intake and API in one loop, up together and down together.

Nothing is announced before everything listens, and when one part fails for good the whole
ends with the reason, so that an init system starts it afresh. The end is asked for by
SIGTERM or SIGINT and takes seconds at most: nothing is lost by ending at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from gateway import notify
from gateway.app import create_app
from gateway.broker import EmbeddedBroker
from gateway.config import Config
from gateway.enrolment.doorkeeper import Doorkeeper
from gateway.enrolment.listener import Listener
from gateway.errors import GatewayError, SetupError
from gateway.intake.service import IntakeWorker
from gateway.listening import Server, listening, make_server
from gateway.services import Services, build

_MOST_CONNECTIONS = 256
_CHOOSE = "choose another with --port or [api] port"
_CHOOSE_OTHER = "choose another with [enrolment] port"
_log = structlog.get_logger("gateway")


async def serve(config: Config) -> None:
    """Run until asked to end.

    Raises:
        GatewayError: it could not start, or a part of it failed for good.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Both ports first: a second gateway on the same ones must not touch the first one's data,
    # and a start that fails must not leave keys and a log behind.
    with contextlib.ExitStack() as ports:
        api = listening(config.api.host, config.api.port, "API", _CHOOSE)
        listener, own = ports.enter_context(api), config.enrolment
        docks = None
        if own.names:
            what = "enrolment listener"
            docks = ports.enter_context(listening(own.host, own.port, what, _CHOOSE_OTHER))
        async with _broker(config), _services(config) as services:
            with services.host.left_for(config.api.port, config.api.names):
                await _run(services, listener, docks, stop)


async def _run(
    services: Services,
    listener: socket.socket,
    docks: socket.socket | None,
    stop: asyncio.Event,
) -> None:
    server = _server(services)
    enrolling = None if docks is None else await _enrolling(services)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_serve_api(server, listener, stop), name="api")
            others = [
                tasks.create_task(IntakeWorker(services).run(), name="intake"),
                tasks.create_task(services.rounds.run(), name="cosigning"),
                tasks.create_task(services.stamping.run(), name="stamping"),
                tasks.create_task(services.preview_worker.run(), name="previews"),
                tasks.create_task(services.webhooks.deliveries.run(), name="webhooks"),
                tasks.create_task(services.executing.run(), name="disposal"),
                tasks.create_task(notify.watchdog(), name="watchdog"),
            ]
            if services.issues:
                others.append(tasks.create_task(services.revocations.run(), name="crl"))
                others.append(tasks.create_task(services.upkeep.run(), name="authority"))
            if docks is not None and enrolling is not None:
                others.append(tasks.create_task(services.papers.run(), name="papers"))
                tasks.create_task(_serve_docks(enrolling, docks, stop), name="enrolment")
                await enrolling.up.wait()
            await server.up.wait()
            await _announce(services)
            notify.ready()
            await stop.wait()
            notify.stopping()
            _log.info("gateway.stopping")
            # Whoever listens would keep the server from ending until it loses its patience.
            services.streams_of_events.close()
            server.should_exit = True
            if enrolling is not None:
                enrolling.should_exit = True
            for task in others:
                task.cancel()
    except BaseExceptionGroup as group:
        failures = group.subgroup(GatewayError)
        if failures is None:
            raise
        raise _first(failures) from group


@contextlib.asynccontextmanager
async def _services(config: Config) -> AsyncIterator[Services]:
    services = build(config)
    try:
        await services.open()
        yield services
    finally:
        await services.close()


@contextlib.asynccontextmanager
async def _broker(config: Config) -> AsyncIterator[None]:
    if not config.broker.embedded:
        yield
        return
    broker = EmbeddedBroker(config.broker.host, config.broker.port)
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()


def _server(services: Services) -> Server:
    server = make_server(create_app(services), most_connections=_MOST_CONNECTIONS)
    own = services.config.api
    if own.cert is not None:
        context = _tls(own.cert, own.key)
        server.config.ssl_context_factory = lambda _config, _default: context
    return server


def _tls(cert: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        msg = f"[api] cert {cert} and key {key}: {error.strerror or error}"
        raise SetupError(msg) from error
    return context


async def _enrolling(services: Services) -> Server:
    context = await services.papers.prepare()
    return Listener(services.enrolment, services.authority, services.docks).server(context)


async def _serve_docks(server: Server, listener: socket.socket, stop: asyncio.Event) -> None:
    with Doorkeeper.at(listener) as keeper:
        await server.serve(sockets=[keeper])
    if not stop.is_set():
        raise GatewayError("the enrolment listener has stopped by itself")


async def _serve_api(server: Server, listener: socket.socket, stop: asyncio.Event) -> None:
    await server.serve(sockets=[listener])
    if not stop.is_set():
        raise GatewayError("the API has stopped by itself")


async def _announce(services: Services) -> None:
    config = services.config
    _log.info(
        "gateway.ready",
        api=f"{config.api.url}/api/v1/docs",
        broker=f"{config.broker.host}:{config.broker.port}",
        embedded_broker=config.broker.embedded,
        data=str(config.gateway.data_dir),
    )
    if (token := await services.setup_links.first()) is not None:
        _log.warning(
            "gateway.first-account",
            open=f"{config.api.url}/setup#{token}",
            meaning="nobody can sign in yet: this link makes the first account, once",
        )


def _first(group: BaseExceptionGroup[GatewayError]) -> GatewayError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, GatewayError):
        raise TypeError(type(error))
    return error
