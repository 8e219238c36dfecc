"""The addresses of the pages."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from gateway.access.gate import OPEN_TO_ALL, principal_of
from gateway.access.policy import Act, Reach
from gateway.access.principals import Kind, Principal
from gateway.given import Given
from gateway.problems import Problem
from gateway.web.drawing import LANGUAGE_COOKIE, LANGUAGES, page

router = APIRouter(include_in_schema=False, dependencies=[OPEN_TO_ALL])
_STATIC: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "evidock.css": "text/css",
    "signin.js": "text/javascript",
    "setup.js": "text/javascript",
    "clips.js": "text/javascript",
    "finding.js": "text/javascript",
    "evidock.js": "text/javascript",
    "export.js": "text/javascript",
    "particulars.js": "text/javascript",
    "hashing.js": "text/javascript",
    "keeping.js": "text/javascript",
    "reasons.js": "text/javascript",
    "trail.js": "text/javascript",
    "live.js": "text/javascript",
    "log.js": "text/javascript",
    "moments.js": "text/javascript",
    "player-panel.js": "text/javascript",
    "player-proof.js": "text/javascript",
    "player-worker.js": "text/javascript",
    "player.css": "text/css",
    "player.js": "text/javascript",
    "sha256.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}
_YEAR_S: Final = 365 * 86_400


@router.get("/me")
async def me(services: Given, request: Request) -> Response:
    """Who is signed in, and what he may do."""
    who = await principal_of(request, services)
    if who is None or who.kind is not Kind.PERSON:
        return RedirectResponse("/signin", HTTPStatus.SEE_OTHER.value)
    return page(request, "home.html", {"who": who, "acts": _acts(who)})


@router.get("/signin")
async def signin(
    services: Given,
    request: Request,
    next: Annotated[str, Query(max_length=500)] = "/",  # noqa: A002  # as it is read in addresses
) -> Response:
    """Sign in; whoever has done so already goes on."""
    who = await principal_of(request, services)
    if who is not None and who.kind is Kind.PERSON:
        return RedirectResponse(own_address(next), HTTPStatus.SEE_OTHER.value)
    return page(request, "signin.html", {"next": own_address(next), "provider": services.oidc})


@router.get("/setup")
async def setup(request: Request) -> Response:
    """Set password and second factor; the link's token stays in the browser until it is used."""
    return page(request, "setup.html")


@router.get("/language/{language}")
async def choose(language: str, back: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """Choose the language and go back."""
    if language not in LANGUAGES:
        raise Problem(HTTPStatus.NOT_FOUND, "nothing-here", "spoken here: zh, en")
    answer = RedirectResponse(own_address(back), HTTPStatus.SEE_OTHER.value)
    answer.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_S, httponly=True, samesite="lax")
    return answer


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """What pages load; there is nothing here but what is listed."""
    if name not in _FILES:
        raise Problem(HTTPStatus.NOT_FOUND, "nothing-here", "there is no such file")
    headers = {"cache-control": "no-cache"}
    return FileResponse(_STATIC / name, media_type=_FILES[name], headers=headers)


def _acts(who: Principal) -> list[tuple[str, str]]:
    told = []
    for act in Act:
        reach = who.reach(act)
        whole = reach is Reach.UNIT and not who.unit
        told.append((act.value, "all" if whole else reach.name.lower()))
    return told


def own_address(back: str) -> str:
    """Where to go on to: a page of ours and nowhere else."""
    # Not "//evil.example", nor "/\evil.example".
    parts = urlsplit(back)
    fine = back.startswith("/") and not back.startswith(("//", "/\\")) and not parts.netloc
    return quote(parts.path, safe="/") if fine else "/"
