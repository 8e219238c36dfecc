"""What every request must be before any route sees it.

* Its Host is a loopback name. The API knows no accounts; a web page elsewhere whose name
  suddenly resolves to this machine (DNS rebinding) must not become a client.
* Its body, if any, is JSON and small, and arrives in time. No cross-site form can send that
  content type without a preflight, which is never granted: there is no CORS here.
"""

from __future__ import annotations

import asyncio
import ipaddress
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import Problem

MAX_BODY = 256 * 1024
_BODY_TIMEOUT_S = 30.0
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Refuses what no route shall see; bounds what routes may be made to hold."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, read the body whole, and pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            _check_host(headers)
            body = await _body(headers, receive)
            if body and scope["method"] not in _READS:
                _check_type(headers)
        except Problem as problem:
            # Closing keeps what is left of a refused body from passing for a next request.
            problem.headers["connection"] = "close"
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, _Replay(body, receive), _quiet(send))


class _Replay:
    """Hands the body on once, then waits for the client to leave."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        message, self._message = self._message, None
        return message if message is not None else await self._receive()


def _quiet(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("cache-control", "no-store")
            headers.setdefault("x-content-type-options", "nosniff")
        await send(message)

    return sending


def _check_host(headers: Headers) -> None:
    host = headers.get("host", "").strip().lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if name == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "host",
            "this gateway answers only to its own loopback address, such as 127.0.0.1",
        )


def _check_type(headers: Headers) -> None:
    kind, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if kind.strip().lower() != "application/json" or charset not in {"", "charset=utf-8"}:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "content-type",
            "a body is application/json in UTF-8",
            headers={"accept": "application/json"},
        )


async def _body(headers: Headers, receive: Receive) -> bytes:
    declared = headers.get("content-length", "0")
    if len(declared) > len(str(MAX_BODY)) or (declared.isdecimal() and int(declared) > MAX_BODY):
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise _too_large()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT, "body-late", "the body did not arrive in time"
        ) from error


def _too_large() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"a body has at most {MAX_BODY} bytes",
    )
