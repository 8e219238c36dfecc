"""Refusals as pages: whoever is not signed in signs in, everybody else reads why not."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from gateway.errors import GatewayError, NotFoundError
from gateway.problems import Problem
from gateway.web.drawing import page

_UNKNOWN = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})


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
                    back = quote(request.url.path, safe="/")
                    return RedirectResponse(f"/signin?next={back}", HTTPStatus.SEE_OTHER.value)
                return _refused(request, problem.status)
            except RequestValidationError:
                return _refused(request, HTTPStatus.UNPROCESSABLE_ENTITY)
            except NotFoundError:
                return _refused(request, HTTPStatus.NOT_FOUND)
            except GatewayError:
                # Said in the log by whoever raised it; the reader can only come back later.
                return _refused(request, HTTPStatus.SERVICE_UNAVAILABLE)

        return handle


def _refused(request: Request, status: HTTPStatus) -> Response:
    name = "page-unknown" if status in _UNKNOWN else "page-refused"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        name = "page-away"
    return page(request, "refused.html", {"why": name, "who": None}, status=status)
