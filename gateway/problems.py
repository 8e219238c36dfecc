"""Every refusal of the API as one kind of document: RFC 9457 ``application/problem+json``.

A problem says what is wrong and what to do about it, in words for the person who reads the
client's log; programs go by ``code``. It never repeats the input, which may be hostile, and
never tells what the program is made of: a failure of ours is logged here, and the client
learns only that it happened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from gateway.errors import (
    AuthorityAwayError,
    CheckpointLateError,
    ConflictError,
    DatabaseUnavailableError,
    GatewayError,
    InvalidError,
    KeyAwayError,
    LogError,
    NotFoundError,
    StoreAwayError,
    StoreFullError,
)
from gateway.shapes import IN_WORDS, FieldProblem, ProblemDocument

MEDIA_TYPE = "application/problem+json"
# On every answer. Footage must not be drawn into a page of another site, not even unread.
QUIET = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_MAX_ERRORS = 20
_log = structlog.get_logger()


class Problem(Exception):  # noqa: N818  # the name RFC 9457 gives it
    """A request is refused; becomes the response.

    Attributes:
        status: HTTP status.
        code: short stable word for programs, for example ``clip-unknown``.
        detail: for a person: what is wrong and what to do.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = tuple(errors)

    def response(self) -> Response:
        """The problem document with its status."""
        document = ProblemDocument(
            type=f"urn:evidock:problem:{self.code}",
            title=self.status.phrase,
            status=self.status.value,
            detail=_printable(self.detail),
            code=self.code,
            errors=list(self.errors),
        )
        return JSONResponse(
            document.model_dump(),
            status_code=self.status.value,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )


class NotModified(Exception):  # noqa: N818  # named after status 304
    """The asker has what he asks for; not a problem, but no answer with a body either."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(NotModified, _on_not_modified)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(GatewayError, _on_gateway)
    app.add_exception_handler(Exception, _on_failure)


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer to an error that no route has met, for what stands before the routes."""
    return error.response() if isinstance(error, Problem) else await _on_gateway(request, error)


def responses() -> dict[int | str, dict[str, Any]]:
    """What every operation may answer besides its result, for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "4XX": {
            "description": "The request is refused; `code` says why (docs/errors.md).",
            "content": content,
        },
        "5XX": {"description": "The gateway could not do it; try again.", "content": content},
    }


async def _on_not_modified(_request: Request, error: Exception) -> Response:
    if not isinstance(error, NotModified):
        raise error
    return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers={"etag": error.tag})


async def _on_problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return error.response()


async def _on_validation(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "request-invalid",
        f"{_things(len(found))} not as the API document says; see errors",
        errors=[
            FieldProblem(where=_place(item["loc"]), what=_what(item)[:200])
            for item in found[:_MAX_ERRORS]
        ],
    ).response()


def _things(count: int) -> str:
    return "1 thing in the request is" if count == 1 else f"{count} things in the request are"


def _what(item: Mapping[str, Any]) -> str:
    words = IN_WORDS.get(str(item.get("ctx", {}).get("pattern")))
    if words is None:
        return str(item["msg"]).removeprefix("Value error, ")
    match item["loc"][-1]:
        case "case_no":
            return f"no case number: {words}"
        case "session":
            return words.replace("clip", "session")
        case _:
            return words


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    match status:
        case HTTPStatus.NOT_FOUND:
            code, detail = "nothing-here", "no such address; /api/v1/openapi.json lists them"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return _not_allowed(request)
        case HTTPStatus.BAD_REQUEST:
            code, detail = "body-unreadable", "the body is not JSON in UTF-8"
        case _:
            code, detail = "refused", str(error.detail)[:200]
    return Problem(status, code, detail, headers=error.headers).response()


def _not_allowed(request: Request) -> Response:
    # The router names the methods of one route alone; an address may have several.
    methods = [
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        for asked in ({**request.scope, "method": method},)
        if any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)
    ]
    return Problem(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "method",
        f"{request.method[:20]} is not answered at this address",
        headers={"allow": ", ".join(methods)},
    ).response()


async def _on_gateway(request: Request, error: Exception) -> Response:
    match error:
        case NotFoundError():
            status = HTTPStatus.NOT_FOUND
        case ConflictError():
            status = HTTPStatus.CONFLICT
        case InvalidError():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        case CheckpointLateError() | AuthorityAwayError():
            status = HTTPStatus.SERVICE_UNAVAILABLE
        case DatabaseUnavailableError() | KeyAwayError() | StoreAwayError():
            return _beneath(HTTPStatus.SERVICE_UNAVAILABLE, error)
        case StoreFullError():
            return _beneath(HTTPStatus.INSUFFICIENT_STORAGE, error)
        case LogError():
            # The log has stopped on purpose; what is stored can still be read.
            _log.error("api.log-stopped", state=error.state, reason=str(error))
            unavailable = HTTPStatus.SERVICE_UNAVAILABLE
            return Problem(unavailable, error.state, str(error)[:500]).response()
        case _:
            return await _on_failure(request, error)
    return Problem(status, _code(error), str(error)[:500]).response()


def _beneath(status: HTTPStatus, error: Exception) -> Response:
    """What a service of ours says names hosts, users and paths: the log has it, no client."""
    code = _code(error)
    _log.warning("api.unavailable", code=code, reason=str(error))
    detail = "what the gateway stands on cannot do it now; try again later, its log says why"
    return Problem(status, code, detail).response()


def _code(error: Exception) -> str:
    words = re.findall(r"[A-Z][a-z]*", type(error).__name__.removesuffix("Error"))
    return "-".join(words).lower()


async def _on_failure(request: Request, error: Exception) -> Response:
    _log.error("api.failed", method=request.method, path=request.url.path, exc_info=error)
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "gateway-failed",
        "the gateway could not do this; asking again does no harm; its log says why",
        # Sent from outside the guard, which adds them to everything else.
        headers=QUIET,
    ).response()


def _place(location: Sequence[object]) -> str:
    # Names of unknown fields are the client's own words: shortened, and JSON escapes the rest.
    return _printable(".".join(str(part)[:60] for part in location)[:200])


def _printable(text: str) -> str:
    # Lone surrogates, which JSON input can hold, fit no UTF-8 response.
    return text.encode(errors="replace").decode()
