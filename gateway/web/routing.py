"""Refusals as pages: whoever is not signed in signs in, everybody else reads why not."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.errors import GatewayError, NotFoundError
from gateway.problems import QUIET, Problem
from gateway.web.drawing import page

_log = structlog.get_logger("gateway.web")
_Handler = Callable[[Request, Any], Any]
_OF_PROGRAMS = ("/api", "/tlog", "/static", "/healthz")
_PAGES = {
    HTTPStatus.NOT_FOUND: "page-unknown",
    HTTPStatus.INTERNAL_SERVER_ERROR: "page-failed",
}
_SAID = {
    HTTPStatus.NOT_FOUND: "page-unknown",
    HTTPStatus.SERVICE_UNAVAILABLE: "page-away",
}


class PageRoute(APIRoute):
    """A route whose refusals are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As the base; refusals are drawn."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except Problem as problem:
                if problem.code == "sign-in":
                    return RedirectResponse(_signin(request), HTTPStatus.SEE_OTHER.value)
                return _refused(request, problem.status)
            except RequestValidationError as wrong:
                return _refused(request, HTTPStatus.UNPROCESSABLE_ENTITY, _said_of(wrong))
            except NotFoundError:
                return _refused(request, HTTPStatus.NOT_FOUND)
            except GatewayError as error:
                # The reader can only come back later; whoever can do more reads the log.
                _log.warning("page.unavailable", path=request.url.path, reason=str(error))
                return _refused(request, HTTPStatus.SERVICE_UNAVAILABLE)

        return handle


def install(app: FastAPI) -> None:
    """Answer a person's browser with a page where an address is unknown or this program failed.

    Programs keep their problem documents; they are told apart by what they ask for and where.
    """
    for raised in (HTTPException, Exception):
        app.add_exception_handler(raised, _drawn(app.exception_handlers[raised]))


def _drawn(said: _Handler) -> _Handler:
    async def draw(request: Request, error: Exception) -> Response:
        answer: Response = await said(request, error)
        status = HTTPStatus(answer.status_code)
        if not _wants_page(request) or status not in _PAGES:
            return answer
        drawn = page(request, "refused.html", {"why": _PAGES[status]}, status=status)
        kept = {name: answer.headers[name] for name in QUIET if name in answer.headers}
        drawn.headers.update(kept)
        return drawn

    return draw


def _wants_page(request: Request) -> bool:
    path = request.url.path
    programs = any(path == each or path.startswith(each + "/") for each in _OF_PROGRAMS)
    reads = request.method in {"GET", "HEAD"}
    return reads and not programs and "text/html" in request.headers.get("accept", "")


def _signin(request: Request) -> str:
    back = quote(request.url.path, safe="/")
    return "/signin" if back == "/" else f"/signin?next={back}"


def _said_of(wrong: RequestValidationError) -> str:
    # What is filled in lies in the query; an address that names nothing is a page that is not.
    filled_in = all(each["loc"][0] == "query" for each in wrong.errors())
    return "page-unreadable" if filled_in else "page-unknown"


def _refused(request: Request, status: HTTPStatus, why: str | None = None) -> Response:
    why = why or _SAID.get(status, "page-refused")
    return page(request, "refused.html", {"why": why, "who": None}, status=status)
