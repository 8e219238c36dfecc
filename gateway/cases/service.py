"""Cases: opened, linked and unlinked by statements in the log.

The log comes first. An act is checked under one lock, stated, and its row is written in the
transaction that commits the statement; after a crash between the two, recovery calls the
same ``apply``. A case number never leaves the records: statements name a random token.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from gateway.cases import tags
from gateway.cases.acting import CaseActs, Known, refuse_sealed
from gateway.cases.effects import CaseBody, active_link, apply, links_of
from gateway.cases.lookups import CaseLookups, CaseUnknownError, LinkUnknownError
from gateway.cases.models import Case, CaseLink, CaseState, OfficerTag
from gateway.conditional import ANYHOW, Conditions
from gateway.db import Database
from gateway.errors import ConflictError, NotFoundError
from gateway.evidence.service import get_clip
from gateway.log.service import Log
from protocols.ids import ClipId
from protocols.kinds import CaseLinked, CaseOpened, CaseUnlinked

__all__ = [
    "CaseBody",
    "CaseUnknownError",
    "Cases",
    "ClipUnknownError",
    "LinkUnknownError",
    "NewCase",
    "NewLink",
    "apply",
]

_TOKEN_BYTES = 16
How = Literal["manual", "officer-tag", "case-system", "confirmed-proposal"]


class ClipUnknownError(NotFoundError):
    """No clip of that name was logged."""


class CaseDiffersError(ConflictError):
    """The case number is taken by a case with other particulars."""


class LinkDiffersError(ConflictError):
    """The clip is linked to the case already, with other words."""


@dataclass(frozen=True, slots=True)
class NewCase:
    """Particulars of a case to open."""

    case_no: str
    title: str | None
    category: str | None
    unit: str | None
    by: str


@dataclass(frozen=True, slots=True)
class NewLink:
    """A tie to make: which clip, who says so, why and on what ground."""

    clip: ClipId
    by: str
    why: str
    how: How


class Cases(CaseLookups):
    """Acts on cases and look-ups.

    Attributes:
        acts: states them; ``changes`` and proposals state theirs through it as well.
    """

    def __init__(self, database: Database, log: Log) -> None:
        super().__init__(database)
        self.acts = CaseActs(log)

    async def open(self, new: NewCase) -> tuple[Case, bool]:
        """Open a case, or find the very same one opened before.

        Returns:
            The case, and whether this call opened it.

        Raises:
            CaseDiffersError: the number is taken and a particular differs.
        """
        async with self.acts.one:
            case = await self._find(new.case_no)
            if case is not None:
                _check_same_case(case, new)
                return case, False
            await self.acts.state(opening(new))
            return await self.case(new.case_no), True

    async def link(
        self, case_no: str, new: NewLink, *, knows: Conditions = ANYHOW
    ) -> tuple[CaseLink, bool]:
        """Tie a clip to a case, or find the very same tie.

        Returns:
            The link, and whether this call made it.

        Raises:
            CaseUnknownError: no such case. ClipUnknownError: no such clip.
            LinkDiffersError: linked already, by somebody else or for another reason.
            Problem: the case is not as the asker knows it.
        """
        async with self.acts.one:
            case = await self.case(case_no)
            async with self._database.reading() as session:
                clip = await get_clip(session, new.clip)
                link = await session.scalar(active_link(case.token, new.clip))
            if clip is None:
                raise ClipUnknownError(f"no clip {new.clip} was sealed, as far as the log knows")
            if link is not None:
                _check_same_link(link, new)
                return link, False
            refuse_sealed(case)
            body = CaseLinked(
                case=case.token,
                case_no=case.case_no,
                clip=str(new.clip),
                link=secrets.token_hex(_TOKEN_BYTES),
                by=new.by,
                why=new.why,
                how=new.how,
            )
            await self.acts.state(body, clip=new.clip, known=Known(case.token, knows))
            return await self._link(body.link), True

    async def follow_tags(self, most: int = 100) -> int:
        """Link clips to the open cases that officers named for them at docks.

        Returns:
            How many tags were looked at; when it is ``most``, there may be more.

        Raises:
            GatewayError: log, store or database could not do it; call again later.
        """
        async with self._database.reading() as session:
            waiting = await tags.waiting(session, most)
        for tag, _ in waiting:
            await self._follow(tag)
        return len(waiting)

    async def _follow(self, tag: OfficerTag) -> None:
        async with self.acts.one:
            case = await self.case(tag.case_no)
            if case.state is not CaseState.OPEN:
                return
            async with self._database.reading() as session:
                done = await tags.is_done(session, tag, case)
            if not done:
                await self.acts.state(tags.act(tag, case), clip=tag.clip)
                return
            async with self._database.session() as session:
                await tags.settle(session, tag)

    async def unlink(
        self, case_no: str, clip: ClipId, *, by: str, why: str, knows: Conditions = ANYHOW
    ) -> CaseLink:
        """Withdraw a link; it stays on record. The same withdrawal again changes nothing.

        Raises:
            CaseUnknownError: no such case. LinkUnknownError: the clip is not linked to it.
            Problem: the case is not as the asker knows it.
        """
        async with self.acts.one:
            case = await self.case(case_no)
            async with self._database.reading() as session:
                links = (await session.scalars(links_of(case.token, clip))).all()
            active = [link for link in links if link.unlink_index is None]
            if not active:
                newest = links[-1] if links else None
                if newest is not None and (newest.unlinked_by, newest.unlink_why) == (by, why):
                    return newest
                raise LinkUnknownError(f"{clip} is not linked to this case")
            refuse_sealed(case)
            # Two, when both of two cases that became one had it.
            bodies = [
                CaseUnlinked(
                    case=case.token,
                    case_no=case.case_no,
                    clip=str(clip),
                    link=link.id,
                    by=by,
                    why=why,
                )
                for link in active
            ]
            await self.acts.state(*bodies, clip=clip, known=Known(case.token, knows))
            return await self._link(active[-1].id)


def opening(new: NewCase) -> CaseOpened:
    """What is stated of a new case; its opaque name is made here."""
    return CaseOpened(
        case=secrets.token_hex(_TOKEN_BYTES),
        case_no=new.case_no,
        title=new.title,
        category=new.category,
        unit=new.unit,
        by=new.by,
    )


def _check_same_case(case: Case, new: NewCase) -> None:
    said = (case.case_no, case.title, case.category, case.unit)
    if said != (new.case_no, new.title, new.category, new.unit):
        raise CaseDiffersError("a case of that number is open with another title, category or unit")


def _check_same_link(link: CaseLink, new: NewLink) -> None:
    if (link.who, link.why, link.how) != (new.by, new.why, new.how):
        raise LinkDiffersError(
            f"{new.clip} is linked to this case already, by or for somebody or something else; "
            "unlink it first to state another reason"
        )
