"""No more connections at a time than can do no harm, and no more of them from one address.

The listener may be reached by strangers, in the process that takes footage in: connections that
never say anything must not use up its file descriptors, nor one address everybody's places. What
is too much is closed the moment it comes, before TLS is spoken.
"""

from __future__ import annotations

import socket
import weakref
from typing import Any, Final, Self

MOST: Final = 128
MOST_OF_ONE: Final = 16


class Doorkeeper(socket.socket):
    """A listening socket in place of another one."""

    _inside: weakref.WeakKeyDictionary[socket.socket, str]

    @classmethod
    def at(cls, listener: socket.socket) -> Self:
        """Take a listening socket over; the other object is of no use afterwards."""
        family, kind, protocol = listener.family, listener.type, listener.proto
        keeper = cls(family, kind, protocol, fileno=listener.detach())
        keeper._inside = weakref.WeakKeyDictionary()  # its own
        return keeper

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that may come in; raises BlockingIOError when there is none."""
        while True:
            connection, address = super().accept()
            host = str(address[0])
            inside = [of for each, of in self._inside.items() if each.fileno() >= 0]
            if len(inside) < MOST and inside.count(host) < MOST_OF_ONE:
                self._inside[connection] = host
                return connection, address
            connection.close()
