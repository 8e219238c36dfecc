"""`evidock-edge kiosk`: runs the screen's server beside a daemon, until a signal.

It listens on loopback alone, needs nothing but the settings file and the status socket, and
keeps no file.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge import notify
from edge.config import Config, KioskSection
from edge.errors import ConfigError
from edge.kiosk.line import DaemonLine, NoAnswer, Refused
from edge.kiosk.lookout import BadForm, Lookout
from edge.kiosk.pages import Pages
from edge.pulse import Pulse

log = structlog.get_logger()

_CONNECTIONS = 64
_END_S = 1
_HEADER_BYTES = 16 * 1024
_SAY_S = 5.0


class Impatient(H11Protocol):
    """One connection; it ends when nobody asks anything on it for long.

    The places are few, and a program of this machine could else hold them all by saying nothing.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the server has it
        """Begin to look whether anything is asked."""
        super().connection_made(transport)
        self._idle = False
        self.loop.call_later(_SAY_S, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        # There is none before the first request, whatever its type says.
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]
        if idle and self._idle:
            self.transport.close()
            return
        self._idle = idle
        self.loop.call_later(_SAY_S, self._look)


def application(line: DaemonLine, section: KioskSection) -> Lookout:
    """The whole server behind its lookout."""
    pages = Pages(line, section.languages)
    kinds: tuple[type[Exception], ...] = (HTTPException, NoAnswer, Refused, BadForm, Exception)
    app = Starlette(routes=pages.routes(), exception_handlers=dict.fromkeys(kinds, pages.failed))
    return Lookout(app, hosts(section))


def hosts(section: KioskSection) -> frozenset[str]:
    """What a browser on this machine may call the server."""
    address = f"[{section.host}]" if ":" in section.host else section.host
    return frozenset({f"{address}:{section.port}", f"localhost:{section.port}"})


async def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: the address is taken.
    """
    line = DaemonLine(config.status_socket)
    listening = _listening(config.kiosk)
    server = uvicorn.Server(
        uvicorn.Config(
            application(line, config.kiosk),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            http=Impatient,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_END_S,
            h11_max_incomplete_event_size=_HEADER_BYTES,
        )
    )
    # Else the server's own handlers would let the signal end this program once more.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    log.info("kiosk.serving", url=f"http://{min(hosts(config.kiosk))}/")
    with contextlib.closing(listening):
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(line.run())]
            if (interval_s := notify.interval_s()) > 0:
                # No part has more to say than the loop itself: a lost daemon is no fault of this.
                others.append(group.create_task(notify.watchdog(Pulse(), interval_s / 4)))
            notify.ready()
            await server.serve(sockets=[listening])
            for each in others:
                each.cancel()


def _listening(section: KioskSection) -> socket.socket:
    family = socket.AF_INET6 if ":" in section.host else socket.AF_INET
    try:
        return socket.create_server((section.host, section.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"kiosk: cannot listen on {section.host} port {section.port}: {error.strerror}; "
            "is another screen's server running?"
        ) from error
