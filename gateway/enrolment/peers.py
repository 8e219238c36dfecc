"""Who is at the other end of TLS, handed to the application; and no connection that lasts.

uvicorn does not put the peer's certificate into the ASGI scope. Its protocol copies
``app_state`` into each request's state; here that has one member more.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

PEER: Final = "peer_certificate"
_LONGEST_S: Final = 60.0


class PeerProtocol(H11Protocol):
    """HTTP/1.1 over TLS for clients that ask little and go."""

    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is; cut the connection after a minute, whatever it is doing then."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(type(transport))
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        peer = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
        self.app_state = {**self.app_state, PEER: peer}
        self._end = self.loop.call_later(_LONGEST_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)
