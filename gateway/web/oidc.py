"""Pages on the way to a provider and back."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway.access.gate import OPEN_TO_ALL
from gateway.accounts import cookie
from gateway.given import Given
from gateway.oidc.service import LIFE, REDIRECT, Answer
from gateway.problems import Problem
from gateway.web.drawing import page
from gateway.web.pages import own_address

router = APIRouter(include_in_schema=False, dependencies=[OPEN_TO_ALL])
_ATTEMPT: Final = "__Host-evidock-oidc"
_Line = Annotated[str, Query(max_length=4000)]


@router.get("/signin/provider")
async def go(
    services: Given,
    request: Request,
    next: Annotated[str, Query(max_length=500)] = "/",  # noqa: A002  # as it is read in addresses
) -> Response:
    """Send the browser to the provider."""
    try:
        address, kept = await services.oidc.begin(own_address(next))
    except Problem as problem:
        return _failed(services, request, problem)
    answer = RedirectResponse(address, 303)
    # Lax: it has to come along when the provider sends the browser back.
    answer.set_cookie(
        _ATTEMPT,
        kept,
        max_age=int(LIFE.total_seconds()),
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(REDIRECT)
async def back(
    services: Given,
    request: Request,
    state: _Line = "",
    code: _Line | None = None,
    error: _Line | None = None,
    iss: _Line | None = None,
) -> Response:
    """The browser comes back: signed in, or told why not."""
    kept, brought = request.cookies.get(_ATTEMPT), Answer(state, code, error, iss)
    try:
        _, value, next_page = await services.oidc.finish(kept, brought)
    except Problem as problem:
        return _failed(services, request, problem)
    # A page, no redirect: on what another site began, a browser sends no strict cookie.
    answer = page(request, "arrived.html", {"next": next_page})
    cookie.keep(answer, value)
    answer.delete_cookie(_ATTEMPT, secure=True, httponly=True, samesite="lax")
    return answer


def _failed(services: Given, request: Request, problem: Problem) -> Response:
    values = {"next": "/", "provider": services.oidc, "problem": problem.code}
    return page(request, "signin.html", values, status=problem.status)
