"""Views: stated in the log with a reason, then good for a shift."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.principals import Kind, Principal
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import ConflictError
from gateway.evidence.models import Clip
from gateway.log.service import Log
from gateway.marks.service import Marks, MarksUnacknowledgedError
from gateway.views.effects import apply
from gateway.views.models import ClipView
from protocols.ids import ClipId
from protocols.kinds import ClipViewed

LIFE: Final = timedelta(hours=8)
"""For how long a stated view gives the footage: a player asks many times for parts of it."""

_TOKEN_BYTES = 16
How = Literal["play", "copy"]


class ViewNeededError(ConflictError):
    """Somebody asks for footage of which he has not said why he looks at it."""


@dataclass(frozen=True, slots=True)
class NewView:
    """Who looks at a clip, how and why."""

    clip: ClipId
    asker: str
    how: How
    by: str
    why: str
    acknowledged: tuple[str, ...] = ()


class Views:
    """States views, and knows which are open."""

    def __init__(self, database: Database, log: Log, clock: GatewayClock, marks: Marks) -> None:
        self._database, self._log, self._clock = database, log, clock
        self._marks = marks

    async def state(self, new: NewView) -> ClipView:
        """State a view; every call is one of its own: who looks twice has looked twice.

        Raises:
            MarksUnacknowledgedError: the clip has marks of which the asker says nothing.
            GatewayError: the log cannot take it now, and nothing is given.
        """
        noted = await self._marks.acknowledged([new.clip], new.acknowledged)
        body = ClipViewed(
            clip=str(new.clip),
            view=secrets.token_hex(_TOKEN_BYTES),
            asker=new.asker,
            how=new.how,
            by=new.by,
            reason=new.why,
            acknowledged=noted.get(new.clip, ()),
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        await self._log.append_own(body, new.clip.clip_urn, also=also)
        async with self._database.reading() as session:
            return await session.get_one(ClipView, body.view)

    async def refuse_unsaid(self, who: Principal, clip: Clip) -> None:
        """Refuse footage to whoever has not said why he looks at it.

        An officer needs no reason for what he recorded himself. Whoever can read the gateway's own
        files can read the footage without asking; a rule here would only look like one.

        Raises:
            ViewNeededError: he has not, or too long ago, or a mark was set since.
        """
        own = is_own(who, clip)
        if who.kind is Kind.HOST or own:
            return
        newest = await self._newest(who, clip)
        now = self._clock.now()
        # A clock that was set back must not make a view last longer.
        if newest is None or not -LIFE < now - newest.viewed_at < LIFE:
            raise ViewNeededError(
                f"say first why you look at it: POST /api/v1/clips/{clip.id}/views; it goes on "
                f"record and is good for {LIFE.total_seconds() / 3600:.0f} hours"
            )
        try:
            await self._marks.acknowledged([clip.id], newest.acknowledged or ())
        except MarksUnacknowledgedError as error:
            raise ViewNeededError(f"say again why you look at it; since then: {error}") from error

    async def given(self, who: Principal, clip: Clip) -> ClipView | None:
        """The view that gives somebody this footage now; None when he has to say one first."""
        try:
            await self.refuse_unsaid(who, clip)
        except ViewNeededError:
            return None
        return await self._newest(who, clip)

    async def _newest(self, who: Principal, clip: Clip) -> ClipView | None:
        query = _of(clip.id).where(ClipView.asker == who.id).limit(1)
        async with self._database.reading() as session:
            return await session.scalar(query)

    async def listing(self, clip: ClipId, limit: int) -> Sequence[ClipView]:
        """The newest views of a clip."""
        async with self._database.reading() as session:
            return (await session.scalars(_of(clip).limit(limit))).all()


def is_own(who: Principal, clip: Clip) -> bool:
    """Whether somebody recorded a clip, by what counts: a claim that was put right is none.

    Whoever was claimed wrongly still sees the clip in his list, and says why if he plays it.
    """
    officer = clip.corrected_officer if clip.corrected_officer is not None else clip.officer
    return who.officer is not None and who.officer == officer


def _of(clip: ClipId) -> Select[ClipView]:
    return (
        select(ClipView)
        .where(ClipView.dock == clip.dock, ClipView.epoch == clip.epoch, ClipView.seq == clip.seq)
        .order_by(ClipView.view_index.desc())
    )
