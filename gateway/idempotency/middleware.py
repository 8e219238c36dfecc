"""The one place where every POST passes: one with a key is done once, whichever route it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access.gate import principal_of
from gateway.access.principals import Principal
from gateway.errors import GatewayError
from gateway.idempotency.service import MOST_BYTES, Answer, Asking
from gateway.problems import Problem, answer_to
from gateway.services import Services
from gateway.shapes import ToldOnce

HEADER: Final = "idempotency-key"
REPEATED: Final = "idempotency-replayed"
_log = structlog.get_logger("gateway.idempotency")
_KEY = re.compile(r'[!#-\[\]-~]{1,255}|"[ !#-\[\]-~]{1,255}"')


class Idempotency:
    """Does a request with a key once, and gives its answer again."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what has no key; otherwise see what became of it."""
        key = Headers(scope=scope).get(HEADER) if _may_have_key(scope) else None
        if key is None:
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        try:
            asking = await self._asking(scope, key, body)
            known = None if asking is None else await self._services.keyed.begin(asking)
        except (Problem, GatewayError) as error:
            await (await answer_to(Request(scope), error))(scope, receive, send)
            return
        if known is not None:
            await _again(known)(scope, receive, send)
            return
        await self._do(asking, scope, _Once(body, receive), send)

    async def _asking(self, scope: Scope, key: str, body: bytes) -> Asking | None:
        """The request, or None when nobody known asks: the route says what it thinks of that."""
        if not _KEY.fullmatch(key):
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "idempotency-key",
                "an Idempotency-Key has 1 to 255 printable ASCII characters, such as a UUID",
            )
        who = None
        with contextlib.suppress(Problem):
            who = await principal_of(Request(scope), self._services)
        if who is None:
            return None
        address = scope.get("raw_path") or scope["path"].encode()
        digest = hashlib.sha256()
        for part in (scope["method"].encode(), address, scope["query_string"], body):
            digest.update(len(part).to_bytes(8, "big") + part)
        return Asking(who.id, key.strip('"'), digest.digest(), _rights(who))

    async def _do(self, asking: Asking | None, scope: Scope, receive: Receive, send: Send) -> None:
        if asking is None:
            await self._app(scope, receive, send)
            return

        async def keep(answer: Answer | None) -> None:
            try:
                await self._services.keyed.end(asking, answer)
            except GatewayError as error:
                # Asked again, the log tells whether anything was done.
                _log.warning("idempotency.answer-not-kept", reason=str(error))

        heard = _Heard(scope, send, keep)
        try:
            await self._app(scope, receive, heard)
        finally:
            if not heard.whole:
                await keep(None)


class _Heard:
    """Sends an answer on; the end of it once a copy is kept: who has it all may ask again."""

    def __init__(
        self, scope: Scope, send: Send, keep: Callable[[Answer | None], Awaitable[None]]
    ) -> None:
        self._scope, self._send, self._keep = scope, send, keep
        self._status: int | None = None
        self._headers = Headers()
        self._body = bytearray()
        self.whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], Headers(raw=message["headers"])
        elif message["type"] == "http.response.body":
            if len(self._body) <= MOST_BYTES:
                self._body += message.get("body", b"")
            if self._status is not None and not message.get("more_body", False):
                self.whole = True
                await self._keep(self._answer(self._status))
        await self._send(message)

    def _answer(self, status: int) -> Answer:
        kept = len(self._body) <= MOST_BYTES and not _tells_once(self._scope)
        body = bytes(self._body) if kept else None
        return Answer(status, self._headers.get("content-type"), self._headers.get("etag"), body)


class _Once:
    """Hands a body on that was read already, then waits for the client to leave."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        message, self._message = self._message, None
        return message if message is not None else await self._receive()


def _rights(who: Principal) -> bytes:
    """What somebody may do, and how far that reaches, as one value."""
    said = [who.kind.value, sorted(who.roles), who.unit, who.officer]
    return hashlib.sha256(json.dumps(said).encode()).digest()


async def _whole(receive: Receive) -> bytes:
    # The guard has read it already, and bounded it.
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(body)


def _may_have_key(scope: Scope) -> bool:
    return (scope["type"], scope.get("method")) == ("http", "POST")


def _tells_once(scope: Scope) -> bool:
    """Whether the route that answered tells a secret, which is kept nowhere."""
    model = getattr(scope.get("route"), "response_model", None)
    return not isinstance(model, type) or issubclass(model, ToldOnce)


def _again(known: Answer) -> Response:
    headers = {REPEATED: "true"}
    if known.tag is not None:
        headers["etag"] = known.tag
    response = Response(known.body, known.status, headers)
    if known.media_type is not None:
        response.headers["content-type"] = known.media_type
    return response
