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
LOOKS_ON: Final = "x-evidock-live"
"""A page that draws itself anew says so with this header; no person is at work then."""


async def principal_of(
    request: Request, services: Services, *, is_at_work: bool = True
) -> Principal | None:
    """Who asks, as he has shown; None when that is nobody.

    Args:
        request: with what he shows.
        services: that know him.
        is_at_work: whether asking shows that somebody is there, and so keeps him signed in.

    Raises:
        Problem: another site's page asks in his name.
    """
    shown = request.headers.get("authorization")
    if shown is not None:
        return await _of_token(services, shown)
    value = request.cookies.get(COOKIE)
    found = None
    if value is not None:
        found = await services.sessions.find(
            value, is_at_work=is_at_work and not _looks_on(request)
        )
    if found is not None and request.method not in _READS:
        refuse_foreign(request)
    return found


async def _who(request: Request, services: Given) -> Principal:
    return _known_as(await principal_of(request, services), request)


async def _who_listens(request: Request, services: Given) -> Principal:
    return _known_as(await principal_of(request, services, is_at_work=False), request)


def _known_as(found: Principal | None, request: Request) -> Principal:
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


Listening = Annotated[Principal, Depends(_who_listens)]
"""Whoever asks, without that counting as use: a page that only listens is idle."""


def allowed(act: Act, *, listening: bool = False) -> Any:  # noqa: ANN401  # what FastAPI's own marker has
    """Marks a route as an act; gives it the scope of whoever asks.

    Whoever may not do it at all is refused here; what lies beyond his scope is for the route to
    leave out.

    Args:
        act: which one.
        listening: asking for it keeps nobody signed in.
    """

    def scope_of(who: Principal) -> Scope:
        reach = who.reach(act)
        if reach is Reach.NONE:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-allowed",
                f"your roles do not allow {act.value}; operators can change those of people",
            )
        return Scope(who, reach)

    async def check(who: Who) -> Scope:
        return scope_of(who)

    async def check_listening(who: Listening) -> Scope:
        return scope_of(who)

    chosen = check_listening if listening else check
    setattr(chosen, _ACT, act)
    return Depends(chosen)


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


def is_open(route: APIRoute) -> bool:
    """Whether anybody may ask it."""
    return any(call is OPEN_TO_ALL.dependency for call in _calls(route.dependant))


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


def _looks_on(request: Request) -> bool:
    # Else a page that is left open would keep its reader signed in all night.
    accept = request.headers.get("accept", "")
    return LOOKS_ON in request.headers or accept.startswith("text/event-stream")


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
