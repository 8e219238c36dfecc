"""Keeps strangers out of the screen's server: what every request has to show first.

It listens on loopback only. A page of another site in the same browser could still reach it,
under a name of its own that it lets point here (DNS rebinding), or by sending a form. So the
Host has to be this server's address, and whatever changes something has to come from a page of
this server that carries its secret. The browser is told to run and load nothing else.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_FORM: Final = 256 * 1024
_MAX_FIELDS: Final = 4096
_FORM_S: Final = 10.0
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # What a screen shows must never be an old page out of a store.
    "cache-control": "no-store",
}


class BadForm(Exception):  # noqa: N818  # says what is so
    """A form that this server's own pages did not send."""


class Lookout:
    """The outermost layer of the server.

    Args:
        app: what is behind it.
        hosts: values of the Host header that are this server.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        app = self._app if refusal is None else refusal

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await app(scope, receive, sealed)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.getlist("host")
        if len(host) != 1 or host[0].lower() not in self._hosts:
            return PlainTextResponse("not this server's address", 421)
        if method in {"GET", "HEAD"}:
            return None
        if method != "POST":
            return PlainTextResponse("not allowed", 405)
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if origin != f"http://{host[0]}" or site != "same-origin":
            return PlainTextResponse("not from a page of this server", 403)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
            return PlainTextResponse("not a form", 415)
        return None


class Forms:
    """Reads the forms of this server's own pages."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)

    async def read(self, request: Request) -> dict[str, list[str]]:
        """The fields of a form.

        Raises:
            BadForm: too long, no form, or not of a page that this run of the server made.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(_FORM_S):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > _MAX_FORM:
                        raise BadForm("too long")
            fields = parse_qs(
                body.decode("ascii"),
                keep_blank_values=True,
                encoding="utf-8",
                errors="strict",
                max_num_fields=_MAX_FIELDS,
            )
        except (ValueError, TimeoutError, ClientDisconnect) as error:
            raise BadForm("no form") from error
        given = fields.pop("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise BadForm("an old page")
        return fields
