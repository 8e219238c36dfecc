"""What every request must be before any route sees it.

* Its Host is a loopback name, or one that the operator gave. A web page elsewhere whose name
  suddenly resolves to this machine (DNS rebinding) must not become a client.
* Its body, if any, is JSON and small, and arrives in time. No cross-site form can send that
  content type without a preflight, which is never granted: there is no CORS here.
* That JSON has one reading: UTF-8, and no name twice in one object. What a proxy or a log
  before the gateway understood is then what the gateway does.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import QUIET, Problem

MAX_BODY = 256 * 1024
_BODY_TIMEOUT_S = 30.0
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Refuses what no route shall see; bounds what routes may be made to hold."""

    def __init__(self, app: ASGIApp, names: Sequence[str] = ()) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, read the body whole, and pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            _check_host(headers, self._names)
            body = await _body(headers, receive)
            if body and scope["method"] not in _READS:
                _check_type(headers)
                _check_json(body)
        except Problem as problem:
            # Closing keeps what is left of a refused body from passing for a next request.
            problem.headers["connection"] = "close"
            await problem.response()(scope, receive, _quiet(send))
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
            for name, value in QUIET.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _check_host(headers: Headers, names: frozenset[str]) -> None:
    host = headers.get("host", "").strip().lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if name == "localhost" or name in names:
        return
    try:
        loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "host",
            "this gateway answers only to its loopback address, such as 127.0.0.1, "
            "and to the names in [api] names",
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


def _check_json(body: bytes) -> None:
    try:
        text = body.decode("utf-8")
        json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        detail = "the body is not JSON in UTF-8"
        if isinstance(error, _TwiceError):
            detail = "the body has an object with the same name twice"
        raise Problem(HTTPStatus.BAD_REQUEST, "body-unreadable", detail) from error


class _TwiceError(ValueError):
    """A name stands twice in one object."""


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise _TwiceError
    return read


def _no_constant(name: str) -> object:
    # NaN and Infinity are no JSON (RFC 8259, 6).
    raise ValueError(name)


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
