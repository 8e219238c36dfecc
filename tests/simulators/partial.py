"""A door before ``rclone serve s3``, which answers a range with 200 where S3 says 206.

Passes every request on as it came, signature and all, and mends that one word. It runs in a
thread, so that blocking clients of the same process are served.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

_METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
_HOP = {"connection", "transfer-encoding", "keep-alive"}


class Door:
    """Serves at one port of this machine what another one says.

    Attributes:
        port: where.
    """

    def __init__(self, port: int, behind: str) -> None:
        self.port = port
        self._behind = behind
        app = Starlette(
            routes=[Route("/{path:path}", self._pass, methods=_METHODS)], lifespan=self._lifespan
        )
        config = uvicorn.Config(
            app, "127.0.0.1", port, log_config=None, access_log=False, server_header=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def open(self) -> None:
        """Serve; returns once it listens."""
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.01)

    def close(self) -> None:
        """Serve nobody any more."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    def _lifespan(self, _: Starlette) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def running() -> AsyncIterator[None]:
            async with httpx.AsyncClient(base_url=self._behind, timeout=60, trust_env=False) as to:
                self._to = to
                yield

        return running()

    async def _pass(self, request: Request) -> StreamingResponse:
        raw = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        asked = self._to.build_request(
            request.method,
            httpx.URL(self._behind).copy_with(raw_path=raw.rstrip(b"?")),
            headers=[pair for pair in request.headers.raw if pair[0].decode() not in _HOP],
            content=request.stream() if request.method in {"PUT", "POST"} else None,
        )
        said = await self._to.send(asked, stream=True)
        ranged = said.status_code == httpx.codes.OK and "content-range" in said.headers
        answer = StreamingResponse(
            said.aiter_raw(),
            httpx.codes.PARTIAL_CONTENT if ranged else said.status_code,
            background=BackgroundTask(said.aclose),
        )
        answer.raw_headers = [
            (name.lower(), value)
            for name, value in said.headers.raw
            if name.lower().decode() not in _HOP
        ]
        return answer
