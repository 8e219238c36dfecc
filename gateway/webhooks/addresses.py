"""Where the gateway lets itself be sent: a receiver's address must not open doors to others.

Whoever names an address makes this machine connect to it from the inside of the agency's
network. So a name is resolved once, every address it has must be one that may be reached, and
the connection goes to that very address: a name that resolves otherwise a moment later (DNS
rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

import httpx

from gateway.config import WebhooksSection
from gateway.errors import InvalidError

LONGEST: Final = 2000
_RESOLVE_S: Final = 5.0
_PORTS: Final = {"https": 443, "http": 80}
# Addresses in which others are hidden: what is reached in the end has to be looked at.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class WebhookAddressError(InvalidError):
    """The gateway does not let itself be sent there."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes.

    Attributes:
        url: with the address instead of the name.
        host: the name, for TLS. header: for the request.
    """

    url: httpx.URL
    host: str
    header: str


class Reachable:
    """Decides by configuration."""

    def __init__(self, config: WebhooksSection) -> None:
        self._plain_http = config.plain_http
        self._allowed = config.networks

    async def find(self, text: str) -> Destination:
        """Resolve an address that a receiver gave.

        Raises:
            WebhookAddressError: it is none, it has no address now, or it may not be reached. Says
                not which of these two: that would tell what names there are inside.
        """
        url = _read(text)
        port = url.port or _PORTS[url.scheme]
        found = await _resolved(url.host, port)
        if not found or not all(self._may_be(address) for address in found):
            raise WebhookAddressError(
                "this gateway does not connect there: the name has no address now, or one in a "
                "network that the operator does not list in [webhooks] allow"
            )
        here = all(address.is_loopback for address in found)
        if url.scheme == "http" and not (self._plain_http or here):
            raise WebhookAddressError("the address of a receiver begins with https://")
        header = url.netloc.decode("ascii")
        return Destination(url.copy_with(host=str(found[0])), url.host, header)

    def _may_be(self, address: _Address) -> bool:
        inner = _inside(address)
        if any(inner in network for network in self._allowed if network.version == inner.version):
            return True
        return inner.is_global and not inner.is_multicast and not inner.is_reserved


def host_of(text: str) -> str:
    """The host of an address, for the log.

    Raises:
        WebhookAddressError: it is no address of a receiver.
    """
    return _read(text).host


def _read(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise WebhookAddressError("no address such as https://cases.example/evidock") from error
    usable = url.scheme in _PORTS and url.host and not url.userinfo and not url.fragment
    if not usable or port == 0 or not text.isascii() or len(text) > LONGEST:
        raise WebhookAddressError(
            "an address such as https://cases.example/evidock, without name and password in it"
        )
    return url


async def _resolved(host: str, port: int) -> list[_Address]:
    """Every address that a name has; none where it has none now."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_S):
            rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(row[4][0]) for row in rows]
    except (OSError, TimeoutError, ValueError, UnicodeError):
        return []


def _inside(address: _Address) -> _Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
