"""A witness over HTTP: one address, bodies of bounded size that arrive in time."""

from __future__ import annotations

import asyncio
import signal
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import notify
from gateway.errors import DatabaseUnavailableError
from gateway.listening import listening, make_server
from gateway.witness.service import Answer, Witness
from gateway.witness.settings import WitnessSettings
from protocols.witnessing import MAX_BODY

_MOST_CONNECTIONS = 64
_BODY_TIMEOUT_S = 15.0
_CHOOSE = "choose another with [witness] port"
_event = structlog.get_logger("witness")


def witness_app(witness: Witness, prefix: str = "") -> Starlette:
    """The application: ``POST <prefix>/add-checkpoint``."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except TimeoutError:
            return _response(Answer(HTTPStatus.REQUEST_TIMEOUT, b"the body came too late\n"))
        if body is None:
            return _response(Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"too large\n"))
        try:
            # The disk may take its time; others are heard meanwhile.
            return _response(await asyncio.to_thread(witness.add_checkpoint, body))
        except DatabaseUnavailableError as error:
            _event.critical("witness.cannot-remember", reason=str(error))
            reason = b"this witness cannot keep its memory and cosigns nothing\n"
            return _response(Answer(HTTPStatus.SERVICE_UNAVAILABLE, reason))

    return Starlette(routes=[Route(f"{prefix}/add-checkpoint", add_checkpoint, methods=["POST"])])


async def serve_witness(settings: WitnessSettings, witness: Witness) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        GatewayError: the port cannot be listened on.
    """
    own = settings.witness
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with listening(own.host, own.port, "witness", _CHOOSE) as listener:
        server = make_server(witness_app(witness, own.prefix), most_connections=_MOST_CONNECTIONS)

        async def end() -> None:
            await server.up.wait()
            _event.info("witness.ready", address=f"http://{own.host}:{own.port}{own.prefix}")
            notify.ready()
            await stop.wait()
            notify.stopping()
            server.should_exit = True

        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(end())
            signs = tasks.create_task(notify.watchdog())
            await server.serve(sockets=[listener])
            ending.cancel()
            signs.cancel()


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too large."""
    body = bytearray()
    async with asyncio.timeout(_BODY_TIMEOUT_S):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return None
    return bytes(body)


def _response(answer: Answer) -> Response:
    closing = {} if answer.status is HTTPStatus.OK else {"connection": "close"}
    headers = {"content-type": answer.type, "cache-control": "no-store"}
    kept = answer.status is HTTPStatus.CONFLICT
    return Response(answer.body, answer.status, headers | ({} if kept else closing))
