"""The running gateway: broker, intake and API in one loop, up together and down together.

Nothing is announced before everything listens, and when one part fails for good the whole
ends with the reason, so that an init system starts it afresh. The end is asked for by
SIGTERM or SIGINT and takes seconds at most: nothing is lost by ending at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator

import structlog
import uvicorn

from gateway import notify
from gateway.app import create_app
from gateway.broker import EmbeddedBroker
from gateway.config import Config
from gateway.errors import GatewayError, PortTakenError, SetupError
from gateway.intake.service import IntakeWorker
from gateway.services import Services, build

_GRACE_S = 5
_KEEP_ALIVE_S = 30
_BACKLOG = 128
_MOST_CONNECTIONS = 256
_log = structlog.get_logger("gateway")


class _Server(uvicorn.Server):
    """A server that leaves signals to the program it is part of, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
    with _listening(config.api.host, config.api.port) as listener:
        async with _broker(config), _services(config) as services:
            await _run(services, listener, stop)


async def _run(services: Services, listener: socket.socket, stop: asyncio.Event) -> None:
    server = _server(services)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_serve_api(server, listener, stop), name="api")
            others = [
                tasks.create_task(IntakeWorker(services).run(), name="intake"),
                tasks.create_task(notify.watchdog(), name="watchdog"),
            ]
            await server.up.wait()
            _announce(services.config)
            notify.ready()
            await stop.wait()
            notify.stopping()
            _log.info("gateway.stopping")
            server.should_exit = True
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


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        msg = f"the API cannot listen on {host}:{port}"
        choose = "choose another with --port or [api] port"
        if error.errno == errno.EADDRINUSE:
            msg = f"{msg}: the port is taken; is another gateway running? If not, {choose}"
            raise PortTakenError(msg) from error
        raise SetupError(f"{msg}: {error.strerror}; {choose}") from error
    with listener:
        yield listener


def _server(services: Services) -> _Server:
    return _Server(
        uvicorn.Config(
            create_app(services),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


async def _serve_api(server: _Server, listener: socket.socket, stop: asyncio.Event) -> None:
    await server.serve(sockets=[listener])
    if not stop.is_set():
        raise GatewayError("the API has stopped by itself")


def _announce(config: Config) -> None:
    _log.info(
        "gateway.ready",
        api=f"http://{config.api.host}:{config.api.port}/api/v1/docs",
        broker=f"{config.broker.host}:{config.broker.port}",
        embedded_broker=config.broker.embedded,
        data=str(config.gateway.data_dir),
    )


def _first(group: BaseExceptionGroup[GatewayError]) -> GatewayError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, GatewayError):
        raise TypeError(type(error))
    return error
