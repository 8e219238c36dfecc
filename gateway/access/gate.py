"""Asked by every route before anything else happens: who is this, and may he?

A route says which act it is by what it depends on; ``check_guarded`` finds routes that say
nothing, and an application with such a route does not start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from gateway.access.host import PREFIX as HOST_PREFIX
from gateway.access.policy import Act, Reach
from gateway.access.principals import HOST, Kind, Principal
from gateway.access.scope import Scope
from gateway.accounts.clients import PREFIX as CLIENT_PREFIX
from gateway.given import Given
from gateway.problems import Problem
from gateway.services import Services

COOKIE: Final = "__Host-evidock"
_ACT: Final = "__evidock_act__"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


async def principal_of(request: Request, services: Services) -> Principal | None:
    """Who asks, as he has shown; None when that is nobody.

    Raises:
        Problem: another site's page asks in his name.
    """
    shown = request.headers.get("authorization")
    if shown is not None:
        return await _of_token(services, shown)
    value = request.cookies.get(COOKIE)
    found = None if value is None else await services.sessions.find(value)
    if found is not None and request.method not in _READS:
        refuse_foreign(request)
    return found


async def _who(request: Request, services: Given) -> Principal:
    found = await principal_of(request, services)
    if found is None:
        shown = request.headers.get("authorization")
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "sign-in",
            "sign in, or show a key: Authorization: Bearer ...; what was shown is good no more"
            if shown
            else "sign in, or show a key: Authorization: Bearer ...",
            headers={"www-authenticate": 'Bearer realm="evidock"'},
        )
    return found


Who = Annotated[Principal, Depends(_who)]
"""Whoever asks, be it that he may do nothing."""


def allowed(act: Act) -> Any:  # noqa: ANN401  # what FastAPI's own marker has
    """Marks a route as an act; gives it the scope of whoever asks.

    Whoever may not do it at all is refused here; what lies beyond his scope is for the route to
    leave out.
    """

    async def check(who: Who) -> Scope:
        reach = who.reach(act)
        if reach is Reach.NONE:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-allowed",
                f"your roles do not allow {act.value}; operators can change those of people",
            )
        return Scope(who, reach)

    setattr(check, _ACT, act)
    return Depends(check)


def _open_to_all() -> None:
    pass


setattr(_open_to_all, _ACT, None)
OPEN_TO_ALL = Depends(_open_to_all)
"""Marks a route that anybody may ask."""


def _known(who: Who) -> None:
    del who  # that he is somebody is all


setattr(_known, _ACT, None)
ANYBODY_KNOWN = Depends(_known)
"""Marks a route for whoever has shown who he is, whatever he may do."""


def _person(who: Who) -> None:
    if who.kind is not Kind.PERSON:
        raise Problem(HTTPStatus.FORBIDDEN, "not-a-person", "this is for people who signed in")


setattr(_person, _ACT, None)
A_PERSON = Depends(_person)
"""Marks a route that is about the person himself."""


def act_of(route: APIRoute) -> Act | None:
    """The act that a route is; None for one open to all or about oneself.

    Raises:
        LookupError: it says nothing, or two things.
    """
    acts = [getattr(call, _ACT) for call in _calls(route.dependant) if hasattr(call, _ACT)]
    if len(acts) != 1:
        raise LookupError(f"{route.path} names {len(acts)} acts; each route names one")
    return acts[0]  # type: ignore[no-any-return]  # set above and nowhere else


def check_guarded(app: FastAPI) -> None:
    """Refuse an application with a route that says nothing of who may use it.

    Raises:
        LookupError: it has one.
    """
    for route in routes_of(app.routes, unguarded=app.openapi_url):
        act_of(route)


def routes_of(routes: Iterable[BaseRoute], *, unguarded: str | None) -> Iterator[APIRoute]:
    """Every route of an application, those of its routers too.

    Args:
        routes: of the application or a router.
        unguarded: the one address that FastAPI itself answers: the API's description.

    Raises:
        LookupError: there is one of another sort, which nobody would guard.
    """
    for route in routes:
        inner = getattr(route, "original_router", None)
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(inner, APIRouter):
            yield from routes_of(inner.routes, unguarded=unguarded)
        elif getattr(route, "path", "") != unguarded:
            raise LookupError(f"{route!r} is a route of a sort that is not guarded here")


def refuse_foreign(request: Request) -> None:
    """Refuse what another site's page makes a browser send with a person's cookie.

    The cookie is not sent by those in the first place (SameSite); this is the second lock.

    Raises:
        Problem: the browser says that it comes from elsewhere, or does not say (Fetch Metadata,
            and Origin for browsers without).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    # By host alone: a proxy that ends TLS speaks plain HTTP to this program.
    own = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if site == "same-origin" or (site is None and own):
        return
    raise Problem(
        HTTPStatus.FORBIDDEN,
        "foreign-page",
        "no Origin or Sec-Fetch-Site says that a page of this gateway asks; programs show a key",
    )


async def _of_token(services: Services, shown: str) -> Principal | None:
    scheme, _, token = shown.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        return None
    if token.startswith(HOST_PREFIX):
        return HOST if services.host.is_it(token) else None
    return await services.clients.of_key(token) if token.startswith(CLIENT_PREFIX) else None


def _calls(dependant: Dependant) -> Iterator[Callable[..., Awaitable[object]]]:
    for inner in dependant.dependencies:
        if inner.call is not None:
            yield inner.call
        yield from _calls(inner)
