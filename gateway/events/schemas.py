"""Shapes of events: one for streams, pages and webhooks alike."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from gateway.events.told import Event
from gateway.shapes import Asked, Position, Told

Kind = Annotated[
    str,
    Field(max_length=64, pattern=r"^[a-z]+(\.[a-z]+)+$", examples=["clip.stored"]),
]
"""What happened, as records of the log are called."""

Kinds = Annotated[list[Kind], Field(max_length=50)]


class EventsAsked(Asked):
    """Which events to list."""

    after: Annotated[int, Field(ge=-1, lt=2**63)] = Field(
        -1, description="`next` of the page before, or the index of the newest event you have"
    )
    kind: Kinds | None = Field(None, description="only these; may stand several times")


class CaseNamed(Told):
    """A case that an event is about."""

    case: str = Field(description="its opaque name, which never changes")
    case_no: str = Field(description="its number now")


class EventData(Told):
    """What an event is about, as far as you may know; read the rest where it stands."""

    index: Position = Field(description="position in the log, which is the event's number")
    clips: list[str] = Field(description="names of clips; 200 at most")
    cases: list[CaseNamed]
    dock: str | None = Field(description="for kinds that are about docks")
    session: str | None = Field(description="the docking, likewise")
    code: str | None = Field(description="which alarm, likewise")


class EventTold(Told):
    """Something that happened, as webhooks and streams tell it."""

    type: str = Field(description="kind of the record", examples=["case.linked"])
    timestamp: datetime = Field(description="when it was logged, by the gateway's clock")
    data: EventData

    @classmethod
    def of(cls, event: Event) -> Self:
        """From an event."""
        return cls(
            type=event.kind,
            timestamp=event.at,
            data=EventData(
                index=event.index,
                clips=[str(clip) for clip in event.clips],
                cases=[CaseNamed(case=each.case, case_no=each.case_no) for each in event.cases],
                dock=event.dock,
                session=event.session,
                code=event.code,
            ),
        )


class EventPage(Told):
    """Events of one stretch of the log, oldest first; there may be none in it."""

    events: list[EventTold]
    next: int = Field(description="`after` of the next page")
    more: bool = Field(description="whether the log goes on; otherwise ask again later")
