"""An HTTP server that is part of a program: its port first, its signals not its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from gateway.errors import PortTakenError, SetupError

_GRACE_S = 5
_KEEP_ALIVE_S = 30
_BACKLOG = 128


class Server(uvicorn.Server):
    """A server that leaves signals to the program it is part of, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def make_server(app: ASGIApp, *, most_connections: int) -> Server:
    """A server for an application, not started."""
    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=most_connections,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


@contextlib.contextmanager
def listening(host: str, port: int, what: str, choose: str) -> Iterator[socket.socket]:
    """Listen, for as long as the block goes on.

    Args:
        host: address.
        port: port.
        what: who listens, for the message.
        choose: how to choose another port, for the message.

    Raises:
        PortTakenError: another program listens there. SetupError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        msg = f"the {what} cannot listen on {host}:{port}"
        if error.errno == errno.EADDRINUSE:
            msg = f"{msg}: the port is taken; is another one running? If not, {choose}"
            raise PortTakenError(msg) from error
        raise SetupError(f"{msg}: {error.strerror}; {choose}") from error
    # Inherited by each connection. The event loop sets it only on sockets made for TCP by number,
    # and without it the body of an answer waits 40 ms until its header was acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener
