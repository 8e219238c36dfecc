"""Events over HTTP: as they happen, and those that have happened."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from gateway.access.gate import Listening, allowed, principal_of
from gateway.access.policy import Act
from gateway.access.principals import Principal
from gateway.events.feed import Feed
from gateway.events.schemas import EventPage, EventsAsked, EventTold, Kinds
from gateway.events.stream import EventStream
from gateway.given import Given
from gateway.problems import Problem

router = APIRouter(prefix="/events", tags=["events"])
_STREAM: dict[int | str, dict[str, object]] = {
    200: {
        "description": "Events as they happen (text/event-stream), until either side ends it.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_Last = Annotated[
    str | None,
    Header(
        alias="last-event-id",
        max_length=20,
        pattern=r"^[0-9]*$",
        description="index of the newest event you have; browsers send it by themselves",
    ),
]
_LISTENING = allowed(Act.EVENTS_READ, listening=True)


@router.get("", response_class=Response, responses=_STREAM, dependencies=[_LISTENING])
async def listen(
    services: Given,
    request: Request,
    who: Listening,
    kind: Annotated[Kinds | None, Query(description="only these")] = None,
    after: Annotated[int | None, Query(ge=-1, lt=2**63)] = None,
    last_event_id: _Last = None,
) -> Response:
    """Be told what happens from now on, or from the event after the one you have.

    Each event's `id` is its position in the log, its data what `/events/past` lists. Nothing is
    lost in between: `Last-Event-ID` goes before `after`, which goes before now.
    """
    streams = services.streams_of_events
    streams.refuse_more(who.id)
    start = _start(streams.feed, last_event_id, after)

    async def again() -> Principal | None:
        return await principal_of(request, services, is_at_work=False)

    return EventStream(streams, who, again, after=start, kinds=kind)


@router.get("/past", dependencies=[_LISTENING])
async def list_events(
    services: Given,
    who: Listening,
    asked: Annotated[EventsAsked, Query()],
) -> EventPage:
    """What has happened, oldest first. A page may be empty and have a next one all the same."""
    feed = services.streams_of_events.feed
    page = await feed.page(who, _known(feed, asked.after), asked.kind)
    return EventPage(
        events=[EventTold.of(event) for event in page.events], next=page.upto, more=page.more
    )


def _start(feed: Feed, last: str | None, after: int | None) -> int:
    if last:
        return _known(feed, int(last))
    return feed.newest if after is None else _known(feed, after)


def _known(feed: Feed, after: int) -> int:
    if after > feed.newest:
        raise Problem(
            HTTPStatus.CONFLICT,
            "event-unknown",
            f"the log has no entry {after} yet; its newest is {feed.newest}. Is this the log that "
            "you had it from? Begin anew without Last-Event-ID and after",
        )
    return after
